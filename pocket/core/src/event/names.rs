//! The names of events, in the order of their numbers in FreeSWITCH 1.11.

use std::ffi::CStr;

use bindings::switch_event_types_t;

/// Bound to get every event. It moves when a newer core adds a kind, so modules
/// look it up by name.
pub(crate) const ALL: switch_event_types_t = switch_event_types_t(NAMES.len() as u32 - 1);

const NAMES: [&CStr; 94] = [
    c"CUSTOM",
    c"CLONE",
    c"CHANNEL_CREATE",
    c"CHANNEL_DESTROY",
    c"CHANNEL_STATE",
    c"CHANNEL_CALLSTATE",
    c"CHANNEL_ANSWER",
    c"CHANNEL_HANGUP",
    c"CHANNEL_HANGUP_COMPLETE",
    c"CHANNEL_EXECUTE",
    c"CHANNEL_EXECUTE_COMPLETE",
    c"CHANNEL_HOLD",
    c"CHANNEL_UNHOLD",
    c"CHANNEL_BRIDGE",
    c"CHANNEL_UNBRIDGE",
    c"CHANNEL_PROGRESS",
    c"CHANNEL_PROGRESS_MEDIA",
    c"CHANNEL_OUTGOING",
    c"CHANNEL_PARK",
    c"CHANNEL_UNPARK",
    c"CHANNEL_APPLICATION",
    c"CHANNEL_ORIGINATE",
    c"CHANNEL_UUID",
    c"API",
    c"LOG",
    c"INBOUND_CHAN",
    c"OUTBOUND_CHAN",
    c"STARTUP",
    c"SHUTDOWN",
    c"PUBLISH",
    c"UNPUBLISH",
    c"TALK",
    c"NOTALK",
    c"SESSION_CRASH",
    c"MODULE_LOAD",
    c"MODULE_UNLOAD",
    c"DTMF",
    c"MESSAGE",
    c"PRESENCE_IN",
    c"NOTIFY_IN",
    c"PRESENCE_OUT",
    c"PRESENCE_PROBE",
    c"MESSAGE_WAITING",
    c"MESSAGE_QUERY",
    c"ROSTER",
    c"CODEC",
    c"BACKGROUND_JOB",
    c"DETECTED_SPEECH",
    c"DETECTED_TONE",
    c"PRIVATE_COMMAND",
    c"HEARTBEAT",
    c"TRAP",
    c"ADD_SCHEDULE",
    c"DEL_SCHEDULE",
    c"EXE_SCHEDULE",
    c"RE_SCHEDULE",
    c"RELOADXML",
    c"NOTIFY",
    c"PHONE_FEATURE",
    c"PHONE_FEATURE_SUBSCRIBE",
    c"SEND_MESSAGE",
    c"RECV_MESSAGE",
    c"REQUEST_PARAMS",
    c"CHANNEL_DATA",
    c"GENERAL",
    c"COMMAND",
    c"SESSION_HEARTBEAT",
    c"CLIENT_DISCONNECTED",
    c"SERVER_DISCONNECTED",
    c"SEND_INFO",
    c"RECV_INFO",
    c"RECV_RTCP_MESSAGE",
    c"SEND_RTCP_MESSAGE",
    c"CALL_SECURE",
    c"NAT",
    c"RECORD_START",
    c"RECORD_STOP",
    c"PLAYBACK_START",
    c"PLAYBACK_STOP",
    c"CALL_UPDATE",
    c"FAILURE",
    c"SOCKET_DATA",
    c"MEDIA_BUG_START",
    c"MEDIA_BUG_STOP",
    c"CONFERENCE_DATA_QUERY",
    c"CONFERENCE_DATA",
    c"CALL_SETUP_REQ",
    c"CALL_SETUP_RESULT",
    c"CALL_DETAIL",
    c"DEVICE_STATE",
    c"TEXT",
    c"SHUTDOWN_REQUESTED",
    c"CERT_RELOAD",
    c"ALL",
];

/// The name of a kind; FreeSWITCH reads out of bounds for what it does not have.
pub(crate) fn name(event: switch_event_types_t) -> Option<&'static CStr> {
    NAMES.get(event.0 as usize).copied()
}

/// The names of all kinds, in the order of their numbers; `ALL` is none.
#[must_use]
pub fn every() -> Vec<&'static str> {
    let kinds = &NAMES[..NAMES.len() - 1];
    kinds.iter().filter_map(|name| name.to_str().ok()).collect()
}

/// The kind of a name: any case, `SWITCH_EVENT_` in front allowed.
pub(crate) fn find(name: &[u8]) -> Option<switch_event_types_t> {
    const PREFIX: &[u8] = b"SWITCH_EVENT_";
    let bare = match name.get(..PREFIX.len()) {
        Some(prefix) if prefix.eq_ignore_ascii_case(PREFIX) => &name[PREFIX.len()..],
        _ => name,
    };
    let at = NAMES
        .iter()
        .position(|known| known.to_bytes().eq_ignore_ascii_case(bare))?;
    u32::try_from(at).ok().map(switch_event_types_t)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bindings::*;

    #[test]
    fn names_lie_at_their_numbers() {
        assert_eq!(find(b"DTMF"), Some(SWITCH_EVENT_DTMF));
        assert_eq!(find(b"switch_event_text"), Some(SWITCH_EVENT_TEXT));
        assert_eq!(
            find(b"SHUTDOWN_REQUESTED"),
            Some(SWITCH_EVENT_SHUTDOWN_REQUESTED)
        );
        assert_eq!(find(b"ALL"), Some(ALL));
        assert_eq!(find(b"NO_SUCH_EVENT"), None);
        assert_eq!(name(switch_event_types_t(4000)), None);
    }
}
