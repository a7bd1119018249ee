//! Making calls, and bridging them.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;
use std::sync::atomic::AtomicU32;

use bindings::*;
use bstr::BStr;

use super::arguments::{channel as channel_of, session as session_of};
use crate::c::*;
use crate::cause;
use crate::edge::export;
use crate::ivr::answer;
use crate::ivr::bridge::{Listener, bridge};
use crate::ivr::originate::{self, Request};
use crate::session::lock::Locked;
use crate::switch::current;

/// How often a state that is waited for is looked at, in microseconds.
const LOOK: i64 = 1000;

export! {
    fn switch_ivr_originate(
        session: *mut switch_core_session_t,
        bleg: *mut *mut switch_core_session_t,
        cause: *mut switch_call_cause_t,
        bridgeto: *const c_char,
        timelimit_sec: u32,
        _table: *const switch_state_handler_table_t,
        cid_name_override: *const c_char,
        cid_num_override: *const c_char,
        _caller_profile_override: *mut switch_caller_profile_t,
        ovars: *mut switch_event_t,
        _flags: switch_originate_flag_t,
        cancel_cause: *mut switch_call_cause_t,
        _dh: *mut switch_dial_handle_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's session, texts and cells, which live; the cancel
        // cell is written by others meanwhile, in one piece, as the core asks.
        unsafe {
            let (Some(core), Some(bleg), false) = (current(), bleg.as_mut(), bridgeto.is_null()) else {
                return FAILURE;
            };
            *bleg = ptr::null_mut();
            let cancel = if cancel_cause.is_null() {
                None
            } else {
                Some(AtomicU32::from_ptr(cancel_cause.cast()))
            };
            let variables = crate::event::Event::with(ovars, |event| {
                let pair = |(name, value, _): (&BStr, &BStr, _)| (name.to_owned(), value.to_owned());
                event.headers().map(pair).collect::<Vec<_>>()
            });
            let variables = variables.unwrap_or_default();
            let request = Request {
                variables: &variables,
                caller_id_name: crate::text::borrow(cid_name_override),
                caller_id_number: crate::text::borrow(cid_num_override),
                timeout: i64::from(timelimit_sec),
                cancel,
                profile: None,
            };
            let a_leg = session_of(session);
            let (status, why) =
                match originate::originate(&core, a_leg.as_ref(), super::arguments::text(bridgeto), &request) {
                    Ok(made) => {
                        *bleg = made.into_ptr();
                        (SUCCESS, cause::SUCCESS)
                    }
                    Err(why) => (FAILURE, why),
                };
            if let Some(cause) = cause.as_mut() {
                *cause = why;
            }
            status
        }
    }

    fn switch_ivr_wait_for_answer(
        session: *mut switch_core_session_t,
        peer_session: *mut switch_core_session_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's sessions, which live.
        let (caller, peer) = unsafe { (session_of(session), session_of(peer_session)) };
        peer.map_or(FAILURE, |peer| answer::wait_for_answer(caller.as_ref(), &peer))
    }

    fn switch_ivr_multi_threaded_bridge(
        session: *mut switch_core_session_t,
        peer_session: *mut switch_core_session_t,
        dtmf_callback: switch_input_callback_function_t,
        session_data: *mut c_void,
        peer_session_data: *mut c_void,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's sessions, which live.
        let (a, b) = unsafe { (session_of(session), session_of(peer_session)) };
        let (Some(a), Some(b)) = (a, b.and_then(|b| Locked::new(&b))) else { return FAILURE };
        let listener = |data: *mut c_void| {
            dtmf_callback.map(|function| Listener { function, data: data as usize })
        };
        bridge(&a, &b, [listener(session_data), listener(peer_session_data)])
    }

    fn switch_channel_perform_set_state(
        channel: *mut switch_channel_t,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
        state: switch_channel_state_t,
    ) -> switch_channel_state_t = else CS_DESTROY; {
        // SAFETY: the caller's channel, which lives.
        let Some(channel) = (unsafe { channel_of(channel) }) else { return CS_DESTROY };
        channel.set_state(state);
        channel.state()
    }

    fn switch_channel_wait_for_state(
        channel: *mut switch_channel_t,
        other_channel: *mut switch_channel_t,
        want_state: switch_channel_state_t,
    ) = else (); {
        // SAFETY: the caller's channels, which live.
        let (Some(channel), other) = (unsafe { (channel_of(channel), channel_of(other_channel)) }) else {
            return;
        };
        while channel.is_up()
            && !(channel.state() == want_state && channel.running_state() == want_state)
            && other.as_ref().is_none_or(|other| other.is_up())
            && !channel.core.closing()
        {
            channel.core.clock.sleep(LOOK);
        }
    }
}
