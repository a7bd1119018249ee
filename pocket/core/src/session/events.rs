//! Private events: commands that a leg's own thread carries out when it looks.

use std::collections::VecDeque;
use std::sync::Arc;

use bindings::{SWITCH_EVENT_COMMAND, SWITCH_EVENT_PRIVATE_COMMAND, switch_channel_flag_t};
use bstr::{BStr, ByteSlice};
use parking_lot::Mutex;

use super::{Extension, Session, say};
use crate::c::*;
use crate::cause;
use crate::event::Event;
use crate::place::here;

/// The core refuses more extensions on one stack.
pub(crate) const MAX_STACKS: u32 = 32;

/// Events that wait for one of a leg.
#[derive(Default)]
pub(super) struct Queues {
    /// For its own thread to carry out.
    private: Mutex<VecDeque<Event>>,
    /// For the thread that takes its events.
    diverted: Mutex<VecDeque<Event>>,
}

impl Session {
    pub(crate) fn queue_private_event(&self, event: Event) {
        self.events.private.lock().push_back(event);
        self.kick();
    }

    /// An event that the leg's owner gets, and no other.
    pub(crate) fn divert(&self, event: Event) {
        self.events.diverted.lock().push_back(event);
        self.kick();
    }

    /// The next of them for an input callback; while the leg's events are
    /// diverted, the one that diverted them gets them, by force.
    pub(crate) fn take_diverted(&self) -> Option<Event> {
        self.take_event(false)
    }

    pub(crate) fn take_event(&self, force: bool) -> Option<Event> {
        if !force && self.has(CF_DIVERT_EVENTS) {
            return None;
        }
        self.events.diverted.lock().pop_front()
    }

    pub(crate) fn has_diverted_event(&self) -> bool {
        !self.has(CF_DIVERT_EVENTS) && !self.events.diverted.lock().is_empty()
    }

    pub(crate) fn flush_private_events(&self) {
        self.events.private.lock().clear();
    }

    pub(crate) fn has_private_event(&self) -> bool {
        !self.events.private.lock().is_empty()
    }

    /// Carries out what is queued.
    pub(crate) fn parse_all_events(self: &Arc<Self>) {
        if self.depth() > MAX_STACKS {
            say!(
                self,
                ERROR,
                "Error {} too many stacked extensions [depth={}]",
                self.name(),
                self.depth()
            );
            return;
        }
        let _deeper = self.deeper();
        while self.parse_next_event() {}
    }

    pub(crate) fn parse_next_event(self: &Arc<Self>) -> bool {
        // What runs for a locked one keeps the others waiting until it is through.
        if self.has(CF_EVENT_LOCK) {
            return false;
        }
        let Some(mut event) = self.events.private.lock().pop_front() else {
            return false;
        };
        self.carry_out(&event);
        if !self.core.events.wanted(SWITCH_EVENT_PRIVATE_COMMAND) {
            return true;
        }
        event.set_kind(SWITCH_EVENT_PRIVATE_COMMAND);
        let mut delivered = self
            .core
            .events
            .create(SWITCH_EVENT_PRIVATE_COMMAND, None, here!());
        delivered.merge(&event);
        self.describe(&mut delivered);
        self.core.events.fire(delivered);
        true
    }

    /// `switch_ivr_parse_event`, on the leg's own thread.
    pub(crate) fn carry_out(self: &Arc<Self>, event: &Event) {
        let locks = event
            .get(b"event-lock")
            .is_some_and(|lock| crate::text::is_true(lock));
        self.count_flag(CF_EVENT_PARSE, 1);
        if locks {
            self.count_flag(CF_EVENT_LOCK, 1);
        }
        self.parse_event(event);
        self.count_flag(CF_EVENT_PARSE, -1);
        if locks {
            self.count_flag(CF_EVENT_LOCK, -1);
        }
    }

    /// Sets a flag once more, or once less.
    fn count_flag(&self, flag: switch_channel_flag_t, by: i32) {
        self.set_flag(flag, self.flag(flag).saturating_add_signed(by));
    }

    fn parse_event(self: &Arc<Self>, event: &Event) {
        let Some(command) = event.get(b"call-command") else {
            say!(self, ERROR, "Invalid Command!");
            return;
        };
        let lead = event
            .get(b"lead-frames")
            .map_or(0, |frames| crate::text::number(frames));
        if self.media_ready() {
            for _ in 0..lead {
                if self.read_frame() != SUCCESS {
                    return;
                }
            }
        }
        match command.as_bytes() {
            b"execute" => self.parse_execute(event),
            b"hangup" => {
                let cause = event
                    .get(b"hangup-cause")
                    .map_or(cause::NORMAL_CLEARING, |text| cause::parse(text));
                self.hangup(cause);
            }
            b"xferext" => {
                let applications = event
                    .headers()
                    .filter(|(name, _, _)| name.eq_ignore_ascii_case(b"application"))
                    .map(|(_, value, _)| {
                        let (name, data) = crate::text::cut(value, b' ');
                        (name.to_owned(), data.to_owned())
                    })
                    .collect();
                *self.extension.lock() = Some(Extension { applications });
                self.set_flag(CF_RESET, 1);
            }
            other => say!(self, WARNING, "Unknown call-command [{}]", other.as_bstr()),
        }
    }

    fn parse_execute(self: &Arc<Self>, event: &Event) {
        let Some(name) = event.get(b"execute-app-name") else {
            return;
        };
        let is_text = event
            .get(b"content-type")
            .is_some_and(|kind| kind.eq_ignore_ascii_case(b"text/plain"));
        let argument = match event.get(b"execute-app-arg") {
            Some(argument) if !argument.is_empty() => Some(argument),
            argument => {
                if is_text {
                    event.body()
                } else {
                    argument
                }
            }
        };
        let loops = event
            .get(b"loops")
            .map_or(1, |loops| crate::text::number(loops));
        self.clear_flag(CF_STOP_BROADCAST);
        let outermost = !self.has(CF_BROADCAST);
        self.set_flag(CF_BROADCAST, 1);
        let mut round = 0;
        while loops < 0 || round < loops {
            round += 1;
            say!(
                self,
                DEBUG,
                "{} Command Execute [depth={}] {name}({})",
                self.name(),
                self.depth(),
                argument.unwrap_or_default()
            );
            if let Some(uuid) = event.get(b"event-uuid") {
                self.set("app_uuid", uuid);
            }
            if let Some(name) = event.get(b"event-uuid-name") {
                self.set("app_uuid_name", name);
            }
            self.set("current_loop", round.to_string());
            self.set("total_loops", loops.to_string());
            let before = self.core.clock.now();
            if self.execute(name, argument) != SUCCESS
                || !self.ready()
                || self.has(CF_STOP_BROADCAST)
                || self.core.clock.now() - before < 500_000
            {
                break;
            }
        }
        self.unset("current_loop");
        self.unset("total_loops");
        if outermost {
            self.clear_flag(CF_BROADCAST);
        }
        if self.has(CF_STOP_BROADCAST) {
            self.clear_flag(CF_BROADCAST);
            self.set_flag(CF_BREAK, 1);
        }
    }

    /// Ends a broadcast that runs.
    pub(crate) fn stop_broadcast(&self) {
        if self.has(CF_BROADCAST) {
            self.set_flag(CF_STOP_BROADCAST, 1);
            self.set_flag(CF_BREAK, 1);
            self.kick();
        }
    }

    /// The event that makes the leg's thread run an application.
    pub(crate) fn command_event(&self, application: &BStr, argument: Option<&BStr>) -> Event {
        let mut event = self.core.events.create(SWITCH_EVENT_COMMAND, None, here!());
        event.add("call-command", "execute");
        event.add("execute-app-name", application);
        if let Some(argument) = argument {
            event.add("execute-app-arg", argument);
        }
        event.add("event-lock", "true");
        event
    }

    /// Queues `application::argument` for the leg's thread.
    pub(crate) fn execute_async(self: &Arc<Self>, line: &BStr) {
        let (name, argument) = match line.find("::") {
            Some(at) => (line[..at].as_bstr(), Some(line[at + 2..].as_bstr())),
            None => (line, None),
        };
        self.queue_private_event(self.command_event(name, argument));
    }
}
