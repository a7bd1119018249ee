//! FreeSWITCH's constants by their own names, for use inside the crate.

#![allow(non_camel_case_types, reason = "the names are FreeSWITCH's")]

pub(crate) use bindings::switch_call_cause_t as Cause;
use bindings::switch_channel_flag_t;
pub(crate) use bindings::{
    CF_ANSWERED, CF_BREAK, CF_BRIDGED, CF_BROADCAST, CF_CONTROLLED, CF_DIALPLAN, CF_EARLY_MEDIA,
    CF_EVENT_PARSE, CF_NOT_READY, CF_ORIGINATING, CF_OUTBOUND, CF_PARK, CF_PROXY_MODE, CF_REDIRECT,
    CF_RESET, CF_STOP_BROADCAST, CF_TRANSFER, CS_CONSUME_MEDIA, CS_DESTROY, CS_EXCHANGE_MEDIA,
    CS_EXECUTE, CS_HANGUP, CS_HIBERNATE, CS_INIT, CS_NEW, CS_NONE, CS_PARK, CS_REPORTING, CS_RESET,
    CS_ROUTING, CS_SOFT_EXECUTE, SWITCH_CALL_DIRECTION_INBOUND as INBOUND,
    SWITCH_CALL_DIRECTION_OUTBOUND as OUTBOUND, SWITCH_FALSE as FALSE,
    SWITCH_STATUS_BREAK as BREAK, SWITCH_STATUS_FALSE as FAILURE, SWITCH_STATUS_GENERR as GENERR,
    SWITCH_STATUS_IGNORE as IGNORE, SWITCH_STATUS_NOTFOUND as NOTFOUND,
    SWITCH_STATUS_SUCCESS as SUCCESS, SWITCH_STATUS_TIMEOUT as TIMEOUT, SWITCH_TRUE as TRUE,
    switch_channel_state_t as State, switch_status_t as Status,
};

/// Flags that only pocket looks at, with the core's numbers.
pub(crate) const CF_BRIDGE_ORIGINATOR: switch_channel_flag_t = switch_channel_flag_t(4);
pub(crate) const CF_RING_READY: switch_channel_flag_t = switch_channel_flag_t(22);
pub(crate) const CF_EVENT_LOCK: switch_channel_flag_t = switch_channel_flag_t(27);
pub(crate) const CF_DIVERT_EVENTS: switch_channel_flag_t = switch_channel_flag_t(37);
pub(crate) const CF_REPORTING: switch_channel_flag_t = switch_channel_flag_t(40);
pub(crate) const CF_EARLY_HANGUP: switch_channel_flag_t = switch_channel_flag_t(54);
/// One more than the last flag.
pub(crate) const FLAGS: usize = 172;
