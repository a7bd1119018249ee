//! Regular expressions as the dialplan writes them.

use bstr::{BStr, BString, ByteSlice, ByteVec};
use fancy_regex::Regex;

/// A match: whether there is one, and what its groups hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Match {
    pub(crate) groups: Vec<BString>,
}

/// An expression and its options: `/.../i`, `/.../ixsm`, or bare.
fn compile(expression: &BStr) -> Option<Regex> {
    let expression = expression.as_bytes();
    let (expression, options) = match expression.strip_prefix(b"/") {
        Some(rest) => match rest.rfind_byte(b'/') {
            Some(end) => (&rest[..end], &rest[end + 1..]),
            None => (expression, &b""[..]),
        },
        None => (expression, &b""[..]),
    };
    let known: String = options
        .iter()
        .filter(|option| b"imsx".contains(option))
        .map(|&byte| char::from(byte))
        .collect();
    let expression = expression.to_str_lossy();
    let text = if known.is_empty() {
        expression.into_owned()
    } else {
        format!("(?{known}){expression}")
    };
    Regex::new(&text).ok()
}

/// Matches `text`; an expression that is none matches nothing.
pub(crate) fn matches(text: &BStr, expression: &BStr) -> Option<Match> {
    let regex = compile(expression)?;
    let text = text.to_str_lossy();
    let captures = regex.captures(&*text).ok().flatten()?;
    let groups = captures
        .iter()
        .map(|group| group.map_or_else(BString::default, |group| group.as_str().into()))
        .collect();
    Some(Match { groups })
}

/// Whether an expression matches, with FreeSWITCH's own `_pattern` syntax in
/// the place of a regular expression.
pub(crate) fn perform(text: &BStr, expression: &BStr) -> Option<Match> {
    match expression.strip_prefix(b"_") {
        Some(pattern) => matches(text, from_pattern(pattern).as_bstr()),
        None => matches(text, expression),
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

/// `$1` and its like in `data`, up to `$99`; what has no group is nothing.
pub(crate) fn substitute(data: &BStr, found: &Match) -> BString {
    let mut out = Vec::with_capacity(data.len());
    let mut rest = data.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\' && after.first() == Some(&b'$') {
            out.push(b'$');
            rest = &after[1..];
            continue;
        }
        let digits = after
            .iter()
            .take(2)
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        if byte == b'$' && digits > 0 {
            let group =
                usize::try_from(crate::text::number(&after[..digits])).unwrap_or(usize::MAX);
            out.push_str(
                found
                    .groups
                    .get(group)
                    .map_or(&b""[..], |group| group.as_slice()),
            );
            rest = &after[digits..];
        } else {
            out.push(byte);
        }
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn captures_go_into_the_data() {
        let found = perform(BStr::new("5551234"), BStr::new("^555(\\d)(\\d+)$")).expect("a match");
        assert_eq!(
            substitute(BStr::new("a $1-$2 $3 \\$1"), &found),
            "a 1-234  $1"
        );
    }

    #[test]
    fn patterns_and_options_are_known() {
        assert!(perform(BStr::new("2125551212"), BStr::new("_NXXNXXXXXX")).is_some());
        assert!(perform(BStr::new("ABC"), BStr::new("/^abc$/i")).is_some());
        assert!(perform(BStr::new("ABC"), BStr::new("(")).is_none());
        assert!(perform(BStr::new("foobar"), BStr::new("^foo(?!baz)")).is_some());
    }
}
