//! A leg's state, and which change is allowed.

use std::ffi::CStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use bindings::SWITCH_EVENT_CHANNEL_CALLSTATE;
use parking_lot::{Mutex, ReentrantMutex};

use super::lock::Readers;
use super::{Session, say};
use crate::c::*;
use crate::cause;
use crate::clock::Signal;
use crate::transcript::Kind;

const NAMES: [&CStr; 14] = [
    c"CS_NEW",
    c"CS_INIT",
    c"CS_ROUTING",
    c"CS_SOFT_EXECUTE",
    c"CS_EXECUTE",
    c"CS_EXCHANGE_MEDIA",
    c"CS_PARK",
    c"CS_CONSUME_MEDIA",
    c"CS_HIBERNATE",
    c"CS_RESET",
    c"CS_HANGUP",
    c"CS_REPORTING",
    c"CS_DESTROY",
    c"CS_NONE",
];

/// A state's name; the core reads out of bounds beyond them.
pub(crate) fn name(state: State) -> &'static CStr {
    NAMES.get(state.0 as usize).copied().unwrap_or(c"CS_NONE")
}

/// What a phone would show.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallState {
    Ringing = 2,
    Early = 3,
    Active = 4,
    Hangup = 7,
}

const CALL_STATES: [&str; 9] = [
    "DOWN",
    "DIALING",
    "RINGING",
    "EARLY",
    "ACTIVE",
    "HELD",
    "RING_WAIT",
    "HANGUP",
    "UNHELD",
];

/// Whether a leg may go from one state to the other.
fn allowed(from: State, to: State) -> bool {
    const LIVE: [State; 7] = [
        CS_EXCHANGE_MEDIA,
        CS_SOFT_EXECUTE,
        CS_ROUTING,
        CS_EXECUTE,
        CS_PARK,
        CS_CONSUME_MEDIA,
        CS_HIBERNATE,
    ];
    match from {
        CS_NEW | CS_RESET => true,
        CS_HANGUP => to == CS_REPORTING || to == CS_DESTROY,
        CS_REPORTING => to == CS_DESTROY,
        CS_HIBERNATE if to == CS_INIT => true,
        from if from.0 < CS_HANGUP.0 => LIVE.contains(&to) || to == CS_RESET,
        _ => false,
    }
}

/// The progress of a leg, and who runs it.
pub(super) struct Lifecycle {
    pub(super) state: AtomicU32,
    pub(super) running_state: AtomicU32,
    pub(super) call_state: AtomicU32,
    /// Held while a state is set and its hooks run, not while a hangup is.
    pub(super) state_lock: ReentrantMutex<()>,
    pub(super) hung_up: AtomicBool,
    pub(super) cause: AtomicU32,
    /// The number of the thread that runs the leg.
    pub(super) thread: AtomicU64,
    pub(super) started: AtomicBool,
    pub(super) hangup_done: AtomicBool,
    /// All that ran on the leg's thread has ended; locks may still keep it.
    pub(super) over: AtomicBool,
    pub(super) readers: Mutex<Readers>,
    /// Raised when a reader leaves, or the leg is gone.
    pub(super) released: Signal,
}

impl Lifecycle {
    pub(super) fn new() -> Self {
        Self {
            state: AtomicU32::new(CS_NEW.0),
            running_state: AtomicU32::new(CS_NONE.0),
            call_state: AtomicU32::new(0),
            state_lock: ReentrantMutex::new(()),
            hung_up: AtomicBool::new(false),
            cause: AtomicU32::new(0),
            thread: AtomicU64::new(0),
            started: AtomicBool::new(false),
            hangup_done: AtomicBool::new(false),
            over: AtomicBool::new(false),
            readers: Mutex::default(),
            released: Signal::new(),
        }
    }
}

impl Session {
    /// Whether all that ran on the leg's thread has ended.
    pub(crate) fn is_gone(&self) -> bool {
        self.lifecycle.over.load(Ordering::SeqCst)
    }

    /// Raised when a reader leaves, or the leg is gone.
    pub(crate) fn released(&self) -> &Signal {
        &self.lifecycle.released
    }

    pub(crate) fn state(&self) -> State {
        bindings::switch_channel_state_t(self.lifecycle.state.load(Ordering::SeqCst))
    }

    pub(crate) fn running_state(&self) -> State {
        bindings::switch_channel_state_t(self.lifecycle.running_state.load(Ordering::SeqCst))
    }

    pub(crate) fn cause(&self) -> Cause {
        bindings::switch_call_cause_t(self.lifecycle.cause.load(Ordering::SeqCst))
    }

    pub(super) fn set_cause(&self, cause: Cause) {
        self.lifecycle.cause.store(cause.0, Ordering::SeqCst);
    }

    pub(crate) fn is_up(&self) -> bool {
        self.state().0 < CS_HANGUP.0
    }

    /// `switch_channel_test_ready`: up, routed, and nothing pending that the
    /// leg's own thread has to see first.
    pub(crate) fn test_ready(&self, check_ready: bool, check_media: bool) -> bool {
        if check_media && !self.media_ready() {
            return false;
        }
        if !check_ready {
            return check_media;
        }
        let state = self.state();
        self.cause() == cause::NONE
            && state.0 > CS_ROUTING.0
            && state.0 < CS_HANGUP.0
            && state != CS_RESET
            && !self.has(CF_TRANSFER)
            && !self.has(CF_NOT_READY)
            && !(self.in_thread() && self.running_state() != state)
    }

    pub(crate) fn ready(&self) -> bool {
        self.test_ready(true, false)
    }

    pub(crate) fn media_ready(&self) -> bool {
        (self.has(CF_ANSWERED) || self.has(CF_EARLY_MEDIA))
            && !self.has(CF_PROXY_MODE)
            && self.has_codec()
    }

    /// Sets the state, wakes the leg's thread and runs the hooks, all of it
    /// under the state lock. A change that is not allowed is logged and left.
    pub(crate) fn set_state(self: &Arc<Self>, state: State) {
        let _lock = self.lifecycle.state_lock.lock();
        let last = self.state();
        if last == state || (last.0 >= CS_HANGUP.0 && state.0 < last.0) {
            return;
        }
        if !allowed(last, state) {
            say!(
                self,
                WARNING,
                "({}) Invalid State Change {} -> {}",
                self.name(),
                name(last).to_string_lossy(),
                name(state).to_string_lossy()
            );
            return;
        }
        say!(
            self,
            DEBUG,
            "({}) State Change {} -> {}",
            self.name(),
            name(last).to_string_lossy(),
            name(state).to_string_lossy()
        );
        self.lifecycle.state.store(state.0, Ordering::SeqCst);
        if state == CS_HANGUP && self.cause() == cause::NONE {
            self.set_cause(cause::NORMAL_CLEARING);
        }
        self.signal_state_change();
    }

    /// The first caller gets to hang up; its state is set under the lock, its
    /// hooks run without it.
    pub(super) fn claim_hangup(&self) -> bool {
        let _lock = self.lifecycle.state_lock.lock();
        !self.lifecycle.hung_up.swap(true, Ordering::SeqCst)
    }

    pub(super) fn enter_hangup(&self) -> State {
        let _lock = self.lifecycle.state_lock.lock();
        let last = self.state();
        self.lifecycle.state.store(CS_HANGUP.0, Ordering::SeqCst);
        last
    }

    /// The thread takes a state up: `CHANNEL_STATE` tells of it.
    pub(super) fn set_running_state(self: &Arc<Self>, state: State) {
        say!(
            self,
            DEBUG,
            "({}) Running State Change {} (Cur {} Tot {})",
            self.name(),
            name(state).to_string_lossy(),
            self.core.sessions.count(),
            self.core.sessions.created()
        );
        let _lock = self.lifecycle.state_lock.lock();
        self.lifecycle
            .running_state
            .store(state.0, Ordering::SeqCst);
        if !self.outbound && state.0 < CS_HANGUP.0 {
            if state == CS_ROUTING {
                self.set_call_state(CallState::Ringing);
            } else if self.has(CF_ANSWERED) {
                self.set_call_state(CallState::Active);
            } else if self.has(CF_EARLY_MEDIA) {
                self.set_call_state(CallState::Early);
            }
        }
        self.note(
            Kind::State,
            name(state).to_string_lossy().into_owned(),
            Vec::new(),
        );
        self.fire(bindings::SWITCH_EVENT_CHANNEL_STATE, |_| {});
    }

    pub(crate) fn call_state_name(&self) -> &'static str {
        CALL_STATES
            .get(self.lifecycle.call_state.load(Ordering::SeqCst) as usize)
            .copied()
            .unwrap_or("DOWN")
    }

    pub(crate) fn set_call_state(self: &Arc<Self>, call_state: CallState) {
        let last = self.call_state_name();
        let before = self.lifecycle.call_state.load(Ordering::SeqCst);
        if before == call_state as u32 || before == CallState::Hangup as u32 {
            return;
        }
        self.lifecycle
            .call_state
            .store(call_state as u32, Ordering::SeqCst);
        say!(
            self,
            DEBUG,
            "({}) Callstate Change {last} -> {}",
            self.name(),
            self.call_state_name()
        );
        self.fire(SWITCH_EVENT_CHANNEL_CALLSTATE, |event| {
            event.add("Original-Channel-Call-State", last);
            event.add("Channel-Call-State-Number", (call_state as u32).to_string());
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_down_only_goes_further_down() {
        assert!(allowed(CS_HANGUP, CS_REPORTING) && !allowed(CS_HANGUP, CS_EXECUTE));
        assert!(allowed(CS_EXECUTE, CS_ROUTING) && !allowed(CS_EXECUTE, CS_INIT));
        assert!(allowed(CS_HIBERNATE, CS_INIT) && allowed(CS_NEW, CS_EXECUTE));
    }
}
