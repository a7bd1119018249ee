//! Applications that play, wait and take digits.

use std::sync::Arc;

use bindings::switch_dtmf_t;
use bstr::{BStr, BString, ByteSlice};

use crate::c::*;
use crate::cause;
use crate::ivr::input::Input;
use crate::ivr::read::{Reading, play_and_get_digits as ask, read as ivr_read};
use crate::ivr::{play, sleep as ivr_sleep};
use crate::session::{Session, say};
use crate::text::{number, split};

/// Ends at a digit of `playback_terminators`.
pub(super) struct Terminators;

impl Input for Terminators {
    fn takes_digits(&self) -> bool {
        true
    }

    fn takes_events(&self) -> bool {
        true
    }

    fn digit(&mut self, session: &Arc<Session>, digit: switch_dtmf_t) -> Status {
        let digit = digit.digit.cast_unsigned();
        let terminators = session
            .get("playback_terminators")
            .unwrap_or_else(|| "*".into());
        let ends = if terminators.eq_ignore_ascii_case(b"any") {
            b"1234567890*#".contains(&digit)
        } else if terminators.eq_ignore_ascii_case(b"none") {
            false
        } else {
            terminators.contains(&digit)
        };
        say!(session, DEBUG, "Digit {}", char::from(digit));
        if !ends {
            return SUCCESS;
        }
        session.set("playback_terminator_used", [digit]);
        BREAK
    }
}

/// `file[@@sample]`
pub(super) fn playback(session: &Arc<Session>, data: &BStr) {
    let (file, start) = match data.find("@@") {
        Some(at) => (data[..at].as_bstr(), number(&data[at + 2..])),
        None => (data, 0),
    };
    let start = u32::try_from(start).unwrap_or(0);
    session.unset("playback_terminator_used");
    respond(
        session,
        play::play_from(session, start, file, Some(&mut Terminators)),
    );
}

/// Says in a variable how playing went.
fn respond(session: &Session, status: Status) {
    let response = match status {
        SUCCESS | BREAK => "FILE PLAYED",
        NOTFOUND => "FILE NOT FOUND",
        _ => "PLAYBACK ERROR",
    };
    session.set("current_application_response", response);
}

/// `tones[|count]`, with a count below 0 for as long as the call lasts.
pub(super) fn gentones(session: &Arc<Session>, data: &BStr) {
    if data.is_empty() {
        say!(session, ERROR, "Invalid Params!");
        return;
    }
    let (script, count) = crate::text::cut(data, b'|');
    session.unset("playback_terminator_used");
    let file = format!("tone_stream://{script};loops={}", number(count).max(-1));
    let file = file.as_bytes().as_bstr();
    play::play_file(session, None, file, Some(&mut Terminators));
}

pub(super) fn endless_playback(session: &Arc<Session>, data: &BStr) {
    while session.ready() {
        if ![SUCCESS, BREAK].contains(&play::play_file(session, None, data, None)) {
            break;
        }
    }
}

/// `[+count] file`
pub(super) fn loop_playback(session: &Arc<Session>, data: &BStr) {
    let (count, file) = match data.strip_prefix(b"+") {
        Some(rest) => {
            let (count, file) = crate::text::cut(rest, b' ');
            (number(count), file)
        }
        None => (1, data),
    };
    if file.is_empty() {
        say!(session, ERROR, "Missing file arg in data [{data}]");
        session.hangup(cause::DESTINATION_OUT_OF_ORDER);
        return;
    }
    let mut left = count;
    let mut status = SUCCESS;
    while session.ready() && left != 0 {
        status = play::play_file(session, None, file, None);
        if ![SUCCESS, BREAK].contains(&status) {
            break;
        }
        left -= 1;
    }
    respond(session, status);
}

pub(super) fn sleep(session: &Arc<Session>, data: &BStr) {
    if data.is_empty() {
        say!(session, ERROR, "No timeout specified.");
        return;
    }
    let milliseconds = u32::try_from(number(data)).unwrap_or(0);
    if session.is_true("sleep_eat_digits") {
        ivr_sleep::sleep(session, milliseconds, Some(&mut Eater));
    } else {
        ivr_sleep::sleep(session, milliseconds, None);
    }
}

/// Takes digits, and does nothing with them.
struct Eater;

impl Input for Eater {
    fn takes_digits(&self) -> bool {
        true
    }

    fn digit(&mut self, _: &Arc<Session>, _: switch_dtmf_t) -> Status {
        SUCCESS
    }
}

pub(super) fn echo(session: &Arc<Session>, _: &BStr) {
    if session.pre_answer() != SUCCESS {
        return;
    }
    while session.ready() {
        session.parse_all_events();
        if session.take_break().is_some() {
            break;
        }
        while let Some(digit) = session.take_digit() {
            session.send_digit(digit);
        }
        if session.read_frame() != SUCCESS {
            break;
        }
    }
}

pub(super) fn send_dtmf(session: &Arc<Session>, data: &BStr) {
    session.send_digits(data);
}

pub(super) fn flush_dtmf(session: &Arc<Session>, _: &BStr) {
    session.flush_digits();
}

fn count(words: &[BString], at: usize) -> usize {
    words
        .get(at)
        .map_or(0, |word| usize::try_from(number(word)).unwrap_or(0))
}

fn milliseconds(words: &[BString], at: usize, default: u32) -> u32 {
    words
        .get(at)
        .map_or(default, |word| u32::try_from(number(word)).unwrap_or(0))
}

fn word(words: &[BString], at: usize) -> &BStr {
    words.get(at).map_or(BStr::new(""), |word| word.as_bstr())
}

/// `min max tries timeout terminators file invalid_file variable regexp
/// [digit_timeout] [transfer_on_failure]`
pub(super) fn play_and_get_digits(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 11);
    if words.is_empty() {
        say!(session, ERROR, "No arguments specified.");
        return;
    }
    let min = count(&words, 0);
    let reading = Reading {
        min,
        max: count(&words, 1).max(min),
        timeout: milliseconds(&words, 3, 1000).max(1000),
        digit_timeout: milliseconds(&words, 9, 0),
        terminators: if word(&words, 4).eq_ignore_ascii_case(b"none") {
            BStr::new("")
        } else {
            word(&words, 4)
        },
        prompt: word(&words, 5),
        variable: word(&words, 7),
    };
    let tries = u32::try_from(count(&words, 2)).unwrap_or(1).max(1);
    ask(
        session,
        tries,
        &reading,
        word(&words, 6),
        word(&words, 8),
        word(&words, 10),
    );
}

/// `min max file variable timeout terminators [digit_timeout]`
pub(super) fn read(session: &Arc<Session>, data: &BStr) {
    let words = split(data, b' ', 7);
    if words.is_empty() {
        say!(session, ERROR, "No arguments specified.");
        return;
    }
    let min = count(&words, 0);
    let reading = Reading {
        min,
        max: count(&words, 1).max(min).max(1),
        prompt: word(&words, 2),
        variable: word(&words, 3),
        timeout: milliseconds(&words, 4, 1000).max(1000),
        terminators: word(&words, 5),
        digit_timeout: milliseconds(&words, 6, 0),
    };
    ivr_read(session, &reading);
}
