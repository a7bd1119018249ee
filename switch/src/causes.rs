//! Hangup causes, counted while somebody wants them.

use std::collections::BTreeMap;

use parking_lot::Mutex;

use super::event::subscription::Subscription;
use super::event::{Kind, View};
use super::{Detached, Status};

static COUNTED: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
static SUBSCRIPTION: Mutex<Option<Subscription>> = Mutex::new(None);

/// Counts from now on, by the event `CHANNEL_HANGUP_COMPLETE`.
///
/// # Errors
/// The core's status.
pub fn begin(held: &Detached) -> Result<(), Status> {
    let mut subscription = SUBSCRIPTION.lock();
    if subscription.is_none() {
        *subscription = Some(Subscription::new(
            held,
            Kind::CHANNEL_HANGUP_COMPLETE,
            None,
            count,
        )?);
    }
    Ok(())
}

/// Counts no longer; what was counted stays.
pub fn end(held: &Detached) {
    let subscription = SUBSCRIPTION.lock().take();
    if let Some(subscription) = subscription {
        subscription.end(held);
    }
}

/// By cause.
#[must_use]
pub fn counted() -> Vec<(String, u64)> {
    let counted = COUNTED.lock();
    counted
        .iter()
        .map(|(cause, n)| (cause.clone(), *n))
        .collect()
}

fn count(event: View<'_>) {
    let cause = event.header(c"Hangup-Cause", None).unwrap_or_default();
    let cause = String::from_utf8_lossy(&cause);
    let mut counted = COUNTED.lock();
    let known = counted.len();
    match counted.get_mut(&*cause) {
        Some(count) => *count += 1,
        // The core has some seventy causes; a script may fire events with others.
        None if known < 200 => drop(counted.insert(cause.into_owned(), 1)),
        None => {}
    }
}
