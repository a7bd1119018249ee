//! The verbs of an async session, as the event loop asks for them.

use std::sync::Arc;

use freeswitch::verb::answer::Answer;
use freeswitch::verb::perform::{OTHER_GONE, flush_digits};
use freeswitch::verb::text::Text;
use freeswitch::verb::{GetDigits, PlayAndGetDigits, Verb};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::session_thread::{SessionThread, next_ticket};
use super::{event_loop, loop_queue};
use crate::interp::convert;
use crate::interp::convert::str_of;
use crate::interp::detach;
use crate::python::session::attached::PyLeg;
use crate::python::session::originated::leg_of;

/// A call's own thread at work. Each verb gives a ticket, under which
/// `freeswitch._loop.answered` gets the outcome.
#[pyclass(frozen, module = "freeswitch", name = "SessionThread")]
pub struct PySessionThread(Arc<SessionThread>);

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

/// A time that may be left out: 0 is no limit.
fn limit(seconds: Option<f64>, name: &str) -> PyResult<u32> {
    match seconds {
        None => Ok(0),
        Some(seconds) => Ok(milliseconds(seconds, name)?.max(1)),
    }
}

fn text(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Text> {
    convert::text(value, name).map(Text::from)
}

fn optional_text(value: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Option<Text>> {
    Ok(convert::optional_text(value, name)?.map(Text::from))
}

fn text_or_empty(value: Option<&Bound<'_, PyAny>>, name: &str) -> PyResult<Text> {
    Ok(optional_text(value, name)?.unwrap_or_default())
}

impl PySessionThread {
    /// That of a call.
    #[must_use]
    pub fn new(session_thread: Arc<SessionThread>) -> Self {
        Self(session_thread)
    }

    fn ask(&self, verb: Verb) -> u64 {
        use std::sync::OnceLock;
        // The ticket is known only when the verb has been put in line, and by then
        // it may have been carried out.
        let number = Arc::new(OnceLock::new());
        let told = number.clone();
        let ticket = self.0.ask(
            verb,
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

    /// Carries out at once what does not take its turn.
    fn carry_out(&self, py: Python<'_>, verb: &Verb) -> Answer {
        detach::detached(py, |held| self.0.carry_out(held, verb))
    }
}

fn answered(py: Python<'_>, ticket: u64, answer: &Answer) -> PyResult<()> {
    let (kind, value, terminator) = match answer {
        Answer::Done {} => ("done", None, None),
        Answer::Broken {} => ("broken", None, None),
        Answer::Digits { digits, terminator } => ("digits", Some(str_of(py, digits)), *terminator),
        Answer::Failed { why } => ("failed", Some(str_of(py, why.as_bytes())), None),
        Answer::Gone {} => ("gone", None, None),
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
        let cause = text(cause, "cause")?;
        // Gone: then it is hung up.
        let _ = self.carry_out(py, &Verb::Hangup { cause });
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
        let verb = Verb::Transfer {
            extension: text(extension, "extension")?,
            dialplan: optional_text(dialplan, "dialplan")?,
            context: optional_text(context, "context")?,
        };
        Ok(self.carry_out(py, &verb) == Answer::Done {})
    }

    /// Sends digits to the far end; why not, where it does not.
    fn send_dtmf(&self, py: Python<'_>, digits: &Bound<'_, PyAny>) -> PyResult<Option<String>> {
        let digits = text(digits, "digits")?;
        Ok(match self.carry_out(py, &Verb::SendDtmf { digits }) {
            Answer::Failed { why } => Some(why),
            Answer::Gone {} => Some("the call is gone".to_owned()),
            _ => None,
        })
    }

    /// How the call was lost: "hangup", "transfer", or None while it is not.
    fn lost(&self) -> Option<&'static str> {
        self.0.leg().lost()
    }

    /// Takes back what a verb has read and nobody has got.
    fn put_back(&self, digits: &Bound<'_, PyAny>, terminator: Option<char>) -> PyResult<()> {
        let mut read = text(digits, "digits")?.to_bytes().to_vec();
        read.extend(terminator.and_then(|t| u8::try_from(t).ok()));
        self.0.typed().put_back(&read);
        Ok(())
    }

    /// Forgets digits that were pressed and not read.
    fn flush_digits(&self) {
        // A read of the core that takes no time: it keeps the interpreter lock.
        let _ = self.0.leg().with(|s| flush_digits(s, self.0.typed()));
    }

    fn answer(&self) -> u64 {
        self.ask(Verb::Answer {})
    }

    fn pre_answer(&self) -> u64 {
        self.ask(Verb::PreAnswer {})
    }

    #[pyo3(signature = (file, offset=0, terminators=None))]
    fn play(
        &self,
        file: &Bound<'_, PyAny>,
        offset: u32,
        terminators: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        Ok(self.ask(Verb::Play {
            file: text(file, "file")?,
            offset,
            terminators: text_or_empty(terminators, "terminators")?,
        }))
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
        Ok(self.ask(Verb::Record {
            file: text(file, "file")?,
            limit_s: milliseconds(limit, "limit")?.div_ceil(1000),
            threshold,
            silence_s: silence,
            terminators: text_or_empty(terminators, "terminators")?,
        }))
    }

    fn sleep(&self, seconds: f64) -> PyResult<u64> {
        let ms = milliseconds(seconds, "seconds")?;
        Ok(self.ask(Verb::Sleep { ms }))
    }

    #[pyo3(signature = (words, engine, voice, terminators=None))]
    fn speak(
        &self,
        words: &Bound<'_, PyAny>,
        engine: &Bound<'_, PyAny>,
        voice: &Bound<'_, PyAny>,
        terminators: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u64> {
        Ok(self.ask(Verb::Speak {
            text: text(words, "text")?,
            engine: text(engine, "engine")?,
            voice: text(voice, "voice")?,
            terminators: text_or_empty(terminators, "terminators")?,
        }))
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
        Ok(self.ask(Verb::Say {
            what: text(what, "what")?,
            module: text(module, "module")?,
            kind: text(kind, "type")?,
            method: text(method, "method")?,
            gender: optional_text(gender, "gender")?,
        }))
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
        Ok(self.ask(Verb::GetDigits(GetDigits {
            max_digits,
            terminators: text_or_empty(terminators, "terminators")?,
            timeout_ms: limit(timeout, "timeout")?,
            between_ms: limit(between, "between")?,
            total_ms: limit(total, "total")?,
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
        Ok(self.ask(Verb::PlayAndGetDigits(PlayAndGetDigits {
            file: optional_text(file, "file")?,
            min_digits,
            max_digits,
            tries,
            terminators: optional_text(terminators, "terminators")?,
            invalid_file: optional_text(invalid_file, "invalid_file")?,
            regex: optional_text(regex, "regex")?,
            variable: optional_text(variable, "variable")?,
            timeout_ms: limit(Some(timeout), "timeout")?,
            between_ms: limit(between, "between")?,
        })))
    }

    #[pyo3(signature = (app, data=None))]
    fn execute(&self, app: &Bound<'_, PyAny>, data: Option<&Bound<'_, PyAny>>) -> PyResult<u64> {
        let app = text(app, "app")?;
        if app.is_empty() {
            return Err(PyValueError::new_err("argument 'app' is empty"));
        }
        let data = optional_text(data, "data")?;
        Ok(self.ask(Verb::Execute { app, data }))
    }

    fn wait_for_answer(&self) -> u64 {
        self.ask(Verb::WaitForAnswer {})
    }

    /// Joins the call with another one that coroutines have, until one ends it.
    fn bridge(&self, other: &Bound<'_, PyAny>) -> PyResult<u64> {
        let Some(other) = leg_of(other, "other")?.handle() else {
            let ticket = next_ticket();
            loop_queue::post(move |py| answered(py, ticket, &Answer::failed(OTHER_GONE)));
            return Ok(ticket);
        };
        Ok(self.ask(Verb::Bridge {
            other: Text::from(other.uuid().to_owned()),
            number: Some(other.id()),
        }))
    }
}
