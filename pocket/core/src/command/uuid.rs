//! Commands about one leg.

use bindings::SWITCH_STACK_BOTTOM;
use bstr::{BStr, BString, ByteSlice};

use crate::c::*;
use crate::cause;
use crate::ivr::file::{Handle, process};
use crate::ivr::{broadcast as ivr_broadcast, transfer as ivr_transfer};
use crate::module::api::{Invocation, Reply, usage};
use crate::session::dtmf::Queued;
use crate::session::lock::Locked;
use crate::text::{cut, number, split};

const NO_CHANNEL: &str = "-ERR No such channel!\n";

fn locate(call: &Invocation<'_>, uuid: &[u8]) -> Option<Locked> {
    call.core.sessions.locate(uuid)
}

pub(super) fn exists(call: &Invocation<'_>) -> Reply {
    if locate(call, call.argument).is_some() {
        "true".into()
    } else {
        "false".into()
    }
}

pub(super) fn kill(call: &Invocation<'_>) -> Reply {
    let (uuid, name) = cut(call.argument, b' ');
    if uuid.is_empty() {
        return usage("<uuid> [cause]");
    }
    let Some(session) = locate(call, uuid) else {
        return NO_CHANNEL.into();
    };
    session.hangup(if name.is_empty() {
        cause::NORMAL_CLEARING
    } else {
        cause::parse(name)
    });
    "+OK\n".into()
}

pub(super) fn answer(call: &Invocation<'_>) -> Reply {
    if call.argument.is_empty() {
        return "-ERROR\n".into();
    }
    match locate(call, call.argument) {
        None => "-ERROR\n".into(),
        Some(session) => {
            session.answer();
            "+OK\n".into()
        }
    }
}

pub(super) fn setvar(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 3);
    let [uuid, name, ..] = words.as_slice() else {
        return usage("<uuid> <var> [value]");
    };
    if uuid.is_empty() {
        return usage("<uuid> <var> [value]");
    }
    let Some(session) = locate(call, uuid) else {
        return NO_CHANNEL.into();
    };
    if name.is_empty() {
        return "-ERR No variable specified\n".into();
    }
    let value = words.get(2).cloned().unwrap_or_default();
    session.add_checked(name, &value, false, SWITCH_STACK_BOTTOM);
    "+OK\n".into()
}

pub(super) fn setvar_multi(call: &Invocation<'_>) -> Reply {
    const SYNTAX: &str = "<uuid> <var>=<value>;<var>=<value>...";
    if call.argument.is_empty() {
        return usage(SYNTAX);
    }
    let Some(at) = call.argument.find_byte(b' ') else {
        return "".into();
    };
    let Some(session) = locate(call, &call.argument[..at]) else {
        return format!("{NO_CHANNEL}-USAGE: {SYNTAX}\n").into();
    };
    let mut reply = String::new();
    let mut done = false;
    for pair in split(&call.argument[at + 1..], b';', 64) {
        let (name, value) = cut(&pair, b'=');
        if name.is_empty() {
            reply.push_str("-ERR No variable specified\n");
        } else {
            session.set_checked(name, value, true);
            done = true;
        }
    }
    if done {
        reply.push_str("+OK\n");
    } else {
        reply.extend(["-USAGE: ", SYNTAX, "\n"]);
    }
    reply.into()
}

pub(super) fn park(call: &Invocation<'_>) -> Reply {
    match locate(call, call.argument) {
        None => NO_CHANNEL.into(),
        Some(session) => {
            session.set_flag(CF_TRANSFER, 1);
            session.set_state(CS_PARK);
            "+OK\n".into()
        }
    }
}

pub(super) fn getvar(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 4);
    let [uuid, name, ..] = words.as_slice() else {
        return usage("<uuid> <var>");
    };
    let Some(session) = locate(call, uuid) else {
        return NO_CHANNEL.into();
    };
    if name.is_empty() {
        return "-ERR No variable name specified!\n".into();
    }
    let indexed = name.find_byte(b'[').and_then(|at| {
        let index = i32::try_from(number(&name[at + 1..])).unwrap_or(-1);
        session.get_at(&name[..at], index)
    });
    indexed
        .or_else(|| session.get(name))
        .unwrap_or_else(|| "_undef_".into())
        .into()
}

/// UUID and digits of a command about digits.
fn digits_of(call: &Invocation<'_>) -> Option<(BString, BString)> {
    let mut words = split(call.argument, b' ', 2).into_iter();
    Some((
        words.next()?,
        words.next().filter(|digits| !digits.is_empty())?,
    ))
}

pub(super) fn recv_dtmf(call: &Invocation<'_>) -> Reply {
    let Some((uuid, digits)) = digits_of(call) else {
        return usage("<uuid> <dtmf_data>");
    };
    let Some(session) = locate(call, &uuid) else {
        return "-ERR Cannot locate session!\n".into();
    };
    if session.queue_digits(&digits) == Queued::Bad {
        return usage("<uuid> <dtmf_data>");
    }
    format!("+OK {uuid} received DTMF {digits}.\n").into()
}

pub(super) fn send_dtmf(call: &Invocation<'_>) -> Reply {
    let Some((uuid, digits)) = digits_of(call) else {
        return usage("<uuid> <dtmf_data>");
    };
    let Some(session) = locate(call, &uuid) else {
        return "-ERR Cannot locate session!\n".into();
    };
    if session.send_digits(&digits) {
        format!("+OK {uuid} sent DTMF {digits}.\n").into()
    } else {
        "-ERR Operation failed\n".into()
    }
}

/// What acts on the file that a leg plays: `volume:+1`, `pause`, `seek:+1000`.
pub(super) fn fileman(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 4);
    let [uuid, command, ..] = words.as_slice() else {
        return usage("<uuid> <cmd:val>");
    };
    let Some(session) = locate(call, uuid) else {
        return NO_CHANNEL.into();
    };
    session.with_private(b"__fh", |file| {
        // SAFETY: who plays keeps the handle's address there for as long as it lives,
        // and takes it away under the lock that is held here.
        match unsafe { Handle::new(file as *mut _) } {
            Some(handle) => {
                process(command.as_bstr(), Some(handle));
                // A tone is not looked at in each frame.
                session.kick();
                "+OK\n".into()
            }
            None => "-ERR No file handle!\n".into(),
        }
    })
}

pub(super) fn break_(call: &Invocation<'_>) -> Reply {
    let (uuid, flag) = cut(call.argument, b' ');
    if uuid.is_empty() {
        return usage("<uuid> [all]");
    }
    let Some(session) = locate(call, uuid) else {
        return NO_CHANNEL.into();
    };
    let all = flag.contains_str("all");
    let partner = if flag.contains_str("both") {
        session
            .get("signal_bond")
            .and_then(|partner| locate(call, &partner))
    } else {
        None
    };
    for leg in [Some(&session), partner.as_ref()].into_iter().flatten() {
        if all {
            leg.flush_private_events();
        }
        if leg.has(CF_BROADCAST) {
            leg.stop_broadcast();
        } else {
            leg.set_flag(CF_BREAK, if all { 2 } else { 1 });
            leg.kick();
        }
    }
    "+OK\n".into()
}

pub(super) fn broadcast(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 4);
    let [uuid, path, ..] = words.as_slice() else {
        return usage("<uuid> <path> [aleg|bleg|holdb|both]");
    };
    let legs = words
        .get(2)
        .map_or(BStr::new("aleg"), |legs| legs.as_bstr());
    let both = legs.contains_str("both");
    if ivr_broadcast::broadcast(
        call.core,
        uuid,
        path,
        both || legs.contains_str("aleg"),
        both || legs.contains_str("bleg"),
    ) {
        "+OK Message sent\n".into()
    } else {
        "-ERR invalid uuid\n".into()
    }
}

pub(super) fn transfer(call: &Invocation<'_>) -> Reply {
    let mut words = split(call.argument, b' ', 5);
    if words.len() < 2 {
        return usage("<uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]");
    }
    let Some(session) = locate(call, &words[0]) else {
        return NO_CHANNEL.into();
    };
    let partner = || {
        session
            .get("signal_bond")
            .and_then(|uuid| locate(call, &uuid))
    };
    let (own, other) = match words[1].as_slice() {
        b"-bleg" => (false, partner()),
        b"-both" => (true, partner()),
        _ => (true, None),
    };
    if words[1].starts_with(b"-") {
        words.remove(1);
    }
    let word = |at: usize| words.get(at).map_or(BStr::new(""), |word| word.as_bstr());
    let mut done = false;
    if let Some(other) = other {
        done |= ivr_transfer::transfer(&other, word(1), word(2), word(3)) == SUCCESS;
    }
    if own {
        done |= ivr_transfer::transfer(&session, word(1), word(2), word(3)) == SUCCESS;
    }
    if done {
        "+OK\n".into()
    } else {
        "-ERR\n".into()
    }
}
