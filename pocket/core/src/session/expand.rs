//! `${variable}` and `${command(arguments)}` in the text of a dialplan, and of
//! commands that expand their arguments.

use std::borrow::Cow;
use std::sync::Arc;

use bstr::{BStr, BString, ByteSlice, ByteVec};

use crate::c::SUCCESS;
use crate::event::Event;
use crate::module::api;
use crate::session::Session;
use crate::switch::Core;

/// Deeper than this the core leaves text as it is.
const DEEPEST: u32 = 100;

/// Where the values of variables come from.
pub(crate) trait Variables {
    fn core(&self) -> &Arc<Core>;

    /// The leg that commands are run for.
    fn session(&self) -> Option<&Arc<Session>>;

    /// A value, one of several by `index`, and whether it is expanded, too.
    fn value(&self, name: &[u8], index: i32) -> Option<(BString, bool)>;
}

impl Variables for Arc<Session> {
    fn core(&self) -> &Arc<Core> {
        &self.core
    }

    fn session(&self) -> Option<&Arc<Session>> {
        Some(self)
    }

    fn value(&self, name: &[u8], index: i32) -> Option<(BString, bool)> {
        self.get_at(name, index).map(|value| (value, true))
    }
}

/// The headers of an event, then the global variables:
/// `switch_event_expand_headers`.
pub(crate) struct Headers<'a> {
    pub(crate) core: &'a Arc<Core>,
    pub(crate) event: &'a Event,
}

impl Variables for Headers<'_> {
    fn core(&self) -> &Arc<Core> {
        self.core
    }

    fn session(&self) -> Option<&Arc<Session>> {
        None
    }

    fn value(&self, name: &[u8], index: i32) -> Option<(BString, bool)> {
        let own = match usize::try_from(index) {
            Ok(index) => self.event.get_at(name, index),
            Err(_) => self.event.get(name).map(ToOwned::to_owned),
        };
        own.map(|value| (value, false))
            .or_else(|| Some((self.core.globals.get(name)?, true)))
    }
}

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
        expand(self, text)
    }
}

/// As [`expand`], `depth` deep in another one; text with nothing to expand is not
/// copied.
pub(crate) fn expand_changed<'a>(
    variables: &impl Variables,
    text: &'a [u8],
    depth: u32,
) -> Cow<'a, BStr> {
    Expansion(variables).text(text, depth)
}

/// The text with its variables in place.
pub(crate) fn expand(variables: &impl Variables, text: &[u8]) -> BString {
    expand_changed(variables, text, 0).into_owned()
}

struct Expansion<'a, V>(&'a V);

impl<V: Variables> Expansion<'_, V> {
    /// Text with nothing to expand is not copied.
    fn text<'a>(&self, text: &'a [u8], depth: u32) -> Cow<'a, BStr> {
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
                        let global = next == Some(&b'$');
                        out.push_str(self.value_of(inner, global, depth));
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

    fn value_of(&self, inner: &[u8], global: bool, depth: u32) -> BString {
        match inner.iter().position(|byte| *byte == b' ' || *byte == b'(') {
            None => self.variable_of(inner, global, depth),
            Some(at) => {
                let command = self.text(inner[..at].trim_ascii_end(), depth + 1);
                let argument = if inner[at] == b'(' {
                    closed(&inner[at + 1..])
                } else {
                    &inner[at + 1..]
                };
                let argument = self.text(argument, depth + 1);
                let reply = api::run(self.0.core(), &command, &argument, self.0.session(), None);
                if reply.status == SUCCESS {
                    reply.text
                } else {
                    BString::default()
                }
            }
        }
    }

    /// `name`, `name[2]`, `name:offset`, `name:offset:length`.
    fn variable_of(&self, inner: &[u8], global: bool, depth: u32) -> BString {
        let expanded = self.text(inner, depth + 1);
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
        // Two dollars ask for the global one.
        let found = if global {
            self.0.core().globals.get(name).map(|value| (value, true))
        } else {
            self.0.value(name, index)
        };
        let Some((value, goes_on)) = found else {
            return BString::default();
        };
        let value = if goes_on {
            self.text(&value, depth + 1).into_owned()
        } else {
            value
        };
        let from = if let Ok(offset) = usize::try_from(offset) {
            offset.min(value.len())
        } else {
            let back = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            value.len().saturating_sub(back)
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
