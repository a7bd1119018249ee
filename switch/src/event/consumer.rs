//! A queue of events that a script reads at its own pace.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::shared::Event;
use super::snapshot::Snapshot;
use super::subscription::Subscription;
use super::{Kind, View};
use crate::rate_limit::RateLimit;
use crate::sync::queue::{Patience, Queue};
use crate::{Detached, Status};

/// Events that were dropped because nobody took them in time, in all.
pub static DROPPED_EVENTS: AtomicU64 = AtomicU64::new(0);

/// How many events wait in a kind of queue.
#[derive(Debug, Default)]
pub struct Depth(AtomicI64);

impl Depth {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// So many more, or fewer.
    pub fn add(&self, count: i64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Now.
    #[must_use]
    pub fn get(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

/// Events in consumers that nobody has taken yet.
pub static QUEUED: Depth = Depth::new();

/// What dispatch threads fill and a script empties.
struct Waiting {
    queue: Queue,
    closed: AtomicBool,
    dropped: AtomicU64,
    told: RateLimit,
}

impl Waiting {
    fn new(length: u32) -> Result<Self, Status> {
        Ok(Self {
            queue: Queue::new(length)?,
            closed: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            told: RateLimit::new(),
        })
    }

    /// Takes an event; when there is no room the oldest goes. Runs on a dispatch
    /// thread.
    fn push(&self, event: Arc<Event>) {
        let event = Arc::into_raw(event).cast_mut();
        while !self.closed.load(Ordering::Acquire) {
            if self.queue.push(event.cast()) {
                QUEUED.add(1);
                return;
            }
            if self.pop(Patience::None).is_some() {
                self.count_drop();
            }
        }
        // SAFETY: nobody took it.
        drop(unsafe { Arc::from_raw(event) });
    }

    fn count_drop(&self) {
        let all = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        DROPPED_EVENTS.fetch_add(1, Ordering::Relaxed);
        if let Some(dropped) = self.told.count() {
            tracing::warn!(
                "MR0012 an event consumer cannot keep up: {dropped} events dropped, {all} in all"
            );
        }
    }

    fn pop(&self, patience: Patience) -> Option<Arc<Event>> {
        let event = self.queue.pop(patience)?;
        QUEUED.add(-1);
        // SAFETY: push() put an event of ours there, for one to take.
        (!event.is_null()).then(|| unsafe { Arc::from_raw(event.cast::<Event>()) })
    }

    fn clear(&self) {
        while self.pop(Patience::None).is_some() {}
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Subscriptions, and the queue that they fill.
pub struct Consumer {
    waiting: Arc<Waiting>,
    subscriptions: Mutex<Vec<Subscription>>,
}

impl Consumer {
    /// One that holds at most so many events.
    ///
    /// # Errors
    /// The core's status.
    pub fn new(length: u32) -> Result<Self, Status> {
        Ok(Self {
            waiting: Arc::new(Waiting::new(length.max(1))?),
            subscriptions: Mutex::default(),
        })
    }

    /// Subscribes to a kind of event, and of `CUSTOM` to one subclass.
    ///
    /// # Errors
    /// The core's status.
    pub fn bind(&self, held: &Detached, kind: Kind, subclass: Option<&CStr>) -> Result<(), Status> {
        let waiting = self.waiting.clone();
        let receive = move |event: View<'_>| {
            if let Some(copy) = Snapshot::of(event) {
                waiting.push(Event::flat(copy));
            }
        };
        let subscription = Subscription::new(held, kind, subclass, receive)?;
        self.subscriptions.lock().push(subscription);
        Ok(())
    }

    /// The oldest event.
    #[must_use]
    pub fn pop(&self, _: &Detached, patience: Patience) -> Option<Arc<Event>> {
        if self.is_closed() {
            return None;
        }
        self.waiting.pop(patience)
    }

    /// How many events wait.
    #[inline]
    #[must_use]
    pub fn len(&self) -> u32 {
        self.waiting.queue.len()
    }

    /// Does none wait?
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many were dropped because nobody read in time.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.waiting.dropped.load(Ordering::Relaxed)
    }

    /// Is it closed?
    #[inline]
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.waiting.closed.load(Ordering::Acquire)
    }

    /// Wakes who waits, with nothing.
    pub fn interrupt(&self) {
        self.waiting.queue.interrupt();
    }

    /// Ends the subscriptions, throws away what waits, and wakes who waits.
    pub fn close(&self, held: &Detached) {
        if self.waiting.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let subscriptions = std::mem::take(&mut *self.subscriptions.lock());
        for subscription in subscriptions {
            subscription.end(held);
        }
        self.waiting.clear();
        self.waiting.queue.end();
    }
}
