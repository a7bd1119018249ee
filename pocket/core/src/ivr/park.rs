//! Parking: a leg that waits for somebody else to decide.

use std::sync::Arc;

use bindings::{SWITCH_EVENT_CHANNEL_PARK, SWITCH_EVENT_CHANNEL_UNPARK};

use crate::c::*;
use crate::cause;
use crate::session::{Session, say};
use crate::text::{cut, number};

/// `switch_ivr_park`.
pub(crate) fn park(session: &Arc<Session>) -> Status {
    if session.has(CF_CONTROLLED) {
        say!(
            session,
            ERROR,
            "Cannot park channels that are under control already."
        );
        return FAILURE;
    }
    if session.state() == CS_RESET {
        return FAILURE;
    }
    let clock = &session.core.clock;
    let timeout = session.get("park_timeout").map(|timeout| {
        session.unset("park_timeout");
        let (seconds, name) = cut(&timeout, b':');
        let cause = if name.is_empty() {
            cause::NORMAL_CLEARING
        } else {
            cause::parse(name)
        };
        (clock.now() + number(seconds).max(0) * 1_000_000, cause)
    });
    session.set_flag(CF_CONTROLLED, 1);
    session.set_flag(CF_PARK, 1);
    session.fire(SWITCH_EVENT_CHANNEL_PARK, |_| {});
    while session.ready() && session.has(CF_CONTROLLED) && session.has(CF_PARK) {
        if session.media_ready() {
            if session.skip_frames(timeout.map(|(expires, _)| expires)) != SUCCESS {
                break;
            }
        } else {
            session.idle_frame();
        }
        // Nobody reads them, but the DTMF event tells of them.
        while session.take_digit().is_some() {}
        if let Some((expires, cause)) = timeout
            && clock.now() >= expires
        {
            session.hangup(cause);
            break;
        }
        session.parse_all_events();
    }
    session.clear_flag(CF_CONTROLLED);
    session.clear_flag(CF_PARK);
    session.fire(SWITCH_EVENT_CHANNEL_UNPARK, |_| {});
    SUCCESS
}
