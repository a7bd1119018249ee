//! The B leg's times, `bleg_created_time` and six more.
//!
//! The core keeps no times in the profile of a leg that a call has called, and
//! looks for them all the same (`switch_caller_get_field_by_name`): a null
//! pointer. A variable of that name, of the call or for one application, comes
//! first and is right.

use std::ffi::CStr;

/// What the core cuts off before it looks in the other leg's profile.
pub(crate) const OTHER: usize = b"bleg_".len();

/// The variables that name one.
pub(crate) const NAMES: [&CStr; 7] = [
    c"bleg_profile_created_time",
    c"bleg_created_time",
    c"bleg_answered_time",
    c"bleg_progress_time",
    c"bleg_progress_media_time",
    c"bleg_hungup_time",
    c"bleg_transferred_time",
];

/// Is it a variable's name for one of them? The core looks at the case of the
/// first part alone.
pub(crate) fn is_one(name: &[u8]) -> bool {
    name.starts_with(b"bleg_")
        && NAMES
            .iter()
            .any(|known| known.to_bytes()[OTHER..].eq_ignore_ascii_case(&name[OTHER..]))
}

/// Does a text name one?
pub(super) fn in_text(text: &[u8]) -> bool {
    text.windows(OTHER)
        .enumerate()
        .filter(|(_, part)| part == b"bleg_")
        .any(|(at, _)| {
            let rest = &text[at + OTHER..];
            NAMES.iter().any(|known| {
                let known = &known.to_bytes()[OTHER..];
                rest.get(..known.len())
                    .is_some_and(|part| part.eq_ignore_ascii_case(known))
            })
        })
}

/// Does a text ask for one element of one, as of an array? No empty text hides
/// that from the core. A name that is put together counts, too.
pub(super) fn indexed(text: &[u8]) -> bool {
    text.windows(OTHER)
        .enumerate()
        .filter(|(_, part)| part == b"bleg_")
        .any(|(at, _)| {
            let rest = &text[at..];
            let name = rest.split(|b| b"[:".contains(b)).next().unwrap_or_default();
            let known = is_one(name) || name.contains(&b'$');
            known && rest.get(name.len()) == Some(&b'[')
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert!(is_one(b"bleg_created_time"));
        assert!(is_one(b"bleg_CREATED_time"));
        assert!(!is_one(b"BLEG_created_time"));
        assert!(!is_one(b"bleg_created_times"));
        assert!(!is_one(b"created_time"));
        assert!(!is_one(b"aleg_created_time"));
    }

    #[test]
    fn names_in_texts() {
        assert!(indexed(b"${bleg_created_time[0]}"));
        assert!(indexed(b"${bleg_${x}_time[0]}"));
        assert!(!indexed(b"${bleg_created_time:0}[1]"));
        assert!(!indexed(b"${bleg_caller_id_name[0]}"));
        assert!(in_text(b"INFO ${bleg_created_time}"));
        assert!(in_text(b"bleg_bleg_answered_time:1"));
        assert!(!in_text(b"${bleg_caller_id_name} ${aleg_created_time}"));
    }
}
