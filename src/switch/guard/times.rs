//! The B leg's times, `bleg_created_time` and six more.
//!
//! The core keeps no times in the profile of a leg that a call has called, and
//! looks for them all the same (`switch_caller_get_field_by_name`): a null
//! pointer. A variable of that name, of the call or for one application, comes
//! first and is right.

use std::ffi::CStr;

use bindings::{
    SWITCH_STATUS_SUCCESS, switch_channel_get_originatee_caller_profile,
    switch_channel_get_scope_variables, switch_channel_set_scope_variables,
};

use crate::switch::core;
use crate::switch::event::OwnedEvent;
use crate::switch::session::channel::Channel;
use crate::switch::text::c_string;

/// What the core cuts off before it looks in the other leg's profile.
const OTHER: usize = b"bleg_".len();

const NAMES: [&CStr; 7] = [
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
pub(in crate::switch) fn is_one(name: &[u8]) -> bool {
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

impl Channel<'_> {
    /// Would the core follow a null pointer for one of them?
    pub(in crate::switch) fn lacks_b_leg_times(self) -> bool {
        // SAFETY: the channel lives, and so does the profile, in the session's pool.
        unsafe {
            switch_channel_get_originatee_caller_profile(self.as_ptr())
                .as_ref()
                .is_some_and(|profile| profile.times.is_null())
        }
    }

    /// One of them as it is where the core has none: a variable for one
    /// application, one of the call, or a global one.
    pub(in crate::switch) fn beside_b_leg_times(self, name: &CStr) -> Option<Vec<u8>> {
        self.scope()
            .and_then(|scope| scope.view().header(name, None))
            .or_else(|| self.own_variable(name.to_bytes()))
            .or_else(|| core::global(&c_string(&name.to_bytes()[OTHER..]).ok()?))
    }

    fn scope(self) -> Option<OwnedEvent> {
        let mut event = std::ptr::null_mut();
        // SAFETY: the channel lives, and the core writes an event that is ours.
        unsafe {
            switch_channel_get_scope_variables(self.as_ptr(), &raw mut event);
            OwnedEvent::from_raw(event)
        }
    }
}

/// While it lives, the B leg's times that the core would crash on are empty texts,
/// as variables for one application, which the core reads first.
pub(in crate::switch) struct Empty<'a>(Channel<'a>);

impl<'a> Empty<'a> {
    /// None where there is nothing to hide.
    pub(in crate::switch) fn times(channel: Channel<'a>) -> Option<Self> {
        if !channel.lacks_b_leg_times() {
            return None;
        }
        let event = OwnedEvent::bare().ok()?;
        for name in NAMES {
            if channel.beside_b_leg_times(name).is_none() {
                event.view().add_empty(name).ok()?;
            }
        }
        event
            .give(|event| {
                // SAFETY: the channel lives, and takes the event.
                unsafe { switch_channel_set_scope_variables(channel.as_ptr(), event) };
                SWITCH_STATUS_SUCCESS
            })
            .ok()?;
        Some(Self(channel))
    }
}

impl Drop for Empty<'_> {
    fn drop(&mut self) {
        // SAFETY: the channel lives; with nothing to add the core takes the last
        // addition away, which this thread made.
        unsafe { switch_channel_set_scope_variables(self.0.as_ptr(), std::ptr::null_mut()) };
    }
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
