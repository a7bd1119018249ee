//! Playing, waiting, digits, transfer.

use std::ffi::c_char;
use std::sync::Arc;

use bindings::*;

use super::arguments::{session as session_of, text};
use crate::c::*;
use crate::edge::export;
use crate::ivr::collect::collect;
use crate::ivr::file::{Handle, process};
use crate::ivr::input::{CInput, Input};
use crate::ivr::play::play_file;
use crate::ivr::record::{insert, record};
use crate::ivr::sleep::sleep;
use crate::ivr::transfer::transfer;
use crate::session::Session;

/// Runs `body` with the caller's arguments, one level deeper.
///
/// # Safety
/// `args` is NULL or input arguments as the core asks for.
pub(super) unsafe fn with_input(
    session: &Arc<Session>,
    args: *mut switch_input_args_t,
    body: impl FnOnce(Option<&mut dyn Input>) -> Status,
) -> Status {
    // SAFETY: the caller's, and it waits for this function.
    match unsafe { CInput::new(args) } {
        None => body(None),
        Some(mut input) => {
            if !input.enter(session) {
                return GENERR;
            }
            let status = body(Some(&mut input));
            input.leave();
            status
        }
    }
}

export! {
    fn switch_ivr_play_file(
        session: *mut switch_core_session_t,
        fh: *mut switch_file_handle_t,
        file: *const c_char,
        args: *mut switch_input_args_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, handle, text and arguments, which live.
        unsafe {
            let Some(session) = session_of(session) else { return FAILURE };
            let (handle, file) = (Handle::new(fh), text(file));
            with_input(&session, args, |input| play_file(&session, handle, file, input))
        }
    }

    fn switch_ivr_sleep(
        session: *mut switch_core_session_t,
        ms: u32,
        _sync: switch_bool_t,
        args: *mut switch_input_args_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session and arguments, which live.
        unsafe {
            let Some(session) = session_of(session) else { return FAILURE };
            with_input(&session, args, |input| sleep(&session, ms, input))
        }
    }

    fn switch_ivr_parse_all_events(session: *mut switch_core_session_t) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, which lives.
        let Some(session) = (unsafe { session_of(session) }) else { return FAILURE };
        session.parse_all_events();
        SUCCESS
    }

    fn switch_ivr_collect_digits_callback(
        session: *mut switch_core_session_t,
        args: *mut switch_input_args_t,
        digit_timeout: u32,
        abs_timeout: u32,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session and arguments, which live.
        unsafe {
            let Some(session) = session_of(session) else { return FAILURE };
            with_input(&session, args, |input| match input {
                Some(input) => collect(&session, input, digit_timeout, abs_timeout),
                None => GENERR,
            })
        }
    }

    fn switch_ivr_process_fh(
        _session: *mut switch_core_session_t,
        cmd: *const c_char,
        fhp: *mut switch_file_handle_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's text and handle, which live.
        unsafe { process(text(cmd), Handle::new(fhp)) }
    }

    fn switch_ivr_record_file(
        session: *mut switch_core_session_t,
        fh: *mut switch_file_handle_t,
        file: *const c_char,
        args: *mut switch_input_args_t,
        limit: u32,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, handle, text and arguments, which live.
        unsafe {
            let Some(session) = session_of(session) else { return FAILURE };
            let (handle, file) = (Handle::new(fh), text(file));
            with_input(&session, args, |input| record(&session, handle, file, input, limit))
        }
    }

    fn switch_ivr_insert_file(
        session: *mut switch_core_session_t,
        file: *const c_char,
        insert_file: *const c_char,
        sample_point: switch_size_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session and texts, which live.
        unsafe {
            let Some(session) = session_of(session) else { return FAILURE };
            insert(&session, text(file), text(insert_file), sample_point)
        }
    }

    fn switch_ivr_session_transfer(
        session: *mut switch_core_session_t,
        extension: *const c_char,
        dialplan: *const c_char,
        context: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session and texts, which live.
        unsafe {
            let Some(session) = session_of(session) else { return FAILURE };
            transfer(&session, text(extension), text(dialplan), text(context))
        }
    }
}
