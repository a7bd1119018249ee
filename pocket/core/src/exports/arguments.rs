//! What callers from C hand over.

use std::ffi::c_char;
use std::sync::Arc;

use bindings::{switch_channel_t, switch_core_session_t};
use bstr::BStr;

use crate::place::Place;
use crate::session::Session;

/// The place that a caller gives.
///
/// # Safety
/// Both texts are NULL or live, NUL-terminated strings.
pub(super) unsafe fn place<'a>(
    file: *const c_char,
    function: *const c_char,
    line: i32,
) -> Place<'a> {
    // SAFETY: the caller's.
    unsafe {
        Place {
            file: text(file),
            function: text(function),
            line,
        }
    }
}

/// A text, empty for NULL.
///
/// # Safety
/// NULL, or a live NUL-terminated string.
pub(super) unsafe fn text<'a>(text: *const c_char) -> &'a BStr {
    // SAFETY: the caller's.
    unsafe { crate::text::borrow(text) }.unwrap_or_default()
}

/// # Safety
/// NULL, or a session that lives.
pub(super) unsafe fn session(session: *mut switch_core_session_t) -> Option<Arc<Session>> {
    // SAFETY: the caller's.
    unsafe { Session::from_ptr(session) }
}

/// # Safety
/// NULL, or the channel of a session that lives.
pub(super) unsafe fn channel(channel: *mut switch_channel_t) -> Option<Arc<Session>> {
    // SAFETY: the caller's.
    unsafe { Session::from_channel(channel) }
}
