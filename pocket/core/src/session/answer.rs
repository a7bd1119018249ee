//! Ringing, early media and answer.

use std::sync::Arc;

use bindings::{
    SWITCH_EVENT_CHANNEL_ANSWER, SWITCH_EVENT_CHANNEL_PROGRESS, SWITCH_EVENT_CHANNEL_PROGRESS_MEDIA,
};
use bstr::{BString, ByteSlice};

use super::state::CallState;
use super::{Session, say};
use crate::c::*;
use crate::cause;
use crate::module::api;
use crate::transcript::Kind;

impl Session {
    fn is_over(&self) -> bool {
        self.cause() != cause::NONE || !self.is_up()
    }

    /// Answers an inbound leg; an outbound one is the far end's to answer.
    pub(crate) fn answer(self: &Arc<Self>) -> Status {
        if self.outbound {
            return SUCCESS;
        }
        if self.is_over() {
            return FAILURE;
        }
        if self.has(CF_ANSWERED) {
            return SUCCESS;
        }
        self.set_codec();
        self.endpoint.on_answer();
        self.mark_answered();
        SUCCESS
    }

    pub(crate) fn pre_answer(self: &Arc<Self>) -> Status {
        if self.is_over() {
            return FAILURE;
        }
        if self.has(CF_ANSWERED) || self.has(CF_EARLY_MEDIA) {
            return SUCCESS;
        }
        if !self.outbound {
            self.set_codec();
            self.endpoint.on_progress();
        }
        self.mark_pre_answered();
        SUCCESS
    }

    pub(crate) fn ring_ready(self: &Arc<Self>) -> Status {
        if self.is_over() {
            return FAILURE;
        }
        if self.has(CF_ANSWERED) || self.has(CF_EARLY_MEDIA) {
            return SUCCESS;
        }
        if !self.outbound {
            self.endpoint.on_ringing();
        }
        self.mark_ring_ready();
        SUCCESS
    }

    pub(crate) fn mark_ring_ready(self: &Arc<Self>) {
        if self.has(CF_RING_READY) || self.has(CF_ANSWERED) {
            return;
        }
        say!(self, NOTICE, "Ring-Ready {}!", self.name());
        self.set_flag(CF_RING_READY, 1);
        self.mark_time_of_both(|times, now| {
            if times.progress == 0 {
                times.progress = now;
            }
        });
        self.fire(SWITCH_EVENT_CHANNEL_PROGRESS, |_| {});
        self.run_on("execute_on_ring", "api_on_ring");
        self.set_call_state(CallState::Ringing);
    }

    pub(crate) fn mark_pre_answered(self: &Arc<Self>) {
        if self.has(CF_EARLY_MEDIA) || self.has(CF_ANSWERED) {
            return;
        }
        say!(self, NOTICE, "Pre-Answer {}!", self.name());
        self.set_flag(CF_EARLY_MEDIA, 1);
        self.set("endpoint_disposition", "EARLY MEDIA");
        self.mark_time_of_both(|times, now| times.progress_media = now);
        self.note(Kind::EarlyMedia, "", Vec::new());
        self.fire(SWITCH_EVENT_CHANNEL_PROGRESS_MEDIA, |_| {});
        self.run_on("execute_on_pre_answer", "api_on_pre_answer");
        self.run_on("execute_on_media", "api_on_media");
        self.kick_originator();
        self.set_call_state(CallState::Early);
    }

    pub(crate) fn mark_answered(self: &Arc<Self>) {
        if self.is_over() || self.has(CF_ANSWERED) {
            return;
        }
        self.mark_time(|times, now| times.answered = now);
        self.set_flag(CF_ANSWERED, 1);
        self.note(Kind::Answered, "", Vec::new());
        self.fire(SWITCH_EVENT_CHANNEL_ANSWER, |_| {});
        self.kick_originator();
        self.set("endpoint_disposition", "ANSWER");
        say!(self, NOTICE, "Channel [{}] has been answered", self.name());
        self.run_on("execute_on_answer", "api_on_answer");
        if !self.has(CF_EARLY_MEDIA) {
            self.run_on("execute_on_media", "api_on_media");
        }
        self.set_call_state(CallState::Active);
        self.kick();
    }

    /// The originating thread may wait for just this.
    fn kick_originator(&self) {
        if let Some(other) = self
            .get("originator")
            .and_then(|uuid| self.core.sessions.locate(&uuid))
        {
            other.kick();
        }
    }

    /// Runs the applications and commands of all variables whose names begin
    /// so, on the thread that is here, which need not be the leg's; whether there
    /// were any.
    pub(crate) fn run_on(self: &Arc<Self>, application_prefix: &str, command_prefix: &str) -> bool {
        let applications = self.run_applications_on(application_prefix);
        let commands = self.run_commands_on(command_prefix);
        applications || commands
    }

    fn run_applications_on(self: &Arc<Self>, prefix: &str) -> bool {
        let lines = self.values_of(prefix, true);
        for line in &lines {
            let at = line.iter().enumerate().position(|(at, byte)| {
                *byte == b' '
                    || (*byte == b':'
                        && line.get(at + 1) != Some(&b':')
                        && (at == 0 || line[at - 1] != b':'))
            });
            let (name, argument) = match at {
                Some(at) => (line[..at].as_bstr(), Some(line[at + 1..].as_bstr())),
                None => (line.as_bstr(), None),
            };
            if name.contains_str("::") {
                self.execute_async(name);
            } else {
                self.execute(name, argument);
            }
        }
        !lines.is_empty()
    }

    fn run_commands_on(self: &Arc<Self>, prefix: &str) -> bool {
        let lines = self.values_of(prefix, false);
        for line in &lines {
            let (name, argument) = crate::text::cut(line, b' ');
            let argument = self.expand(argument);
            let reply = api::run(&self.core, name, argument.as_bstr(), None, None);
            say!(
                self,
                DEBUG,
                "{} process {line}: {name}({argument})\n{}",
                self.name(),
                reply.text
            );
        }
        !lines.is_empty()
    }

    fn values_of(&self, prefix: &str, with_global: bool) -> Vec<BString> {
        let mut all = if with_global {
            self.core.globals.beginning_with(prefix)
        } else {
            Vec::new()
        };
        all.extend(self.variables_beginning_with(prefix));
        all.into_iter()
            .flat_map(|value| match value.strip_prefix(b"ARRAY::") {
                Some(joined) => joined.split_str("|:").map(BString::from).collect(),
                None => vec![value],
            })
            .collect()
    }
}
