//! Collecting digits, written on `switch_ivr_collect_digits_callback`.
//!
//! The core's own `switch_ivr_collect_digits_count` and what is built on it look
//! at nothing but digits and the clock, so no hand could end them. The rules
//! here are those of that function, of `switch_ivr_read` and of
//! `switch_play_and_get_digits`.

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::time::Duration;

use bindings::{
    SWITCH_STATUS_BREAK, SWITCH_STATUS_FALSE, SWITCH_STATUS_RESTART, SWITCH_STATUS_SUCCESS,
    SWITCH_STATUS_TIMEOUT, SWITCH_STATUS_TOO_SMALL, switch_ivr_collect_digits_callback,
    switch_micro_time_now, switch_regex_match, switch_status_t,
};

use super::input::{Dtmf, Input, InputAction, Wait};
use crate::event::shared::Event;
use crate::session::Session;
use crate::text::c_string_shown;
use crate::{Detached, Status};

/// How long to wait for digits; zero means without a limit.
#[derive(Debug, Clone, Copy, Default)]
pub struct Timeouts {
    /// For the first digit.
    pub first: Duration,
    /// Between two digits; the first one's where it is zero.
    pub between: Duration,
    /// In all.
    pub total: Duration,
}

impl Timeouts {
    /// How long to wait for the first digit, and for each further one.
    fn waits(self) -> (Duration, Duration) {
        let between = if self.between.is_zero() {
            self.first
        } else {
            self.between
        };
        let first = if self.first.is_zero() {
            between
        } else {
            self.first
        };
        (first, between)
    }
}

/// What was collected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digits {
    /// The digits, without the terminator.
    pub text: Vec<u8>,
    /// The digit that ended it, if one did.
    pub terminator: Option<u8>,
    /// How it ended: success, timeout, or the call's end.
    pub status: switch_status_t,
}

struct Collector<'t> {
    digits: RefCell<Vec<u8>>,
    terminator: Cell<Option<u8>>,
    max: usize,
    terminators: &'t [u8],
    /// The wait for the next digit has another length than the one before.
    pause_after_first: bool,
    /// When the wait for the next digit began.
    since: Cell<Duration>,
}

impl Collector<'_> {
    fn full(&self) -> bool {
        self.digits.borrow().len() >= self.max
    }

    fn done(&self) -> bool {
        self.full() || self.terminator.get().is_some()
    }
}

impl Input for Collector<'_> {
    fn digit(&self, _: Session<'_>, dtmf: Dtmf) -> InputAction {
        if self.terminators.contains(&dtmf.digit) {
            self.terminator.set(Some(dtmf.digit));
            return InputAction::Stop;
        }
        self.digits.borrow_mut().push(dtmf.digit);
        self.since.set(now());
        let first = self.digits.borrow().len() == 1;
        if self.full() || (first && self.pause_after_first) {
            InputAction::Stop
        } else {
            InputAction::GoOn
        }
    }

    fn event(&self, _: Session<'_>, _: &Arc<Event>) -> InputAction {
        InputAction::GoOn
    }
}

/// Takes one digit and ends the prompt.
struct FirstDigit(Cell<Option<u8>>);

impl Input for FirstDigit {
    fn digit(&self, _: Session<'_>, dtmf: Dtmf) -> InputAction {
        self.0.set(Some(dtmf.digit));
        InputAction::Stop
    }

    fn event(&self, _: Session<'_>, _: &Arc<Event>) -> InputAction {
        InputAction::GoOn
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}

/// The milliseconds left until then, 0 for no end; none, where it is over.
fn left(end: Option<Duration>) -> Option<u32> {
    match end.map(|end| end.saturating_sub(now())) {
        None => Some(0),
        Some(Duration::ZERO) => None,
        Some(left) => Some(millis(left).max(1)),
    }
}

fn now() -> Duration {
    // SAFETY: no arguments.
    Duration::from_micros(unsafe { switch_micro_time_now() }.unsigned_abs())
}

/// The digits, if those that were typed before need no more.
fn enough(typed: &[u8], max: usize, terminators: &[u8]) -> Option<Digits> {
    // First: one that comes as the last of them ends them, and is none of them.
    if let Some(at) = typed.iter().position(|d| terminators.contains(d)) {
        return Some(Digits {
            text: typed[..at].to_vec(),
            terminator: Some(typed[at]),
            status: SWITCH_STATUS_SUCCESS,
        });
    }
    (typed.len() >= max).then(|| Digits {
        text: typed.to_vec(),
        terminator: None,
        status: SWITCH_STATUS_FALSE,
    })
}

impl Session<'_> {
    /// Collects up to `max` digits, or until one of `terminators`.
    #[must_use]
    pub fn collect_digits(
        self,
        held: &Detached,
        max: usize,
        terminators: &[u8],
        times: Timeouts,
    ) -> Digits {
        self.collect_after(held, Vec::new(), max, terminators, times)
    }

    /// As [`Self::collect_digits`], with digits that were pressed before.
    #[must_use]
    pub fn collect_after(
        self,
        _: &Detached,
        typed: Vec<u8>,
        max: usize,
        terminators: &[u8],
        times: Timeouts,
    ) -> Digits {
        if let Some(digits) = enough(&typed, max, terminators) {
            return digits;
        }
        let (first, between) = times.waits();
        // The first digit may have been typed ahead.
        let mut wait = if typed.is_empty() { first } else { between };
        let mut collector = Collector {
            digits: RefCell::new(typed),
            terminator: Cell::new(None),
            max,
            terminators,
            pause_after_first: wait != between,
            since: Cell::new(now()),
        };
        let end = (!times.total.is_zero()).then(|| now() + times.total);
        let status = loop {
            let next = (!wait.is_zero()).then(|| collector.since.get() + wait);
            let (Some(left), Some(wait_left)) = (left(end), left(next)) else {
                break SWITCH_STATUS_TIMEOUT;
            };
            let mut input = Wait::new(&collector, std::ptr::null_mut());
            let mut args = input.args();
            // SAFETY: the session lives, and the arguments outlive the call.
            let status = unsafe {
                switch_ivr_collect_digits_callback(self.as_ptr(), &raw mut args, wait_left, left)
            };
            if collector.done() {
                break SWITCH_STATUS_SUCCESS;
            }
            if status != SWITCH_STATUS_BREAK {
                break status;
            }
            if collector.pause_after_first && collector.digits.borrow().len() == 1 {
                wait = between;
                collector.pause_after_first = false;
            } else if !self.channel().ready() {
                // Our own hand: `Session::interrupt`.
                break status;
            }
            // A break for what plays, uuid_break or uuid_hold: the core's own function
            // goes on after it, and so does this.
        };
        Digits {
            text: collector.digits.into_inner(),
            terminator: collector.terminator.get(),
            status,
        }
    }
}

impl Session<'_> {
    /// Waits for digits and events and gives them to `input`, until it says stop
    /// or a time is over (`switch_ivr_collect_digits_callback`).
    ///
    /// # Errors
    /// `TIMEOUT`, `BREAK`, or the call's end.
    pub fn listen(
        self,
        _: &Detached,
        digit: Duration,
        total: Duration,
        input: &dyn Input,
    ) -> Result<(), Status> {
        let mut wait = Wait::new(input, std::ptr::null_mut());
        let mut args = wait.args();
        // SAFETY: the session lives, and the arguments outlive the call.
        Status::check(unsafe {
            switch_ivr_collect_digits_callback(
                self.as_ptr(),
                &raw mut args,
                millis(digit),
                millis(total),
            )
        })
    }
}

/// What to play and to accept (`switch_play_and_get_digits`).
pub struct Prompt<'p> {
    /// Fewer digits are an invalid answer.
    pub min: usize,
    /// So many end the collecting.
    pub max: usize,
    /// How often to ask.
    pub tries: u32,
    /// For the first digit, and for the following ones where `between` is zero.
    pub timeout: Duration,
    /// Between two digits.
    pub between: Duration,
    /// Digits that end it; `=` first: one is required, `+` before a digit keeps
    /// it in the answer, `x` before it keeps it and asks no more.
    pub terminators: Option<&'p CStr>,
    /// What to play; none, empty or "silence": nothing.
    pub file: Option<&'p CStr>,
    /// What to play after an invalid answer.
    pub invalid_file: Option<&'p CStr>,
    /// What an answer must match.
    pub regex: Option<&'p CStr>,
    /// The channel variable to put the answer in.
    pub variable: Option<&'p CStr>,
    /// Where to transfer when all tries failed: extension, dialplan, context.
    pub transfer_on_failure: Option<&'p CStr>,
}

fn given(text: Option<&CStr>) -> Option<&CStr> {
    text.filter(|t| !t.is_empty())
}

impl Session<'_> {
    /// Asks for digits, and asks again while the answer is invalid. An empty
    /// answer means that there was none. Digits that were `typed` before are read
    /// first, and nothing is played over them.
    #[must_use]
    pub fn play_and_get_digits(
        self,
        held: &Detached,
        prompt: &Prompt<'_>,
        typed: Vec<u8>,
    ) -> Vec<u8> {
        let mut typed = Some(typed);
        let channel = self.channel();
        let variable = given(prompt.variable);
        let regex = given(prompt.regex);
        let invalid = variable.map(|v| c_string_shown(&[v.to_bytes(), b"_invalid"].concat()));
        if let (Some(_), Some(invalid)) = (regex, &invalid) {
            let _ = channel.set_variable(invalid, None);
        }
        for _ in 0..prompt.tries {
            if !channel.ready() {
                break;
            }
            let (text, status) = self.read_digits(held, prompt, typed.take().unwrap_or_default());
            if status == SWITCH_STATUS_RESTART {
                return text;
            }
            if prompt.min == 0
                && text.is_empty()
                && channel.variable(c"read_terminator_used").is_some()
            {
                return text;
            }
            let enough = status == SWITCH_STATUS_SUCCESS
                || (status == SWITCH_STATUS_TIMEOUT && text.len() >= prompt.min);
            if enough && !text.is_empty() {
                match regex {
                    None => return text,
                    Some(regex) if matches(&text, regex) => return text,
                    Some(_) => {
                        if let (Some(variable), Some(invalid)) = (variable, &invalid) {
                            let _ = channel.set_variable(variable, None);
                            let _ = channel.set_variable(invalid, Some(&c_string_shown(&text)));
                        }
                    }
                }
            }
            if !channel.ready() {
                break;
            }
            if let Some(file) = given(prompt.invalid_file) {
                let _ = self.play(held, file, 0, None);
            }
        }
        if let Some(target) = given(prompt.transfer_on_failure) {
            self.transfer_to(held, target);
        }
        Vec::new()
    }

    fn transfer_to(self, held: &Detached, target: &CStr) {
        let mut parts = target
            .to_bytes()
            .split(|&b| b == b' ')
            .filter(|p| !p.is_empty())
            .map(c_string_shown);
        let extension: Option<CString> = parts.next();
        let (dialplan, context) = (parts.next(), parts.next());
        if let Some(extension) = extension {
            let _ = self.transfer(held, &extension, dialplan.as_deref(), context.as_deref());
        }
    }

    /// One question (`switch_ivr_read`): the digits, and how it ended.
    #[must_use]
    pub fn read_digits(
        self,
        held: &Detached,
        prompt: &Prompt<'_>,
        typed: Vec<u8>,
    ) -> (Vec<u8>, switch_status_t) {
        let channel = self.channel();
        let max = prompt.max.max(prompt.min);
        let terminators = prompt.terminators.map_or(&b""[..], CStr::to_bytes);
        let _ = channel.set_variable(c"read_result", None);
        let variable = given(prompt.variable);
        if let Some(variable) = variable {
            let _ = channel.set_variable(variable, None);
        }
        if channel.pre_answer(held).is_err() {
            return (Vec::new(), SWITCH_STATUS_FALSE);
        }
        let first = FirstDigit(Cell::new(None));
        let audible = given(prompt.file).filter(|f| !f.to_bytes().eq_ignore_ascii_case(b"silence"));
        let mut status = SWITCH_STATUS_SUCCESS;
        if let Some(file) = audible
            && typed.is_empty()
            && let Err(Status(why)) = self.play(held, file, 0, Some(&first))
            && why != SWITCH_STATUS_BREAK
        {
            status = why;
        }
        let mut text = typed;
        text.extend(first.0.get());
        if status == SWITCH_STATUS_SUCCESS {
            let mut terminator = None;
            // Of one digit that is a terminator the core makes an empty answer, below.
            let is_ended = max > 1 && text.iter().any(|digit| terminators.contains(digit));
            if (prompt.min > 0 && text.len() < prompt.min) || text.len() < max || is_ended {
                let between = if prompt.between.is_zero() {
                    prompt.timeout
                } else {
                    prompt.between
                };
                let first = if text.is_empty() {
                    prompt.timeout
                } else {
                    between
                };
                let times = Timeouts {
                    first,
                    between,
                    total: Duration::ZERO,
                };
                let digits = self.collect_after(held, text, max, terminators, times);
                (text, terminator, status) = (digits.text, digits.terminator, digits.status);
            }
            status = self.judge(&mut text, terminator, terminators, prompt.min, status);
        }
        if status != SWITCH_STATUS_RESTART
            && max == 1
            && text.len() == 1
            && terminators.contains(&text[0])
        {
            text.clear();
        }
        if let (Some(variable), false) = (variable, text.is_empty()) {
            let _ = channel.set_variable(variable, Some(&c_string_shown(&text)));
        }
        (text, status)
    }

    /// Treats the terminator, and leaves the verdict in `read_result`.
    fn judge(
        self,
        text: &mut Vec<u8>,
        terminator: Option<u8>,
        terminators: &[u8],
        min: usize,
        mut status: switch_status_t,
    ) -> switch_status_t {
        let channel = self.channel();
        if let Some(digit) = terminator {
            let _ = channel.set_variable(c"read_terminator_used", Some(&c_string_shown(&[digit])));
            let before = terminators
                .iter()
                .position(|&t| t == digit)
                .and_then(|at| at.checked_sub(1));
            match before.map(|at| terminators[at]) {
                Some(b'+') => text.push(digit),
                Some(b'x') => {
                    text.push(digit);
                    status = SWITCH_STATUS_RESTART;
                }
                _ => {}
            }
        } else if terminators.first() == Some(&b'=') {
            status = SWITCH_STATUS_TOO_SMALL;
        }
        if text.len() < min {
            status = SWITCH_STATUS_TOO_SMALL;
        }
        let verdict = match status {
            SWITCH_STATUS_SUCCESS => c"success",
            SWITCH_STATUS_TIMEOUT => c"timeout",
            _ => c"failure",
        };
        let _ = channel.set_variable(c"read_result", Some(verdict));
        status
    }
}

fn matches(digits: &[u8], regex: &CStr) -> bool {
    let digits = c_string_shown(digits);
    // SAFETY: both strings end with NUL; of the core's regex functions this one
    // alone has the same meaning in all versions.
    unsafe { switch_regex_match(digits.as_ptr(), regex.as_ptr()) == SWITCH_STATUS_SUCCESS }
}
