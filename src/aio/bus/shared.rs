//! What the bus's thread and others have of the link.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, SystemTime};

use async_nats::jetstream::kv::Store;
use async_nats::{Client, Event};
use freeswitch::edge;
use freeswitch::event::snapshot::Snapshot;
use freeswitch::event::wire::encode;
use parking_lot::{Condvar, Mutex};
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::Instant;

use super::asked::offer_to_all;
use super::counters::{CONNECTIONS, DROPPED, QUEUED_EVENTS};
use super::setting::{NO_BUS, Setting};
use super::task::{Forgotten, Job, Outgoing, Task, Ticket};

/// Why a server is not connected to.
pub(super) const REFUSED: &str = "it refuses the user, password, token or credentials";
pub(super) const UNKNOWN: &str = "the server asks for a certificate that it knows: bus-certificate and bus-key, or --certificate and --key";
const LOST: &str = "the connection was lost";
/// How many requests wait to be begun.
pub(super) const REQUESTS: usize = 4096;

/// How a link is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// Nobody has asked for a bus.
    None,
    /// A server answers.
    Up,
    /// It is tried again, and why.
    Down(String),
}

/// A word of this switch's own that has come back from the server.
#[derive(Debug, Clone, Copy)]
pub(super) struct Echo {
    /// How long after the link was opened it was said.
    pub(super) said: Duration,
    pub(super) heard: std::time::Instant,
}

/// What the thread and others have of a link.
pub(super) struct Shared {
    pub(super) setting: Setting,
    /// It carries the events of a switch, and not a worker alone.
    pub(super) has_switch: bool,
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) events: mpsc::Sender<Snapshot>,
    pub(super) outgoing: mpsc::Sender<Outgoing>,
    pub(super) forgotten: mpsc::Sender<Forgotten>,
    pub(super) state: Mutex<State>,
    /// Since when the server of now is connected, or the last one was.
    pub(super) connected: Mutex<Option<std::time::Instant>>,
    pub(super) opened: std::time::Instant,
    /// What this switch heard of itself last.
    pub(super) echo: Mutex<Option<Echo>>,
    pub(super) echo_came: Condvar,
    /// Somebody waits for the next word.
    pub(super) asks_for_echo: Notify,
    /// How long after the link was opened the last was said, in microseconds.
    pub(super) last_said: AtomicU64,
    /// What was said last of a connection that is not there.
    pub(super) told: Mutex<Option<String>>,
    pub(super) store: Mutex<Option<Store>>,
    /// Streams that the server is known to have.
    pub(super) streams: Mutex<Vec<&'static str>>,
    /// What is listened for has changed.
    pub(super) changed: Notify,
    pub(super) watched: Notify,
}

/// Does a server say that it misses our certificate, or does not take it? In an alert of RFC 8446, as rustls names it.
pub(super) fn is_of_certificate(text: &str) -> bool {
    let alert = text.split("fatal alert: ").nth(1);
    alert.is_some_and(|name| name.contains("Certificate") || name.starts_with("UnknownCA"))
}

/// What threads that must not wait take: never held for long.
pub(super) static CURRENT: Mutex<Option<Arc<Shared>>> = Mutex::new(None);

/// The link that there is.
pub(super) fn current() -> Option<Arc<Shared>> {
    CURRENT.lock().clone()
}

/// How the link is.
#[must_use]
pub fn state() -> State {
    current().map_or(State::None, |shared| shared.state.lock().clone())
}

/// Waits until there is a connection; nothing where there will be none.
pub(super) async fn connected(mut client: watch::Receiver<Option<Client>>) -> Option<Client> {
    let found = client.wait_for(Option::is_some).await.ok();
    found.and_then(|client| client.clone())
}

impl Shared {
    /// A request that is late may be so for want of a server.
    pub(super) fn why_late(&self, patience: Duration) -> String {
        let server = self.setting.shown();
        match &*self.state.lock() {
            State::Down(why) => format!("the bus is not connected: {server}: {why}"),
            _ => format!(
                "{server} has not answered within {} s",
                patience.as_secs_f64()
            ),
        }
    }

    pub(super) fn down(&self, why: &str) {
        *self.state.lock() = State::Down(why.to_owned());
        let mut told = self.told.lock();
        // Once, and not at each try.
        if told.as_deref() != Some(why) {
            *told = Some(why.to_owned());
            let server = self.setting.shown();
            tracing::warn!("MR0023 the bus is not connected: {server}: {why}; it is tried again");
        }
    }

    pub(super) fn heard(&self, event: &Event) {
        match event {
            Event::Connected => {
                CONNECTIONS.add();
                *self.connected.lock() = Some(std::time::Instant::now());
                *self.state.lock() = State::Up;
                *self.told.lock() = None;
                // Another server may be another cluster's.
                self.streams.lock().clear();
                self.store.lock().take();
                tracing::info!(
                    "the bus is connected: {}, as {}",
                    self.setting.shown(),
                    self.setting.node
                );
                self.changed.notify_one();
            }
            Event::Disconnected => {
                self.down(LOST);
                mark_lost(LOST);
            }
            Event::ClientError(error) if *self.state.lock() != State::Up => {
                let text = error.to_string();
                if text.contains("authorization") || text.contains("nonce") {
                    self.down(REFUSED);
                } else if is_of_certificate(&text) {
                    self.down(UNKNOWN);
                } else if text.contains("TLS") || text.contains("timed out") {
                    self.down(&text.replace(['\n', '\r'], " "));
                }
            }
            Event::ServerError(error) => freeswitch::once_a_second!(times => {
                let server = self.setting.shown();
                tracing::warn!("MR0023 the bus's server {server} says: {error} ({times} times since the last such line)");
            }),
            Event::SlowConsumer(_) => DROPPED.add(),
            _ => {}
        }
    }

    /// Leaves an event to be sent. On a thread that must not wait.
    pub(super) fn publish(&self, event: Snapshot) {
        QUEUED_EVENTS.add(1);
        if self.events.try_send(event).is_err() {
            QUEUED_EVENTS.add(-1);
            DROPPED.add();
            freeswitch::once_a_second!(times => {
                tracing::warn!("MR0012 the bus cannot keep up: {times} events were not sent since the last such line, {} in all", DROPPED.get());
            });
        }
    }
}

/// Has a thread that is begun here get no signals: they are the switch's.
pub(super) fn without_signals<T>(begin: impl FnOnce() -> T) -> T {
    // SAFETY: a sigset_t is plain integers, for which all zero is a value.
    let (mut all, mut before): (libc::sigset_t, libc::sigset_t) = unsafe { std::mem::zeroed() };
    // SAFETY: both sets are this function's own and live over the calls, which read one, write the
    // other, and change no mask but this thread's.
    unsafe {
        libc::sigfillset(&raw mut all);
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const all, &raw mut before);
    }
    let begun = begin();
    // SAFETY: the set is what was in force before, which the first call wrote; none is asked for in return.
    unsafe { libc::pthread_sigmask(libc::SIG_SETMASK, &raw const before, std::ptr::null_mut()) };
    begun
}

/// An event of the connection itself, for those who wait for others.
fn mark_lost(why: &str) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let now = now.map_or(0, |now| now.as_micros());
    let why = encode(why.as_bytes());
    let text =
        format!("Event-Name: SERVER_DISCONNECTED\nEvent-Date-Timestamp: {now}\nReason: {why}\n\n");
    offer_to_all(text.as_bytes());
}

/// Leaves something to be done; why not, where it is refused.
pub(super) fn ask(number: u64, task: Task, patience: Duration) -> Result<(), String> {
    if edge::is_forked() {
        return Err("this is a child that a script has forked: the bus is its parent's".to_owned());
    }
    let shared = current().ok_or(NO_BUS)?;
    let job = Job {
        task,
        ticket: Ticket::new(number),
        until: Instant::now() + patience,
        patience,
    };
    shared.jobs.try_send(job).map_err(|refused| match refused {
        TrySendError::Full(job) => {
            job.ticket.refuse();
            format!("the bus has {REQUESTS} requests in its queue already")
        }
        TrySendError::Closed(job) => {
            job.ticket.refuse();
            "the bus was closed".to_owned()
        }
    })
}
