//! Completion of command lines: what could be typed next.

use std::ffi::CString;

use bindings::{switch_console_callback_match_t, switch_console_complete_callback_t};
use bstr::BString;
use parking_lot::Mutex;

use crate::c::SUCCESS;

/// What a function found. C holds its address.
#[derive(Default)]
pub(crate) struct Matches(pub(crate) Vec<BString>);

/// What is known of command lines.
#[derive(Default)]
pub(crate) struct Completions {
    /// Words after each other; `::name` is what a function gives.
    lines: Mutex<Vec<Vec<BString>>>,
    functions: Mutex<Vec<(BString, switch_console_complete_callback_t)>>,
}

impl Completions {
    /// `add <word> ...` or `del [<word> ...|*]`; whether it was one of them.
    pub(crate) fn set(&self, line: &[u8]) -> bool {
        let words: Vec<BString> = words_of(line).map(BString::from).collect();
        let Some((first, rest)) = words.split_first() else {
            return false;
        };
        let mut lines = self.lines.lock();
        match first.as_slice() {
            b"add" if !rest.is_empty() => lines.push(rest.to_vec()),
            b"del" if rest == [b"*"] => lines.clear(),
            b"del" => lines.retain(|line| !line.starts_with(rest)),
            _ => return false,
        }
        true
    }

    pub(crate) fn add_function(&self, name: &[u8], function: switch_console_complete_callback_t) {
        self.functions.lock().push((name.into(), function));
    }

    pub(crate) fn remove_function(&self, name: &[u8]) {
        self.functions.lock().retain(|(known, _)| known != name);
    }

    /// What the last word of a line could become; an empty one after a blank.
    pub(crate) fn complete(&self, line: &[u8]) -> Vec<BString> {
        let mut words: Vec<&[u8]> = words_of(line).collect();
        let last = if line.last().is_none_or(u8::is_ascii_whitespace) {
            &b""[..]
        } else {
            words.pop().unwrap_or_default()
        };
        let at = words.len();
        let candidates: Vec<BString> = self
            .lines
            .lock()
            .iter()
            .filter(|known| known.len() > at && known.iter().zip(&words).all(|(a, b)| a == b))
            .map(|known| known[at].clone())
            .collect();
        let mut found = Vec::new();
        for candidate in candidates {
            if candidate.starts_with(b"::") {
                found.extend(self.ask(&candidate, line, last));
            } else if candidate.starts_with(last) {
                found.push(candidate);
            }
        }
        found
    }

    fn ask(&self, name: &[u8], line: &[u8], word: &[u8]) -> Vec<BString> {
        let function = self
            .functions
            .lock()
            .iter()
            .find(|(known, _)| known == name)
            .and_then(|(_, function)| *function);
        let Some(function) = function else {
            return Vec::new();
        };
        let (line, word): (CString, CString) =
            (crate::text::c_string(line), crate::text::c_string(word));
        // As in the core nothing of ours is in the cell: only success makes it one.
        let mut matches = std::ptr::dangling_mut::<switch_console_callback_match_t>();
        // SAFETY: a function of a module that is loaded; the texts live over the call.
        let status = unsafe { function(line.as_ptr(), word.as_ptr(), &raw mut matches) };
        if status != SUCCESS || matches.is_null() {
            return Vec::new();
        }
        // SAFETY: made by push() below, from NULL.
        unsafe { Box::from_raw(matches.cast::<Matches>()) }.0
    }
}

fn words_of(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
}

/// `switch_console_push_match`: one more that a function found.
///
/// # Safety
/// The cell holds NULL, or what this function has put there.
pub(crate) unsafe fn push(cell: &mut *mut switch_console_callback_match_t, word: &[u8]) {
    if cell.is_null() {
        *cell = Box::into_raw(Box::<Matches>::default()).cast();
    }
    // SAFETY: the caller's.
    if let Some(matches) = unsafe { cell.cast::<Matches>().as_mut() } {
        matches.0.push(word.into());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_completed_by_what_came_before() {
        let known = Completions::default();
        assert!(known.set(b"add show calls"));
        assert!(known.set(b"add show channels"));
        assert!(!known.set(b"put show channels"));
        assert_eq!(known.complete(b"show c"), ["calls", "channels"]);
        assert_eq!(known.complete(b"show ch"), ["channels"]);
        assert_eq!(known.complete(b"sh"), ["show", "show"]);
        assert!(known.set(b"del show calls"));
        assert_eq!(known.complete(b"show "), ["channels"]);
        assert!(known.set(b"del *"));
        assert!(known.complete(b"").is_empty());
    }
}
