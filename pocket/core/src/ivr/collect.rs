//! Collecting digits by a callback.

use std::sync::Arc;

use super::input::Input;
use crate::c::*;
use crate::session::Session;

/// `switch_ivr_collect_digits_callback`: waits, with each digit and event told,
/// until the callback has enough or a timeout, in milliseconds, is over.
pub(crate) fn collect(
    session: &Arc<Session>,
    input: &mut dyn Input,
    digit_timeout: u32,
    abs_timeout: u32,
) -> Status {
    let clock = &session.core.clock;
    let began = clock.now();
    let mut last_digit = began;
    let mut status = SUCCESS;
    while session.ready() {
        if session.take_break().is_some() {
            return BREAK;
        }
        let over =
            |since: i64, limit: u32| limit > 0 && (clock.now() - since) / 1000 >= i64::from(limit);
        if over(began, abs_timeout) || over(last_digit, digit_timeout) {
            return TIMEOUT;
        }
        session.parse_all_events();
        if session.has_digit() {
            if !input.takes_digits() {
                return BREAK;
            }
            if let Some(digit) = session.take_digit() {
                status = input.collected_digit(session, digit);
            }
            last_digit = clock.now();
        }
        if let Some(event) = session.take_diverted() {
            let answer = if input.takes_events() {
                input.event(session, &event)
            } else {
                FAILURE
            };
            if answer != SUCCESS {
                status = answer;
            }
        }
        if status != SUCCESS {
            return status;
        }
        status = session.read_frame();
        if status != SUCCESS {
            return status;
        }
        status = input.frame(session);
        if status != SUCCESS {
            return status;
        }
    }
    status
}
