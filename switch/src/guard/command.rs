//! API commands and their arguments, on the way to `switch_api_execute`.

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use super::Call;
use super::expansion::By;
use super::files::{pieces, safe_in, word as word_at};
pub use super::table::json_runs;
use super::table::{ALONE, JSON_WITHIN, Kind, NO_SESSION, kind_of};
use super::{Refused, blank, holds_variable, queued, stripped, times};
use crate::session::channel::HiddenTimes;
use crate::session::{Locked, Session};
use crate::text::{c_string, c_string_shown};

/// What becomes of a command.
#[derive(Debug)]
pub enum Checked<'a> {
    /// It is run, with this argument.
    Run(Cow<'a, [u8]>),
    /// This is its reply.
    Reply(Vec<u8>),
}

/// How many commands may stand in each other.
const NESTED: u32 = 16;

/// The argument of a command as the core can take it, or the reply to it.
///
/// # Errors
/// [`Refused`]
pub fn checked<'a>(
    command: &[u8],
    argument: &'a [u8],
    has_session: bool,
) -> Result<Checked<'a>, Refused> {
    nested(command, argument, has_session, NESTED)
}

fn nested<'a>(
    command: &[u8],
    argument: &'a [u8],
    has_session: bool,
    deep: u32,
) -> Result<Checked<'a>, Refused> {
    let Some(kind) = kind_of(stripped(command)) else {
        return Ok(Checked::Run(Cow::Borrowed(argument)));
    };
    let from = argument
        .iter()
        .position(|b| !blank(b))
        .unwrap_or(argument.len());
    let argument = &argument[from..];
    let run = |text: Cow<'a, [u8]>| Ok(Checked::Run(text));
    match kind {
        Kind::Words => run(safe_in(argument, b" ")),
        Kind::First => {
            let end = pieces(argument.trim_ascii_start(), b" ").next();
            let start = argument.len() - argument.trim_ascii_start().len();
            let end = end.map_or(argument.len(), |word| start + word.end);
            run(match safe_in(&argument[..end], &[]) {
                Cow::Borrowed(_) => Cow::Borrowed(argument),
                Cow::Owned(word) => Cow::Owned([&word, &argument[end..]].concat()),
            })
        }
        Kind::Broadcast(at) => {
            let target = call_in(argument, at - 1);
            changed(argument, at, |path| {
                let channel = target.as_ref().map(|t| t.session().channel());
                queued::broadcast(channel.as_ref().map(|c| c as &dyn Call), path)
            })
            .map(Checked::Run)
        }
        Kind::Transfer => {
            let call = call_in(argument, 0).or_else(|| call_in(argument, 1));
            let channel = call.as_ref().map(|call| call.session().channel());
            let channel = channel.as_ref().map(|channel| channel as &dyn Call);
            queued::in_words(channel, argument, 2).map(Checked::Run)
        }
        Kind::Transfers => {
            let call = call_in(argument, 0);
            let channel = call.as_ref().map(|call| call.session().channel());
            let channel = channel.as_ref().map(|channel| channel as &dyn Call);
            let mut safe = Cow::Borrowed(argument);
            // From the last to the first: where a word begins stays so.
            for word in (1..3).rev().filter_map(|number| word_at(argument, number)) {
                if let Cow::Owned(path) = queued::in_path(channel, &argument[word.clone()])? {
                    safe = Cow::Owned([&safe[..word.start], &path, &safe[word.end..]].concat());
                }
            }
            run(safe)
        }
        Kind::Originate => originate(argument).map(Checked::Run),
        Kind::Command(at) => inner(argument, word_start(argument, at), has_session, deep),
        Kind::Expand => {
            let word = pieces(argument, b" ").next().unwrap_or(0..0);
            let of_call = argument[word].starts_with(b"uuid:");
            inner(
                argument,
                word_start(argument, usize::from(of_call)),
                has_session,
                deep,
            )
        }
        Kind::GetVariable => {
            Ok(variable(argument).map_or(Checked::Run(Cow::Borrowed(argument)), Checked::Reply))
        }
        Kind::OfCaller if !has_session && words(argument) > 1 => Err(Refused::Command(NO_SESSION)),
        Kind::Avmd if words(argument) == 1 && !lone(argument) => Err(Refused::Command(ALONE)),
        Kind::Json if deep < NESTED && json_runs(argument) => Err(Refused::Command(JSON_WITHIN)),
        Kind::DropDtmf if words(argument) > 3 && !masks(argument) => Err(Refused::Command(
            "uuid_drop_dtmf would keep the call: its third word is mask_digits or mask_file",
        )),
        Kind::OfCaller | Kind::Avmd | Kind::Json | Kind::DropDtmf => run(Cow::Borrowed(argument)),
    }
}

fn words(argument: &[u8]) -> usize {
    pieces(argument, b" ")
        .filter(|word| !argument[word.clone()].is_empty())
        .count()
}

/// Where the word with this number begins; blanks between count once.
fn word_start(argument: &[u8], number: usize) -> usize {
    word_at(argument, number).map_or(argument.len(), |word| word.start)
}

/// Does `uuid_drop_dtmf` know what to put in the digits' place?
fn masks(argument: &[u8]) -> bool {
    word_at(argument, 2).is_some_and(|word| {
        [&b"mask_digits"[..], b"mask_file"]
            .iter()
            .any(|known| argument[word.clone()].eq_ignore_ascii_case(known))
    })
}

/// What avmd takes with nothing behind it.
fn lone(argument: &[u8]) -> bool {
    [&b"reload"[..], b"show", b"load", b"set"]
        .iter()
        .any(|word| argument.trim_ascii().eq_ignore_ascii_case(word))
}

fn call_in(argument: &[u8], number: usize) -> Option<Locked> {
    let word = word_at(argument, number)?;
    Locked::find(&c_string(&argument[word]).ok()?)
}

/// The argument with one word changed.
fn changed<'a>(
    argument: &'a [u8],
    number: usize,
    change: impl FnOnce(&'a [u8]) -> Result<Cow<'a, [u8]>, Refused>,
) -> Result<Cow<'a, [u8]>, Refused> {
    let Some(word) = word_at(argument, number) else {
        return Ok(Cow::Borrowed(argument));
    };
    Ok(match change(&argument[word.clone()])? {
        Cow::Borrowed(_) => Cow::Borrowed(argument),
        Cow::Owned(safe) => {
            Cow::Owned([&argument[..word.start], &safe, &argument[word.end..]].concat())
        }
    })
}

/// A command within another one's argument, from `start` on.
fn inner(
    argument: &[u8],
    start: usize,
    has_session: bool,
    deep: u32,
) -> Result<Checked<'_>, Refused> {
    let rest = &argument[start..];
    let end = rest.iter().position(|&b| b == b' ').unwrap_or(rest.len());
    let Some(deep) = deep.checked_sub(1) else {
        return Ok(Checked::Run(Cow::Borrowed(argument)));
    };
    // A command that is run later has no session.
    let behind = (end + 1).min(rest.len());
    Ok(
        match nested(&rest[..end], &rest[behind..], has_session, deep)? {
            Checked::Run(Cow::Borrowed(_)) => Checked::Run(Cow::Borrowed(argument)),
            Checked::Run(Cow::Owned(safe)) => {
                Checked::Run(Cow::Owned([&argument[..start + behind], &safe].concat()))
            }
            Checked::Reply(reply) => Checked::Reply(reply),
        },
    )
}

/// `originate <dial string> &app(data)`, or `<extension> inline`.
fn originate(argument: &[u8]) -> Result<Cow<'_, [u8]>, Refused> {
    let quoted = argument.windows(3).position(|w| w == b" '&");
    let Some(at) = argument.windows(2).position(|w| w == b" &") else {
        let Some(at) = quoted else {
            return queued::in_words(None, argument, 2);
        };
        return started(argument, at + 1);
    };
    started(argument, at)
}

/// The application behind the `&` that comes after `at`.
fn started(argument: &[u8], at: usize) -> Result<Cow<'_, [u8]>, Refused> {
    let app = &argument[at + 2..];
    let Some(open) = app.iter().position(|&b| b == b'(') else {
        let name = app.split(|b| b" '".contains(b)).next();
        queued::data(None, name.unwrap_or_default(), b"")?;
        return Ok(Cow::Borrowed(argument));
    };
    let close = app.iter().rposition(|&b| b == b')').unwrap_or(app.len());
    if close < open {
        return Ok(Cow::Borrowed(argument));
    }
    let start = at + 2 + open + 1;
    let end = at + 2 + close;
    Ok(
        match queued::data(None, &app[..open], &argument[start..end])? {
            Cow::Borrowed(_) => Cow::Borrowed(argument),
            Cow::Owned(safe) => Cow::Owned([&argument[..start], &safe, &argument[end..]].concat()),
        },
    )
}

/// What `uuid_getvar` answers where the core would crash.
fn variable(argument: &[u8]) -> Option<Vec<u8>> {
    let word = word_at(argument, 1)?;
    let name = argument[word].split(|&b| b == b'[').next()?;
    if !times::is_one(name) {
        return None;
    }
    let call = call_in(argument, 0)?;
    let channel = call.session().channel();
    if !channel.is_up() || !channel.lacks_b_leg_times() {
        return None;
    }
    let value = channel.beside_b_leg_times(&c_string(name).ok()?);
    Some(value.unwrap_or_else(|| b"_undef_".to_vec()))
}

/// Calls that a command names and could expand text for, kept for its length.
#[derive(Default)]
pub struct Named(Vec<Locked>);

/// The calls whose variables a command may expand.
#[must_use]
pub fn named(argument: Option<&CStr>) -> Named {
    let text = argument.map_or(&b""[..], CStr::to_bytes);
    if !holds_variable(text) {
        return Named::default();
    }
    let words = text.split(|b| b" :,='\"()".contains(b));
    let calls = words.filter(|word| word.len() > 3).take(64);
    Named(
        calls
            .filter_map(|word| Locked::find(&c_string(word).ok()?))
            .collect(),
    )
}

impl Named {
    /// Refuses a text that a command would expand and not survive, or not end.
    /// `later`: the B legs' times are not hidden then.
    fn check(&self, text: &[u8], session: Option<Session<'_>>, later: bool) -> Result<(), Refused> {
        let check = |channel: Option<&dyn Call>| {
            By {
                channel,
                has_session: session.is_some(),
                later,
            }
            .check(text)
        };
        for call in self.0.iter().map(Locked::session).chain(session) {
            check(Some(&call.channel()))?;
        }
        if session.is_none() {
            // A command may expand by global variables alone.
            check(None)?;
        }
        Ok(())
    }

    /// Runs a command with the B legs' times hidden that the core would crash on.
    ///
    /// # Errors
    /// [`Refused`]: it would never end.
    pub fn run<R>(
        &self,
        command: &CStr,
        argument: Option<&CStr>,
        session: Option<Session<'_>>,
        run: impl FnOnce() -> R,
    ) -> Result<R, Refused> {
        let text = argument.map_or(&b""[..], CStr::to_bytes);
        if !holds_variable(text) {
            return Ok(run());
        }
        self.check(text, session, false)?;
        let calls = || self.0.iter().map(Locked::session).chain(session);
        let later = [&b"bgapi"[..], b"sched_api"];
        if later
            .iter()
            .any(|name| command.to_bytes().eq_ignore_ascii_case(name))
            && times::in_text(text)
            && calls().any(|call| call.channel().lacks_b_leg_times())
        {
            return Err(Refused::Time(Refused::show(text)));
        }
        let _hidden: Vec<_> = calls()
            .filter_map(|call| HiddenTimes::hide(call.channel()))
            .collect();
        Ok(run())
    }
}

/// The argument of a command in a JSON request (`fsapi`), where it has to change.
///
/// # Errors
/// [`Refused`]
pub fn json_command(command: &CStr, argument: &CStr) -> Result<Option<CString>, Refused> {
    if holds_variable(argument.to_bytes()) {
        named(Some(argument)).check(argument.to_bytes(), None, true)?;
    }
    match checked(command.to_bytes(), argument.to_bytes(), false)? {
        Checked::Run(Cow::Owned(safe)) => Ok(Some(c_string_shown(&safe))),
        // The variable has a reply of its own by the command alone.
        Checked::Reply(_) => Err(Refused::Time(Refused::show(argument.to_bytes()))),
        Checked::Run(Cow::Borrowed(_)) => Ok(None),
    }
}

/// What a JSON request has a call execute (`execute`), where it has to change:
/// the name of the field, and its new text.
///
/// # Errors
/// [`Refused`]
pub fn json_execute(
    uuid: &CStr,
    app: &CStr,
    argument: Option<&CStr>,
) -> Result<Option<(&'static str, CString)>, Refused> {
    let call = Locked::find(uuid);
    let Some(call) = &call else {
        return Ok(None);
    };
    let channel = call.session().channel();
    Ok(match argument {
        Some(text) => match queued::data(Some(&channel), app.to_bytes(), text.to_bytes())? {
            Cow::Owned(safe) => Some(("arg", c_string_shown(&safe))),
            Cow::Borrowed(_) => None,
        },
        None if !app.to_bytes().windows(2).any(|w| w == b"::") => {
            queued::data(Some(&channel), app.to_bytes(), b"")?;
            None
        }
        None => match queued::in_name(&channel, app)? {
            Cow::Owned(safe) => Some(("app", safe)),
            Cow::Borrowed(_) => None,
        },
    })
}

/// The answer to a command that was refused, in the words of the core's own.
#[must_use]
pub fn refusal(why: &Refused) -> Vec<u8> {
    c_string_shown(format!("-ERR {why}\n").as_bytes()).into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(command: &str, argument: &str) -> Result<String, Refused> {
        match checked(command.as_bytes(), argument.as_bytes(), false)? {
            Checked::Run(text) => Ok(String::from_utf8_lossy(&text).into_owned()),
            Checked::Reply(reply) => Ok(String::from_utf8_lossy(&reply).into_owned()),
        }
    }

    #[test]
    fn files() {
        let safe = |command, text| argument(command, text).unwrap();
        assert_eq!(safe("lua", "{"), "./{");
        assert_eq!(safe("LUA", " { x"), "./{ x");
        assert_eq!(safe("lua", "x.lua {"), "x.lua {");
        assert_eq!(safe("bgapi", "lua {"), "lua ./{");
        assert_eq!(safe("bgapi", "bgapi  expand lua {"), "bgapi expand lua ./{");
        assert_eq!(safe("expand", "uuid:x lua {"), "uuid:x lua ./{");
        assert_eq!(safe("sched_api", "+1 none lua {"), "+1 none lua ./{");
        assert_eq!(safe("uuid_record", "x start {"), "x start ./{");
        assert_eq!(safe("originate", "null/x &lua({)"), "null/x &lua(./{)");
        assert_eq!(safe("originate", "{a=b}null/x 1000"), "{a=b}null/x 1000");
        assert_eq!(safe("echo", "{"), "{");
    }

    #[test]
    fn commands_that_want_more() {
        assert!(argument("uuid_drop_dtmf", "x on y z").is_err());
        assert!(argument("uuid_drop_dtmf", "x on mask_digits 1").is_ok());
        assert!(argument("uuid_drop_dtmf", "x on").is_ok());
        assert!(argument("uuid_media_params", "x a").is_err());
        assert!(argument("uuid_media_params", "x").is_ok());
        assert!(argument("avmd", "x").is_err());
        assert!(argument("avmd", "x  ").is_err());
        assert!(argument("avmd", "x start").is_ok());
        assert!(argument("avmd", "show").is_ok());
        assert!(argument("avmd", "").is_ok());
    }
}
