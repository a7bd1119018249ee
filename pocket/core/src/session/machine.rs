//! The thread of a leg: the states in their order, and what each of them does.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bindings::{
    SWITCH_EVENT_CHANNEL_CREATE, SWITCH_EVENT_CHANNEL_DESTROY, SWITCH_EVENT_CHANNEL_ORIGINATE,
};
use bstr::ByteSlice;

use super::{Role, Session, hunt, say, state};
use crate::c::*;
use crate::cause;
use crate::clock::Wait;
use crate::presence::Ticket;

/// The stack that FreeSWITCH gives its threads: what overflows there shall
/// overflow here.
pub(crate) const STACK: usize = 240 * 1024;

/// How long a closing switch waits for threads that still hold a session.
const PATIENCE: Duration = Duration::from_secs(5);

/// Rounds of 20 ms that a leg may stay in `CS_NEW`.
const NEW_ROUNDS: u32 = 500;

static NEXT_THREAD: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static THREAD: Cell<u64> = const { Cell::new(0) };
}

/// A number that no other thread ever has, unlike the system's own.
pub(super) fn thread_id() -> u64 {
    THREAD.with(|cell| {
        if cell.get() == 0 {
            cell.set(NEXT_THREAD.fetch_add(1, Ordering::Relaxed));
        }
        cell.get()
    })
}

impl Session {
    /// Starts the leg's thread, once.
    pub(crate) fn launch(self: &Arc<Self>) {
        if self.lifecycle.started.swap(true, Ordering::SeqCst) {
            return;
        }
        let ticket = self.core.clock.reserve();
        let session = Arc::clone(self);
        let name = format!("pocket {}", self.id);
        let thread = std::thread::Builder::new()
            .name(name)
            .stack_size(STACK)
            .spawn(move || session.run_thread(ticket));
        match thread {
            Ok(thread) => self.core.keep_thread(thread),
            Err(error) => {
                say!(self, CRIT, "Error spawning thread: {error}");
                self.core.sessions.remove(self);
            }
        }
    }

    fn run_thread(self: Arc<Self>, ticket: Ticket) {
        let presence = ticket.enter();
        self.lifecycle.thread.store(thread_id(), Ordering::SeqCst);
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| self.run_states())) {
            crate::edge::report("a session thread", &*payload);
            self.hangup(cause::DESTINATION_OUT_OF_ORDER);
        }
        self.lifecycle.over.store(true, Ordering::SeqCst);
        self.core.clock.raise(&self.lifecycle.released);
        say!(
            self,
            DEBUG,
            "Session {} ({}) Locked, Waiting on external entities",
            self.id,
            self.name()
        );
        self.destroy_lock(PATIENCE);
        say!(self, NOTICE, "Session {} ({}) Ended", self.id, self.name());
        self.destroy();
        drop(self);
        drop(presence);
    }

    fn destroy(self: &Arc<Self>) {
        say!(
            self,
            NOTICE,
            "Close Channel {} [{}]",
            self.name(),
            state::name(self.state()).to_string_lossy()
        );
        self.fire(SWITCH_EVENT_CHANNEL_DESTROY, |_| {});
        self.set_running_state(CS_DESTROY);
        self.clear_flag(CF_TRANSFER);
        self.clear_flag(CF_REDIRECT);
        say!(self, DEBUG, "{} Standard DESTROY", self.name());
        self.flush_digits();
        self.flush_private_events();
        *self.role.lock() = Role::None;
        self.core.sessions.remove(self);
        self.core.clock.raise(&self.lifecycle.released);
    }

    fn run_states(self: &Arc<Self>) {
        let mut new_rounds = NEW_ROUNDS;
        loop {
            let state = self.state();
            if state == CS_DESTROY {
                return;
            }
            if state != self.running_state() || state.0 >= CS_HANGUP.0 {
                self.set_running_state(state);
                self.clear_flag(CF_TRANSFER);
                self.clear_flag(CF_REDIRECT);
                self.run_state(state);
                if state == CS_REPORTING {
                    return;
                }
            }
            if self.state() != self.running_state() {
                continue;
            }
            if self.state() == CS_NEW {
                self.idle_frame();
                self.parse_all_events();
                new_rounds -= 1;
                if new_rounds == 0 {
                    say!(self, WARNING, "{} {} Abandoned", self.uuid(), self.name());
                    self.hangup(cause::WRONG_CALL_STATE);
                }
                continue;
            }
            let generation = self.wake.generation();
            self.parse_all_events();
            if self.state() == self.running_state() && !self.has_private_event() {
                self.core.clock.wait(Wait::on(&self.wake, generation, None));
            }
            self.parse_all_events();
        }
    }

    fn run_state(self: &Arc<Self>, state: State) {
        say!(
            self,
            DEBUG,
            "({}) State {}",
            self.name(),
            &state::name(state).to_string_lossy()[3..]
        );
        match state {
            CS_INIT => self.on_init(),
            CS_ROUTING => self.on_routing(),
            CS_EXECUTE => self.on_execute(),
            CS_EXCHANGE_MEDIA => self.on_exchange_media(),
            CS_PARK => {
                say!(self, DEBUG, "{} Standard PARK", self.name());
                (self.core.modules.states().park)(self);
            }
            CS_RESET => {
                self.set("call_uuid", self.uuid());
                say!(self, DEBUG, "{} Standard RESET", self.name());
            }
            CS_SOFT_EXECUTE if self.run_role(state) => {}
            CS_SOFT_EXECUTE | CS_CONSUME_MEDIA | CS_HIBERNATE => {
                say!(
                    self,
                    DEBUG,
                    "{} Standard {}",
                    self.name(),
                    &state::name(state).to_string_lossy()[3..]
                );
            }
            CS_HANGUP => {
                self.on_hangup();
                self.set_state(CS_REPORTING);
            }
            CS_REPORTING => {
                self.on_reporting();
                self.set_state(CS_DESTROY);
            }
            _ => {}
        }
    }

    fn on_init(self: &Arc<Self>) {
        // An endpoint's handler that routes the leg has done INIT's work.
        if self.endpoint.on_init(self) {
            say!(self, DEBUG, "{} Standard INIT", self.name());
            self.set_state(CS_ROUTING);
        }
        self.fire(SWITCH_EVENT_CHANNEL_CREATE, |_| {});
        if self.outbound {
            self.fire(SWITCH_EVENT_CHANNEL_ORIGINATE, |_| {});
        }
        self.endpoint.begin(self);
    }

    fn on_routing(self: &Arc<Self>) {
        if !self.endpoint.on_routing(self) {
            return;
        }
        if matches!(*self.role.lock(), Role::Originated) {
            self.set_state(CS_CONSUME_MEDIA);
            return;
        }
        say!(self, DEBUG, "{} Standard ROUTING", self.name());
        self.set("call_uuid", self.uuid());
        let profile = self.profile();
        self.set_flag(CF_DIALPLAN, 1);
        let found = hunt::hunt_all(self, &profile);
        if let Some(extension) = found.extension {
            *self.extension.lock() = Some(extension);
            self.set_state(CS_EXECUTE);
            return;
        }
        if found.dialplans == 0 && self.outbound {
            if self.has(CF_ANSWERED) {
                say!(
                    self,
                    DEBUG,
                    "No Dialplan on answered channel, changing state to HANGUP"
                );
                self.hangup(cause::NO_ROUTE_DESTINATION);
            } else {
                say!(self, DEBUG, "No Dialplan, changing state to CONSUME_MEDIA");
                self.set_state(CS_CONSUME_MEDIA);
            }
            return;
        }
        say!(self, INFO, "No Route, Aborting");
        self.hangup(cause::NO_ROUTE_DESTINATION);
    }

    /// The leg belongs to nobody's attempt to place a call any more: routed again,
    /// it looks for an extension.
    pub(crate) fn no_longer_originated(&self) {
        let mut role = self.role.lock();
        if matches!(*role, Role::Originated) {
            *role = Role::None;
        }
    }

    fn on_execute(self: &Arc<Self>) {
        say!(self, DEBUG, "{} Standard EXECUTE", self.name());
        self.set("call_uuid", self.uuid());
        self.clear_flag(CF_RESET);
        if self.extension.lock().is_none() {
            self.hangup(cause::NORMAL_CLEARING);
            return;
        }
        while self.state() == CS_EXECUTE {
            let next = self
                .extension
                .lock()
                .as_mut()
                .and_then(|extension| extension.applications.pop_front());
            let Some((name, data)) = next else { break };
            if self.execute(name.as_bstr(), Some(data.as_bstr())) != SUCCESS {
                return;
            }
            self.clear_flag(CF_RESET);
        }
        if self.ready() && self.state() == CS_EXECUTE {
            say!(
                self,
                NOTICE,
                "{} has executed the last dialplan instruction, hanging up.",
                self.name()
            );
            self.hangup(cause::NORMAL_CLEARING);
        }
    }

    /// Does what a bridge has this leg do in that state; false when it has it do nothing.
    fn run_role(self: &Arc<Self>, state: State) -> bool {
        let role = {
            let mut role = self.role.lock();
            // A leg that is about to take up a state may be told already what to do in the next.
            if matches!(*role, Role::Bridged(of, _) if of != state) {
                return false;
            }
            std::mem::replace(&mut *role, Role::None)
        };
        if let Role::Bridged(_, run) = role {
            run(self);
            return true;
        }
        false
    }

    fn on_exchange_media(self: &Arc<Self>) {
        if !self.run_role(CS_EXCHANGE_MEDIA) {
            say!(self, DEBUG, "{} Standard EXCHANGE_MEDIA", self.name());
        }
    }
}
