//! The verbs of an async session, as the event loop asks for them.

use std::ffi::CString;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bindings::{SWITCH_STATUS_BREAK, SWITCH_STATUS_SUCCESS, SWITCH_STATUS_TIMEOUT};
use freeswitch::media::digits::{Prompt, Timeouts};
use freeswitch::media::input::{Dtmf, Input, InputAction};
use freeswitch::media::speech::Say;
use freeswitch::session::Session;
use freeswitch::session::cause::Cause;
use freeswitch::session::handle::Gone;
use freeswitch::{Detached, Status};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::session_thread::{Answer, SessionThread, Typed, Work};
use super::{event_loop, loop_queue};
use crate::interp::convert::{optional_text, str_of, text};
use crate::interp::detach;
use crate::python::session::attached::PyLeg;
use crate::python::session::originated::leg_of;

/// A call's own thread at work. Each verb gives a ticket, under which
/// `freeswitch._loop.answered` gets the outcome.
#[pyclass(frozen, module = "freeswitch", name = "SessionThread")]
pub struct PySessionThread(Arc<SessionThread>);

/// Keeps digits for later, and ends what plays at one of these.
struct DigitFilter<'a> {
    typed: &'a Typed,
    terminators: &'a [u8],
    ended: std::cell::Cell<Option<u8>>,
}

impl Input for DigitFilter<'_> {
    fn digit(&self, session: Session<'_>, dtmf: Dtmf) -> InputAction {
        if self.terminators.contains(&dtmf.digit) {
            self.ended.set(Some(dtmf.digit));
            return InputAction::Stop;
        }
        self.typed.digit(session, dtmf)
    }

    fn event(&self, _: Session<'_>, _: &Arc<freeswitch::event::shared::Event>) -> InputAction {
        InputAction::GoOn
    }
}

/// A verb that plays or records, and that digits end.
fn heard(
    terminators: Vec<u8>,
    verb: impl FnOnce(Session<'_>, &Detached, &dyn Input) -> Result<(), Status> + Send + 'static,
) -> Work {
    Box::new(move |session, held, typed| {
        // Digits from before it count: a caller who knows the menu types ahead.
        let first = typed.take_first(&terminators);
        if let Some(digit) = first {
            return Answer::Digits(Vec::new(), Some(digit));
        }
        let filter = DigitFilter {
            typed,
            terminators: &terminators,
            ended: std::cell::Cell::new(None),
        };
        let began = Instant::now();
        let outcome = verb(session, held, &filter);
        match (filter.ended.get(), outcome) {
            (Some(digit), _) => Answer::Digits(Vec::new(), Some(digit)),
            (None, Err(Status(SWITCH_STATUS_BREAK))) => Answer::Broken,
            (None, outcome) => returned(began, outcome),
        }
    })
}

fn checked(outcome: Result<(), Status>) -> Answer {
    match outcome {
        Ok(()) => Answer::Done,
        Err(status) => Answer::Failed(status.to_string()).unsettled(),
    }
}

/// What takes so long may have been ended by the call's end, and not say so, as
/// `switch_ivr_play_file` does.
const LONG: Duration = Duration::from_millis(20);

/// As [`checked`], for what succeeds whatever happens.
fn returned(began: Instant, outcome: Result<(), Status>) -> Answer {
    match checked(outcome) {
        Answer::Done if began.elapsed() >= LONG => Answer::Done.unsettled(),
        answer => answer,
    }
}

fn milliseconds(seconds: f64, name: &str) -> PyResult<u32> {
    let ms = seconds * 1000.0;
    if !(0.0..=f64::from(u32::MAX)).contains(&ms) {
        return Err(PyValueError::new_err(format!(
            "argument '{name}' must be from 0 to {} seconds",
            u32::MAX / 1000
        )));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above"
    )]
    Ok(ms.round() as u32)
}

fn duration(seconds: Option<f64>, name: &str) -> PyResult<Duration> {
    match seconds {
        None => Ok(Duration::ZERO),
        Some(seconds) => Ok(Duration::from_millis(u64::from(
            milliseconds(seconds, name)?.max(1),
        ))),
    }
}

fn bytes(value: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Vec<u8>> {
    Ok(optional_text(value, name)?.unwrap_or_default().into_bytes())
}

impl PySessionThread {
    /// That of a call.
    #[must_use]
    pub fn new(session_thread: Arc<SessionThread>) -> Self {
        Self(session_thread)
    }

    fn ask(&self, work: Work) -> u64 {
        use std::sync::OnceLock;
        // The ticket is known only when the verb has been put in line, and by then
        // it may have been carried out.
        let number = Arc::new(OnceLock::new());
        let told = number.clone();
        let ticket = self.0.ask(
            work,
            Box::new(move |answer| {
                loop_queue::post(move |py| {
                    let ticket: u64 = told.get().copied().unwrap_or_default();
                    answered(py, ticket, &answer)
                });
            }),
        );
        // The loop, which asks, reads the answer after this.
        let _ = number.set(ticket);
        ticket
    }
}

fn answered(py: Python<'_>, ticket: u64, answer: &Answer) -> PyResult<()> {
    let (kind, value, terminator) = match answer {
        Answer::Done => ("done", None, None),
        Answer::Broken => ("broken", None, None),
        Answer::Digits(digits, terminator) => ("digits", Some(str_of(py, digits)), *terminator),
        Answer::Failed(why) => ("failed", Some(str_of(py, why.as_bytes())), None),
        Answer::Gone | Answer::Unsettled(_) => ("gone", None, None),
    };
    let terminator = terminator.map(char::from);
    event_loop::module(py)?
        .call_method1("answered", (ticket, kind, value, terminator))
        .map(drop)
}

#[pymethods]
impl PySessionThread {
    /// The call.
    #[getter]
    fn leg(&self) -> PyLeg {
        PyLeg(self.0.leg().clone())
    }

    /// The call's UUID.
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        let uuid = self.0.leg().uuid()?;
        Some(str_of(py, uuid.to_bytes()))
    }

    /// Ends a verb before its time.
    fn cancel(&self, py: Python<'_>, ticket: u64) {
        detach::detached(py, |_| self.0.cancel(ticket));
    }

    /// Lets the call's thread go: the dialplan goes on.
    fn release(&self, py: Python<'_>) {
        detach::detached(py, |_| self.0.release());
    }

    /// Hangs up, from wherever the call is.
    fn hangup(&self, py: Python<'_>, cause: &Bound<'_, PyAny>) -> PyResult<()> {
        let cause = Cause::named(&text(cause, "cause")?);
        detach::detached(py, |held| {
            // Gone: then it is hung up.
            let _ = self
                .0
                .leg()
                .with(|session| session.channel().hangup(held, cause));
        });
        Ok(())
    }

    /// Sends the call to another extension; its coroutine is cancelled.
    #[pyo3(signature = (extension, dialplan=None, context=None))]
    fn transfer(
        &self,
        py: Python<'_>,
        extension: &Bound<'_, PyAny>,
        dialplan: Option<&Bound<'_, PyAny>>,
        context: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<bool> {
        let extension = text(extension, "extension")?;
        let dialplan = optional_text(dialplan, "dialplan")?;
        let context = optional_text(context, "context")?;
        Ok(detach::detached(py, |held| {
            let moved = self.0.leg().with(|session| {
                session.transfer(held, &extension, dialplan.as_deref(), context.as_deref())
            });
            matches!(moved, Ok(Ok(())))
        }))
    }

    /// How the call was lost: "hangup", "transfer", or None while it is not.
    fn lost(&self) -> Option<&'static str> {
        self.0.leg().lost()
    }

    /// Takes back what a verb has read and nobody has got.
    fn put_back(&self, digits: &Bound<'_, PyAny>, terminator: Option<char>) -> PyResult<()> {
        let mut read = text(digits, "digits")?.into_bytes();
        read.extend(terminator.and_then(|t| u8::try_from(t).ok()));
        self.0.typed().put_back(&read);
        Ok(())
    }

    /// Forgets digits that were pressed and not read.
    fn flush_digits(&self) {
        self.0.typed().clear();
        let _ = self.0.leg().with(|s| s.channel().flush_digits());
    }

    fn answer(&self) -> u64 {
        self.ask(Box::new(|session, held, _| {
            checked(session.channel().answer(held))
        }))
    }

    fn pre_answer(&self) -> u64 {
        self.ask(Box::new(|session, held, _| {
            checked(session.channel().pre_answer(held))
        }))
    }

    #[pyo3(signature = (file, offset=0, terminators=None))]
    fn play(
        &self,
        file: &Bound<'_, PyAny>,
        offset: u32,
        terminators: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let file = text(file, "file")?;
        let terminators = bytes(terminators, "terminators")?;
        Ok(self.ask(heard(terminators, move |session, held, input| {
            session.play(held, &file, offset, Some(input))
        })))
    }

    #[pyo3(signature = (file, limit=0.0, threshold=0, silence=0, terminators=None))]
    fn record(
        &self,
        file: &Bound<'_, PyAny>,
        limit: f64,
        threshold: u32,
        silence: u32,
        terminators: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let file = text(file, "file")?;
        let limit_s = milliseconds(limit, "limit")?.div_ceil(1000);
        let terminators = bytes(terminators, "terminators")?;
        Ok(self.ask(heard(terminators, move |session, held, input| {
            session.record(held, &file, limit_s, threshold, silence, Some(input))
        })))
    }

    fn sleep(&self, seconds: f64) -> PyResult<u64> {
        let ms = milliseconds(seconds, "seconds")?;
        Ok(self.ask(Box::new(move |session, held, typed| {
            match session.sleep(held, ms, false, Some(typed)) {
                Err(Status(SWITCH_STATUS_BREAK)) => Answer::Broken,
                outcome => checked(outcome),
            }
        })))
    }

    #[pyo3(signature = (words, engine, voice, terminators=None))]
    fn speak(
        &self,
        words: &Bound<'_, PyAny>,
        engine: &Bound<'_, PyAny>,
        voice: &Bound<'_, PyAny>,
        terminators: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let words = text(words, "text")?;
        let (engine, voice) = (text(engine, "engine")?, text(voice, "voice")?);
        let terminators = bytes(terminators, "terminators")?;
        Ok(self.ask(heard(terminators, move |session, held, input| {
            session.speak(held, &engine, &voice, &words, Some(input))
        })))
    }

    #[pyo3(signature = (what, module, kind, method, gender=None))]
    fn say(
        &self,
        what: &Bound<'_, PyAny>,
        module: &Bound<'_, PyAny>,
        kind: &Bound<'_, PyAny>,
        method: &Bound<'_, PyAny>,
        gender: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        let (what, module) = (text(what, "what")?, text(module, "module")?);
        let (kind, method) = (text(kind, "type")?, text(method, "method")?);
        let gender = optional_text(gender, "gender")?;
        Ok(self.ask(heard(Vec::new(), move |session, held, input| {
            let say = Say {
                what: &what,
                module: &module,
                kind: &kind,
                method: &method,
                gender: gender.as_deref(),
            };
            session.say(held, &say, Some(input))
        })))
    }

    #[pyo3(signature = (max_digits, terminators=None, timeout=None, between=None, total=None))]
    fn get_digits(
        &self,
        max_digits: u32,
        terminators: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
        between: Option<f64>,
        total: Option<f64>,
    ) -> PyResult<u64> {
        let max = max_digits as usize;
        let terminators = bytes(terminators, "terminators")?;
        let times = Timeouts {
            first: duration(timeout, "timeout")?,
            between: duration(between, "between")?,
            total: duration(total, "total")?,
        };
        Ok(self.ask(Box::new(move |session, held, typed| {
            let typed = typed.take(max, &terminators);
            let digits = session.collect_after(held, typed, max, &terminators, times);
            let ended = [
                SWITCH_STATUS_SUCCESS,
                SWITCH_STATUS_TIMEOUT,
                SWITCH_STATUS_BREAK,
            ];
            let cut_short = digits.text.len() < max && !ended.contains(&digits.status);
            let answer = Answer::Digits(digits.text, digits.terminator);
            if cut_short {
                answer.unsettled()
            } else {
                answer
            }
        })))
    }

    #[pyo3(signature = (
        file, min_digits, max_digits, tries, timeout, terminators=None, invalid_file=None,
        regex=None, variable=None, between=None,
    ))]
    #[expect(clippy::too_many_arguments, reason = "as many as the application has")]
    fn play_and_get_digits(
        &self,
        file: Option<&Bound<'_, PyAny>>,
        min_digits: u32,
        max_digits: u32,
        tries: u32,
        timeout: f64,
        terminators: Option<&Bound<'_, PyAny>>,
        invalid_file: Option<&Bound<'_, PyAny>>,
        regex: Option<&Bound<'_, PyAny>>,
        variable: Option<&Bound<'_, PyAny>>,
        between: Option<f64>,
    ) -> PyResult<u64> {
        let file = optional_text(file, "file")?;
        let terminators = optional_text(terminators, "terminators")?;
        let invalid_file = optional_text(invalid_file, "invalid_file")?;
        let regex = optional_text(regex, "regex")?;
        let variable = optional_text(variable, "variable")?;
        let (timeout, between) = (
            duration(Some(timeout), "timeout")?,
            duration(between, "between")?,
        );
        Ok(self.ask(Box::new(move |session, held, typed| {
            let prompt = Prompt {
                min: min_digits as usize,
                max: max_digits as usize,
                tries,
                timeout,
                between,
                terminators: terminators.as_deref(),
                file: file.as_deref(),
                invalid_file: invalid_file.as_deref(),
                regex: regex.as_deref(),
                variable: variable.as_deref(),
                transfer_on_failure: None,
            };
            let ends = terminators.as_ref().map_or(&b""[..], |t| t.as_bytes());
            let typed = typed.take(prompt.max.max(prompt.min), ends);
            let digits = session.play_and_get_digits(held, &prompt, typed);
            let nothing = digits.is_empty();
            let answer = Answer::Digits(digits, None);
            if nothing { answer.unsettled() } else { answer }
        })))
    }

    #[pyo3(signature = (app, data=None))]
    fn execute(&self, app: &Bound<'_, PyAny>, data: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
        let app = text(app, "app")?;
        if app.is_empty() {
            return Err(PyValueError::new_err("argument 'app' is empty"));
        }
        let data: Option<CString> = optional_text(data, "data")?;
        Ok(self.ask(Box::new(move |session, held, typed| {
            let began = Instant::now();
            let outcome = match &data {
                Some(file) if app.as_bytes().eq_ignore_ascii_case(b"playback") => {
                    session.playback(held, file, true, typed);
                    Ok(())
                }
                _ => session.execute(held, &app, data.as_deref(), true),
            };
            returned(began, outcome)
        })))
    }

    fn wait_for_answer(&self) -> u64 {
        self.ask(Box::new(|session, held, _| {
            checked(session.wait_for_answer(held, None))
        }))
    }

    /// Joins the call with another one that coroutines have, until one ends it.
    fn bridge(&self, other: &Bound<'_, PyAny>) -> PyResult<u64> {
        let peer = leg_of(other, "other")?;
        Ok(self.ask(Box::new(move |session, held, _| {
            let began = Instant::now();
            match peer.with(|peer| session.bridge(held, peer, None, None)) {
                Ok(outcome) => returned(began, outcome),
                Err(Gone) => Answer::Failed("the other call is gone".to_owned()),
            }
        })))
    }
}
