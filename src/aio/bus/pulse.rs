//! Whether the server answers: a connection that stays open and silent looks like one that is up.
//! A word of this switch's own that has come back also says until when all beats were heard.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::connection::State;
use tokio::sync::watch;
use tokio::time::interval;

use super::shared::{Echo, Shared, connected};
use super::{subjects, twins};

/// How often this switch says something to itself by way of the server.
const PULSE: Duration = Duration::from_millis(250);
/// After how long without a word of its own the server is away: two may be missed.
const SILENCE: Duration = Duration::from_millis(800);

/// Has the server answered just now?
pub(super) fn is_felt(shared: &Shared) -> bool {
    let echo = *shared.echo.lock();
    echo.is_some_and(|last| last.heard.elapsed() < SILENCE)
}

/// Have the beats been heard that the server had by then? If not, it is asked, and this thread waits for so long.
pub(super) fn is_heard_until(shared: &Shared, then: Instant, patience: Duration) -> bool {
    let then = then.saturating_duration_since(shared.opened);
    let is_late = |last: &mut Option<Echo>| last.is_none_or(|last| last.said < then);
    let mut echo = shared.echo.lock();
    if !is_late(&mut echo) {
        return true;
    }
    // Many calls wait for one word.
    if Duration::from_micros(shared.last_said.load(Ordering::Relaxed)) < then {
        shared.asks_for_echo.notify_one();
    }
    let waited = shared
        .echo_came
        .wait_while_for(&mut echo, is_late, patience);
    !waited.timed_out()
}

/// Hears this switch's own word.
pub(super) fn hear(shared: &Shared, word: &[u8]) {
    let micros = std::str::from_utf8(word).ok().and_then(|w| w.parse().ok());
    let said = Duration::from_micros(micros.unwrap_or(0));
    let heard = Instant::now();
    *shared.echo.lock() = Some(Echo { said, heard });
    shared.echo_came.notify_all();
}

/// Sends this switch's own word.
pub(super) async fn keep(shared: &Arc<Shared>, client: watch::Receiver<Option<Client>>) {
    let found = connected(client).await;
    let Some(client) = found.filter(|_| shared.has_switch) else {
        return std::future::pending().await;
    };
    let subject = subjects::echo(&shared.setting.node, twins::instance());
    let mut turn = interval(PULSE);
    let mut is_said = false;
    loop {
        tokio::select! {
            _ = turn.tick() => {}
            () = shared.asks_for_echo.notified() => {}
        }
        if client.connection_state() == State::Connected {
            is_said = say(shared, is_said);
            let now = shared.opened.elapsed().as_micros();
            let last_said = u64::try_from(now).unwrap_or(u64::MAX);
            shared.last_said.store(last_said, Ordering::Relaxed);
            let _ = client
                .publish(subject.clone(), now.to_string().into())
                .await;
        }
    }
}

/// Says once that the server does not answer, and that it does again.
fn say(shared: &Shared, was_said: bool) -> bool {
    // Nothing is said of one that has not answered yet.
    let is_silent = shared.echo.lock().is_some() && !is_felt(shared);
    let server = shared.setting.shown();
    if is_silent && !was_said {
        tracing::warn!(
            "MR0023 the bus does not answer: {server}: the connection is open, and nothing has come for {} s",
            SILENCE.as_secs_f64()
        );
    } else if was_said && !is_silent {
        tracing::info!("the bus answers again: {server}");
    }
    is_silent
}
