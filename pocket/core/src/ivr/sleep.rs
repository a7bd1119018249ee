//! Waiting on a leg.

use std::sync::Arc;

use super::input::Input;
use crate::c::*;
use crate::session::Session;

/// `switch_ivr_sleep`. Without media it counts whole frames of 20 ms and looks
/// at nothing but `CF_BREAK`; with media it takes digits, events and commands.
pub(crate) fn sleep(
    session: &Arc<Session>,
    milliseconds: u32,
    mut input: Option<&mut dyn Input>,
) -> Status {
    let done = session.core.clock.now() + i64::from(milliseconds) * 1000;
    if !session.media_ready() || !session.ready() {
        for _ in 0..milliseconds / 20 {
            if !session.ready() {
                break;
            }
            if session.take_break().is_some() {
                return BREAK;
            }
            session.idle_frame();
        }
        return SUCCESS;
    }
    if milliseconds == 0 {
        return SUCCESS;
    }
    loop {
        let now = session.core.clock.now();
        if !session.ready() {
            return FAILURE;
        }
        if session.take_break().is_some() {
            return BREAK;
        }
        if done - now < 1000 {
            return SUCCESS;
        }
        session.parse_all_events();
        if let Some(input) = &mut input {
            let status = look(session, &mut **input);
            if status != SUCCESS {
                return status;
            }
        }
        let status = session.read_frame();
        if status != SUCCESS {
            return status;
        }
        if let Some(input) = &mut input {
            let status = input.frame(session);
            if status != SUCCESS {
                return status;
            }
        }
    }
}

/// One digit and one event for the input callback; a digit that nobody takes ends
/// the wait and stays where it is.
pub(super) fn look(session: &Arc<Session>, input: &mut dyn Input) -> Status {
    let mut status = SUCCESS;
    if session.has_digit() {
        if !input.takes_digits() {
            return BREAK;
        }
        if let Some(digit) = session.take_digit() {
            status = input.digit(session, digit);
        }
    }
    if input.takes_events()
        && let Some(event) = session.take_diverted()
    {
        let answer = input.event(session, &event);
        if answer != SUCCESS {
            status = answer;
        }
    }
    status
}
