//! What a text can do to the core, and what keeps it from that.
//!
//! Some functions of FreeSWITCH follow a null pointer, or never come back, for
//! texts that a script can give them. Each kind is guarded here in one place, by
//! name, argument and state, so that a core that has mended it answers as it
//! does: `docs/core-guards.md` lists them.

pub(super) mod application;
pub mod command;
pub(super) mod execute;
mod expansion;
pub mod files;
pub(super) mod queued;
mod table;
pub(super) mod times;

use std::borrow::Cow;
use std::ffi::{CStr, CString};

use super::Detached;
use super::text::c_string_shown;

/// What a guard asks of the call that a text is for: its channel answers.
pub(crate) trait Call {
    /// The value of a variable.
    fn variable(&self, name: &CStr) -> Option<Vec<u8>>;
    /// May the core expand what the call's applications get?
    fn expands(&self) -> bool;
    /// A text with the variables in it replaced.
    fn expand(&self, held: &Detached, text: &CStr) -> CString;
    /// Would the core follow a null pointer for a time of the B leg?
    fn lacks_b_leg_times(&self) -> bool;
}

/// A text that the core would not survive, or not come back from.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The core frees the data and gives the application NULL.
    #[error("the bracket in {0:?} does not close: end the variables for one application with ']'")]
    Bracket(String),
    /// A bracket that a variable's later value can keep from closing.
    #[error(
        "the bracket in {0:?} has a variable in it, which may not close it when the call comes to it: \
         give the application its data at once"
    )]
    Later(String),
    /// A file's name that is a variable's value.
    #[error("the brace that the file name {0:?} begins with does not close")]
    Name(String),
    /// Variables whose values name each other.
    #[error("the variables in {0:?} contain each other without end: set them to plain values")]
    Endless(String),
    /// A time that the core follows a null pointer for.
    #[error(
        "{0:?} names a time of the B leg, which FreeSWITCH does not know after a bridge and would \
         crash on: take another variable"
    )]
    Time(String),
    /// An application that the core gives NULL where it is given nothing.
    #[error("{0:?} needs data: FreeSWITCH would crash without")]
    Nothing(String),
    /// A command that works on a session that the caller has not got.
    #[error("{0}")]
    Command(&'static str),
}

impl Refused {
    fn show(text: &[u8]) -> String {
        const LONGEST: usize = 200;
        let shown = &text[..text.len().min(LONGEST)];
        String::from_utf8_lossy(shown).into_owned()
    }
}

/// What the core takes for a blank around a command or its argument; some of its
/// functions take fewer.
#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "a predicate over the bytes of a slice"
)]
fn blank(byte: &u8) -> bool {
    byte.is_ascii_whitespace() || *byte == 0x0b
}

/// What is left of a command without the blanks around it.
fn stripped(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|b| !blank(b)).unwrap_or(text.len());
    let end = text
        .iter()
        .rposition(|b| !blank(b))
        .map_or(start, |at| at + 1);
    &text[start..end]
}

/// A changed text as a C string; what came from one has no NUL.
fn c_text(text: Cow<'_, [u8]>, unchanged: &CStr) -> CString {
    match text {
        Cow::Borrowed(_) => unchanged.to_owned(),
        Cow::Owned(text) => c_string_shown(&text),
    }
}

/// Has the text something that the core expands: `${`, also with more dollars or
/// backslashes between?
fn holds_variable(text: &[u8]) -> bool {
    let mut dollar = false;
    for &byte in text {
        match byte {
            b'$' => dollar = true,
            b'{' if dollar => return true,
            b'\\' => {}
            _ => dollar = false,
        }
    }
    false
}

/// Has it a backslash that the core looks at as it expands?
fn holds_escape(text: &[u8]) -> bool {
    let mut at = 0;
    while let Some(found) = text[at..].iter().position(|&b| b == b'\\') {
        at += found + 1;
        if text.get(at).is_some_and(|b| b"\\nst'".contains(b)) {
            return true;
        }
    }
    false
}

/// The text in a form that the core's expansion turns into the text itself.
fn escaped(text: Vec<u8>) -> Vec<u8> {
    if !holds_variable(&text) && !holds_escape(&text) {
        return text;
    }
    let mut out = Vec::with_capacity(text.len() + 8);
    for byte in text {
        if byte == b'$' || byte == b'\\' {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_core_would_expand_it() {
        assert!(holds_variable(b"a ${b}"));
        assert!(holds_variable(b"$$\\{b}"));
        assert!(!holds_variable(b"a $ {b}"));
        assert!(holds_escape(b"\\x\\n"));
        assert!(!holds_escape(b"\\x\\"));
    }

    #[test]
    fn what_is_escaped_stays() {
        assert_eq!(escaped(b"plain $5".to_vec()), b"plain $5");
        assert_eq!(escaped(b"${a}\\n".to_vec()), b"\\${a}\\\\n");
    }
}
