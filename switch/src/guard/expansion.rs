//! What the core would do as it expands a text: which variables it would follow,
//! and which commands it would run (`switch_channel_expand_variables_check`).
//!
//! Nothing is expanded here: a command in a text may not run twice.

use std::borrow::Cow;

use super::table::{ALONE, JSON_WITHIN, Kind, NO_SESSION, UNKNOWN, json_runs, kind_of};
use super::{Call, Refused, application, files, holds_variable, stripped, times};
use crate::core;
use crate::text::c_string;

/// Variables that are looked up before their expansion is taken for endless.
const LOOKUPS: u32 = 10_000;
/// Deeper than this the core leaves a text as it is.
const DEEPEST: u32 = 100;
/// Names in names that are put together.
const DEEPEST_NAME: u32 = 8;
/// Values in values that are put in place.
const DEEPEST_VALUE: u32 = 16;
/// Longer than this no text gets by what is put in place.
const LONGEST: usize = 64 * 1024;

/// Whose text is expanded, and when.
#[derive(Clone, Copy)]
pub(super) struct By<'a> {
    /// None: only the global variables are there.
    pub channel: Option<&'a dyn Call>,
    /// Do commands in the text get a session?
    pub has_session: bool,
    /// It is expanded when nothing can be hidden any more.
    pub later: bool,
}

impl<'a> By<'a> {
    pub(super) fn now(channel: &'a dyn Call) -> Self {
        Self {
            channel: Some(channel),
            has_session: true,
            later: false,
        }
    }

    pub(super) fn later(channel: Option<&'a dyn Call>) -> Self {
        Self {
            channel,
            has_session: true,
            later: true,
        }
    }

    fn value(self, name: &[u8]) -> Option<Vec<u8>> {
        let name = c_string(name).ok()?;
        match self.channel {
            Some(channel) => channel.variable(&name),
            None => core::global(&name),
        }
    }

    /// Refuses a text whose expansion the core would not survive or not end. It
    /// follows variables that contain variables a hundred deep, so with two in
    /// each it never comes back.
    ///
    /// # Errors
    /// [`Refused`]
    pub(super) fn check(self, text: &[u8]) -> Result<(), Refused> {
        let mut walk = Walk {
            by: self,
            times: self.channel.is_some_and(Call::lacks_b_leg_times),
            left: LOOKUPS,
        };
        walk.text(text, 0)
    }

    /// The text with its variables in place, and [`UNKNOWN`] where only the core
    /// can tell: for a command's reply, and for a part of a value that could begin
    /// something.
    pub(super) fn filled(self, text: &[u8]) -> Vec<u8> {
        self.fill(text, 0, &mut LOOKUPS.clone())
    }

    fn fill(self, text: &[u8], depth: u32, left: &mut u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(at) = rest.windows(2).position(|w| w == b"${") {
            let before = &rest[..at];
            out.extend_from_slice(before.strip_suffix(b"$").unwrap_or(before));
            let inner = body(&rest[at + 1..]);
            rest = &rest[(at + 3 + inner.len()).min(rest.len())..];
            *left = left.saturating_sub(1);
            if *left == 0 || out.len() > LONGEST || depth == DEEPEST_VALUE {
                out.push(UNKNOWN);
                continue;
            }
            if split(inner).is_some() {
                out.push(UNKNOWN);
                continue;
            }
            let name = self.fill(inner, depth + 1, left);
            let end = name.iter().position(|b| b":[".contains(b));
            let value = self.value(&name[..end.unwrap_or(name.len())]);
            let value = value.unwrap_or_default();
            if name.contains(&UNKNOWN) || end.is_some() && value.iter().any(|b| b"%{$".contains(b))
            {
                out.push(UNKNOWN);
            } else if holds_variable(&value) {
                out.extend(self.fill(&value, depth + 1, left));
            } else {
                out.extend(value);
            }
        }
        out.extend_from_slice(rest);
        out
    }
}

/// What is between the brace that a text begins with and the one that closes it,
/// or all of it.
fn body(text: &[u8]) -> &[u8] {
    let end = files::end(text, b'{', b'}').unwrap_or(text.len());
    &text[1..end.max(1)]
}

/// A command and its argument, where what is between braces is one: `name(argument)`
/// or `name argument`.
fn split(inner: &[u8]) -> Option<(&[u8], &[u8])> {
    let at = inner.iter().position(|b| b" (".contains(b))?;
    let argument = &inner[at + 1..];
    // As switch_channel_expand_variables counts: the argument ends at the parenthesis that closes
    // the first one, also behind a blank.
    let mut depth = u32::from(inner[at] == b'(');
    let end = argument.iter().position(|&byte| match byte {
        b'(' => {
            depth += 1;
            false
        }
        b')' if depth > 1 => {
            depth -= 1;
            false
        }
        byte => byte == b')' && depth == 1,
    });
    let argument = &argument[..end.unwrap_or(argument.len())];
    Some((stripped(&inner[..at]), argument))
}

struct Walk<'a> {
    by: By<'a>,
    /// Would the core crash on a time of the B leg?
    times: bool,
    left: u32,
}

impl Walk<'_> {
    /// The name that a text begins with, behind `${`; other names can be in it.
    fn name(&self, text: &[u8], depth: u32) -> Vec<u8> {
        let mut name = Vec::new();
        let mut rest = text;
        while let Some((&byte, after)) = rest.split_first() {
            if let Some(inner) = rest.strip_prefix(b"${")
                && depth < DEEPEST_NAME
            {
                let own = self.name(inner, depth + 1);
                name.extend(self.by.value(&own).unwrap_or_default());
                let end = files::end(&rest[1..], b'{', b'}').map_or(rest.len(), |at| at + 2);
                rest = &rest[end..];
                continue;
            }
            if b"}:[ (".contains(&byte) {
                break;
            }
            name.push(byte);
            rest = after;
        }
        name
    }

    fn text(&mut self, text: &[u8], depth: u32) -> Result<(), Refused> {
        if self.times && times::indexed(text) {
            return Err(Refused::Time(Refused::show(text)));
        }
        let mut rest = text;
        while let Some(at) = rest.windows(2).position(|w| w == b"${") {
            if let Some((name, argument)) = split(body(&rest[at + 1..])) {
                self.command(name, argument)?;
            }
            rest = &rest[at + 2..];
            let Some(left) = self.left.checked_sub(1) else {
                return Err(Refused::Endless(Refused::show(text)));
            };
            self.left = left;
            let name = self.name(rest, 0);
            if self.times && self.by.later && times::is_one(&name) {
                return Err(Refused::Time(Refused::show(text)));
            }
            let value = self.by.value(&name);
            if let Some(value) = value.filter(|v| depth < DEEPEST && holds_variable(v)) {
                self.text(&value, depth + 1)?;
            }
        }
        Ok(())
    }

    /// A command that the core runs as it expands `${name(argument)}`.
    fn command(&self, name: &[u8], argument: &[u8]) -> Result<(), Refused> {
        let name = self.by.filled(name);
        let Some(kind) = kind_of(stripped(&name)) else {
            return Ok(());
        };
        // The worst that what is not known yet can be.
        let mut argument = self.by.filled(argument);
        if leaves(kind) && application::is_later_without_data(&argument) {
            return Err(Refused::Bracket(Refused::show(&argument)));
        }
        for byte in &mut argument {
            if *byte == UNKNOWN {
                *byte = b'{';
            }
        }
        harmless(&name, &argument, self.by.has_session)
    }
}

/// Could the command leave an application for a call to run later, or have another
/// one do so?
fn leaves(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Broadcast(_)
            | Kind::Transfer
            | Kind::Transfers
            | Kind::Originate
            | Kind::Command(_)
            | Kind::Expand
    )
}

fn harmless(command: &[u8], argument: &[u8], has_session: bool) -> Result<(), Refused> {
    let Some(kind) = kind_of(stripped(command)) else {
        return Ok(());
    };
    let argument = stripped(argument);
    let words = || {
        let words = files::pieces(argument, b" ").map(|word| &argument[word]);
        words.filter(|word| !word.is_empty())
    };
    let opens =
        |separators: &[u8], text: &[u8]| matches!(files::safe_in(text, separators), Cow::Owned(_));
    let harm = match kind {
        Kind::First => words().next().is_some_and(|word| opens(b"", word)),
        // What is in braces as a whole belongs to a dial string or a file.
        Kind::Words | Kind::Broadcast(_) | Kind::Transfer | Kind::Transfers | Kind::Originate => {
            words().any(|word| {
                let whole = word.starts_with(b"{") && !opens(b"", word);
                !whole && opens(b":(", word)
            })
        }
        Kind::Command(_) | Kind::Expand => {
            let at = if let Kind::Command(at) = kind { at } else { 0 };
            let at = at + usize::from(words().nth(at).is_some_and(|w| w.starts_with(b"uuid:")));
            let Some(word) = files::word(argument, at) else {
                return Ok(());
            };
            let rest = &argument[word.end..];
            return harmless(&argument[word], rest, false);
        }
        Kind::GetVariable => {
            let name = words().nth(1).unwrap_or_default();
            if times::is_one(name.split(|&b| b == b'[').next().unwrap_or_default()) {
                return Err(Refused::Time(Refused::show(argument)));
            }
            false
        }
        Kind::OfCaller if !has_session && words().count() > 1 => {
            return Err(Refused::Command(NO_SESSION));
        }
        Kind::Avmd if words().count() == 1 => return Err(Refused::Command(ALONE)),
        Kind::Json if json_runs(argument) => return Err(Refused::Command(JSON_WITHIN)),
        Kind::OfCaller | Kind::Avmd | Kind::Json | Kind::DropDtmf => false,
    };
    if harm {
        return Err(Refused::Name(Refused::show(argument)));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn harm() {
        let harms = |command: &str, argument: &str| {
            harmless(command.as_bytes(), argument.as_bytes(), false).is_err()
        };
        assert!(harms("lua", "{"));
        assert!(harms(" LUA ", " { x"));
        assert!(!harms("lua", "x.lua {"));
        assert!(harms("uuid_broadcast", "x playback::{"));
        assert!(harms("originate", "null/x &playback({)"));
        assert!(!harms("originate", "{a=b,c=d}null/x &park()"));
        assert!(harms("bgapi", "expand uuid:x lua {"));
        assert!(harms("uuid_getvar", "x bleg_created_time[0]"));
        assert!(!harms("uuid_getvar", "x bleg_created"));
        assert!(harms("uuid_media_params", "x a"));
        assert!(harms("avmd", "x "));
        assert!(harms("json", r#"{"command": "FSAPI"}"#));
        assert!(!harms("echo", "{"));
    }

    #[test]
    fn commands_in_texts() {
        let at = |text: &'static [u8]| split(body(text));
        assert_eq!(at(b"{lua({)}} x"), Some((&b"lua"[..], &b"{"[..])));
        assert_eq!(at(b"{lua x y} z"), Some((&b"lua"[..], &b"x y"[..])));
        assert_eq!(at(b"{a (b(c)d) e}"), Some((&b"a"[..], &b"(b(c)d"[..])));
        assert_eq!(at(b"{name}"), None);
        assert_eq!(at(b"{a(b"), Some((&b"a"[..], &b"b"[..])));
        assert_eq!(at(b"{"), None);
    }
}
