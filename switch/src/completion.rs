//! Completion of command lines at the console.

use std::ffi::{CStr, CString, c_char};

use bindings::{
    SWITCH_STATUS_SUCCESS, switch_console_add_complete_func, switch_console_callback_match_t,
    switch_console_del_complete_func, switch_console_push_match, switch_console_set_complete,
    switch_status_t,
};
use parking_lot::RwLock;

use super::Detached;
use super::edge::guard;
use super::text::copied;

/// Gives what the word that is being typed could become. It runs on the
/// console's thread, under its lock: it must be quick, and must not touch Python.
pub type Completer = fn(word: &str) -> Vec<String>;

/// The one completer of the module's; the core's function has no user data.
static COMPLETER: RwLock<Option<Completer>> = RwLock::new(None);

const NAME: &CStr = c"::mod_rust::functions";

/// Completes these lines ("python ", "pykill ") with what the completer gives.
pub fn begin(_: &Detached, commands: &[&str], completer: Completer) {
    *COMPLETER.write() = Some(completer);
    // SAFETY: the name is a constant, and the function is never unmapped.
    unsafe { switch_console_add_complete_func(NAME.as_ptr(), Some(on_complete)) };
    for command in commands {
        set(&format!("add {command} {}", NAME.to_string_lossy()));
    }
}

/// Completes them no more.
pub fn end(_: &Detached, commands: &[&str]) {
    for command in commands {
        set(&format!("del {command}"));
    }
    // SAFETY: the name is the constant that it was registered under; the core keeps
    // nothing of it.
    unsafe { switch_console_del_complete_func(NAME.as_ptr()) };
    *COMPLETER.write() = None;
}

fn set(line: &str) {
    let line = CString::new(line).unwrap_or_default();
    // SAFETY: the core copies the line.
    unsafe { switch_console_set_complete(line.as_ptr()) };
}

unsafe extern "C" fn on_complete(
    _line: *const c_char,
    cursor: *const c_char,
    matches: *mut *mut switch_console_callback_match_t,
) -> switch_status_t {
    guard(c"completion", bindings::SWITCH_STATUS_FALSE, || {
        // SAFETY: the core lends the text for this call.
        let word = unsafe { copied(cursor) }.unwrap_or_default();
        let completer = *COMPLETER.read();
        let found = completer
            .map(|complete| complete(&String::from_utf8_lossy(&word)))
            .unwrap_or_default();
        if found.is_empty() {
            return bindings::SWITCH_STATUS_FALSE;
        }
        // The core's cell holds anything before it is written.
        let mut list = std::ptr::null_mut();
        for name in found {
            let name = CString::new(name).unwrap_or_default();
            // SAFETY: NULL begins a list, which the core allocates; it copies the name.
            unsafe { switch_console_push_match(&raw mut list, name.as_ptr()) };
        }
        // SAFETY: the core lends the cell, and takes the list over.
        unsafe { matches.write(list) };
        SWITCH_STATUS_SUCCESS
    })
}
