//! One link: what the reader's thread and Python both have of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::SyncSender;
use std::time::{Duration, Instant, SystemTime};

use freeswitch::event::shared;
use freeswitch::event::wire::{WireEvent, encode};
use parking_lot::{Condvar, Mutex};
use pyo3::prelude::*;

use super::dialog::Failure;
use super::tap::{SocketTap, Taps};
use crate::aio::loop_queue;
use crate::interp::convert::str_of;

/// Where a switch is, and how it is spoken to.
pub(super) struct Settings {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) password: Vec<u8>,
    /// How long each step of the connection may take.
    pub(super) timeout: Duration,
    /// After how long a silence the switch is asked whether it is there.
    pub(super) silence: Duration,
}

/// How a link is.
#[derive(Debug, Clone)]
pub(super) enum State {
    /// The first connection is being made.
    Opening,
    Up,
    /// It is tried again.
    Down(String),
    /// It will not be.
    Failed(Failure),
    Closed(String),
}

/// How a link is, for those who wait for it.
struct Standing {
    state: Mutex<State>,
    news: Condvar,
}

impl Standing {
    const fn new() -> Self {
        Self {
            state: Mutex::new(State::Opening),
            news: Condvar::new(),
        }
    }

    fn now(&self) -> State {
        self.state.lock().clone()
    }

    fn is_opening(&self) -> bool {
        matches!(*self.state.lock(), State::Opening)
    }

    /// Waits for the first connection, made or not; whether it is known by then.
    fn wait(&self, until: Instant) -> bool {
        let mut state = self.state.lock();
        while matches!(*state, State::Opening) {
            if self.news.wait_until(&mut state, until).timed_out() {
                break;
            }
        }
        !matches!(*state, State::Opening)
    }

    /// Nobody sees it so before this is done.
    fn set_after(&self, state: State, done: impl FnOnce()) {
        let mut now = self.state.lock();
        done();
        *now = state;
        self.news.notify_all();
    }

    fn set(&self, state: State) {
        self.set_after(state, || ());
    }
}

/// What the reader and Python have of one link.
pub(super) struct Shared {
    pub(super) id: usize,
    pub(super) settings: Settings,
    pub(super) taps: Taps,
    standing: Standing,
    /// It is tried again also where the first connection was not made.
    persists: bool,
    /// Called on the loop with what has happened, and why.
    changed: Py<PyAny>,
    received: AtomicU64,
    unwanted: AtomicU64,
}

/// Who waits for an answer.
pub(super) enum Answer {
    /// A function, called on the loop with the answer, or with None or why there is no answer.
    Then(Py<PyAny>),
    /// A thread.
    Thread(SyncSender<Result<Vec<u8>, String>>),
    /// A tap: an event has the answer, in its place among the others.
    Tap(Arc<SocketTap>, Vec<u8>),
    Nobody,
}

impl Answer {
    /// There is none.
    pub(super) fn fail(self, why: &str) {
        self.give(0, Err(why));
    }

    fn give(self, sequence: u64, answer: Result<&[u8], &str>) {
        match self {
            Self::Then(function) => {
                let answer = answer.map(<[u8]>::to_vec).map_err(str::to_owned);
                loop_queue::post(move |py| {
                    match answer {
                        Ok(text) => function.call1(py, (str_of(py, &text), py.None())),
                        Err(why) => function.call1(py, (py.None(), why)),
                    }
                    .map(drop)
                });
            }
            Self::Thread(waits) => {
                // The caller may have gone.
                let _ = waits.send(answer.map(<[u8]>::to_vec).map_err(str::to_owned));
            }
            Self::Tap(tap, command) => {
                if let Ok(text) = answer {
                    let mut event = b"Event-Name: SERVER_ANSWER\nCommand: ".to_vec();
                    event.extend_from_slice(encode(&command).as_bytes());
                    event.extend_from_slice(
                        format!("\nContent-Length: {}\n\n", text.len()).as_bytes(),
                    );
                    event.extend_from_slice(text);
                    if let Some(event) = WireEvent::new(event) {
                        tap.queue.push(sequence, shared::Event::wire(event));
                    }
                }
            }
            Self::Nobody => {}
        }
    }
}

impl Shared {
    pub(super) fn new(settings: Settings, persists: bool, changed: Py<PyAny>) -> Arc<Self> {
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        Arc::new(Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            settings,
            taps: Taps::default(),
            standing: Standing::new(),
            persists,
            changed,
            received: AtomicU64::new(0),
            unwanted: AtomicU64::new(0),
        })
    }

    /// How it is now.
    pub(super) fn state(&self) -> State {
        self.standing.now()
    }

    /// As [`Standing::wait`].
    pub(super) fn wait(&self, until: Instant) -> bool {
        self.standing.wait(until)
    }

    /// How many events were received, and how many of them nobody asked for.
    pub(super) fn counts(&self) -> (u64, u64) {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        (count(&self.received), count(&self.unwanted))
    }

    pub(super) fn event(&self, sequence: u64, text: &[u8]) {
        self.received.fetch_add(1, Ordering::Relaxed);
        if !self.taps.offer(sequence, text) {
            self.unwanted.fetch_add(1, Ordering::Relaxed);
        }
    }

    pub(super) fn answer(&self, sequence: u64, who: Answer, answer: Result<&[u8], &str>) {
        who.give(sequence, answer);
    }

    /// Why commands are not taken.
    pub(super) fn why_down(&self) -> String {
        match &self.standing.now() {
            State::Opening | State::Up => "it is not connected yet".to_owned(),
            State::Down(why) | State::Closed(why) => why.clone(),
            State::Failed(failure) => failure.to_string(),
        }
    }

    pub(super) fn up(self: &Arc<Self>, sequence: u64) {
        // Whoever finds it up and listens from then on is not told of this connection as of one that
        // has come back.
        self.standing
            .set_after(State::Up, || self.mark(sequence, "SERVER_CONNECTED", ""));
        self.tell("up", String::new());
    }

    /// The connection was lost, or not made; whether it is to be tried again.
    pub(super) fn lost(self: &Arc<Self>, sequence: u64, failure: Failure, was_ready: bool) -> bool {
        let why = failure.to_string();
        let again = self.persists || was_ready || !self.standing.is_opening();
        if was_ready {
            self.mark(sequence, "SERVER_DISCONNECTED", &why);
        }
        self.standing.set(if again {
            State::Down(why.clone())
        } else {
            State::Failed(failure)
        });
        self.tell(if was_ready { "lost" } else { "failed" }, why);
        again
    }

    /// It was ended by us.
    pub(super) fn closed(&self, sequence: u64, why: &str, was_ready: bool) {
        self.standing.set(State::Closed(why.to_owned()));
        if was_ready {
            self.mark(sequence, "SERVER_DISCONNECTED", why);
        }
    }

    /// An event of the connection itself, in its place among the others.
    fn mark(&self, sequence: u64, name: &str, why: &str) {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let now = now.map_or(0, |now| now.as_micros());
        let why = encode(why.as_bytes());
        let text = format!("Event-Name: {name}\nEvent-Date-Timestamp: {now}\nReason: {why}\n\n");
        self.taps.offer(sequence, text.as_bytes());
    }

    fn tell(self: &Arc<Self>, what: &'static str, why: String) {
        let this = self.clone();
        loop_queue::post(move |py| this.changed.call1(py, (what, why)).map(drop));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn nobody_sees_a_link_up_before_its_taps_are_told() {
        let standing = Standing::new();
        let (sees, seen) = channel();
        std::thread::scope(|scope| {
            scope.spawn(|| sees.send(standing.wait(Instant::now() + Duration::from_mins(1))));
            standing.set_after(State::Up, || {
                assert!(seen.recv_timeout(Duration::from_millis(200)).is_err());
            });
            assert_eq!(seen.recv_timeout(Duration::from_mins(1)), Ok(true));
        });
    }
}
