//! Commands that make one text of another.

use bstr::{BStr, BString, ByteSlice};

use crate::module::api::{Invocation, Reply, usage};
use crate::pattern::{perform, substitute};
use crate::text::{is_number, split, url_decode, url_encode as encoded};

pub(super) fn md5(call: &Invocation<'_>) -> Reply {
    if call.argument.is_empty() {
        return "!err!".into();
    }
    format!("{:x}", md5::compute(call.argument)).into()
}

pub(super) fn url_encode(call: &Invocation<'_>) -> Reply {
    encoded(call.argument).into()
}

pub(super) fn url_decode_(call: &Invocation<'_>) -> Reply {
    url_decode(call.argument).into()
}

pub(super) fn toupper(call: &Invocation<'_>) -> Reply {
    call.argument.to_ascii_uppercase().into()
}

pub(super) fn tolower(call: &Invocation<'_>) -> Reply {
    call.argument.to_ascii_lowercase().into()
}

/// The parts between `|`, or what `m:/:` in front says instead; the last keeps what is left.
fn parts(text: &BStr, limit: usize) -> Vec<BString> {
    match text.as_bytes() {
        [b'm', b':', delimiter @ (b'|' | b'~' | b'/'), rest @ ..] => split(rest, *delimiter, limit),
        text => split(text, b'|', limit),
    }
}

/// `data|expression[|replacement[|flags]]`: n and b say what is answered when it does not
/// match: nothing, or false.
pub(super) fn regex(call: &Invocation<'_>) -> Reply {
    let parts = parts(call.argument, 4);
    let [data, expression, rest @ ..] = parts.as_slice() else {
        return "-ERR".into();
    };
    let found = perform(&call.core.log, data.as_bstr(), expression.as_bstr());
    let Some(replacement) = rest.first() else {
        return if found.is_some() { "true" } else { "false" }.into();
    };
    let flags = rest.get(1).map_or(&b""[..], |flags| flags);
    match found {
        Some(found) => substitute(replacement.replace("%", "$").as_bstr(), &found).into(),
        None if flags.contains(&b'n') => "".into(),
        None if flags.contains(&b'b') => "false".into(),
        None => data.clone().into(),
    }
}

/// `data|text|replacement`
pub(super) fn replace(call: &Invocation<'_>) -> Reply {
    match parts(call.argument, 3).as_slice() {
        [data, text, replacement] if !text.is_empty() => data.replace(text, replacement).into(),
        [data, _, _] => data.clone().into(),
        _ => "-ERR".into(),
    }
}

/// `[^^delimiter]value,value`: the first that is not empty.
pub(super) fn coalesce(call: &Invocation<'_>) -> Reply {
    let (delimiter, list) = match call.argument.as_bytes() {
        [b'^', b'^', delimiter, rest @ ..] => (*delimiter, rest),
        list => (b',', list),
    };
    if list.is_empty() {
        return usage("[^^<delim>]<value1>,<value2>,...");
    }
    let mut values = split(list, delimiter, 256).into_iter();
    values
        .find(|value| !value.is_empty())
        .unwrap_or_default()
        .into()
}

/// A word up to a blank, or in quotes; whether it was, and what follows the blanks.
fn operand(text: &[u8]) -> Option<(&[u8], bool, &[u8])> {
    if let Some(inner) = text.strip_prefix(b"'") {
        let mut at = 0;
        while *inner.get(at)? != b'\'' {
            let escapes = inner[at] == b'\\' && matches!(inner.get(at + 1), Some(b'\\' | b'\''));
            at += if escapes { 2 } else { 1 };
        }
        let rest = &inner[at + 1..];
        let rest = rest
            .first()
            .is_some_and(u8::is_ascii_whitespace)
            .then_some(rest)?;
        return Some((&inner[..at], true, rest.trim_ascii_start()));
    }
    let at = text.find_byte(b' ')?;
    Some((&text[..at], false, text[at + 1..].trim_ascii_start()))
}

/// What a number is worth, and how long a text is.
fn worth(text: &[u8], quoted: bool) -> (bool, f64) {
    let number = is_number(text) && !quoted;
    let length = text.len() as f64;
    let value = text.to_str().ok().and_then(|text| text.parse().ok());
    (
        number,
        value
            .filter(|_| number)
            .unwrap_or(if number { 0.0 } else { length }),
    )
}

/// `a == b ? yes : no`; texts of a comparison by size count by their length.
#[expect(clippy::float_cmp, reason = "`==` compares as the core does")]
fn condition(text: &[u8]) -> Option<BString> {
    let (a, a_quoted, rest) = operand(text)?;
    let operator = ["!=", ">=", "<=", "==", ">", "<"]
        .into_iter()
        .find(|operator| rest.starts_with(operator.as_bytes()))?;
    // As in the core, which looks at the blank that it expects behind the operator no more.
    let rest = rest.get(operator.len() + 1..)?.trim_ascii_start();
    let (b, b_quoted, rest) = operand(rest)?;
    let rest = rest.strip_prefix(b"?")?;
    let outcomes = split(rest, b':', 2);
    let ((a_number, a_worth), (b_number, b_worth)) = (worth(a, a_quoted), worth(b, b_quoted));
    let texts = !a_number && !b_number;
    let holds = match operator {
        "==" if texts => a == b,
        "!=" if texts => a != b,
        "==" => a_worth == b_worth,
        "!=" => a_worth != b_worth,
        ">=" => a_worth >= b_worth,
        "<=" => a_worth <= b_worth,
        ">" => a_worth > b_worth,
        _ => a_worth < b_worth,
    };
    let yes = outcomes.first()?;
    Some(if holds {
        yes.clone()
    } else {
        outcomes.get(1).cloned().unwrap_or_default()
    })
}

pub(super) fn cond(call: &Invocation<'_>) -> Reply {
    condition(call.argument)
        .unwrap_or_else(|| "-ERR".into())
        .into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_compare_numbers_and_texts() {
        let of = |text: &str| condition(text.as_bytes()).map(|value| value.to_string());
        assert_eq!(of("5 > 3 ? yes : no").as_deref(), Some("yes"));
        assert_eq!(of("5 < 3 ? yes : no").as_deref(), Some("no"));
        assert_eq!(of("a == a ? same : other").as_deref(), Some("same"));
        assert_eq!(of("'a b' != 'a b' ? other : same").as_deref(), Some("same"));
        assert_eq!(of("5 < 3 ? yes").as_deref(), Some(""));
        assert_eq!(of("5 > 3").as_deref(), None);
        assert_eq!(of("nonsense").as_deref(), None);
    }
}
