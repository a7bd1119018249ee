//! Applications whose work is done later, or beside what the leg does.

use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice};

use crate::command::schedule::{broadcast_later, hang_up, transfer_later};
use crate::ivr::record_session as ivr_record;
use crate::session::{Session, say};
use crate::text::{number, split};

fn keep_id(session: &Session, id: u32) {
    session.set("last_sched_id", id.to_string());
}

/// `[+]seconds [cause]`
pub(super) fn sched_hangup(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 5);
    let Some(when) = words.first() else {
        say!(session, ERROR, "No time specified.");
        return;
    };
    let name = words.get(1).map_or(&b""[..], |name| name);
    hang_up(session, when.as_bstr(), name);
}

/// `[+]seconds extension [dialplan [context]]`
pub(super) fn sched_transfer(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 4);
    let [when, _, ..] = words.as_slice() else {
        say!(session, ERROR, "Invalid Args");
        return;
    };
    let word = |at: usize| words.get(at).cloned().unwrap_or_default();
    let id = transfer_later(session, when.as_bstr(), [word(1), word(2), word(3)]);
    keep_id(session, id);
}

/// `[+@]seconds path [aleg|bleg|both]`
pub(super) fn sched_broadcast(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 6);
    let [when, path, rest @ ..] = words.as_slice() else {
        say!(session, ERROR, "Invalid Args");
        return;
    };
    let legs = rest.first().map_or(&b""[..], |legs| legs);
    let (when, path): (&BStr, BString) = (when.as_bstr(), path.clone());
    let id = broadcast_later(&session.core, when, session.uuid(), path, legs);
    keep_id(session, id);
}

/// `path [+seconds] [{name=value}]`
pub(super) fn record_session(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 5);
    let Some(path) = words.first() else { return };
    let limit = words
        .get(1)
        .and_then(|word| word.strip_prefix(b"+"))
        .map_or(0, number);
    ivr_record::start(session, path.as_bstr(), limit);
}

pub(super) fn stop_record_session(session: &Arc<Session>, data: &BStr) {
    ivr_record::stop(session, data, "stopped");
}
