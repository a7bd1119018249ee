//! Carrying out a verb on a call.

use std::cell::Cell;
use std::ffi::CStr;
use std::time::{Duration, Instant};

use bindings::{SWITCH_STATUS_BREAK, SWITCH_STATUS_SUCCESS, SWITCH_STATUS_TIMEOUT};

use super::answer::{Answer, Performed};
use super::text::Text;
use super::typed::{DigitFilter, Typed};
use super::{GetDigits, PlayAndGetDigits, Verb};
use crate::media::digits::{Prompt, Timeouts};
use crate::media::input::Input;
use crate::media::speech::Say;
use crate::session::cause::Cause;
use crate::session::{Locked, Session};
use crate::text::c_string_shown;
use crate::{Detached, Status, api};

/// What takes so long may have been ended by the call's end, and not say so, as
/// `switch_ivr_play_file` does.
const LONG: Duration = Duration::from_millis(20);

/// Carries out a verb: one that [takes its turn](Verb::takes_its_turn) on the call's own thread,
/// the others on any. `typed` are the call's digits that no verb has read yet.
#[must_use]
pub fn perform(session: Session<'_>, held: &Detached, typed: &Typed, verb: &Verb) -> Performed {
    match verb {
        Verb::Answer {} => checked(session.channel().answer(held)),
        Verb::PreAnswer {} => checked(session.channel().pre_answer(held)),
        Verb::Play {
            file,
            offset,
            terminators,
        } => heard(typed, terminators, |input| {
            session.play(held, file, *offset, Some(input))
        }),
        Verb::Record {
            file,
            limit_s,
            threshold,
            silence_s,
            terminators,
        } => recorded(session, file, || {
            heard(typed, terminators, |input| {
                session.record(held, file, *limit_s, *threshold, *silence_s, Some(input))
            })
        }),
        Verb::Sleep { ms } => match session.sleep(held, *ms, false, Some(typed)) {
            Err(Status(SWITCH_STATUS_BREAK)) => Performed::settled(Answer::Broken {}),
            outcome => checked(outcome),
        },
        Verb::Speak {
            text,
            engine,
            voice,
            terminators,
        } => heard(typed, terminators, |input| {
            session.speak(held, engine, voice, text, Some(input))
        }),
        Verb::Say {
            what,
            module,
            kind,
            method,
            gender,
        } => {
            let say = Say {
                what,
                module,
                kind,
                method,
                gender: gender.as_ref().map(Text::as_c_str),
            };
            heard(typed, &Text::default(), |input| {
                session.say(held, &say, Some(input))
            })
        }
        Verb::GetDigits(wanted) => get_digits(session, held, typed, wanted),
        Verb::PlayAndGetDigits(asked) => play_and_get_digits(session, held, typed, asked),
        Verb::Execute { app, data } => execute(session, held, typed, app, data.as_ref()),
        Verb::WaitForAnswer {} => checked(session.wait_for_answer(held, None)),
        Verb::Bridge { other, number } => bridge(session, held, other, *number),
        Verb::Hangup { cause } => {
            session.channel().hangup(held, Cause::named(cause));
            Performed::settled(Answer::Done {})
        }
        Verb::Transfer {
            extension,
            dialplan,
            context,
        } => {
            let (dialplan, context) = (dialplan.as_deref(), context.as_deref());
            at_once(session.transfer(held, extension, dialplan, context))
        }
        Verb::SendDtmf { digits } => send_dtmf(session, held, digits),
        Verb::SetVariable { name, value } => {
            at_once(session.channel().set_variable(name, value.as_deref()))
        }
        Verb::FlushDigits {} => {
            flush_digits(session, typed);
            Performed::settled(Answer::Done {})
        }
        Verb::PutBack { digits } => {
            typed.put_back(digits.to_bytes());
            Performed::settled(Answer::Done {})
        }
    }
}

/// Forgets digits that were pressed and not read.
pub fn flush_digits(session: Session<'_>, typed: &Typed) {
    typed.clear();
    session.channel().flush_digits();
}

/// What plays or records, and is ended by digits.
fn heard(
    typed: &Typed,
    terminators: &Text,
    verb: impl FnOnce(&dyn Input) -> Result<(), Status>,
) -> Performed {
    let terminators = terminators.to_bytes();
    let ended_by = |digit| {
        Performed::settled(Answer::Digits {
            digits: Vec::new(),
            terminator: Some(digit),
        })
    };
    // Digits from before it count: a caller who knows the menu types ahead.
    if let Some(digit) = typed.take_first(terminators) {
        return ended_by(digit);
    }
    let filter = DigitFilter {
        typed,
        terminators,
        ended: Cell::new(None),
    };
    let outcome = verb(&filter);
    match (filter.ended.get(), outcome) {
        (Some(digit), _) => ended_by(digit),
        (None, Err(Status(SWITCH_STATUS_BREAK))) => Performed::settled(Answer::Broken {}),
        // Its end may be the media's, however soon it came.
        (None, outcome) => Performed::unsettled(checked(outcome).answer),
    }
}

/// As the core records, but that a file which cannot be written does not end the call.
fn recorded(session: Session<'_>, file: &CStr, record: impl FnOnce() -> Performed) -> Performed {
    if let Some(why) = session.why_not_recorded(file) {
        return Performed::settled(Answer::failed(why));
    }
    let performed = record();
    if session.channel().cause() == Cause::DESTINATION_OUT_OF_ORDER {
        // The core has hung up for want of the file.
        return performed.though_it_is_over();
    }
    performed
}

fn checked(outcome: Result<(), Status>) -> Performed {
    match outcome {
        Ok(()) => Performed::settled(Answer::Done {}),
        Err(status) => Performed::unsettled(Answer::failed(status.to_string())),
    }
}

/// As [`checked`], for what succeeds whatever happens.
fn returned(began: Instant, outcome: Result<(), Status>) -> Performed {
    let performed = checked(outcome);
    if performed.is_settled && began.elapsed() >= LONG {
        return Performed::unsettled(performed.answer);
    }
    performed
}

/// As [`checked`], for what no end of media can break.
fn at_once(outcome: Result<(), Status>) -> Performed {
    Performed::settled(checked(outcome).answer)
}

fn milliseconds(ms: u32) -> Duration {
    Duration::from_millis(ms.into())
}

fn get_digits(
    session: Session<'_>,
    held: &Detached,
    typed: &Typed,
    wanted: &GetDigits,
) -> Performed {
    let (max, terminators) = (wanted.max_digits as usize, wanted.terminators.to_bytes());
    let times = Timeouts {
        first: milliseconds(wanted.timeout_ms),
        between: milliseconds(wanted.between_ms),
        total: milliseconds(wanted.total_ms),
    };
    let typed = typed.take(max, terminators);
    let digits = session.collect_after(held, typed, max, terminators, times);
    let ended = [
        SWITCH_STATUS_SUCCESS,
        SWITCH_STATUS_TIMEOUT,
        SWITCH_STATUS_BREAK,
    ];
    let cut_short = digits.text.len() < max && !ended.contains(&digits.status);
    let answer = Answer::Digits {
        digits: digits.text,
        terminator: digits.terminator,
    };
    Performed::settled_if(!cut_short, answer)
}

fn play_and_get_digits(
    session: Session<'_>,
    held: &Detached,
    typed: &Typed,
    asked: &PlayAndGetDigits,
) -> Performed {
    let prompt = Prompt {
        min: asked.min_digits as usize,
        max: asked.max_digits as usize,
        tries: asked.tries,
        timeout: milliseconds(asked.timeout_ms),
        between: milliseconds(asked.between_ms),
        terminators: asked.terminators.as_deref(),
        file: asked.file.as_deref(),
        invalid_file: asked.invalid_file.as_deref(),
        regex: asked.regex.as_deref(),
        variable: asked.variable.as_deref(),
        transfer_on_failure: None,
    };
    let ends = prompt.terminators.map_or(&b""[..], CStr::to_bytes);
    let typed = typed.take(prompt.max.max(prompt.min), ends);
    let digits = session.play_and_get_digits(held, &prompt, typed);
    let is_settled = !digits.is_empty();
    let terminator = None;
    Performed::settled_if(is_settled, Answer::Digits { digits, terminator })
}

fn execute(
    session: Session<'_>,
    held: &Detached,
    typed: &Typed,
    app: &Text,
    data: Option<&Text>,
) -> Performed {
    let began = Instant::now();
    let outcome = match data {
        Some(file) if app.to_bytes().eq_ignore_ascii_case(b"playback") => {
            session.playback(held, file, true, typed);
            Ok(())
        }
        _ => session.execute(held, app, data.map(Text::as_c_str), true),
    };
    returned(began, outcome)
}

fn bridge(session: Session<'_>, held: &Detached, other: &CStr, number: Option<usize>) -> Performed {
    let began = Instant::now();
    let peer = Locked::find(other);
    let peer = peer
        .as_ref()
        .map(Locked::session)
        .filter(|peer| number.is_none_or(|number| number == peer.id()));
    match peer {
        Some(peer) => returned(began, session.bridge(held, peer, None, None)),
        None => Performed::settled(Answer::other_gone()),
    }
}

fn send_dtmf(session: Session<'_>, held: &Detached, digits: &CStr) -> Performed {
    let argument = [session.uuid().to_bytes(), b" ", digits.to_bytes()].concat();
    let argument = c_string_shown(&argument);
    let reply = api::execute(held, c"uuid_send_dtmf", Some(&argument), None);
    Performed::settled(if reply.starts_with(b"+OK") {
        Answer::Done {}
    } else {
        Answer::failed(String::from_utf8_lossy(reply.trim_ascii()))
    })
}
