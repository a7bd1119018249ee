//! Reading digits, with a prompt and again when they are wrong.

use std::sync::Arc;

use bindings::{
    SWITCH_STATUS_RESTART as RESTART, SWITCH_STATUS_TOO_SMALL as TOO_SMALL, switch_dtmf_t,
};
use bstr::{BStr, BString, ByteSlice};

use super::input::Input;
use super::{play, transfer};
use crate::c::*;
use crate::pattern;
use crate::session::{Session, say};

/// What is read, and how.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reading<'a> {
    pub(crate) min: usize,
    pub(crate) max: usize,
    /// Milliseconds for the first digit, and between digits; 0 for the first's.
    pub(crate) timeout: u32,
    pub(crate) digit_timeout: u32,
    pub(crate) terminators: &'a BStr,
    pub(crate) prompt: &'a BStr,
    pub(crate) variable: &'a BStr,
}

/// The one-digit buffer that ends a prompt.
struct First(Option<u8>);

impl Input for First {
    fn takes_digits(&self) -> bool {
        true
    }

    fn digit(&mut self, _: &Arc<Session>, digit: switch_dtmf_t) -> Status {
        self.0 = Some(digit.digit.cast_unsigned());
        BREAK
    }
}

/// `switch_ivr_collect_digits_count`: adds to `digits` until there are enough,
/// a terminator or a timeout. `whole` milliseconds are given to all of it, 0 for
/// no such limit.
pub(super) fn collect_count(
    session: &Arc<Session>,
    digits: &mut Vec<u8>,
    reading: &Reading<'_>,
    whole: u32,
) -> (Status, Option<u8>) {
    let clock = &session.core.clock;
    if let Some(at) = digits
        .iter()
        .position(|digit| reading.terminators.contains(digit))
    {
        let terminator = digits[at];
        digits.truncate(at);
        return (SUCCESS, Some(terminator));
    }
    let between = if reading.digit_timeout > 0 {
        reading.digit_timeout
    } else {
        reading.timeout
    };
    let mut limit = if digits.is_empty() && reading.timeout > 0 {
        reading.timeout
    } else {
        between
    };
    let began = clock.now();
    let mut since = began;
    let mut status = FAILURE;
    while session.ready() {
        session.parse_all_events();
        let over =
            |since: i64, limit: u32| limit > 0 && (clock.now() - since) / 1000 >= i64::from(limit);
        if over(since, limit) || over(began, whole) {
            return (TIMEOUT, None);
        }
        if session.has_digit() {
            limit = if limit > 0 { between } else { 0 };
            since = clock.now();
            while let Some(digit) = session.take_digit() {
                let digit = digit.digit.cast_unsigned();
                if reading.terminators.contains(&digit) {
                    return (SUCCESS, Some(digit));
                }
                digits.push(digit);
                if digits.len() >= reading.max {
                    return (SUCCESS, None);
                }
            }
        }
        status = session.read_frame();
        if status != SUCCESS {
            break;
        }
    }
    (status, None)
}

/// `switch_ivr_read`: plays the prompt until a digit, then collects.
pub(crate) fn read(session: &Arc<Session>, reading: &Reading<'_>) -> (Status, BString) {
    let reading = Reading {
        max: reading.max.max(reading.min),
        ..reading.clone()
    };
    session.unset("read_result");
    if !reading.variable.is_empty() {
        session.unset(reading.variable);
    }
    if session.pre_answer() != SUCCESS {
        return (FAILURE, BString::default());
    }
    let mut digits = Vec::new();
    let mut status = SUCCESS;
    if !reading.prompt.is_empty() && !reading.prompt.eq_ignore_ascii_case(b"silence") {
        let mut first = First(None);
        status = play::play_file(session, None, reading.prompt, Some(&mut first));
        if status == BREAK {
            status = SUCCESS;
        }
        digits.extend(first.0);
    }
    let mut terminator = None;
    if status == SUCCESS && digits.len() < reading.max {
        (status, terminator) = collect_count(session, &mut digits, &reading, 0);
    }
    if let Some(terminator) = terminator {
        session.set("read_terminator_used", [terminator]);
        let before = reading
            .terminators
            .find_byte(terminator)
            .and_then(|at| at.checked_sub(1));
        match before.map(|at| reading.terminators[at]) {
            Some(b'+') => digits.push(terminator),
            Some(b'x') => {
                digits.push(terminator);
                status = RESTART;
            }
            _ => {}
        }
    } else if reading.terminators.first() == Some(&b'=') {
        status = TOO_SMALL;
    }
    if digits.len() < reading.min {
        status = TOO_SMALL;
    }
    session.set(
        "read_result",
        match status {
            SUCCESS => "success",
            TIMEOUT => "timeout",
            _ => "failure",
        },
    );
    if status != RESTART
        && reading.max == 1
        && digits.len() == 1
        && reading.terminators.contains(&digits[0])
    {
        digits.clear();
    }
    if !reading.variable.is_empty() && !digits.is_empty() {
        session.set(reading.variable, &digits);
    }
    (status, digits.into())
}

/// `switch_play_and_get_digits`: reads until the digits match.
pub(crate) fn play_and_get_digits(
    session: &Arc<Session>,
    tries: u32,
    reading: &Reading<'_>,
    bad_input: &BStr,
    expression: &BStr,
    on_failure: &BStr,
) -> Option<BString> {
    let invalid = [reading.variable.as_bytes(), b"_invalid"].concat();
    if !expression.is_empty() && !reading.variable.is_empty() {
        session.unset(&invalid);
    }
    for _ in 0..tries {
        if !session.ready() {
            return None;
        }
        let (mut status, digits) = read(session, reading);
        if status == RESTART {
            return None;
        }
        if status == TIMEOUT && digits.len() >= reading.min {
            status = SUCCESS;
        }
        if reading.min == 0 && digits.is_empty() && session.get("read_terminator_used").is_some() {
            return Some(digits);
        }
        if status == SUCCESS && !digits.is_empty() {
            if expression.is_empty() || pattern::matches(digits.as_bstr(), expression).is_some() {
                return Some(digits);
            }
            session.unset(reading.variable);
            if !reading.variable.is_empty() {
                session.set(&invalid, &digits);
            }
        }
        if !session.ready() {
            return None;
        }
        play::play_file(session, None, bad_input, None);
    }
    let target = crate::text::split(on_failure, b' ', 3);
    let word = |at: usize| target.get(at).map_or(BStr::new(""), |word| word.as_bstr());
    if !target.is_empty() {
        say!(
            session,
            WARNING,
            "PAGD failure! Transfer to: {} / {} / {}",
            word(0),
            word(1),
            word(2)
        );
        transfer::transfer(session, word(0), word(1), word(2));
    }
    None
}
