//! A call's own thread at work for a coroutine: it carries out one verb after
//! another, and in between keeps media flowing and takes digits and events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::Mutex;

use crate::python::leg::Leg;
use crate::switch::Detached;
use crate::switch::bell::Bell;
use crate::switch::input::{Dtmf, Input, Verdict};
use crate::switch::session::Session;
use crate::switch::shared_event::Event;

/// How long one wait between verbs lasts, where media flows and ends it.
const PUMP_MS: u32 = 20_000;
/// The same where only flags are looked at, and events wait for its end.
const POLL_MS: u32 = 100;
/// Digits that are kept for the next verb that reads some.
const TYPED: usize = 128;
/// How long a call that is over waits for its hook and its coroutine.
pub const FAREWELL: Duration = Duration::from_secs(10);

/// What came of a verb.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It was done.
    Done,
    /// It was ended before its time, by input or by the script.
    Broken,
    /// Digits, and the one that ended them.
    Digits(Vec<u8>, Option<u8>),
    /// It failed, for this reason.
    Failed(String),
    /// The call was over before.
    Gone,
}

/// A verb: what the thread does with the session.
pub type Work = Box<dyn FnOnce(Session<'_>, &Detached, &Typed) -> Answer + Send>;
/// Who is told how it ended.
pub type Told = Box<dyn FnOnce(Answer) + Send>;

struct Verb {
    ticket: u64,
    work: Work,
    told: Told,
}

/// What the thread is at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// Not in a wait of ours.
    Between,
    /// Keeping media flowing.
    Pump,
    /// Carrying out a verb.
    Verb(u64),
}

struct State {
    queue: VecDeque<Verb>,
    at: At,
    /// No more verbs are taken.
    closed: bool,
    /// The coroutine has ended, or needs the thread no longer.
    released: bool,
}

/// Digits that were pressed and that no verb has read.
#[derive(Default)]
pub struct Typed(Mutex<VecDeque<Dtmf>>);

impl Typed {
    /// Takes digits for a verb that wants `max`, or one of `terminators`.
    #[must_use]
    pub fn take(&self, max: usize, terminators: &[u8]) -> Vec<u8> {
        let mut typed = self.0.lock();
        let mut taken = Vec::new();
        while taken.len() < max {
            let Some(dtmf) = typed.pop_front() else { break };
            taken.push(dtmf.digit);
            if terminators.contains(&dtmf.digit) {
                break;
            }
        }
        taken
    }

    /// Takes the first digit, if it is one of these.
    #[must_use]
    pub fn take_first(&self, digits: &[u8]) -> Option<u8> {
        let mut typed = self.0.lock();
        let first = typed.front()?.digit;
        if !digits.contains(&first) {
            return None;
        }
        typed.pop_front();
        Some(first)
    }

    /// Forgets them.
    pub fn clear(&self) {
        self.0.lock().clear();
    }
}

impl Input for Typed {
    fn digit(&self, _: Session<'_>, dtmf: Dtmf) -> Verdict {
        let mut typed = self.0.lock();
        if typed.len() >= TYPED {
            typed.pop_front();
        }
        typed.push_back(dtmf);
        Verdict::GoOn
    }

    fn event(&self, _: Session<'_>, _: &Arc<Event>) -> Verdict {
        Verdict::GoOn
    }
}

/// How the work for a coroutine ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// The coroutine has.
    Released,
    /// The call is over, transferred, or another's.
    Lost(&'static str),
}

/// The hands of one call.
pub struct Hands {
    leg: Arc<Leg>,
    state: Mutex<State>,
    typed: Typed,
    /// Rung when the thread is released.
    bell: Bell,
}

static TICKETS: AtomicU64 = AtomicU64::new(1);

/// A number for something that the loop waits for.
#[must_use]
pub fn next_ticket() -> u64 {
    TICKETS.fetch_add(1, Ordering::Relaxed)
}

impl Hands {
    /// # Errors
    /// No memory.
    pub fn new(leg: Arc<Leg>) -> Result<Self, crate::switch::Status> {
        Ok(Self {
            leg,
            state: Mutex::new(State {
                queue: VecDeque::new(),
                at: At::Between,
                closed: false,
                released: false,
            }),
            typed: Typed::default(),
            bell: Bell::new()?,
        })
    }

    /// The call.
    #[must_use]
    pub fn leg(&self) -> &Arc<Leg> {
        &self.leg
    }

    /// Digits that wait to be read.
    #[must_use]
    pub fn typed(&self) -> &Typed {
        &self.typed
    }

    /// Puts a verb behind the others; gives what it is cancelled by. `told` is
    /// called once, whatever happens, unless it is cancelled before it begins.
    pub fn ask(&self, work: Work, told: Told) -> u64 {
        let ticket = next_ticket();
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            told(Answer::Gone);
            return ticket;
        }
        state.queue.push_back(Verb { ticket, work, told });
        self.nudge(&state);
        ticket
    }

    /// Ends a verb: one that waits is forgotten, one that runs is broken.
    pub fn cancel(&self, ticket: u64) {
        let mut state = self.state.lock();
        let waiting = state.queue.iter().position(|v| v.ticket == ticket);
        let forgotten = waiting.and_then(|at| state.queue.remove(at));
        if state.at == At::Verb(ticket) {
            // Under the lock: the thread cannot go on to the next verb meanwhile.
            let _ = self.leg.with(|s| s.interrupt());
        }
        drop(state);
        drop(forgotten);
    }

    /// Lets the thread go: the coroutine has ended, or can do without.
    pub fn release(&self) {
        let mut state = self.state.lock();
        state.released = true;
        self.nudge(&state);
        drop(state);
        self.bell.ring();
    }

    fn nudge(&self, state: &State) {
        if state.at == At::Pump {
            let _ = self.leg.with(|s| s.nudge());
        }
    }

    /// Works on the session's own thread until the coroutine has ended or the
    /// call is lost.
    pub fn serve(&self, session: Session<'_>, held: &Detached) -> Ended {
        loop {
            let channel = session.channel();
            let verb = {
                let mut state = self.state.lock();
                if state.released {
                    state.closed = true;
                    break Ended::Released;
                }
                if !channel.ready() {
                    state.closed = true;
                    let lost = self.leg.lost();
                    break Ended::Lost(lost.unwrap_or("taken"));
                }
                let verb = state.queue.pop_front();
                state.at = verb.as_ref().map_or(At::Pump, |v| At::Verb(v.ticket));
                verb
            };
            let Some(Verb { work, told, .. }) = verb else {
                self.pump(session, held);
                self.rest(session);
                continue;
            };
            let answer = work(session, held, &self.typed);
            self.rest(session);
            // What the end of the call broke has no answer: the loop is told of the end.
            if channel.ready() {
                told(answer);
            }
        }
    }

    /// Is in no wait any more: what was to break it must not break the next.
    fn rest(&self, session: Session<'_>) {
        let mut state = self.state.lock();
        if state.at != At::Between {
            state.at = At::Between;
            session.mend();
        }
    }

    fn pump(&self, session: Session<'_>, held: &Detached) {
        // How it ended says the next look at the call.
        let _ = if session.channel().media_ready() {
            session.sleep(held, PUMP_MS, false, Some(&self.typed))
        } else {
            session.parse_events(held);
            session.sleep(held, POLL_MS, false, None)
        };
    }

    /// Tells verbs that were asked for and not begun that they will not be.
    pub fn turn_away(&self) {
        let queue = std::mem::take(&mut self.state.lock().queue);
        for verb in queue {
            (verb.told)(Answer::Gone);
        }
    }

    /// Waits until it is released, for at most [`FAREWELL`]; false when it was not.
    pub fn wait_for_release(&self, held: &Detached) -> bool {
        while !self.state.lock().released {
            if !self.bell.wait(held, Some(FAREWELL)) {
                return self.state.lock().released;
            }
        }
        true
    }
}
