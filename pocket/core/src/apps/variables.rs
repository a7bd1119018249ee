//! Applications about variables, the log and events.

use std::sync::Arc;

use bindings::{SWITCH_EVENT_CHANNEL_APPLICATION, SWITCH_EVENT_CHANNEL_DATA};
use bstr::{BStr, BString, ByteSlice};

use crate::event::{Event, names};
use crate::log as switch_log;
use crate::place::here;
use crate::session::{Session, say};
use crate::text::{cut, split};
use crate::transcript::Kind;

/// `name=value` or `name,value`; no value unsets. The value is expanded, though
/// the application's data was already.
fn assign(session: &Arc<Session>, assignment: &BStr) {
    if assignment.is_empty() {
        say!(session, ERROR, "No variable name specified.");
        return;
    }
    let at = assignment
        .find_byte(b'=')
        .or_else(|| assignment.find_byte(b','));
    let (name, value) = match at {
        Some(at) => (assignment[..at].as_bstr(), assignment[at + 1..].as_bstr()),
        None => (assignment, BStr::new("")),
    };
    let value = session.expand(value);
    let shown = if value.is_empty() {
        BStr::new("UNDEF")
    } else {
        value.as_bstr()
    };
    say!(session, DEBUG, "SET {} [{name}]=[{shown}]", session.name());
    session.set_checked(name, &value, false);
    session.note(Kind::Variable, name, vec![("value", value)]);
}

pub(super) fn set(session: &Arc<Session>, data: &BStr) {
    assign(session, data);
}

pub(super) fn multiset(session: &Arc<Session>, data: &BStr) {
    let (delimiter, list) = match data.as_bytes() {
        [b'^', b'^', delimiter, rest @ ..] => (*delimiter, rest),
        list => (b' ', list),
    };
    for assignment in split(list, delimiter, 256) {
        assign(session, assignment.as_bstr());
    }
}

/// `name=value`: adds to what the variable has, at the end or at the beginning.
fn add(session: &Arc<Session>, data: &BStr, stack: bindings::switch_stack_t) {
    let (name, value) = cut(data, b'=');
    if name.is_empty() {
        say!(session, ERROR, "No variable name specified.");
        return;
    }
    let value = session.expand(value);
    say!(session, DEBUG, "SET {} [{name}]=[{value}]", session.name());
    session.add_checked(name, &value, false, stack);
    session.note(Kind::Variable, name, vec![("value", value)]);
}

pub(super) fn push(session: &Arc<Session>, data: &BStr) {
    add(session, data, bindings::SWITCH_STACK_PUSH);
}

pub(super) fn unshift(session: &Arc<Session>, data: &BStr) {
    add(session, data, bindings::SWITCH_STACK_UNSHIFT);
}

/// `full`, `name`, `number`, `yes` or `no`: what the leg's profile says of the caller.
pub(super) fn privacy(session: &Arc<Session>, data: &BStr) {
    let (name, number) = match data.to_ascii_lowercase().as_slice() {
        b"" => {
            say!(session, ERROR, "No privacy mode specified.");
            return;
        }
        b"full" => (true, true),
        b"name" => (true, false),
        b"number" => (false, true),
        b"no" | b"false" | b"off" | b"0" => (false, false),
        mode if crate::text::is_true(mode) => (true, true),
        _ => {
            say!(
                session,
                ERROR,
                "INVALID privacy mode specified. Use a valid mode [no|yes|name|full|number]."
            );
            return;
        }
    };
    session.change_profile(|profile| {
        profile.hides_name = name;
        profile.hides_number = number;
    });
    say!(session, DEBUG, "Set Privacy to {data}");
}

pub(super) fn unset(session: &Arc<Session>, data: &BStr) {
    if data.is_empty() {
        say!(session, ERROR, "No variable name specified.");
        return;
    }
    say!(session, DEBUG, "UNSET [{data}]");
    session.unset(data);
    session.note(Kind::Variable, data, vec![("value", BString::default())]);
}

pub(super) fn set_global(session: &Arc<Session>, data: &BStr) {
    let (name, value) = cut(data, b'=');
    let value = if value == "_undef_" {
        BStr::new("")
    } else {
        value
    };
    session.core.globals.set(name, value);
}

/// `name=value`, also `nolocal:name=value`: for the legs that this one makes.
pub(super) fn export(session: &Arc<Session>, data: &BStr) {
    let (name, value) = cut(data, b'=');
    let bare = name.strip_prefix(b"nolocal:").unwrap_or(name);
    if bare.is_empty() {
        say!(session, ERROR, "No variable name specified.");
        return;
    }
    say!(session, DEBUG, "EXPORT (export_vars) [{name}]=[{value}]");
    session.set_checked(name, value, false);
    let mut exported = session.get("export_vars").unwrap_or_default();
    if !exported
        .split_str(",")
        .any(|known| known == name.as_bytes())
    {
        if !exported.is_empty() {
            exported.push(b',');
        }
        exported.extend_from_slice(name);
        session.set("export_vars", exported);
    }
    session.note(
        Kind::Variable,
        bare.as_bstr(),
        vec![("value", value.to_owned())],
    );
}

/// `level text`
pub(super) fn log(session: &Arc<Session>, data: &BStr) {
    let (level, text) = match data.find_byte(b' ') {
        Some(at) => (
            switch_log::parse_level(&data[..at]),
            data[at + 1..].as_bstr(),
        ),
        None => (switch_log::DEBUG, data),
    };
    let level = match level {
        switch_log::INVALID | switch_log::DISABLE => switch_log::DEBUG,
        level => level,
    };
    session.log(level, here!(), format_args!("{text}"));
}

pub(super) fn info(session: &Arc<Session>, _: &BStr) {
    let mut event = Event::plain(SWITCH_EVENT_CHANNEL_DATA);
    session.describe(&mut event);
    let lines: Vec<_> = event
        .headers()
        .map(|(name, value, _)| format!("{name}: [{value}]\n"))
        .collect();
    say!(session, INFO, "CHANNEL_DATA:\n{}", lines.concat());
}

/// The expansion of its data was all there is to do.
pub(super) fn eval(_: &Arc<Session>, _: &BStr) {}

/// `Name=value,Name=value`; Event-Name and Event-Subclass choose the kind.
pub(super) fn event(session: &Arc<Session>, data: &BStr) {
    let headers: Vec<_> = split(data, b',', 25)
        .iter()
        .map(|pair| {
            let (name, value) = cut(pair, b'=');
            (
                name.trim_ascii_start().as_bstr().to_owned(),
                value.to_owned(),
            )
        })
        .collect();
    let value = |name: &str| {
        headers
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
    };
    let kind = value("Event-Name")
        .and_then(|(_, name)| names::find(name))
        .unwrap_or(SWITCH_EVENT_CHANNEL_APPLICATION);
    let subclass = value("Event-Subclass").map(|(_, subclass)| subclass.as_slice());
    let mut event = session.core.events.create(kind, subclass, here!());
    session.describe(&mut event);
    for (name, value) in &headers {
        if !name.eq_ignore_ascii_case(b"Event-Name")
            && !name.eq_ignore_ascii_case(b"Event-Subclass")
        {
            event.add(name, value);
        }
    }
    session.core.events.fire(event);
}
