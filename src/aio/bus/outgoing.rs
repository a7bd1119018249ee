//! Messages that are sent without a wait, from any thread: what the switch says to workers.

use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, HeaderMap};
use freeswitch::edge;
use tokio::sync::{mpsc, watch};

use super::counters::{LOST, MESSAGES};
use super::shared::{Shared, State, connected, current};
use super::task::{Forgotten, Outgoing};
use super::{long, pulse};

/// The bus of this process: a child that was forked has none.
fn here() -> Option<Arc<Shared>> {
    current().filter(|_| !edge::is_forked())
}

/// Leaves a message to be sent; where there is no bus, or no room, that is counted and said.
pub fn send(subject: String, data: Vec<u8>) {
    let mut headers = HeaderMap::new();
    let left = || {
        let shared = here()?;
        let data = long::first(&shared.setting.node, data, &mut headers)?;
        let message = Outgoing {
            subject,
            headers,
            data,
        };
        shared.outgoing.try_send(message).ok()
    };
    if left().is_none() {
        LOST.add();
        freeswitch::once_a_second!(times => {
            tracing::warn!("MR0023 the bus takes no messages to workers: {times} were not sent since the last such line");
        });
    }
}

/// Leaves a key to be taken away, where what is under it was put by a holder of these epochs.
pub fn forget(key: String, epochs: RangeInclusive<u64>) {
    let left = || {
        let shared = here()?;
        shared.forgotten.try_send(Forgotten { key, epochs }).ok()
    };
    if left().is_none() {
        LOST.add();
    }
}

/// This switch's name on the bus.
#[must_use]
pub fn node() -> Option<String> {
    current().map(|shared| shared.setting.node.clone())
}

/// Does a server answer? One whose connection stays open and carries nothing does not.
#[must_use]
pub fn is_up() -> bool {
    current().is_some_and(|shared| *shared.state.lock() == State::Up && pulse::is_felt(&shared))
}

/// Since when a server is connected, where one is.
#[must_use]
pub fn connected_since() -> Option<Instant> {
    let shared = current()?;
    let is_connected = *shared.state.lock() == State::Up;
    shared.connected.lock().filter(|_| is_connected)
}

/// Have the beats been heard here that this switch's server had by then? If not, it is asked, and this thread waits for
/// so long: they are after one way there and back, as messages of one server keep their order.
#[must_use]
pub fn is_heard_until(then: Instant, patience: Duration) -> bool {
    current().is_some_and(|shared| pulse::is_heard_until(&shared, then, patience))
}

/// Sends what was left; while the server is away it waits.
pub(super) async fn send_all(
    client: watch::Receiver<Option<Client>>,
    mut messages: mpsc::Receiver<Outgoing>,
) {
    let found = connected(client).await;
    let Some(client) = found else {
        return std::future::pending().await;
    };
    while let Some(message) = messages.recv().await {
        let Outgoing {
            subject,
            headers,
            data,
        } = message;
        match long::publish(&client, subject, headers, data).await {
            Ok(()) => MESSAGES.add(),
            Err(error) => {
                LOST.add();
                freeswitch::once_a_second!(times => {
                    tracing::warn!("MR0023 a message to a worker was not sent: {error} ({times} times since the last such line)");
                });
            }
        }
    }
}
