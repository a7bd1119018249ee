//! The switch's log: `switch_log_printf`, and its level.

use std::ffi::{CStr, c_int, c_void};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use bindings::{
    SCSC_LOGLEVEL, SWITCH_CHANNEL_ID_LOG, SWITCH_CHANNEL_ID_SESSION, switch_core_session_ctl,
    switch_log_level_t, switch_log_printf, switch_log_str2level,
};

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

/// What writes where there is no core: level and text.
static ALONE: OnceLock<fn(Level, &[u8])> = OnceLock::new();

/// Has entries go there while there is no core in the process.
pub fn write_alone_by(write: fn(Level, &[u8])) {
    let _ = ALONE.set(write);
}

fn alone() -> Option<&'static fn(Level, &[u8])> {
    ALONE.get().filter(|_| !super::core::running())
}

/// The core's own level: what is above it is logged nowhere.
#[must_use]
pub fn level() -> i32 {
    if alone().is_some() {
        return Level::Info as i32;
    }
    // -1 would switch logging off and -2 only asks (switch_core.c, SCSC_LOGLEVEL).
    let mut asked: i32 = -2;
    // SAFETY: the core reads and writes one int32_t through the pointer.
    unsafe { switch_core_session_ctl(SCSC_LOGLEVEL, (&raw mut asked).cast()) };
    asked
}

/// Where an entry goes: the log alone, or a session's own log level counts, too.
#[derive(Debug, Clone, Copy)]
pub(super) enum Channel<'a> {
    /// `SWITCH_CHANNEL_LOG` with the UUID of the call that it belongs to, if any.
    Log(Option<&'a CStr>),
    /// `SWITCH_CHANNEL_SESSION`.
    Session(*const c_void),
}

/// Entries go to standard output and standard error, and not to the core.
static DESCRIPTORS: AtomicBool = AtomicBool::new(false);

/// Has all entries go to standard output and standard error from now on: in a forked
/// child the log's thread is not there, and its locks are as the fork left them.
/// Stores and nothing else.
pub(super) fn use_descriptors() {
    DESCRIPTORS.store(true, Ordering::Relaxed);
}

/// Hands an entry to the core, which formats with a fixed `%s`: text is never a format
/// string. Nothing is written once the core is gone.
///
/// # Safety
/// A session that is given lives.
pub(super) unsafe fn put(
    level: Level,
    (file, func, line): (&CStr, &CStr, c_int),
    channel: Channel<'_>,
    text: &[u8],
) {
    if DESCRIPTORS.load(Ordering::Relaxed) {
        let descriptor = if level <= Level::Warning { 2 } else { 1 };
        let text = [text.trim_ascii_end(), b"\n"].concat();
        // SAFETY: so many bytes of ours are read.
        unsafe { libc::write(descriptor, text.as_ptr().cast(), text.len()) };
        return;
    }
    if let Some(write) = alone() {
        write(level, text);
        return;
    }
    let Some(_inside) = super::core::inside() else {
        return;
    };
    let mut text = text.to_vec();
    if text.last() != Some(&b'\n') {
        text.push(b'\n');
    }
    let text = c_string_shown(&text);
    let (channel, userdata) = match channel {
        Channel::Log(uuid) => (SWITCH_CHANNEL_ID_LOG, pointer(uuid)),
        Channel::Session(session) => (SWITCH_CHANNEL_ID_SESSION, session.cast()),
    };
    // SAFETY: all strings end with NUL and live over the call, and so does the
    // session, for which the caller vouches; the format takes exactly the one
    // string that it is given.
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
