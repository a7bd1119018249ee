//! Whether the server answers: a connection that stays open and silent looks like one that is up.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::Client;
use async_nats::connection::State;
use futures_util::StreamExt;
use tokio::sync::watch;
use tokio::time::interval;

use super::shared::{Shared, connected};
use super::{subjects, twins};

/// How often this switch says something to itself by way of the server.
const PULSE: Duration = Duration::from_millis(250);
/// After how long without a word of its own the server is away: two may be missed.
const SILENCE: Duration = Duration::from_millis(800);

/// Has the server answered just now?
pub(super) fn is_felt(shared: &Shared) -> bool {
    let heard = *shared.heard_itself.lock();
    heard.is_some_and(|last| last.elapsed() < SILENCE)
}

/// Sends this switch's own word, and hears it.
pub(super) async fn keep(shared: &Arc<Shared>, client: watch::Receiver<Option<Client>>) {
    let found = connected(client).await;
    let Some(client) = found.filter(|_| shared.has_switch) else {
        return std::future::pending().await;
    };
    let subject = subjects::echo(&shared.setting.node, twins::instance());
    let Ok(mut echoes) = client.subscribe(subject.clone()).await else {
        return std::future::pending().await;
    };
    let mut turn = interval(PULSE);
    let mut is_said = false;
    loop {
        tokio::select! {
            Some(_) = echoes.next() => *shared.heard_itself.lock() = Some(Instant::now()),
            _ = turn.tick() => {
                if client.connection_state() == State::Connected {
                    is_said = say(shared, is_said);
                    let _ = client.publish(subject.clone(), "".into()).await;
                }
            }
            else => return std::future::pending().await,
        }
    }
}

/// Says once that the server does not answer, and that it does again.
fn say(shared: &Shared, was_said: bool) -> bool {
    // Nothing is said of one that has not answered yet.
    let is_silent = shared.heard_itself.lock().is_some() && !is_felt(shared);
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
