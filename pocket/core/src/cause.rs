//! Hangup causes: names and numbers.

use std::ffi::CStr;

use crate::c::Cause;

pub(crate) const NONE: Cause = Cause(0);
pub(crate) const UNALLOCATED_NUMBER: Cause = Cause(1);
pub(crate) const NO_ROUTE_DESTINATION: Cause = Cause(3);
pub(crate) const NORMAL_CLEARING: Cause = Cause(16);
pub(crate) const USER_BUSY: Cause = Cause(17);
pub(crate) const NO_ANSWER: Cause = Cause(19);
pub(crate) const CALL_REJECTED: Cause = Cause(21);
pub(crate) const EXCHANGE_ROUTING_ERROR: Cause = Cause(25);
pub(crate) const DESTINATION_OUT_OF_ORDER: Cause = Cause(27);
pub(crate) const INCOMPATIBLE_DESTINATION: Cause = Cause(88);
pub(crate) const WRONG_CALL_STATE: Cause = Cause(101);
pub(crate) const SUCCESS: Cause = Cause(142);
pub(crate) const ORIGINATOR_CANCEL: Cause = Cause(487);
pub(crate) const SYSTEM_SHUTDOWN: Cause = Cause(701);
pub(crate) const LOSE_RACE: Cause = Cause(702);
pub(crate) const PROGRESS_TIMEOUT: Cause = Cause(807);
pub(crate) const SUBSCRIBER_ABSENT: Cause = Cause(20);
pub(crate) const MANDATORY_IE_MISSING: Cause = Cause(96);
pub(crate) const INVALID_IE_CONTENTS: Cause = Cause(100);
pub(crate) const MANAGER_REQUEST: Cause = Cause(703);
pub(crate) const ALLOTTED_TIMEOUT: Cause = Cause(802);
pub(crate) const CHAN_NOT_IMPLEMENTED: Cause = Cause(66);

const NAMES: [(&CStr, Cause); 82] = [
    (c"NONE", Cause(0)),
    (c"UNALLOCATED_NUMBER", Cause(1)),
    (c"NO_ROUTE_TRANSIT_NET", Cause(2)),
    (c"NO_ROUTE_DESTINATION", Cause(3)),
    (c"CHANNEL_UNACCEPTABLE", Cause(6)),
    (c"CALL_AWARDED_DELIVERED", Cause(7)),
    (c"NORMAL_CLEARING", Cause(16)),
    (c"USER_BUSY", Cause(17)),
    (c"NO_USER_RESPONSE", Cause(18)),
    (c"NO_ANSWER", Cause(19)),
    (c"SUBSCRIBER_ABSENT", Cause(20)),
    (c"CALL_REJECTED", Cause(21)),
    (c"NUMBER_CHANGED", Cause(22)),
    (c"REDIRECTION_TO_NEW_DESTINATION", Cause(23)),
    (c"EXCHANGE_ROUTING_ERROR", Cause(25)),
    (c"DESTINATION_OUT_OF_ORDER", Cause(27)),
    (c"INVALID_NUMBER_FORMAT", Cause(28)),
    (c"FACILITY_REJECTED", Cause(29)),
    (c"RESPONSE_TO_STATUS_ENQUIRY", Cause(30)),
    (c"NORMAL_UNSPECIFIED", Cause(31)),
    (c"NORMAL_CIRCUIT_CONGESTION", Cause(34)),
    (c"NETWORK_OUT_OF_ORDER", Cause(38)),
    (c"NORMAL_TEMPORARY_FAILURE", Cause(41)),
    (c"SWITCH_CONGESTION", Cause(42)),
    (c"ACCESS_INFO_DISCARDED", Cause(43)),
    (c"REQUESTED_CHAN_UNAVAIL", Cause(44)),
    (c"PRE_EMPTED", Cause(45)),
    (c"FACILITY_NOT_SUBSCRIBED", Cause(50)),
    (c"OUTGOING_CALL_BARRED", Cause(52)),
    (c"INCOMING_CALL_BARRED", Cause(54)),
    (c"BEARERCAPABILITY_NOTAUTH", Cause(57)),
    (c"BEARERCAPABILITY_NOTAVAIL", Cause(58)),
    (c"SERVICE_UNAVAILABLE", Cause(63)),
    (c"BEARERCAPABILITY_NOTIMPL", Cause(65)),
    (c"CHAN_NOT_IMPLEMENTED", Cause(66)),
    (c"FACILITY_NOT_IMPLEMENTED", Cause(69)),
    (c"SERVICE_NOT_IMPLEMENTED", Cause(79)),
    (c"INVALID_CALL_REFERENCE", Cause(81)),
    (c"INCOMPATIBLE_DESTINATION", Cause(88)),
    (c"INVALID_MSG_UNSPECIFIED", Cause(95)),
    (c"MANDATORY_IE_MISSING", Cause(96)),
    (c"MESSAGE_TYPE_NONEXIST", Cause(97)),
    (c"WRONG_MESSAGE", Cause(98)),
    (c"IE_NONEXIST", Cause(99)),
    (c"INVALID_IE_CONTENTS", Cause(100)),
    (c"WRONG_CALL_STATE", Cause(101)),
    (c"RECOVERY_ON_TIMER_EXPIRE", Cause(102)),
    (c"MANDATORY_IE_LENGTH_ERROR", Cause(103)),
    (c"PROTOCOL_ERROR", Cause(111)),
    (c"INTERWORKING", Cause(127)),
    (c"SUCCESS", Cause(142)),
    (c"ORIGINATOR_CANCEL", Cause(487)),
    (c"CRASH", Cause(700)),
    (c"SYSTEM_SHUTDOWN", Cause(701)),
    (c"LOSE_RACE", Cause(702)),
    (c"MANAGER_REQUEST", Cause(703)),
    (c"BLIND_TRANSFER", Cause(800)),
    (c"ATTENDED_TRANSFER", Cause(801)),
    (c"ALLOTTED_TIMEOUT", Cause(802)),
    (c"USER_CHALLENGE", Cause(803)),
    (c"MEDIA_TIMEOUT", Cause(804)),
    (c"PICKED_OFF", Cause(805)),
    (c"USER_NOT_REGISTERED", Cause(806)),
    (c"PROGRESS_TIMEOUT", Cause(807)),
    (c"INVALID_GATEWAY", Cause(808)),
    (c"GATEWAY_DOWN", Cause(809)),
    (c"INVALID_URL", Cause(810)),
    (c"INVALID_PROFILE", Cause(811)),
    (c"NO_PICKUP", Cause(812)),
    (c"SRTP_READ_ERROR", Cause(813)),
    (c"BOWOUT", Cause(814)),
    (c"BUSY_EVERYWHERE", Cause(815)),
    (c"DECLINE", Cause(816)),
    (c"DOES_NOT_EXIST_ANYWHERE", Cause(817)),
    (c"NOT_ACCEPTABLE", Cause(818)),
    (c"UNWANTED", Cause(819)),
    (c"NO_IDENTITY", Cause(820)),
    (c"BAD_IDENTITY_INFO", Cause(821)),
    (c"UNSUPPORTED_CERTIFICATE", Cause(822)),
    (c"INVALID_IDENTITY", Cause(823)),
    (c"STALE_DATE", Cause(824)),
    (c"REJECT_ALL", Cause(825)),
];

/// The name of a cause; `UNKNOWN` of a number that is none.
pub(crate) fn name(cause: Cause) -> &'static CStr {
    NAMES
        .iter()
        .find(|(_, number)| *number == cause)
        .map_or(c"UNKNOWN", |(name, _)| name)
}

/// All names but that of none.
pub(crate) fn names() -> impl Iterator<Item = &'static CStr> {
    NAMES[1..].iter().map(|(name, _)| *name)
}

/// The cause of a name or a number; `NORMAL_CLEARING` for anything else.
pub(crate) fn parse(text: &[u8]) -> Cause {
    if text.is_empty() {
        return NORMAL_CLEARING;
    }
    if text[0].is_ascii_digit() {
        return Cause(u32::try_from(crate::text::number(text)).unwrap_or(NORMAL_CLEARING.0));
    }
    NAMES
        .iter()
        .find(|(name, _)| name.to_bytes().eq_ignore_ascii_case(text))
        .map_or(NORMAL_CLEARING, |(_, cause)| *cause)
}

/// The cause as Q.850 knows it: the switch's own become `NORMAL_CLEARING`.
pub(crate) fn q850(cause: Cause) -> u32 {
    if cause.0 <= 127 {
        cause.0
    } else {
        NORMAL_CLEARING.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_are_taken_and_the_rest_clears() {
        assert_eq!(parse(b"user_busy"), USER_BUSY);
        assert_eq!(parse(b"17"), USER_BUSY);
        assert_eq!(parse(b"whatever"), NORMAL_CLEARING);
        assert_eq!(name(USER_BUSY), c"USER_BUSY");
        assert_eq!(name(Cause(9999)), c"UNKNOWN");
    }
}
