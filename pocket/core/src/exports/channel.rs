//! Channels: state, flags, variables, answer and hangup.

use std::borrow::Cow;
use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use bindings::*;

use super::arguments::{channel as channel_of, text};
use crate::c::*;
use crate::cause;
use crate::edge::export;
use crate::event::Event;
use crate::session::state;

export! {
    fn switch_channel_get_state(channel: *mut switch_channel_t) -> switch_channel_state_t = else CS_DESTROY; {
        // SAFETY: the caller's channel, which lives.
        unsafe { channel_of(channel) }.map_or(CS_DESTROY, |channel| channel.state())
    }

    fn switch_channel_state_name(state: switch_channel_state_t) -> *const c_char = else ptr::null(); {
        state::name(state).as_ptr()
    }

    fn switch_channel_get_cause(channel: *mut switch_channel_t) -> switch_call_cause_t = else cause::NONE; {
        // SAFETY: the caller's channel, which lives.
        unsafe { channel_of(channel) }.map_or(cause::NONE, |channel| channel.cause())
    }

    fn switch_channel_cause2str(cause: switch_call_cause_t) -> *const c_char = else ptr::null(); {
        cause::name(cause).as_ptr()
    }

    fn switch_channel_str2cause(str_: *const c_char) -> switch_call_cause_t = else cause::NORMAL_CLEARING; {
        // SAFETY: the caller's text.
        cause::parse(unsafe { text(str_) })
    }

    fn switch_channel_direction(channel: *mut switch_channel_t) -> switch_call_direction_t = else INBOUND; {
        // SAFETY: the caller's channel, which lives.
        if unsafe { channel_of(channel) }.is_some_and(|channel| channel.outbound) { OUTBOUND } else { INBOUND }
    }

    fn switch_channel_test_ready(
        channel: *mut switch_channel_t,
        check_ready: switch_bool_t,
        check_media: switch_bool_t,
    ) -> c_int = else 0; {
        // SAFETY: the caller's channel, which lives.
        let Some(channel) = (unsafe { channel_of(channel) }) else { return 0 };
        c_int::from(channel.test_ready(check_ready != FALSE, check_media != FALSE))
    }

    fn switch_channel_perform_answer(
        channel: *mut switch_channel_t,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's channel, which lives.
        unsafe { channel_of(channel) }.map_or(FAILURE, |channel| channel.answer())
    }

    fn switch_channel_perform_pre_answer(
        channel: *mut switch_channel_t,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's channel, which lives.
        unsafe { channel_of(channel) }.map_or(FAILURE, |channel| channel.pre_answer())
    }

    fn switch_channel_perform_hangup(
        channel: *mut switch_channel_t,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
        hangup_cause: switch_call_cause_t,
    ) -> switch_channel_state_t = else CS_DESTROY; {
        // SAFETY: the caller's channel, which lives.
        let Some(channel) = (unsafe { channel_of(channel) }) else { return CS_DESTROY };
        channel.hangup(hangup_cause);
        channel.state()
    }

    fn switch_channel_test_flag(channel: *mut switch_channel_t, flag: switch_channel_flag_t) -> u32 = else 0; {
        // SAFETY: the caller's channel, which lives.
        unsafe { channel_of(channel) }.map_or(0, |channel| channel.flag(flag))
    }

    fn switch_channel_set_flag_value(
        channel: *mut switch_channel_t,
        flag: switch_channel_flag_t,
        value: u32,
    ) = else (); {
        // SAFETY: the caller's channel, which lives.
        if let Some(channel) = unsafe { channel_of(channel) } {
            channel.set_flag(flag, value);
        }
    }

    fn switch_channel_clear_flag(channel: *mut switch_channel_t, flag: switch_channel_flag_t) = else (); {
        // SAFETY: the caller's channel, which lives.
        if let Some(channel) = unsafe { channel_of(channel) } {
            channel.clear_flag(flag);
        }
    }

    fn switch_channel_set_private(
        channel: *mut switch_channel_t,
        key: *const c_char,
        private_info: *const c_void,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's channel and key, which live.
        let (channel, key) = unsafe { (channel_of(channel), text(key)) };
        let Some(channel) = channel else { return FAILURE };
        channel.set_private(key, private_info as usize);
        SUCCESS
    }

    fn switch_channel_get_private(channel: *mut switch_channel_t, key: *const c_char) -> *mut c_void = else ptr::null_mut(); {
        // SAFETY: the caller's channel and key, which live.
        let (channel, key) = unsafe { (channel_of(channel), text(key)) };
        channel.map_or(ptr::null_mut(), |channel| channel.private(key) as *mut c_void)
    }

    fn switch_channel_flush_dtmf(channel: *mut switch_channel_t) = else (); {
        // SAFETY: the caller's channel, which lives.
        if let Some(channel) = unsafe { channel_of(channel) } {
            channel.flush_digits();
        }
    }

    fn switch_channel_queue_dtmf(channel: *mut switch_channel_t, dtmf: *const switch_dtmf_t) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's channel and digit, which live.
        match unsafe { (channel_of(channel), dtmf.as_ref()) } {
            (Some(channel), Some(dtmf)) => {
                channel.queue_digit(*dtmf);
                SUCCESS
            }
            _ => FAILURE,
        }
    }

    fn switch_channel_dequeue_dtmf(channel: *mut switch_channel_t, dtmf: *mut switch_dtmf_t) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's channel and place for a digit, which live.
        let (channel, place) = unsafe { (channel_of(channel), dtmf.as_mut()) };
        match (channel.and_then(|channel| channel.take_digit()), place) {
            (Some(digit), Some(place)) => {
                *place = digit;
                SUCCESS
            }
            _ => FAILURE,
        }
    }

    fn switch_channel_variable_first(channel: *mut switch_channel_t) -> *mut switch_event_header_t = else ptr::null_mut(); {
        // SAFETY: the caller's channel, which lives.
        unsafe { channel_of(channel) }.map_or(ptr::null_mut(), |channel| channel.walk_first())
    }

    fn switch_channel_variable_last(channel: *mut switch_channel_t) = else (); {
        // SAFETY: the caller's channel, which lives.
        if let Some(channel) = unsafe { channel_of(channel) } {
            channel.walk_last();
        }
    }

    fn switch_channel_get_variable_dup(
        channel: *mut switch_channel_t,
        varname: *const c_char,
        dup: switch_bool_t,
        idx: c_int,
    ) -> *const c_char = else ptr::null(); {
        // SAFETY: the caller's channel and name, which live.
        let (channel, name) = unsafe { (channel_of(channel), text(varname)) };
        channel.map_or(ptr::null(), |channel| channel.get_for_c(name, dup != FALSE, idx))
    }

    fn switch_channel_set_variable_var_check(
        channel: *mut switch_channel_t,
        varname: *const c_char,
        value: *const c_char,
        var_check: switch_bool_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's channel and texts, which live.
        let (channel, name, value) = unsafe { (channel_of(channel), text(varname), text(value)) };
        let set = channel.is_some_and(|channel| channel.set_checked(name, value, var_check != FALSE));
        if set { SUCCESS } else { FAILURE }
    }

    fn switch_channel_expand_variables_check(
        channel: *mut switch_channel_t,
        in_: *const c_char,
        _var_list: *mut switch_event_t,
        _api_list: *mut switch_event_t,
        recur: u32,
    ) -> *mut c_char = else ptr::null_mut(); {
        // SAFETY: the caller's channel and text, which live.
        let (channel, text) = unsafe { (channel_of(channel), text(in_)) };
        let Some(channel) = channel else { return in_.cast_mut() };
        // Callers compare the pointers to know whether the text is new.
        match crate::session::expand::expand_changed(&channel, text, recur) {
            Cow::Borrowed(_) => in_.cast_mut(),
            Cow::Owned(expanded) => crate::text::malloc_string(&expanded),
        }
    }

    fn switch_channel_get_originatee_caller_profile(channel: *mut switch_channel_t) -> *mut switch_caller_profile_t = else ptr::null_mut(); {
        // SAFETY: the caller's channel, which lives.
        unsafe { channel_of(channel) }.map_or(ptr::null_mut(), |channel| channel.originatee_for_c())
    }

    fn switch_channel_set_scope_variables(channel: *mut switch_channel_t, event: *mut *mut switch_event_t) = else (); {
        // SAFETY: the caller's channel and cell, which live; the event is given away.
        let (channel, event) = unsafe {
            let event = event.as_mut().map(|cell| std::mem::replace(cell, ptr::null_mut()));
            (channel_of(channel), event.and_then(|event| Event::take(event)))
        };
        let Some(channel) = channel else { return };
        match event {
            Some(scope) => channel.push_scope(scope),
            None => channel.pop_scope(),
        }
    }

    fn switch_channel_get_scope_variables(channel: *mut switch_channel_t, event: *mut *mut switch_event_t) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's channel and cell, which live.
        unsafe {
            match (channel_of(channel).and_then(|channel| channel.scope()), event.as_mut()) {
                (Some(scope), Some(cell)) => {
                    *cell = scope.give();
                    SUCCESS
                }
                _ => FAILURE,
            }
        }
    }

    fn switch_channel_event_set_data(channel: *mut switch_channel_t, event: *mut switch_event_t) = else (); {
        // SAFETY: the caller's channel and event, which live.
        unsafe {
            if let Some(channel) = channel_of(channel) {
                Event::with(event, |event| channel.describe(event));
            }
        }
    }
}
