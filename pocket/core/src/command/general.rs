//! Commands about the switch itself.

use std::fmt::Write as _;
use std::sync::Arc;

use bindings::{SWITCH_EVENT_API, SWITCH_EVENT_BACKGROUND_JOB, SWITCH_EVENT_CHANNEL_DATA};
use bstr::{BStr, BString, ByteSlice, ByteVec};

use crate::c::SUCCESS;
use crate::cause;
use crate::event::Event;
use crate::log;
use crate::module::api::console as run_line;
use crate::module::api::{Invocation, Reply, run, usage};
use crate::place::here;
use crate::session::expand::{Headers, expand as expand_text};
use crate::session::machine::STACK;
use crate::text::{number, split};

pub(super) fn echo(call: &Invocation<'_>) -> Reply {
    call.argument.into()
}

/// What the last word of a line could become, as the console shows it.
pub(super) fn console_complete(call: &Invocation<'_>) -> Reply {
    let found = call.core.completions.complete(call.argument);
    let mut reply = String::from("\n\n");
    for word in found {
        // Writing to a String does not fail.
        let _ = write!(reply, "[{word:>20}]\t");
    }
    (reply + "\n\n").into()
}

pub(super) fn create_uuid(_: &Invocation<'_>) -> Reply {
    uuid::Uuid::new_v4().to_string().into()
}

pub(super) fn version(call: &Invocation<'_>) -> Reply {
    let version = crate::switch::VERSION.to_string_lossy();
    if call.argument.starts_with(b"short") {
        let short = version.split('~').next().unwrap_or_default();
        return format!("{short}\n").into();
    }
    format!("FreeSWITCH Version {version} (pocket)\n").into()
}

pub(super) fn status(call: &Invocation<'_>) -> Reply {
    let core = call.core;
    let micros = core.clock.now();
    let seconds = micros / 1_000_000;
    let units = [
        (seconds / 31_536_000, "year"),
        (seconds / 86_400 % 365, "day"),
        (seconds / 3600 % 24, "hour"),
        (seconds / 60 % 60, "minute"),
        (seconds % 60, "second"),
        (micros / 1000 % 1000, "millisecond"),
        (micros % 1000, "microsecond"),
    ];
    let up: Vec<_> = units
        .iter()
        .map(|(count, unit)| format!("{count} {unit}{}", if *count == 1 { "" } else { "s" }))
        .collect();
    format!(
        "UP {}\nFreeSWITCH (Version {} pocket) is ready\n{} session(s) since startup\n{} session(s) - peak {}, last 5min {} \n\
         0 session(s) per Sec out of max 30, peak 0, last 5min 0 \n1000 session(s) max\nmin idle cpu 0.00/100.00\n\
         Current Stack Size/Max {}K/8192K\n",
        up.join(", "),
        crate::switch::VERSION.to_string_lossy(),
        core.sessions.created(),
        core.sessions.count(),
        core.sessions.count(),
        core.sessions.count(),
        STACK / 1024,
    )
    .into()
}

/// What `global_getvar hostname` is, too.
pub(super) fn hostname(call: &Invocation<'_>) -> Reply {
    call.core
        .globals
        .get(b"hostname")
        .unwrap_or_default()
        .into()
}

/// How long the switch has run, in the unit that is named.
pub(super) fn uptime(call: &Invocation<'_>) -> Reply {
    let scale = match call.argument.to_ascii_lowercase().as_slice() {
        b"" | b"seconds" | b"s" => 1_000_000,
        b"microseconds" | b"us" => 1,
        b"milliseconds" | b"ms" => 1000,
        b"minutes" | b"m" => 60_000_000,
        b"hours" | b"h" => 3_600_000_000,
        b"days" | b"d" => 86_400_000_000,
        _ => return usage("[us|ms|s|m|h|d|microseconds|milliseconds|seconds|minutes|hours|days]"),
    };
    format!("{}\n", call.core.clock.now() / scale).into()
}

/// A variable of the environment.
pub(super) fn getenv(call: &Invocation<'_>) -> Reply {
    let value = std::env::var_os(call.argument.to_os_str_lossy());
    value
        .map_or_else(
            || "_undef_".into(),
            |value| BString::from(value.as_encoded_bytes()),
        )
        .into()
}

pub(super) fn msleep(call: &Invocation<'_>) -> Reply {
    call.core.clock.sleep(number(call.argument).max(0) * 1000);
    "+OK".into()
}

/// `[uuid:<uuid> ]text`: what a call's events say, and the text.
fn of_call<'a>(call: &Invocation<'a>, event: &mut Event) -> &'a BStr {
    let Some(rest) = call.argument.strip_prefix(b"uuid:") else {
        return call.argument;
    };
    let (uuid, text) = crate::text::cut(rest, b' ');
    if let Some(session) = call.core.sessions.locate(uuid) {
        session.describe(event);
    }
    text
}

pub(super) fn eval(call: &Invocation<'_>) -> Reply {
    let mut event = call
        .core
        .events
        .create(SWITCH_EVENT_CHANNEL_DATA, None, here!());
    let text = of_call(call, &mut event);
    let headers = Headers {
        core: call.core,
        event: &event,
    };
    expand_text(&headers, text).into()
}

/// Runs a command with its arguments expanded.
pub(super) fn expand(call: &Invocation<'_>) -> Reply {
    let mut event = call.core.events.create(SWITCH_EVENT_API, None, here!());
    event.add("API-Command", "expand");
    event.add("API-Command-Argument", call.argument);
    let line = of_call(call, &mut event);
    if line.is_empty() {
        return "-ERR No input\n".into();
    }
    let (name, argument) = crate::text::cut(line, b' ');
    let headers = Headers {
        core: call.core,
        event: &event,
    };
    let argument = expand_text(&headers, argument);
    let mut reply = run(call.core, name, argument.as_bstr(), call.session, None);
    if reply.status != SUCCESS {
        reply.text.push_str("-ERR Cannot execute command\n");
    }
    reply.text.into()
}

pub(super) fn global_getvar(call: &Invocation<'_>) -> Reply {
    if !call.argument.is_empty() {
        return call
            .core
            .globals
            .get(call.argument)
            .unwrap_or_default()
            .into();
    }
    let all: Vec<_> = call
        .core
        .globals
        .all()
        .into_iter()
        .map(|(name, value)| format!("{name}={value}\n"))
        .collect();
    all.concat().into()
}

pub(super) fn global_setvar(call: &Invocation<'_>) -> Reply {
    let parts = split(call.argument, b'=', 3);
    let Some(name) = parts.first().filter(|name| !name.is_empty()) else {
        return usage("<var>=<value> [=<value2>]");
    };
    let value = parts.get(1).cloned().unwrap_or_default();
    match parts.get(2) {
        // Only set when it is what the caller thinks it is.
        Some(expected) if call.core.globals.get(name).unwrap_or_default() != *expected => {}
        _ => call.core.globals.set(name, &value),
    }
    "+OK".into()
}

pub(super) fn hupall(call: &Invocation<'_>) -> Reply {
    let parts = split(call.argument, b' ', 3);
    let cause = parts
        .first()
        .map_or(cause::MANAGER_REQUEST, |cause| cause::parse(cause));
    let mut count = 0;
    for session in call.core.sessions.all() {
        let fits = match (parts.get(1), parts.get(2)) {
            (Some(name), Some(value)) => session.get(name).as_ref() == Some(value),
            _ => true,
        };
        if fits {
            session.hangup(cause);
            count += 1;
        }
    }
    if parts.len() < 3 {
        return format!(
            "+OK hangup all channels with cause {}\n",
            cause::name(cause).to_string_lossy()
        )
        .into();
    }
    format!("+OK {count} channels hung up\n").into()
}

/// The level that a word names, -1 for none: what `SCSC_LOGLEVEL` is given.
fn asked_level(words: &[BString]) -> i32 {
    words.get(1).map_or(-1, |word| {
        if word.first().is_some_and(u8::is_ascii_digit) {
            i32::try_from(number(word)).unwrap_or(log::INVALID)
        } else {
            log::parse_level(word)
        }
    })
}

const FSCTL_SYNTAX: &str = "[api_expansion [on|off]|recover|send_sighup|hupall|pause [inbound|outbound]|resume \
    [inbound|outbound]|shutdown [cancel|elegant|asap|now|restart]|uuid_version [4|7]|sps|sps_peak_reset|sync_clock|\
    sync_clock_when_idle|reclaim_mem|max_sessions|min_dtmf_duration [num]|max_dtmf_duration [num]|\
    default_dtmf_duration [num]|min_idle_cpu|loglevel [level]|debug_level [level]|mdns_resolve [enable|disable]]";

pub(super) fn fsctl(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 5);
    match words
        .first()
        .map(|word| word.to_ascii_lowercase())
        .as_deref()
    {
        Some(b"loglevel") => match asked_level(&words) {
            log::INVALID => "-ERR syntax error, log level not set!\n".into(),
            level => {
                let level = call.core.log.control(level);
                format!("+OK log level: {} [{level}]\n", log::level_name(level)).into()
            }
        },
        Some(b"debug_level") => {
            let level = words
                .get(1)
                .map_or(-1, |word| i32::try_from(number(word)).unwrap_or(-1));
            format!(
                "+OK DEBUG level: {}\n",
                call.core.log.set_debug_level(level)
            )
            .into()
        }
        Some(b"sps") => counted(call, &words, Limit::Rate, "sessions per second"),
        Some(b"max_sessions") => counted(call, &words, Limit::Sessions, "max sessions"),
        Some(b"last_sps") => "+OK last sessions per second: 0\n".into(),
        Some(b"sps_peak_reset") => "+OK max sessions per second counter reset\n".into(),
        Some(b"min_dtmf_duration") => "+OK min dtmf duration: 400\n".into(),
        Some(b"max_dtmf_duration") => "+OK max dtmf duration: 192000\n".into(),
        Some(b"default_dtmf_duration") => "+OK default dtmf duration: 2000\n".into(),
        Some(b"min_idle_cpu") => "+OK min idle cpu: DISABLED\n".into(),
        Some(b"sync_clock" | b"sync_clock_when_idle") => "+OK clock synchronized\n".into(),
        Some(b"ready_check") => if call.core.closing() { "false" } else { "true" }.into(),
        Some(b"shutdown_check") => if call.core.closing() { "true" } else { "false" }.into(),
        Some(b"pause_check") => "false".into(),
        Some(b"reclaim_mem" | b"flush_db_handles" | b"save_history" | b"calibrate_clock") => {
            "+OK\n".into()
        }
        Some(word @ (b"pause" | b"resume" | b"shutdown" | b"recover" | b"send_sighup")) => {
            let text = format_args!("pocket does not do fsctl {}", word.as_bstr());
            call.core.say(log::WARNING, here!(), text);
            "+OK\n".into()
        }
        Some(b"hupall") => hupall(&Invocation {
            argument: words.get(1).map_or(b"".as_bstr(), |cause| cause.as_bstr()),
            ..*call
        }),
        None => usage(FSCTL_SYNTAX),
        Some(_) => format!("-ERR Invalid command\nUSAGE: fsctl {FSCTL_SYNTAX}\n").into(),
    }
}

/// Limits of FreeSWITCH that pocket only remembers: nothing is refused for them.
#[derive(Default)]
struct Limits {
    rate: Option<i64>,
    sessions: Option<i64>,
}

#[derive(Clone, Copy)]
enum Limit {
    Rate,
    Sessions,
}

fn counted(call: &Invocation<'_>, words: &[BString], which: Limit, what: &str) -> Reply {
    let mut limits = call.core.attached.get::<Limits>();
    let (slot, default) = match which {
        Limit::Rate => (&mut limits.rate, 30),
        Limit::Sessions => (&mut limits.sessions, 1000),
    };
    if let Some(asked) = words
        .get(1)
        .map(|word| number(word))
        .filter(|asked| *asked > 0)
    {
        *slot = Some(asked);
    }
    format!("+OK {what}: {}\n", slot.unwrap_or(default)).into()
}

pub(super) fn console(call: &Invocation<'_>) -> Reply {
    let words = split(call.argument, b' ', 3);
    if !words
        .first()
        .is_some_and(|word| word.eq_ignore_ascii_case(b"loglevel"))
    {
        return "USAGE:\n--------------------------------------------------------------------------------\n\
                console loglevel [[0-7]|<loglevel_string>]\n\
                --------------------------------------------------------------------------------\n"
            .into();
    }
    if words.len() > 1 {
        match log::parse_level(&words[1]) {
            log::INVALID => {
                return format!("-ERR Invalid console loglevel ({})!\n\n", words[1]).into();
            }
            level => call.core.log.set_console_level(level),
        }
    }
    format!(
        "+OK console log level set to {}\n",
        log::level_name(call.core.log.console_level())
    )
    .into()
}

pub(super) fn bgapi(call: &Invocation<'_>) -> Reply {
    let (job, line) = match call.argument.strip_prefix(b"uuid:") {
        Some(rest) => {
            let (uuid, line) = crate::text::cut(rest, b' ');
            (uuid.to_owned(), line)
        }
        None => (uuid::Uuid::new_v4().to_string().into(), call.argument),
    };
    if line.is_empty() {
        return "-ERR Invalid syntax\n".into();
    }
    let (core, line, uuid, ticket) = (
        Arc::clone(call.core),
        line.to_owned(),
        job.clone(),
        call.core.clock.reserve(),
    );
    let thread = std::thread::Builder::new()
        .name("pocket bgapi".to_owned())
        .stack_size(STACK)
        .spawn(move || {
            let _here = ticket.enter();
            let reply = run_line(&core, line.as_bstr());
            let mut event = core
                .events
                .create(SWITCH_EVENT_BACKGROUND_JOB, None, here!());
            let (command, argument) = crate::text::cut(&line, b' ');
            event.add("Job-UUID", &uuid);
            event.add("Job-Command", command);
            event.add("Job-Command-Arg", argument);
            event.set_body(Some(&reply));
            core.events.fire(event);
        });
    match thread {
        Ok(thread) => {
            call.core.keep_thread(thread);
            format!("+OK Job-UUID: {job}\n").into()
        }
        Err(error) => format!("-ERR {error}\n").into(),
    }
}
