//! The switch's log: `switch_log_printf`, and its level.

use std::ffi::{CStr, c_int};

use bindings::{
    SCSC_LOGLEVEL, SWITCH_CHANNEL_ID_LOG, SWITCH_CHANNEL_ID_SESSION, switch_core_session_ctl,
    switch_log_level_t, switch_log_printf, switch_log_str2level,
};

use super::session::Locked;
use super::text::{c_string_shown, pointer};

/// Levels of the log, the urgent ones first (`switch_log_level_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[repr(i32)]
pub enum Level {
    /// Shown whatever the level is.
    Console = 0,
    /// Action must be taken at once.
    Alert = 1,
    /// Critical conditions.
    Crit = 2,
    /// Errors.
    Error = 3,
    /// Warnings.
    Warning = 4,
    /// Normal but significant.
    Notice = 5,
    /// Informational.
    Info = 6,
    /// For debugging.
    Debug = 7,
}

impl Level {
    /// The level with this name ("info", "ERR", "3" ...), as `switch_log_str2level` reads it.
    #[must_use]
    pub fn named(name: &CStr) -> Option<Self> {
        // SAFETY: the core only reads the string.
        let level = unsafe { switch_log_str2level(name.as_ptr()) };
        Some(match level.0 as i32 {
            0 => Self::Console,
            1 => Self::Alert,
            2 => Self::Crit,
            3 => Self::Error,
            4 => Self::Warning,
            5 => Self::Notice,
            6 => Self::Info,
            // DEBUG1 to DEBUG10 are finer shades of it.
            7 | 101..=110 => Self::Debug,
            _ => return None,
        })
    }
}

/// The core's own level: what is above it is logged nowhere.
#[must_use]
pub fn level() -> i32 {
    // -1 would switch logging off and -2 only asks (switch_core.c, SCSC_LOGLEVEL).
    let mut asked: i32 = -2;
    // SAFETY: the core reads and writes one int32_t through the pointer.
    unsafe { switch_core_session_ctl(SCSC_LOGLEVEL, (&raw mut asked).cast()) };
    asked
}

/// Writes one entry. `file`, `func` and `line` say where it comes from, `uuid`
/// to which call it belongs: it then counts with that session's own level too.
///
/// The core formats with a fixed `%s`: text is never a format string. Nothing is
/// written once the core is gone.
pub fn write(
    level: Level,
    file: &CStr,
    func: &CStr,
    line: c_int,
    uuid: Option<&CStr>,
    text: &[u8],
) {
    if crate::switch::edge::is_forked() {
        // The log's thread is not there, and its locks are as the fork left them.
        let descriptor = if level <= Level::Warning { 2 } else { 1 };
        let text = [text.trim_ascii_end(), b"\n"].concat();
        // SAFETY: so many bytes of ours are read.
        unsafe { libc::write(descriptor, text.as_ptr().cast(), text.len()) };
        return;
    }
    let Some(_inside) = super::core::inside() else {
        return;
    };
    let above = level as i32 > self::level();
    if above && !super::call_log::wanted(level) {
        return;
    }
    let mut text = text.to_vec();
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    let text = c_string_shown(&text);
    // The core looks at a session's level only where it is given the session.
    let session = uuid.filter(|_| above).and_then(Locked::find);
    let (channel, userdata) = match &session {
        Some(locked) => (
            SWITCH_CHANNEL_ID_SESSION,
            locked.session().as_ptr().cast_const().cast(),
        ),
        None => (SWITCH_CHANNEL_ID_LOG, pointer(uuid)),
    };
    // SAFETY: all strings end with NUL and live over the call, and so does the
    // session; the format takes exactly the one string that it is given.
    unsafe {
        switch_log_printf(
            channel,
            file.as_ptr(),
            func.as_ptr(),
            line,
            userdata,
            switch_log_level_t(level as _),
            c"%s".as_ptr(),
            text.as_ptr(),
        );
    }
}
