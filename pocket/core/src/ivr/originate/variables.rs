//! The variables of a dial string, and what it is made of.

use bstr::{BStr, BString, ByteSlice};

use crate::text::{is_true, number, split};

/// What stands for a comma inside `[...]` while legs are told apart: one that was
/// quoted, and one that was not.
const QUOTED_COMMA: u8 = 1;
const COMMA: u8 = 2;

/// Names and values, one of each name, which is found in any case.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Variables(Vec<(BString, BString)>);

impl Variables {
    pub(super) fn get(&self, name: &str) -> Option<&BStr> {
        self.0
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))
            .map(|(_, value)| value.as_bstr())
    }

    pub(super) fn set(&mut self, name: &[u8], value: &[u8]) {
        self.remove(name);
        self.0.push((name.into(), value.into()));
    }

    pub(super) fn remove(&mut self, name: &[u8]) {
        self.0
            .retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    pub(super) fn merge(&mut self, more: &Self) {
        for (name, value) in &more.0 {
            self.set(name, value);
        }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&BStr, &BStr)> {
        self.0
            .iter()
            .map(|(name, value)| (name.as_bstr(), value.as_bstr()))
    }

    pub(super) fn into_pairs(self) -> Vec<(BString, BString)> {
        self.0
    }

    pub(super) fn is_true(&self, name: &str) -> bool {
        self.get(name).is_some_and(|value| is_true(value))
    }

    /// A number above 0.
    pub(super) fn count(&self, name: &str) -> Option<i64> {
        self.get(name)
            .map(|value| number(value))
            .filter(|count| *count > 0)
    }
}

impl FromIterator<(BString, BString)> for Variables {
    fn from_iter<T: IntoIterator<Item = (BString, BString)>>(pairs: T) -> Self {
        let mut variables = Self::default();
        for (name, value) in pairs {
            variables.set(&name, &value);
        }
        variables
    }
}

/// A bracket that is not closed.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unclosed;

/// Takes `{a=b,c=d}`, or the like with other brackets, off the beginning of a text,
/// several of them too, and returns what is left.
pub(super) fn take<'a>(
    mut text: &'a [u8],
    brackets: (u8, u8),
    delimiter: u8,
    variables: &mut Variables,
) -> Result<&'a [u8], Unclosed> {
    while text.first() == Some(&brackets.0) {
        let end = end_of(text, brackets).ok_or(Unclosed)?;
        let (delimiter, inner) = match &text[1..end] {
            [b'^', b'^', delimiter, rest @ ..] => (*delimiter, rest),
            inner => (delimiter, inner),
        };
        for pair in split(inner, delimiter, 1024) {
            if let [name, value] = split(&pair, b'=', 2).as_slice() {
                variables.set(name, value);
            }
        }
        text = &text[end + 1..];
    }
    Ok(text)
}

/// Where the bracket that a text begins with is closed.
fn end_of(text: &[u8], (open, close): (u8, u8)) -> Option<usize> {
    let mut depth = 0;
    text.iter().position(|byte| {
        depth += i32::from(*byte == open) - i32::from(*byte == close);
        depth == 0
    })
}

/// The legs of a group, which commas separate but inside `[...]`.
pub(super) fn legs(group: &[u8]) -> Vec<BString> {
    let mut marked = group.to_vec();
    let mut end = None;
    let (mut quoted, mut alternative) = (false, false);
    for at in 0..group.len() {
        if end.is_none() && group[at] == b'[' {
            end = end_of(&group[at..], (b'[', b']')).map(|end| at + end);
            alternative = group[at + 1..].starts_with(b"^^");
            quoted = false;
        }
        if group[at] == b'\'' {
            quoted = !quoted;
        }
        if end.is_some_and(|end| at < end) && group[at] == b',' && group[at - 1] != b'\\' {
            marked[at] = if quoted || alternative {
                QUOTED_COMMA
            } else {
                COMMA
            };
        }
        if end == Some(at) {
            end = None;
        }
    }
    split(&marked, b',', 128)
}

/// A leg's own variables, and its address.
pub(super) fn leg(text: &[u8]) -> Result<(Variables, BString), Unclosed> {
    let mut variables = Variables::default();
    let text: Vec<u8> = text
        .trim_ascii_start()
        .iter()
        .map(|byte| if *byte == QUOTED_COMMA { b',' } else { *byte })
        .collect();
    let address = take(&text, (b'[', b']'), COMMA, &mut variables)?;
    Ok((variables, address.trim_ascii_start().into()))
}

/// Whether a cause is in the list of `fail_on_single_reject`: in its text, or not
/// in it when that begins with an exclamation mark.
pub(super) fn lists(list: &[u8], cause: &[u8]) -> bool {
    let found = list
        .to_ascii_uppercase()
        .contains_str(cause.to_ascii_uppercase());
    found != list.starts_with(b"!")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(text: &str, brackets: (u8, u8)) -> (Vec<(BString, BString)>, String) {
        let mut variables = Variables::default();
        let rest = take(text.as_bytes(), brackets, b',', &mut variables).expect("closed");
        (variables.into_pairs(), rest.to_str_lossy().into_owned())
    }

    #[test]
    fn variables_come_off_the_front() {
        let (variables, rest) = taken("{a=1,b='x,y'}{A=2,c,d=}loopback/1", (b'{', b'}'));
        assert_eq!(
            variables,
            [("b".into(), "x,y".into()), ("A".into(), "2".into())]
        );
        assert_eq!(rest, "loopback/1");
        let (variables, _) = taken("{^^:a=1,2:b=${c}}x", (b'{', b'}'));
        assert_eq!(
            variables,
            [("a".into(), "1,2".into()), ("b".into(), "${c}".into())]
        );
        let mut none = Variables::default();
        assert_eq!(take(b"{a=1", (b'{', b'}'), b',', &mut none), Err(Unclosed));
    }

    #[test]
    fn legs_have_variables_of_their_own() {
        let legs = legs(b"[a=1,b=2]x/1,y/2,[^^:c=3,4:d=5]z/3");
        let legs: Vec<_> = legs
            .iter()
            .map(|text| leg(text).expect("closed"))
            .map(|(variables, address)| (variables.into_pairs(), address))
            .collect();
        let pairs = |pairs: &[(&str, &str)]| -> Vec<(BString, BString)> {
            pairs
                .iter()
                .map(|(name, value)| ((*name).into(), (*value).into()))
                .collect()
        };
        assert_eq!(
            legs,
            [
                (pairs(&[("a", "1"), ("b", "2")]), "x/1".into()),
                (pairs(&[]), "y/2".into()),
                (pairs(&[("c", "3,4"), ("d", "5")]), "z/3".into()),
            ]
        );
    }

    #[test]
    fn causes_are_listed_or_are_not() {
        assert!(lists(b"USER_BUSY,NO_ANSWER", b"USER_BUSY") && !lists(b"NO_ANSWER", b"USER_BUSY"));
        assert!(!lists(b"!user_busy", b"USER_BUSY") && lists(b"!NO_ANSWER", b"USER_BUSY"));
    }
}
