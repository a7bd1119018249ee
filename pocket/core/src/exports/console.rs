//! Completion at the console, and what a dialplan of a module gives.

use std::ffi::c_char;
use std::ptr;

use bindings::*;

use super::arguments::{channel as channel_of, session as session_of, text};
use crate::c::*;
use crate::completion;
use crate::edge::export;
use crate::session::Extension;
use crate::switch::current;

export! {
    fn switch_console_set_complete(string: *const c_char) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's text, which lives.
        let line = unsafe { text(string) };
        if current().is_some_and(|core| core.completions.set(line)) { SUCCESS } else { FAILURE }
    }

    fn switch_console_add_complete_func(
        name: *const c_char,
        cb: switch_console_complete_callback_t,
    ) -> switch_status_t = else FAILURE; {
        let Some(core) = current() else { return FAILURE };
        // SAFETY: the caller's text, which lives.
        core.completions.add_function(unsafe { text(name) }, cb);
        SUCCESS
    }

    fn switch_console_del_complete_func(name: *const c_char) -> switch_status_t = else FAILURE; {
        let Some(core) = current() else { return FAILURE };
        // SAFETY: the caller's text, which lives.
        core.completions.remove_function(unsafe { text(name) });
        SUCCESS
    }

    fn switch_console_push_match(
        matches: *mut *mut switch_console_callback_match_t,
        new_val: *const c_char,
    ) = else (); {
        // SAFETY: the cell that complete() gave, and the caller's text.
        unsafe {
            if let Some(cell) = matches.as_mut() {
                completion::push(cell, text(new_val));
            }
        }
    }

    fn switch_caller_extension_new(
        session: *mut switch_core_session_t,
        _extension_name: *const c_char,
        _extension_number: *const c_char,
    ) -> *mut switch_caller_extension_t = else ptr::null_mut(); {
        // SAFETY: the caller's session, which lives.
        let Some(session) = (unsafe { session_of(session) }) else { return ptr::null_mut() };
        session.memory.keep(Extension::default()).cast()
    }

    fn switch_channel_set_caller_extension(
        channel: *mut switch_channel_t,
        caller_extension: *mut switch_caller_extension_t,
    ) = else (); {
        // SAFETY: the caller's channel, and an extension made above, which its
        // maker gives up.
        unsafe {
            let extension = caller_extension.cast::<Extension>().as_mut();
            if let (Some(channel), Some(extension)) = (channel_of(channel), extension) {
                *channel.extension.lock() = Some(std::mem::take(extension));
            }
        }
    }

    fn switch_caller_extension_add_application(
        session: *mut switch_core_session_t,
        caller_extension: *mut switch_caller_extension_t,
        application_name: *const c_char,
        extra_data: *const c_char,
    ) = else (); {
        // SAFETY: the caller's session, texts, and an extension made above, which
        // its maker alone uses.
        unsafe {
            let extension = caller_extension.cast::<Extension>().as_mut();
            if let (Some(session), Some(extension)) = (session_of(session), extension) {
                extension.add(&session, text(application_name), text(extra_data));
            }
        }
    }
}
