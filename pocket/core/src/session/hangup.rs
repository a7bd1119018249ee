//! Hanging up, and what the states after it do.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bindings::{
    SWITCH_EVENT_CHANNEL_DATA, SWITCH_EVENT_CHANNEL_HANGUP, SWITCH_EVENT_CHANNEL_HANGUP_COMPLETE,
};
use bstr::{BString, ByteSlice};

use super::expand::{Headers, expand};
use super::state::{self, CallState};
use super::{Session, say};
use crate::c::*;
use crate::cause;
use crate::event::Event;
use crate::module::api;
use crate::transcript::Kind;

impl Session {
    /// Hangs up once; a later hangup changes nothing. Runs on the thread
    /// of whoever hangs up, and the hooks with it.
    pub(crate) fn hangup(self: &Arc<Self>, cause: Cause) {
        self.hangup_by("switch", cause);
    }

    /// `by` is for the transcript: the switch, or the far end.
    pub(crate) fn hangup_by(self: &Arc<Self>, by: &'static str, cause: Cause) {
        if !self.claim_hangup() || self.state().0 >= CS_HANGUP.0 {
            return;
        }
        let last = self.enter_hangup();
        self.set_cause(cause);
        let text = cause::name(cause).to_string_lossy();
        say!(
            self,
            NOTICE,
            "Hangup {} [{}] [{text}]",
            self.name(),
            state::name(last).to_string_lossy()
        );
        let data = vec![("by", BString::from(by)), ("cause", BString::from(&*text))];
        self.note(Kind::HungUp, &*text, data);
        self.tell_partner("last_bridge_hangup_cause", text.as_bytes());
        if self.has(CF_BRIDGE_ORIGINATOR) {
            self.set("last_bridge_role", "originator");
        } else if self.has(CF_BRIDGED) {
            self.set("last_bridge_role", "originatee");
        }
        self.launch();
        self.fire(SWITCH_EVENT_CHANNEL_HANGUP, |_| {});
        self.signal_state_change();
    }

    /// Sets a variable of the leg that this one is bridged to.
    fn tell_partner(&self, name: &str, value: &[u8]) {
        let partner = self.get("signal_bond").or_else(|| self.get("bridge_uuid"));
        if let Some(partner) = partner.and_then(|uuid| self.core.sessions.force_locate(&uuid)) {
            partner.set(name, value);
        }
    }

    /// `CS_HANGUP`, on the leg's own thread.
    pub(crate) fn on_hangup(self: &Arc<Self>) {
        if self.lifecycle.hangup_done.swap(true, Ordering::SeqCst) {
            return;
        }
        let cause = self.cause();
        let text = cause::name(cause).to_string_lossy();
        self.mark_time(|times, now| times.hungup = now);
        (self.core.modules.states().hangup)(self);
        self.stop_broadcast();
        self.set("hangup_cause", text.as_bytes());
        self.set("hangup_cause_q850", cause::q850(cause).to_string());
        self.set_time_variables();
        self.set_call_state(CallState::Hangup);
        self.endpoint.on_hangup(self);
        say!(
            self,
            DEBUG,
            "{} Standard HANGUP, cause: {text}",
            self.name()
        );
        self.run_hook("api_hangup_hook");
    }

    /// `CS_REPORTING`, on the leg's own thread.
    pub(super) fn on_reporting(self: &Arc<Self>) {
        if self.has(CF_REPORTING) {
            return;
        }
        self.set_flag(CF_REPORTING, 1);
        let text = cause::name(self.cause()).to_string_lossy();
        say!(
            self,
            DEBUG,
            "{} Standard REPORTING, cause: {text}",
            self.name()
        );
        self.run_hook("api_reporting_hook");
        self.fire(SWITCH_EVENT_CHANNEL_HANGUP_COMPLETE, |event| {
            event.add("Hangup-Cause", text.as_bytes());
        });
    }

    /// Runs the command that a variable holds, as `command args` or
    /// `command::args`.
    fn run_hook(self: &Arc<Self>, variable: &str) {
        let Some(line) = self.get(variable) else {
            return;
        };
        let colon = line
            .find_byte(b':')
            .filter(|at| line[at + 1..].first() == Some(&b':'));
        let (command, argument) = if let Some(at) = colon {
            (&line[..at], &line[at + 2..])
        } else {
            let (command, argument) = crate::text::cut(&line, b' ');
            (&**command, &**argument)
        };
        let with_session = self.is_true("session_in_hangup_hook");
        // Not an event that was made for the command, but the call's own: it has
        // the variables by their bare names, and no Event-Name.
        let mut event = Event::plain(SWITCH_EVENT_CHANNEL_DATA);
        for (name, value) in self.variables() {
            event.add(name, value);
        }
        self.describe(&mut event);
        let argument = expand(
            &Headers {
                core: &self.core,
                event: &event,
            },
            argument,
        );
        let reply = api::run(
            &self.core,
            command.as_bstr(),
            argument.as_bstr(),
            with_session.then_some(self),
            Some(event),
        );
        say!(
            self,
            DEBUG,
            "Hangup Command {} {}({}):\n{}",
            if with_session {
                "with Session"
            } else {
                "with no Session"
            },
            command.as_bstr(),
            argument,
            reply.text
        );
    }
}
