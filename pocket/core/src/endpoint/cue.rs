//! What the far end does when it hears something.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bstr::{BStr, BString, ByteSlice};

use super::deed::{later, press, press_here};
use crate::ivr::recognise;
use crate::session::Session;
use crate::session::endpoint::Heard;
use crate::text::is_like;

/// What it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deed {
    /// It presses digits.
    Press,
    /// It speaks words.
    Say,
}

/// A deed and the sound that it follows.
#[derive(Clone, Debug)]
pub struct Cue {
    /// The sound: a file with or without its folder and its extension, or a text that
    /// is spoken; `*` and `?` stand for anything.
    pub sound: BString,
    /// Microseconds from where the sound begins; `None`: once it was heard to its end.
    pub after: Option<i64>,
    /// What is done.
    pub deed: Deed,
    /// Digits or words, one for each time that the sound is heard.
    pub each: Vec<BString>,
    /// Whether the last of them is for all later times, too.
    pub repeats: bool,
}

/// A cue, and how often it was reached.
pub(super) struct Counted {
    cue: Cue,
    times: AtomicUsize,
}

impl Counted {
    pub(super) fn new(cue: Cue) -> Self {
        Self {
            cue,
            times: AtomicUsize::new(0),
        }
    }

    /// A sound begins, or has been heard to its end.
    pub(super) fn hears(&self, session: &Arc<Session>, heard: Heard, sound: &BStr) {
        let due = match (heard, self.cue.after) {
            (Heard::Begins, after @ Some(_)) => after,
            (Heard::Ends, None) => None,
            _ => return,
        };
        if !is_sound(&self.cue.sound, sound) {
            return;
        }
        let time = self.times.fetch_add(1, Ordering::SeqCst);
        let last = self.cue.each.last().filter(|_| self.cue.repeats);
        let Some(what) = self.cue.each.get(time).or(last).cloned() else {
            return;
        };
        let deed = self.cue.deed;
        match (due, deed) {
            (Some(after), _) => later(session, after, move |session| match deed {
                Deed::Press => press(session, &what),
                Deed::Say => recognise::hear(session, what),
            }),
            (None, Deed::Press) => press_here(session, &what),
            (None, Deed::Say) => recognise::hear(session, what),
        }
    }
}

/// Whether a name means a sound: its whole path or text, one of several files that are
/// played as one, or a file's name with or without its extension.
#[must_use]
pub fn is_sound(name: &[u8], sound: &[u8]) -> bool {
    if is_like(name, sound) {
        return true;
    }
    let files = sound.strip_prefix(b"file_string://").unwrap_or(sound);
    files.split_str("!").any(|file| {
        let base = &file[file.rfind_byte(b'/').map_or(0, |at| at + 1)..];
        let stem = &base[..base.rfind_byte(b'.').unwrap_or(base.len())];
        let tail = file.len().checked_sub(name.len() + 1);
        is_like(name, file)
            || is_like(name, base)
            || is_like(name, stem)
            || tail.is_some_and(|at| file[at] == b'/' && is_like(name, &file[at + 1..]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_is_named_by_its_path_its_file_or_its_stem() {
        let sound = b"/tmp/sounds/ivr/menu.wav";
        for name in [
            "/tmp/sounds/ivr/menu.wav",
            "ivr/menu.wav",
            "menu.wav",
            "menu",
            "m?nu",
            "*/ivr/*",
        ] {
            assert!(is_sound(name.as_bytes(), sound), "{name}");
        }
        for name in ["enu", "r/menu.wav", "ivr/menu", "other"] {
            assert!(!is_sound(name.as_bytes(), sound), "{name}");
        }
        assert!(
            is_sound(b"b", b"file_string://a.wav!b.wav")
                && is_sound(b"enter your PIN", b"Enter your PIN")
        );
    }
}
