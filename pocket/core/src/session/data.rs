//! What events say about a leg.

use std::sync::Arc;

use bindings::*;

use super::Session;
use super::state;
use crate::cause;
use crate::event::Event;
use crate::place::here;

/// Kinds of events that carry the leg's variables.
const WITH_VARIABLES: [switch_event_types_t; 26] = [
    SWITCH_EVENT_CHANNEL_CREATE,
    SWITCH_EVENT_CHANNEL_ORIGINATE,
    SWITCH_EVENT_CHANNEL_UUID,
    SWITCH_EVENT_CHANNEL_ANSWER,
    SWITCH_EVENT_CHANNEL_PARK,
    SWITCH_EVENT_CHANNEL_UNPARK,
    SWITCH_EVENT_CHANNEL_BRIDGE,
    SWITCH_EVENT_CHANNEL_UNBRIDGE,
    SWITCH_EVENT_CHANNEL_PROGRESS,
    SWITCH_EVENT_CHANNEL_PROGRESS_MEDIA,
    SWITCH_EVENT_CHANNEL_HANGUP,
    SWITCH_EVENT_CHANNEL_HANGUP_COMPLETE,
    SWITCH_EVENT_REQUEST_PARAMS,
    SWITCH_EVENT_CHANNEL_DATA,
    SWITCH_EVENT_CHANNEL_EXECUTE,
    SWITCH_EVENT_CHANNEL_EXECUTE_COMPLETE,
    SWITCH_EVENT_CHANNEL_DESTROY,
    SWITCH_EVENT_SESSION_HEARTBEAT,
    SWITCH_EVENT_API,
    SWITCH_EVENT_RECORD_START,
    SWITCH_EVENT_RECORD_STOP,
    SWITCH_EVENT_PLAYBACK_START,
    SWITCH_EVENT_PLAYBACK_STOP,
    SWITCH_EVENT_CALL_UPDATE,
    SWITCH_EVENT_TEXT,
    SWITCH_EVENT_CUSTOM,
];

impl Session {
    /// Adds the headers that describe the leg; some kinds get its variables.
    pub(crate) fn describe(&self, event: &mut Event) {
        let direction = if self.outbound { "outbound" } else { "inbound" };
        let text = |text: &'static std::ffi::CStr| text.to_bytes();
        event.add("Channel-State", text(state::name(self.running_state())));
        event.add("Channel-Call-State", self.call_state_name());
        event.add("Channel-State-Number", self.state().0.to_string());
        event.add("Channel-Name", self.name());
        event.add("Unique-ID", self.uuid());
        event.add("Call-Direction", direction);
        event.add("Presence-Call-Direction", direction);
        let hit = !self.outbound || self.has(CF_DIALPLAN);
        event.add("Channel-HIT-Dialplan", if hit { "true" } else { "false" });
        if let Some(presence) = self.get("presence_id") {
            event.add("Channel-Presence-ID", presence);
        }
        if let Some(presence) = self.get("presence_data") {
            event.add("Channel-Presence-Data", presence);
        }
        event.add(
            "Channel-Call-UUID",
            self.get("call_uuid")
                .unwrap_or_else(|| self.uuid().to_owned()),
        );
        let answer_state = if !self.is_up() {
            "hangup"
        } else if self.has(CF_ANSWERED) {
            "answered"
        } else if self.has(CF_EARLY_MEDIA) {
            "early"
        } else {
            "ringing"
        };
        event.add("Answer-State", answer_state);
        if self.cause() != cause::NONE {
            event.add("Hangup-Cause", text(cause::name(self.cause())));
        }
        if self.has_codec() {
            for way in ["Channel-Read-Codec-", "Channel-Write-Codec-"] {
                let mut headers = event.with_prefix(&[way]);
                headers.add("Name", "L16");
                headers.add("Rate", "8000");
                headers.add("Bit-Rate", "128000");
            }
        }
        {
            let guard = self.data.0.lock();
            let data = guard.borrow();
            if let Some(profile) = data.profile() {
                profile.describe("Caller", event);
            }
            let other = data
                .originator
                .as_ref()
                .map(|profile| ("originator", profile))
                .or_else(|| {
                    data.originatee
                        .as_ref()
                        .map(|profile| ("originatee", profile))
                });
            if let Some((role, profile)) = other {
                event.add("Other-Type", role);
                profile.describe("Other-Leg", event);
            }
        }
        if WITH_VARIABLES.contains(&event.kind()) {
            self.describe_variables(event);
        }
    }

    /// Fires an event about the leg, with what `more` adds.
    pub(crate) fn fire(
        self: &Arc<Self>,
        kind: switch_event_types_t,
        more: impl FnOnce(&mut Event),
    ) {
        if !self.core.events.wanted(kind) {
            return;
        }
        let mut event = self.core.events.create_to_tell(kind, here!());
        self.describe(&mut event);
        more(&mut event);
        self.core.events.fire(event);
    }
}
