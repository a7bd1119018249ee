//! The log. `switch_log_printf` is in C, and ends here.

use std::ffi::{c_char, c_int};
use std::sync::Arc;

use bindings::*;

use super::arguments::{place, text};
use crate::edge::{export, guard};
use crate::log;
use crate::session::Session;
use crate::switch::current;

/// The session that a line is about, when it was handed over as one.
///
/// # Safety
/// For a session channel, `userdata` is NULL or a session that lives.
unsafe fn session_of(
    channel: switch_text_channel_t,
    userdata: *const c_char,
) -> Option<Arc<Session>> {
    if channel != SWITCH_CHANNEL_ID_SESSION {
        return None;
    }
    // SAFETY: the caller's.
    unsafe { Session::from_ptr(userdata.cast_mut().cast()) }
}

/// Whether a line is worth writing out.
///
/// # Safety
/// As for `switch_log_printf`.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pocket_log_takes(
    channel: switch_text_channel_t,
    userdata: *const c_char,
    level: switch_log_level_t,
) -> c_int {
    guard("switch_log_printf", 0, || {
        let Some(core) = current() else { return 0 };
        // SAFETY: the caller's.
        let session = unsafe { session_of(channel, userdata) };
        c_int::from(
            core.log
                .takes(level.0, session.map(|session| session.log_level()))
                .is_some(),
        )
    })
}

/// Keeps a line that is written out.
///
/// # Safety
/// As for `switch_log_printf`.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pocket_log_text(
    channel: switch_text_channel_t,
    file: *const c_char,
    func: *const c_char,
    line: c_int,
    userdata: *const c_char,
    level: switch_log_level_t,
    written: *const c_char,
) {
    guard("switch_log_printf", (), || {
        let Some(core) = current() else { return };
        // SAFETY: the caller's.
        let (session, place, written) = unsafe {
            (
                session_of(channel, userdata),
                place(file, func, line),
                text(written),
            )
        };
        match session {
            Some(session) => {
                core.log.write(
                    level.0,
                    place,
                    session.uuid(),
                    Some(session.log_level()),
                    written,
                );
            }
            // SAFETY: in all other channels it is a UUID, or NULL.
            None if channel != SWITCH_CHANNEL_ID_SESSION => unsafe {
                core.log
                    .write(level.0, place, text(userdata), None, written);
            },
            None => core.log.write(level.0, place, b"", None, written),
        }
    });
}

export! {
    fn switch_log_str2level(str_: *const c_char) -> switch_log_level_t = else switch_log_level_t(log::INVALID); {
        // SAFETY: the caller's text.
        switch_log_level_t(log::parse_level(unsafe { text(str_) }))
    }
}
