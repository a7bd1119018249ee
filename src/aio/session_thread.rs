//! A call's own thread at work for a coroutine: it carries out one verb after
//! another, and in between keeps media flowing and takes digits and events.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use freeswitch::Detached;
use freeswitch::Status;
use freeswitch::core;
use freeswitch::session::Session;
use freeswitch::session::cause::Cause;
use freeswitch::sync::thread;
use freeswitch::sync::wakeup::Wakeup;
use freeswitch::verb::Verb;
use freeswitch::verb::answer::{Answer, Performed};
use freeswitch::verb::perform::perform;
use freeswitch::verb::typed::Typed;
use parking_lot::Mutex;

use crate::python::session::attached::ScriptLeg;
use bindings::SWITCH_STATUS_BREAK;

/// How long one wait between verbs lasts, where media flows and ends it.
const PUMP_MS: u32 = 20_000;
/// The same where only flags are looked at, and events wait for its end.
const POLL_MS: u32 = 100;
/// How soon a call whose media has ended, or whose thread has not come, is looked at again.
const MOMENT: Duration = Duration::from_millis(20);
/// How long a frame is waited for where media flows.
const HEARD_MS: u32 = 200;
/// How long a call whose media has ended may take to end itself: the far leg of a loopback pair
/// hangs it up when a thread of its own comes to that.
const ENDING: Duration = Duration::from_secs(10);
/// How long a call's own thread may take until it comes for work.
const ARRIVAL: Duration = Duration::from_secs(10);
/// How long a call that is over waits for its hook and its coroutine.
pub const FAREWELL: Duration = Duration::from_secs(10);
/// How long a bridge that was broken gets to end by itself, until it is looked at, and again.
const BRIDGE_ENDS: Duration = Duration::from_millis(300);
/// How often it looks whether there is still somebody to wait for.
const LOOK: Duration = Duration::from_millis(250);

/// Who gets the outcome.
pub type Told = Box<dyn FnOnce(Answer) + Send>;

struct Asked {
    ticket: u64,
    verb: Verb,
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
    queue: VecDeque<Asked>,
    at: At,
    /// The verb that runs was told to end: nobody waits for its answer.
    cancelled: bool,
    /// No more verbs are taken.
    closed: bool,
    /// The coroutine has ended, or needs the thread no longer.
    released: bool,
    /// The verb that runs, where it goes on when who has asked for it is no more.
    goes_on: Option<u64>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            at: At::Between,
            cancelled: false,
            closed: false,
            released: false,
            goes_on: None,
        }
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

/// The session thread of one call, at work for its coroutine.
pub struct SessionThread {
    leg: Arc<ScriptLeg>,
    state: Mutex<State>,
    typed: Arc<Typed>,
    /// The thread has come for work.
    at_work: AtomicBool,
    /// Rung then, and when it is released.
    wakeup: Wakeup,
}

static TICKETS: AtomicU64 = AtomicU64::new(1);

/// A number for something that the loop waits for.
#[must_use]
pub fn next_ticket() -> u64 {
    TICKETS.fetch_add(1, Ordering::Relaxed)
}

impl SessionThread {
    /// # Errors
    /// No memory.
    pub fn new(leg: Arc<ScriptLeg>) -> Result<Self, freeswitch::Status> {
        Self::with(leg, Arc::default())
    }

    fn with(leg: Arc<ScriptLeg>, typed: Arc<Typed>) -> Result<Self, freeswitch::Status> {
        Ok(Self {
            leg,
            state: Mutex::default(),
            typed,
            at_work: AtomicBool::new(false),
            wakeup: Wakeup::new()?,
        })
    }

    /// The same thread at work for another coroutine, once this one has it no longer: digits that
    /// nobody has read are the next one's, verbs are not.
    ///
    /// # Errors
    /// No memory.
    pub fn again(&self) -> Result<Self, freeswitch::Status> {
        Self::with(self.leg.clone(), self.typed.clone())
    }

    /// The call.
    #[must_use]
    pub fn leg(&self) -> &Arc<ScriptLeg> {
        &self.leg
    }

    /// Digits that wait to be read.
    #[must_use]
    pub fn typed(&self) -> &Typed {
        &self.typed
    }

    /// Puts a verb behind the others, under a [ticket](next_ticket) that it is cancelled by. `told`
    /// is called once, whatever happens, unless it is cancelled before it begins.
    pub fn ask(&self, ticket: u64, verb: Verb, told: Told) {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            told(self.gone());
            return;
        }
        state.queue.push_back(Asked { ticket, verb, told });
        self.wake_for_verb(&state);
    }

    fn gone(&self) -> Answer {
        Answer::Gone {
            how: self.leg.lost().map(str::to_owned),
        }
    }

    /// Carries out at once a verb that does not [take its turn](Verb::takes_its_turn).
    pub fn carry_out(&self, held: &Detached, verb: &Verb) -> Answer {
        let performed = self
            .leg
            .with(|session| perform(session, held, &self.typed, verb));
        performed.map_or_else(|_| self.gone(), |performed| performed.answer)
    }

    /// Ends a verb: one that waits is forgotten, one that runs is broken.
    pub fn cancel(self: &Arc<Self>, ticket: u64) {
        let mut state = self.state.lock();
        let waiting = state.queue.iter().position(|v| v.ticket == ticket);
        let forgotten = waiting.and_then(|at| state.queue.remove(at));
        if state.at == At::Verb(ticket) {
            state.cancelled = true;
            self.break_verb(ticket);
        }
        drop(state);
        drop(forgotten);
    }

    /// Breaks the verb that runs. Under the lock of the state: the thread cannot go on to the next verb.
    fn break_verb(self: &Arc<Self>, ticket: u64) {
        let bridges = self.leg.with(|session| {
            session.interrupt();
            session.channel().variable(c"bridge_to").is_some()
        });
        if bridges == Ok(true) {
            let this = self.clone();
            // Without a thread it takes the core longer.
            let _ = thread::start(move |held| this.end_bridge(held, ticket));
        }
    }

    /// Hangs up the other leg of a bridge that was broken, where it holds this one back.
    fn end_bridge(&self, held: &Detached, ticket: u64) {
        let Some(_inside) = core::inside() else {
            return;
        };
        let until = core::end_of(ENDING);
        while core::running() && core::now_micros() < until {
            core::pause(held, BRIDGE_ENDS);
            let state = self.state.lock();
            if state.at != At::Verb(ticket) {
                return;
            }
            let other = self.leg.with(|session| session.left_behind());
            drop(state);
            if let Ok(Some(other)) = other {
                let channel = other.session().channel();
                channel.hangup(held, Cause::NORMAL_CLEARING);
            }
        }
    }

    /// Lets the thread go: the coroutine has ended, or can do without.
    pub fn release(&self) {
        let mut state = self.state.lock();
        state.released = true;
        self.wake_for_verb(&state);
        drop(state);
        self.wakeup.ring();
    }

    /// Lets the thread go in the middle of a verb: nobody waits for what comes of it.
    pub fn break_off(self: &Arc<Self>) {
        self.let_go(|_| true);
    }

    /// As [`Self::break_off`], for a coroutine that is no more: a verb that does not
    /// [need it](Verb::needs_its_owner) runs to its end.
    pub fn orphan(self: &Arc<Self>) {
        self.let_go(|state| state.goes_on.is_none());
    }

    fn let_go(self: &Arc<Self>, breaks: impl FnOnce(&State) -> bool) {
        let mut state = self.state.lock();
        state.released = true;
        if let At::Verb(ticket) = state.at
            && breaks(&state)
        {
            state.cancelled = true;
            self.break_verb(ticket);
        }
        self.wake_for_verb(&state);
        drop(state);
        self.wakeup.ring();
    }

    fn wake_for_verb(&self, state: &State) {
        if state.at == At::Pump {
            let _ = self.leg.with(|s| s.wake_for_verb());
        }
    }

    /// Waits, on another thread, until the call's own has come for work, for 10 s at most.
    ///
    /// `switch_core_session_run` runs a state only if it differs from the one that it ran last. A transfer
    /// before the thread has come takes a call from `CS_ROUTING` to `CS_ROUTING`, and the call would stand still.
    pub fn wait_until_at_work(&self, session: Session<'_>, held: &Detached) {
        let until = core::end_of(ARRIVAL);
        while !self.at_work.load(Ordering::Acquire)
            && session.channel().ready()
            && core::now_micros() < until
        {
            self.wakeup.wait(held, Some(MOMENT));
        }
    }

    /// Works on the session's own thread until the coroutine has ended or the
    /// call is lost.
    pub fn serve(&self, session: Session<'_>, held: &Detached) -> Ended {
        self.at_work.store(true, Ordering::Release);
        self.wakeup.ring();
        let mut flows = true;
        loop {
            let channel = session.channel();
            let verb = {
                let mut state = self.state.lock();
                if state.released {
                    state.closed = true;
                    drop(state);
                    // What it has not read is the next application's.
                    session.put_back_digits(self.typed.take_all());
                    break Ended::Released;
                }
                if !channel.ready() {
                    state.closed = true;
                    drop(state);
                    break Ended::Lost(self.leg.lose());
                }
                let verb = state.queue.pop_front();
                state.cancelled = false;
                state.at = verb.as_ref().map_or(At::Pump, |v| At::Verb(v.ticket));
                let lasting = verb.as_ref().filter(|v| !v.verb.needs_its_owner());
                state.goes_on = lasting.map(|v| v.ticket);
                verb
            };
            let Some(Asked { verb, told, .. }) = verb else {
                flows = self.pump(session, held);
                self.rest(session);
                continue;
            };
            if !std::mem::replace(&mut flows, true) {
                // The core plays nothing on such a call, at once, and says that it has.
                self.settle_media(session, held);
                if self.state.lock().cancelled {
                    self.rest(session);
                    continue;
                }
            }
            let performed = perform(session, held, &self.typed, &verb);
            let Performed {
                answer,
                is_settled,
                is_last,
            } = performed;
            if !is_settled {
                self.settle_media(session, held);
            }
            if self.state.lock().cancelled {
                session.wait_for_left_bridge(held);
            }
            let cancelled = self.rest(session);
            if let (true, Answer::Digits { digits, terminator }) = (cancelled, &answer) {
                let read: Vec<u8> = digits.iter().copied().chain(*terminator).collect();
                self.typed.put_back(&read);
            }
            // What the end of the call broke has no answer: the loop learns of the end itself.
            if channel.ready() || is_last {
                told(answer);
            }
        }
    }

    /// Media can stop before the hangup is visible: waits until media flows again, the call is over,
    /// or nobody wants the answer any more.
    fn settle_media(&self, session: Session<'_>, held: &Detached) {
        let until = core::end_of(ENDING);
        while core::now_micros() < until {
            let channel = session.channel();
            if !channel.ready() || !channel.media_ready() || self.is_unwanted() {
                return;
            }
            if session.hears(held, HEARD_MS, &*self.typed) {
                return;
            }
            self.wakeup.wait(held, Some(MOMENT));
        }
    }

    /// Does nobody wait for what the verb that runs gives?
    fn is_unwanted(&self) -> bool {
        let state = self.state.lock();
        state.cancelled || state.released
    }

    /// Keeps media flowing; false where that fails, after a moment.
    fn listen(&self, session: Session<'_>, held: &Detached, ms: u32) -> bool {
        let outcome = session.sleep(held, ms, false, Some(&*self.typed));
        let flows = matches!(outcome, Ok(()) | Err(Status(SWITCH_STATUS_BREAK)));
        if !flows {
            self.wakeup.wait(held, Some(MOMENT));
        }
        flows
    }

    /// Is in no wait any more: what was to break it must not break the next. True
    /// when a verb was told to end.
    fn rest(&self, session: Session<'_>) -> bool {
        let mut state = self.state.lock();
        if state.at != At::Between {
            state.at = At::Between;
            session.clear_break();
        }
        state.cancelled
    }

    /// Keeps media flowing for so long, and keeps digits: there is nobody to ask for verbs yet.
    /// False where there is media, and it does not flow.
    pub fn keep_up(&self, session: Session<'_>, held: &Detached, ms: u32) -> bool {
        if session.channel().media_ready() {
            return self.listen(session, held, ms);
        }
        session.parse_events(held);
        let _ = session.sleep(held, ms, false, None);
        true
    }

    fn pump(&self, session: Session<'_>, held: &Detached) -> bool {
        // How it ended says the next look at the call.
        let has_media = session.channel().media_ready();
        self.keep_up(session, held, if has_media { PUMP_MS } else { POLL_MS })
    }

    /// Tells verbs that were asked for and not begun that they will not be.
    pub fn turn_away(&self) {
        let queue = std::mem::take(&mut self.state.lock().queue);
        for verb in queue {
            (verb.told)(self.gone());
        }
    }

    /// Waits until it is released, for at most [`FAREWELL`], and no longer than
    /// until `enough`; false when it was not.
    pub fn wait_for_release(&self, held: &Detached, enough: impl Fn() -> bool) -> bool {
        for _ in 0..FAREWELL.as_millis() / LOOK.as_millis() {
            if self.state.lock().released || enough() {
                break;
            }
            self.wakeup.wait(held, Some(LOOK));
        }
        self.state.lock().released
    }
}
