//! `${variable}` and `${command(arguments)}` in the text of a dialplan.

use std::borrow::Cow;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice, ByteVec};

use super::Session;
use crate::c::SUCCESS;
use crate::command;

/// Deeper than this the core leaves text as it is.
const DEEPEST: u32 = 100;

/// Whether text has something to expand: `${`, also after several dollars.
pub(crate) fn holds_variable(text: &[u8]) -> bool {
    let mut dollar = false;
    for &byte in text {
        match byte {
            b'$' => dollar = true,
            b'{' if dollar => return true,
            _ => dollar = false,
        }
    }
    false
}

/// Whether text has a backslash that the core looks at.
fn holds_escape(text: &[u8]) -> bool {
    text.windows(2)
        .any(|pair| pair[0] == b'\\' && b"\\nst'".contains(&pair[1]))
}

impl Session {
    /// The text with its variables in place.
    pub(crate) fn expand(self: &Arc<Self>, text: &[u8]) -> BString {
        self.expand_changed(text, 0).into_owned()
    }

    /// As [`Session::expand`]; text with nothing to expand is not copied.
    pub(crate) fn expand_changed<'a>(
        self: &Arc<Self>,
        text: &'a [u8],
        depth: u32,
    ) -> Cow<'a, BStr> {
        if depth > DEEPEST || !(holds_variable(text) || holds_escape(text)) {
            return Cow::Borrowed(text.as_bstr());
        }
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((&byte, after)) = rest.split_first() {
            match (byte, after.first()) {
                (b'\\', Some(b'$')) => {
                    // A dollar that is meant as one, two of them written as one.
                    out.push(b'$');
                    rest = after[1..].strip_prefix(b"$").unwrap_or(&after[1..]);
                    continue;
                }
                (b'\\', Some(b'\'')) => {
                    rest = &after[1..];
                    continue;
                }
                (b'\\', Some(b'\\')) => {
                    out.push(b'\\');
                    rest = &after[1..];
                    continue;
                }
                (b'$', next) => {
                    let name = after.strip_prefix(b"$").unwrap_or(after);
                    if let Some(inner) = name.strip_prefix(b"{") {
                        let (inner, following) = inner_of(inner);
                        out.push_str(self.value_of(inner, depth));
                        rest = following;
                        continue;
                    }
                    if next == Some(&b'$') {
                        // Two dollars that begin nothing are one.
                        rest = name;
                        out.push(byte);
                        continue;
                    }
                }
                _ => {}
            }
            out.push(byte);
            rest = after;
        }
        Cow::Owned(out.into())
    }

    fn value_of(self: &Arc<Self>, inner: &[u8], depth: u32) -> BString {
        match inner.iter().position(|byte| *byte == b' ' || *byte == b'(') {
            None => self.variable_of(inner, depth),
            Some(at) => {
                let command = self.expand_changed(inner[..at].trim_ascii_end(), depth + 1);
                let argument = if inner[at] == b'(' {
                    closed(&inner[at + 1..])
                } else {
                    &inner[at + 1..]
                };
                let argument = self.expand_changed(argument, depth + 1);
                let reply = command::run(&self.core, &command, &argument, Some(self), None);
                if reply.status == SUCCESS {
                    reply.text
                } else {
                    BString::default()
                }
            }
        }
    }

    /// `name`, `name[2]`, `name:offset`, `name:offset:length`.
    fn variable_of(self: &Arc<Self>, inner: &[u8], depth: u32) -> BString {
        let expanded = self.expand_changed(inner, depth + 1);
        let mut parts = expanded.splitn_str(3, ":");
        let name = parts.next().unwrap_or_default();
        let offset = parts.next().map_or(0, crate::text::number);
        let length = parts.next().map_or(0, crate::text::number);
        let (name, index) = match (name.find_byte(b'['), name.find_byte(b']')) {
            (Some(open), Some(close)) if open < close => (
                &name[..open],
                i32::try_from(crate::text::number(&name[open + 1..])).unwrap_or(-1),
            ),
            _ => (name, -1),
        };
        let Some(value) = self.get_at(name, index) else {
            return BString::default();
        };
        let value = self.expand_changed(&value, depth + 1);
        let from = match usize::try_from(offset) {
            Ok(offset) => offset.min(value.len()),
            Err(_) => {
                let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
                value.len().saturating_sub(back)
            }
        };
        let value = &value[from..];
        match usize::try_from(length) {
            Ok(length) if length > 0 && length < value.len() => value[..length].into(),
            _ => value.into(),
        }
    }
}

/// What is inside the braces, and what follows them.
fn inner_of(text: &[u8]) -> (&[u8], &[u8]) {
    let mut depth = 1;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return (&text[..at], &text[at + 1..]),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    (text, &[])
}

/// Up to the parenthesis that closes the first.
fn closed(text: &[u8]) -> &[u8] {
    let mut depth = 1;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return &text[..at],
            b')' => depth -= 1,
            _ => {}
        }
    }
    text
}
