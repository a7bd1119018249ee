//! Regular expressions as the dialplan writes them.

use std::collections::BTreeMap;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice, ByteVec};
use fancy_regex::Regex;
use parking_lot::Mutex;

use crate::log::{self, Log};
use crate::place::here;

/// A match: whether there is one, and what its groups hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Match {
    pub(crate) groups: Vec<BString>,
}

/// Expressions that were compiled, by their text. A dialplan has the same ones for
/// each call, and to compile one takes as long as a leg's events.
static COMPILED: Mutex<BTreeMap<BString, Arc<Regex>>> = Mutex::new(BTreeMap::new());
/// How many are kept: a text that has a variable's value in it is another each time.
const KEPT: usize = 500;

/// As [`compile`], or what has come of the same text before.
fn compiled(expression: &BStr) -> Result<Arc<Regex>, String> {
    if let Some(known) = COMPILED.lock().get(expression) {
        return Ok(known.clone());
    }
    let regex = Arc::new(compile(expression)?);
    let mut known = COMPILED.lock();
    if known.len() >= KEPT {
        known.clear();
    }
    known.insert(expression.to_owned(), regex.clone());
    Ok(regex)
}

/// An expression and its options: `/.../is`, or bare. Digits are those of
/// ASCII, as for FreeSWITCH.
fn compile(expression: &BStr) -> Result<Regex, String> {
    let given = expression;
    let (expression, options) = match given.strip_prefix(b"/") {
        Some(rest) => match rest.rfind_byte(b'/') {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => {
                return Err(format!(
                    "Regular Expression Error expression[{given}] missing ending '/' delimeter"
                ));
            }
        },
        None => (given.as_bytes(), &b""[..]),
    };
    let known: String = options
        .iter()
        .filter(|option| b"is".contains(option))
        .map(|&byte| char::from(byte))
        .collect();
    let expression = expression.to_str_lossy();
    let text = if known.is_empty() {
        ascii_digits(&expression)
    } else {
        format!("(?{known}){}", ascii_digits(&expression))
    };
    Regex::new(&text).map_err(|error| format!("COMPILE ERROR: [{error}][{expression}]"))
}

/// `\d` without the digits of other scripts.
fn ascii_digits(expression: &str) -> String {
    let mut out = String::with_capacity(expression.len());
    let mut in_class = false;
    let mut characters = expression.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some('d') if in_class => out.push_str("0-9"),
                Some('d') => out.push_str("[0-9]"),
                Some('D') if !in_class => out.push_str("[^0-9]"),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            other => {
                match other {
                    '[' => in_class = true,
                    ']' => in_class = false,
                    _ => {}
                }
                out.push(other);
            }
        }
    }
    out
}

fn find(regex: &Regex, text: &BStr) -> Option<Match> {
    let text = text.to_str_lossy();
    let captures = regex.captures(&*text).ok().flatten()?;
    let groups = captures
        .iter()
        .map(|group| group.map_or_else(BString::default, |group| group.as_str().into()))
        .collect();
    Some(Match { groups })
}

/// Matches `text`; an expression that is none matches nothing.
pub(crate) fn matches(text: &BStr, expression: &BStr) -> Option<Match> {
    find(&*compiled(expression).ok()?, text)
}

/// Whether an expression matches, with FreeSWITCH's own `_pattern` syntax in
/// the place of a regular expression. What is no expression is logged.
pub(crate) fn perform(log: &Log, text: &BStr, expression: &BStr) -> Option<Match> {
    let pattern = expression.strip_prefix(b"_").map(from_pattern);
    match compiled(
        pattern
            .as_ref()
            .map_or(expression, |pattern| pattern.as_bstr()),
    ) {
        Ok(regex) => find(&regex, text),
        Err(error) => {
            log.format(log::ERROR, here!(), b"", None, format_args!("{error}"));
            None
        }
    }
}

/// `_1NXX.` as a regular expression.
fn from_pattern(pattern: &[u8]) -> BString {
    let mut regex = b"^".to_vec();
    for &byte in pattern {
        match byte {
            b'n' | b'N' => regex.push_str("[2-9]"),
            b'x' | b'X' => regex.push_str("[0-9]"),
            b'z' | b'Z' => regex.push_str("[1-9]"),
            b'.' => regex.push_str(".*"),
            byte => regex.push(byte),
        }
    }
    regex.push(b'$');
    regex.into()
}

/// `$1` and `${1}` in `data`; a group that there is not is nothing.
pub(crate) fn substitute(data: &BStr, found: &Match) -> BString {
    let mut out = Vec::with_capacity(data.len());
    let mut rest = data.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'$'
            && let Some((group, after)) = reference(after)
        {
            out.push_str(found.groups.get(group).map_or(&b""[..], |group| group));
            rest = after;
        } else {
            out.push(byte);
        }
    }
    out.into()
}

/// The number of a group after its dollar, and what follows it.
fn reference(text: &[u8]) -> Option<(usize, &[u8])> {
    let (braced, text) = match text.strip_prefix(b"{") {
        Some(text) => (true, text),
        None => (false, text),
    };
    let digits = text
        .iter()
        .take(9)
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    let group = (digits > 0).then(|| crate::text::number(&text[..digits]))?;
    let rest = &text[digits..];
    let rest = if braced {
        rest.strip_prefix(b"}")?
    } else {
        rest
    };
    Some((usize::try_from(group).unwrap_or(usize::MAX), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_go_into_the_data() {
        let found = matches(BStr::new("5551234"), BStr::new("^555(\\d)(\\d+)$")).expect("a match");
        assert_eq!(
            substitute(BStr::new("a $1-${2}0 $3 $b ${1 \\$1"), &found),
            "a 1-2340  $b ${1 \\1"
        );
    }

    #[test]
    fn patterns_and_options_are_known() {
        let fits = |text: &str, expression: &str| matches(text.into(), expression.into()).is_some();
        assert!(fits(
            "2125551212",
            from_pattern(b"NXXNXXXXXX").to_str().expect("text")
        ));
        assert!(fits("ABC", "/^abc$/i") && !fits("abc", "/^a b c$/x") && !fits("abc", "/^abc$"));
        assert!(!fits("(", "(") && fits("foobar", "^foo(?!baz)"));
        assert!(fits("7", r"^\d$") && fits("7", r"^[\d]$") && fits("x", r"^\D$"));
        assert!(!fits("\u{0663}", r"^\d$") && !fits("\u{0663}", r"^[\d]$"));
    }
}
