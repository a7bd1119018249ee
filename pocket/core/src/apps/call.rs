//! Applications that move the call.

use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use crate::c::*;
use crate::cause;
use crate::ivr::failure::handle_failure;
use crate::ivr::originate::{Request, originate};
use crate::ivr::{bridge as ivr_bridge, park as ivr_park, transfer as ivr_transfer};
use crate::session::{Session, say};
use crate::text::{number, split};

pub(super) fn answer(session: &Arc<Session>, _: &BStr) {
    session.answer();
}

pub(super) fn pre_answer(session: &Arc<Session>, _: &BStr) {
    session.pre_answer();
}

pub(super) fn ring_ready(session: &Arc<Session>, _: &BStr) {
    session.ring_ready();
}

pub(super) fn wait_for_answer(session: &Arc<Session>, _: &BStr) {
    while session.ready() && !session.has(CF_ANSWERED) {
        session.idle_frame();
    }
}

pub(super) fn hangup(session: &Arc<Session>, data: &BStr) {
    session.hangup(if data.is_empty() {
        cause::NORMAL_CLEARING
    } else {
        cause::parse(data)
    });
}

/// A SIP response ends the call as its code says; without SIP, as a busy one.
pub(super) fn respond(session: &Arc<Session>, data: &BStr) {
    let cause = match number(data) {
        404 => cause::UNALLOCATED_NUMBER,
        486 | 600 => cause::USER_BUSY,
        480 | 408 => cause::NO_ANSWER,
        code if code >= 300 => cause::CALL_REJECTED,
        _ => return,
    };
    session.hangup(cause);
}

pub(super) fn break_(session: &Arc<Session>, _: &BStr) {
    if session.has(CF_BROADCAST) {
        session.stop_broadcast();
    } else {
        session.set_flag(CF_BREAK, 1);
    }
}

pub(super) fn park(session: &Arc<Session>, _: &BStr) {
    ivr_park::park(session);
}

pub(super) fn transfer(session: &Arc<Session>, data: &BStr) {
    let mut words = split(data, b' ', 4);
    let other = match words.first().map(|word| word.as_slice()) {
        Some(b"-bleg" | b"-both") => session
            .get("signal_bond")
            .and_then(|uuid| session.core.sessions.locate(&uuid)),
        Some(_) => None,
        None => {
            say!(session, ERROR, "No extension specified.");
            return;
        }
    };
    let own = words[0] != "-bleg";
    if words[0].starts_with(b"-b") {
        words.remove(0);
    }
    let word = |at: usize| words.get(at).map_or(BStr::new(""), |word| word.as_bstr());
    if let Some(other) = other {
        ivr_transfer::transfer(&other, word(0), word(1), word(2));
    }
    if own {
        ivr_transfer::transfer(session, word(0), word(1), word(2));
    }
}

pub(super) fn execute_extension(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 3);
    let word = |at: usize| words.get(at).map_or(BStr::new(""), |word| word.as_bstr());
    if words.is_empty() {
        say!(session, ERROR, "Usage: <extension> <dialplan> <context>");
        return;
    }
    session.execute_extension(word(0), word(1), word(2));
}

pub(super) fn bridge(session: &Arc<Session>, data: &BStr) {
    if data.is_empty() {
        return;
    }
    match originate(&session.core, Some(session), data, &Request::default()) {
        Ok(peer) => {
            ivr_bridge::bridge(session, &peer, [None, None]);
        }
        Err(cause) => {
            let name = cause::name(cause).to_string_lossy();
            say!(session, INFO, "Originate Failed.  Cause: {name}");
            session.set("originate_failed_cause", name.as_bytes());
            handle_failure(session, cause);
        }
    }
}
