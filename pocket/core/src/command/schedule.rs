//! Commands that are carried out later.

use bstr::{BStr, BString, ByteSlice};

use crate::cause;
use crate::ivr::schedule::{add, in_seconds, remove, remove_group};
use crate::ivr::{broadcast as ivr_broadcast, transfer as ivr_transfer};
use crate::log;
use crate::module::api::{Invocation, Reply, run, usage};
use crate::place::here;
use crate::session::Session;
use crate::text::{cut, is_number, number, split};

const NO_CHANNEL: &str = "-ERR No such channel!\n";

/// `[+@]time group command[&]`; with @ again and again.
pub(super) fn api(call: &Invocation<'_>) -> Reply {
    let (when, rest) = cut(call.argument, b' ');
    let (group, line) = cut(rest, b' ');
    if !rest.contains(&b' ') {
        return "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n".into();
    }
    let every = when
        .strip_prefix(b"@")
        .map(|seconds| number(seconds).max(1));
    let seconds = every.unwrap_or_else(|| in_seconds(call.core, when));
    let line: BString = line.strip_suffix(b"&").unwrap_or(line).into();
    let id = add(call.core, seconds, every, group, move |core| {
        let (name, argument) = cut(&line, b' ');
        let reply = run(core, name, argument, None, None);
        let text = format_args!("Command {name}({argument}):\n{}", reply.text);
        core.say(log::DEBUG, here!(), text);
    });
    format!("+OK Added: {id}\n").into()
}

pub(super) fn unschedule(call: &Invocation<'_>) -> Reply {
    match u32::try_from(number(call.argument)) {
        Ok(0) | Err(_) => "".into(),
        Ok(id) if remove(call.core, id) => "+OK\n".into(),
        Ok(_) => "-ERR No such id\n".into(),
    }
}

pub(super) fn delete(call: &Invocation<'_>) -> Reply {
    let argument = call.argument;
    let count = if is_number(argument) {
        let id = u32::try_from(number(argument)).unwrap_or(0);
        usize::from(remove(call.core, id))
    } else {
        remove_group(call.core, argument)
    };
    format!("+OK Deleted: {count}\n").into()
}

/// Hangs a leg up later, or at once in 0 seconds; the task's number.
pub(crate) fn hang_up(session: &std::sync::Arc<Session>, when: &BStr, name: &[u8]) -> Option<u32> {
    let cause = if name.is_empty() {
        cause::ALLOTTED_TIMEOUT
    } else {
        cause::parse(name)
    };
    // As in the core, which reads behind the first byte whatever that is.
    if number(when.get(1..).unwrap_or_default()) == 0 {
        session.hangup(cause);
        return None;
    }
    let uuid = session.uuid().to_owned();
    let seconds = in_seconds(&session.core, when);
    let group = session.uuid();
    Some(add(&session.core, seconds, None, group, move |core| {
        if let Some(session) = core.sessions.locate(&uuid) {
            session.hangup(cause);
        }
    }))
}

pub(super) fn hangup(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 4);
    let Some(when) = words.first() else {
        return usage("[+]<time> <uuid> [<cause>]");
    };
    let uuid = words.get(1).map_or(&b""[..], |uuid| uuid);
    let Some(session) = call.core.sessions.locate(uuid) else {
        return NO_CHANNEL.into();
    };
    hang_up(
        &session,
        when.as_bstr(),
        words.get(2).map_or(&b""[..], |name| name),
    );
    "+OK\n".into()
}

/// Transfers a leg later; the task's number.
pub(crate) fn transfer_later(session: &Session, when: &BStr, target: [BString; 3]) -> u32 {
    let uuid = session.uuid().to_owned();
    let seconds = in_seconds(&session.core, when);
    add(&session.core, seconds, None, session.uuid(), move |core| {
        if let Some(session) = core.sessions.locate(&uuid) {
            let [extension, dialplan, context] = &target;
            ivr_transfer::transfer(
                &session,
                extension.as_bstr(),
                dialplan.as_bstr(),
                context.as_bstr(),
            );
        }
    })
}

pub(super) fn transfer(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 6);
    if !(2..=5).contains(&words.len()) {
        return usage("[+]<time> <uuid> <extension> [<dialplan>] [<context>]");
    }
    let Some(session) = call.core.sessions.locate(&words[1]) else {
        return NO_CHANNEL.into();
    };
    let word = |at: usize| words.get(at).cloned().unwrap_or_default();
    transfer_later(&session, words[0].as_bstr(), [word(2), word(3), word(4)]);
    "+OK\n".into()
}

/// Broadcasts later; the task's number.
pub(crate) fn broadcast_later(
    core: &std::sync::Arc<crate::switch::Core>,
    when: &BStr,
    uuid: &BStr,
    path: BString,
    legs: &[u8],
) -> u32 {
    let both = legs.eq_ignore_ascii_case(b"both");
    let own = both || legs.is_empty() || legs.eq_ignore_ascii_case(b"aleg");
    let other = both || legs.eq_ignore_ascii_case(b"bleg");
    let group = uuid.to_owned();
    add(core, in_seconds(core, when), None, uuid, move |core| {
        ivr_broadcast::broadcast(core, &group, &path, own, other);
    })
}

pub(super) fn broadcast(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 4);
    let [when, uuid, path, legs @ ..] = words.as_slice() else {
        return usage("[[+]<time>|@time] <uuid> <path> [aleg|bleg|both]");
    };
    let legs = legs.first().map_or(&b""[..], |legs| legs);
    broadcast_later(
        call.core,
        when.as_bstr(),
        uuid.as_bstr(),
        path.clone(),
        legs,
    );
    "+OK Message scheduled\n".into()
}
