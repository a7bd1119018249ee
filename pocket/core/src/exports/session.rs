//! Sessions: finding and locking them, running applications, signals, hooks.

use std::ffi::{c_char, c_int};
use std::ptr;

use bindings::*;

use super::arguments::{session as session_of, text};
use crate::c::*;
use crate::edge::export;
use crate::event::Event;
use crate::session::lock::Locked;
use crate::switch::current;

export! {
    fn switch_core_session_perform_force_locate(
        uuid_str: *const c_char,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
    ) -> *mut switch_core_session_t = else ptr::null_mut(); {
        // SAFETY: the caller's UUID.
        let uuid = unsafe { text(uuid_str) };
        current().and_then(|core| core.sessions.force_locate(uuid)).map_or(ptr::null_mut(), Locked::into_ptr)
    }

    fn switch_core_session_perform_read_lock_hangup(
        session: *mut switch_core_session_t,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, which lives.
        let locked = unsafe { session_of(session) }.is_some_and(|session| session.read_lock_hangup());
        if locked { SUCCESS } else { FAILURE }
    }

    fn switch_core_session_rwunlock(session: *mut switch_core_session_t) = else (); {
        // SAFETY: locked by the caller, so it lives.
        if let Some(session) = unsafe { session_of(session) } {
            session.unlock();
        }
    }

    fn switch_core_session_get_uuid(session: *mut switch_core_session_t) -> *mut c_char = else ptr::null_mut(); {
        // SAFETY: the caller's session, which lives; so does its UUID.
        unsafe { session_of(session) }.map_or(ptr::null_mut(), |session| session.uuid_c().as_ptr().cast_mut())
    }

    fn switch_core_session_get_id(session: *mut switch_core_session_t) -> switch_size_t = else 0; {
        // SAFETY: the caller's session, which lives.
        unsafe { session_of(session) }.map_or(0, |session| session.id)
    }

    fn switch_core_session_get_channel(session: *mut switch_core_session_t) -> *mut switch_channel_t = else ptr::null_mut(); {
        // Session and channel are one here.
        session.cast()
    }

    fn switch_core_session_in_thread(session: *mut switch_core_session_t) -> switch_bool_t = else FALSE; {
        // SAFETY: the caller's session, which lives.
        if unsafe { session_of(session) }.is_some_and(|session| session.in_thread()) { TRUE } else { FALSE }
    }

    fn switch_core_session_get_loglevel(session: *mut switch_core_session_t) -> switch_log_level_t = else switch_log_level_t(0); {
        // SAFETY: the caller's session, which lives.
        switch_log_level_t(unsafe { session_of(session) }.map_or(0, |session| session.log_level()))
    }

    fn switch_core_session_execute_application_get_flags(
        session: *mut switch_core_session_t,
        app: *const c_char,
        arg: *const c_char,
        flags: *mut i32,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, texts and cell, which live.
        unsafe {
            let Some(session) = session_of(session) else { return FAILURE };
            let mut found = flags.as_ref().copied().unwrap_or(0);
            let status = session.execute_with_flags(text(app), crate::text::borrow(arg), &mut found);
            if let Some(flags) = flags.as_mut() {
                *flags = found;
            }
            status
        }
    }

    fn switch_core_session_perform_kill_channel(
        session: *mut switch_core_session_t,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
        _sig: switch_signal_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, which lives.
        let Some(session) = (unsafe { session_of(session) }) else { return FAILURE };
        // Whatever the signal is, it ends the read that the leg's thread is in.
        session.kick();
        SUCCESS
    }

    fn switch_core_session_queue_private_event(
        session: *mut switch_core_session_t,
        event: *mut *mut switch_event_t,
        _priority: switch_bool_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session and cell, which live; the event is given up.
        unsafe {
            let (Some(session), Some(cell)) = (session_of(session), event.as_mut()) else { return FAILURE };
            let Some(event) = Event::take(*cell) else { return FAILURE };
            *cell = ptr::null_mut();
            session.queue_private_event(event);
        }
        SUCCESS
    }

    fn switch_core_session_receive_event(
        session: *mut switch_core_session_t,
        event: *mut *mut switch_event_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session and cell, which live. On success the event is
        // given up.
        unsafe {
            let (Some(session), Some(cell)) = (session_of(session), event.as_mut()) else { return FAILURE };
            let body = Event::with(*cell, |event| event.body().unwrap_or_default().to_owned());
            let taken = session.is_up() && body.is_some_and(|body| session.endpoint.receive_event(&session, body));
            if taken {
                drop(Event::take(*cell));
                *cell = ptr::null_mut();
            }
            session.kick();
            if taken { SUCCESS } else { FAILURE }
        }
    }

    fn switch_core_session_dequeue_event(
        session: *mut switch_core_session_t,
        event: *mut *mut switch_event_t,
        force: switch_bool_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session and cell, which live.
        let (Some(session), Some(cell)) = (unsafe { (session_of(session), event.as_mut()) }) else { return FAILURE };
        match session.take_event(force != FALSE) {
            Some(event) => {
                *cell = event.give();
                SUCCESS
            }
            None => FAILURE,
        }
    }

    fn switch_core_session_hangup_state(session: *mut switch_core_session_t, force: switch_bool_t) = else (); {
        // SAFETY: the caller's session, which lives.
        let Some(session) = (unsafe { session_of(session) }) else { return };
        // Unforced only where the leg asks for it and on its own thread.
        if force != FALSE || (session.has(CF_EARLY_HANGUP) && session.in_thread()) {
            session.on_hangup();
        }
    }

    fn switch_core_session_print(session: *mut switch_core_session_t, _data: *const c_char) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, which lives. No leg carries text here, and
        // such legs answer so.
        match unsafe { session_of(session) } {
            Some(_) => SWITCH_STATUS_NOTIMPL,
            None => FAILURE,
        }
    }

    fn switch_ivr_generate_xml_cdr(session: *mut switch_core_session_t, xml_cdr: *mut switch_xml_t) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session and cell, which live.
        let (Some(session), Some(cell)) = (unsafe { (session_of(session), xml_cdr.as_mut()) }) else { return FAILURE };
        // A tree that is there already would be added to by the core.
        if !cell.is_null() {
            return SWITCH_STATUS_NOTIMPL;
        }
        *cell = session.record().give();
        SUCCESS
    }

    fn switch_core_event_hook_add_state_change(
        session: *mut switch_core_session_t,
        state_change: switch_state_change_hook_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, which lives.
        let Some(session) = (unsafe { session_of(session) }) else { return FAILURE };
        if state_change.is_some_and(|hook| session.add_hook(hook)) { SUCCESS } else { FAILURE }
    }

    fn switch_core_event_hook_remove_state_change(
        session: *mut switch_core_session_t,
        state_change: switch_state_change_hook_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, which lives.
        let Some(session) = (unsafe { session_of(session) }) else { return FAILURE };
        if state_change.is_some_and(|hook| session.remove_hook(hook)) { SUCCESS } else { FAILURE }
    }
}
