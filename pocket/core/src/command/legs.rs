//! Commands about legs that do more than to change a variable.

use bindings::SWITCH_EVENT_CHANNEL_DATA;
use bstr::{BStr, ByteSlice};

use crate::c::*;
use crate::event::serial;
use crate::ivr::{bridge, record_session};
use crate::log;
use crate::module::api::{Invocation, Reply, usage};
use crate::place::here;
use crate::session::lock::Locked;
use crate::text::{cut, number, split};
use crate::transcript::Kind;
use crate::xml::write::write;

const NO_CHANNEL: &str = "-ERR No such channel!\n";

fn locate(call: &Invocation<'_>, uuid: &[u8]) -> Option<Locked> {
    call.core.sessions.locate(uuid)
}

/// What is known of a leg, as text, XML or JSON.
pub(super) fn dump(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 2);
    let Some(uuid) = words.first() else {
        return usage("<uuid> [format]");
    };
    let Some(session) = locate(call, uuid) else {
        return NO_CHANNEL.into();
    };
    let mut event = call
        .core
        .events
        .create(SWITCH_EVENT_CHANNEL_DATA, None, here!());
    session.describe(&mut event);
    let format = words.get(1).map_or(&b"txt"[..], |format| format);
    match format.to_ascii_lowercase().as_slice() {
        b"json" => serial::json(&event).into(),
        b"xml" => {
            let tree = serial::xml(&event, None);
            // SAFETY: the tree is ours, and lives over the call.
            unsafe { write(tree.as_ptr(), false, false) }.into()
        }
        b"plain" => serial::lines(&event, false).into(),
        _ => serial::lines(&event, true).into(),
    }
}

pub(super) fn bridge(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 4);
    let [own, others @ ..] = words.as_slice() else {
        return usage("<uuid> <other_uuid>");
    };
    if others.is_empty() {
        return usage("<uuid> <other_uuid>");
    }
    for other in others.iter().take(2) {
        if let (Some(a), Some(b)) = (locate(call, own), locate(call, other))
            && bridge::join(&a, &b) == SUCCESS
        {
            return format!("+OK {other}\n").into();
        }
    }
    "-ERR Invalid uuid\n".into()
}

pub(super) fn record(call: &Invocation<'_>) -> Reply {
    const SYNTAX: &str = "<uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]";
    let words = split(call.argument, b' ', 5);
    let [uuid, action, path, rest @ ..] = words.as_slice() else {
        return usage(SYNTAX);
    };
    let Some(session) = locate(call, uuid) else {
        return "-ERR Cannot locate session!\n".into();
    };
    let path = path.as_bstr();
    let (done, what) = match action.to_ascii_lowercase().as_slice() {
        b"start" => {
            let limit = rest.first().map_or(0, |limit| number(limit));
            let done = record_session::start(&session, path, limit) == SUCCESS;
            (done, "record session")
        }
        b"stop" => {
            let done = record_session::stop(&session, path, "stopped") == SUCCESS;
            (done, "stop record session")
        }
        b"pause" => {
            let done = record_session::pause(&session, path, true) == SUCCESS;
            (done, "pause recording session")
        }
        b"resume" => {
            let done = record_session::pause(&session, path, false) == SUCCESS;
            (done, "resume recording session")
        }
        b"mask" => (
            record_session::is_running(&session, path),
            "mask recording session",
        ),
        b"unmask" => (
            record_session::is_running(&session, path),
            "unmask recording session",
        ),
        _ => return usage(SYNTAX),
    };
    if done {
        "+OK Success\n".into()
    } else {
        format!("-ERR Cannot {what}!\n").into()
    }
}

/// There is no audio that could be louder: the transcript says what was asked for.
pub(super) fn audio(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 5);
    let syntax = || usage("<uuid> [start [read|write] [mute|level <level>]|stop]");
    let [uuid, action, rest @ ..] = words.as_slice() else {
        return syntax();
    };
    let Some(session) = locate(call, uuid) else {
        return NO_CHANNEL.into();
    };
    let is = |word: &BStr, known: &[&str]| {
        known
            .iter()
            .any(|known| word.eq_ignore_ascii_case(known.as_bytes()))
    };
    let fits = match (action.as_bstr(), rest) {
        (action, _) if is(action, &["stop"]) => true,
        (action, [side, what, _]) => {
            is(action, &["start"])
                && is(side.as_bstr(), &["read", "write"])
                && is(what.as_bstr(), &["mute", "level"])
        }
        _ => false,
    };
    if !fits {
        return syntax();
    }
    let text = format!("uuid_audio {}", bstr::join(" ", &words[1..]).as_bstr());
    session.note(Kind::StandIn, text, Vec::new());
    "+OK\n".into()
}

pub(super) fn flush_dtmf(call: &Invocation<'_>) -> Reply {
    match locate(call, call.argument) {
        Some(session) => {
            session.flush_digits();
            "+OK\n".into()
        }
        None => NO_CHANNEL.into(),
    }
}

pub(super) fn pre_answer(call: &Invocation<'_>) -> Reply {
    match locate(call, call.argument) {
        Some(session) => {
            session.pre_answer();
            "+OK\n".into()
        }
        None => "-ERROR\n".into(),
    }
}

/// `uuid text`: without SIP nothing answers a REFER, and the call is not moved.
pub(super) fn deflect(call: &Invocation<'_>) -> Reply {
    let (uuid, target) = cut(call.argument, b' ');
    if uuid.is_empty() || target.is_empty() {
        return usage("<uuid> <uri>");
    }
    let Some(session) = locate(call, uuid) else {
        return format!("-ERR No such channel {uuid}!\n").into();
    };
    session.note(Kind::StandIn, format!("uuid_deflect {target}"), Vec::new());
    let text = format_args!("pocket has no SIP to deflect {uuid} to {target} by: the call stays");
    call.core.say(log::WARNING, here!(), text);
    "+OK:\n".into()
}
