//! The verbs of an async session, as the event loop asks for them.

mod asked;

use std::sync::Arc;

use freeswitch::text::c_string_shown;
use freeswitch::verb::Verb;
use freeswitch::verb::answer::{Answer, Code};
use freeswitch::verb::perform::flush_digits;
use freeswitch::verb::text::Text;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::session_thread::{SessionThread, next_ticket};
use super::{event_loop, loop_queue};
use crate::interp::convert;
use crate::interp::convert::str_of;
use crate::interp::detach;
use crate::python::session::attached::{PyLeg, ScriptLeg};
use crate::python::session::originated::leg_of;

/// A call's own thread at work. Each verb gives a ticket, under which
/// `freeswitch._loop.answered` gets the outcome.
#[pyclass(frozen, module = "freeswitch", name = "SessionThread")]
pub struct PySessionThread(Place);

/// Where the call's thread is.
enum Place {
    /// In this process.
    Here(Arc<SessionThread>),
    /// In a switch that `bus` reaches: `ask(ticket, verb)`, `now(verb)` and the like.
    Outside {
        bus: Py<PyAny>,
        uuid: Py<PyAny>,
        leg: Arc<ScriptLeg>,
    },
}

fn milliseconds(seconds: f64, name: &str) -> PyResult<u32> {
    let ms = seconds * 1000.0;
    if !(0.0..=f64::from(u32::MAX)).contains(&ms) {
        return Err(PyValueError::new_err(format!(
            "argument '{name}' must be from 0 to {} seconds, not {seconds}",
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
        Self(Place::Here(session_thread))
    }

    fn ask(&self, py: Python<'_>, verb: Verb) -> PyResult<u64> {
        match &self.0 {
            Place::Here(thread) => Ok(ask_here(thread, verb)),
            Place::Outside { bus, .. } => {
                let ticket = next_ticket();
                bus.call_method1(py, "ask", (ticket, json(&verb)))?;
                Ok(ticket)
            }
        }
    }

    /// Carries out at once what does not take its turn; outside it is sent, and what comes of it
    /// is not waited for.
    fn carry_out(&self, py: Python<'_>, verb: &Verb) -> PyResult<Answer> {
        match &self.0 {
            Place::Here(thread) => Ok(detach::detached(py, |held| thread.carry_out(held, verb))),
            Place::Outside { bus, .. } => {
                bus.call_method1(py, "now", (json(verb),))?;
                Ok(Answer::Done {})
            }
        }
    }

    /// As [`Self::carry_out`], where what comes of it counts: that, or what can be awaited for it.
    fn outcome<'py>(
        &self,
        py: Python<'py>,
        verb: &Verb,
    ) -> PyResult<Result<Answer, Bound<'py, PyAny>>> {
        match &self.0 {
            Place::Here(_) => self.carry_out(py, verb).map(Ok),
            Place::Outside { bus, .. } => {
                let outcome = bus.bind(py).call_method1("outcome", (json(verb),))?;
                Ok(Err(outcome))
            }
        }
    }
}

/// A number for something that is waited for, which no other has in this process.
#[pyfunction(name = "next_ticket")]
pub fn new_ticket() -> u64 {
    next_ticket()
}

fn json(verb: &Verb) -> String {
    String::from_utf8_lossy(&verb.to_json()).into_owned()
}

fn ask_here(thread: &SessionThread, verb: Verb) -> u64 {
    let ticket = next_ticket();
    let told = move |answer| loop_queue::post(move |py| answered(py, ticket, &answer));
    thread.ask(ticket, verb, Box::new(told));
    ticket
}

fn answered(py: Python<'_>, ticket: u64, answer: &Answer) -> PyResult<()> {
    let (kind, value, terminator) = match answer {
        Answer::Done {} => ("done", None, None),
        Answer::Broken {} => ("broken", None, None),
        Answer::Digits { digits, terminator } => ("digits", Some(str_of(py, digits)), *terminator),
        Answer::Failed {
            code: Some(Code::OtherGone),
            ..
        } => ("other_gone", None, None),
        Answer::Failed { why, code: None } => ("failed", Some(str_of(py, why.as_bytes())), None),
        Answer::Gone { how } => {
            let how = how.as_ref().map(|how| str_of(py, how.as_bytes()));
            ("gone", how, None)
        }
    };
    let terminator = terminator.map(char::from);
    event_loop::module(py)?
        .call_method1("answered", (ticket, kind, value, terminator))
        .map(drop)
}

impl PySessionThread {
    fn why_not<'py>(&self, py: Python<'py>, verb: &Verb) -> PyResult<Option<Bound<'py, PyAny>>> {
        let why = match self.outcome(py, verb)? {
            Err(later) => return Ok(Some(later)),
            Ok(Answer::Failed { why, .. }) => why,
            Ok(Answer::Gone { .. }) => "the call is gone".to_owned(),
            Ok(_) => return Ok(None),
        };
        Ok(Some(str_of(py, why.as_bytes())))
    }
}

#[pymethods]
impl PySessionThread {
    /// One of a call in a switch that `bus` reaches.
    #[staticmethod]
    fn outside(bus: Py<PyAny>, uuid: Py<PyAny>) -> Self {
        let leg = Arc::default();
        Self(Place::Outside { bus, uuid, leg })
    }

    /// The call.
    #[getter]
    fn leg(&self) -> PyLeg {
        match &self.0 {
            Place::Here(thread) => PyLeg(thread.leg().clone()),
            Place::Outside { leg, .. } => PyLeg(leg.clone()),
        }
    }

    /// The call's UUID.
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        match &self.0 {
            Place::Here(thread) => Some(str_of(py, thread.leg().uuid()?.to_bytes())),
            Place::Outside { uuid, .. } => Some(uuid.bind(py).clone()),
        }
    }

    /// What reaches the switch that the call is in; None where that is this process.
    #[getter]
    fn bus<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        match &self.0 {
            Place::Here(_) => None,
            Place::Outside { bus, .. } => Some(bus.bind(py).clone()),
        }
    }

    /// Ends a verb before its time.
    fn cancel(&self, py: Python<'_>, ticket: u64) -> PyResult<()> {
        match &self.0 {
            Place::Here(thread) => detach::detached(py, |_| thread.cancel(ticket)),
            Place::Outside { bus, .. } => drop(bus.call_method1(py, "cancel", (ticket,))?),
        }
        Ok(())
    }

    /// Lets the call's thread go: the dialplan goes on.
    fn release(&self, py: Python<'_>) -> PyResult<()> {
        match &self.0 {
            Place::Here(thread) => detach::detached(py, |_| thread.release()),
            Place::Outside { bus, .. } => drop(bus.call_method0(py, "release")?),
        }
        Ok(())
    }

    /// Hangs up, from wherever the call is.
    fn hangup(&self, py: Python<'_>, cause: &Bound<'_, PyAny>) -> PyResult<()> {
        let cause = text(cause, "cause")?;
        // Gone: then it is hung up.
        self.carry_out(py, &Verb::Hangup { cause }).map(drop)
    }

    /// Sends the call to another extension; its coroutine is cancelled. Why not, where it is not;
    /// outside, what gives that when it is awaited.
    #[pyo3(signature = (extension, dialplan=None, context=None))]
    fn transfer<'py>(
        &self,
        py: Python<'py>,
        extension: &Bound<'py, PyAny>,
        dialplan: Option<&Bound<'py, PyAny>>,
        context: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.why_not(
            py,
            &Verb::Transfer {
                extension: text(extension, "extension")?,
                dialplan: optional_text(dialplan, "dialplan")?,
                context: optional_text(context, "context")?,
            },
        )
    }

    /// Sends digits to the far end; as for `transfer`, why not.
    fn send_dtmf<'py>(
        &self,
        py: Python<'py>,
        digits: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let digits = text(digits, "digits")?;
        self.why_not(py, &Verb::SendDtmf { digits })
    }

    /// Sets a variable, or removes it, of a call outside.
    fn set_variable(
        &self,
        py: Python<'_>,
        var: &Bound<'_, PyAny>,
        val: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let name = text(var, "var")?;
        if name.is_empty() {
            return Err(PyValueError::new_err("argument 'var' is empty"));
        }
        let value = optional_text(val, "val")?;
        self.carry_out(py, &Verb::SetVariable { name, value })
            .map(drop)
    }

    /// How the call was lost: "hangup", "transfer", or None while it is not.
    fn lost<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        match &self.0 {
            Place::Here(thread) => {
                let lost = thread.leg().lost();
                Ok(lost.map(|how| str_of(py, how.as_bytes())))
            }
            Place::Outside { bus, .. } => bus.bind(py).getattr("lost").map(Some),
        }
    }

    /// Takes back what a verb has read and nobody has got.
    fn put_back(
        &self,
        py: Python<'_>,
        digits: &Bound<'_, PyAny>,
        terminator: Option<char>,
    ) -> PyResult<()> {
        let mut read = text(digits, "digits")?.to_bytes().to_vec();
        read.extend(terminator.and_then(|t| u8::try_from(t).ok()));
        match &self.0 {
            Place::Here(thread) => thread.typed().put_back(&read),
            Place::Outside { .. } => {
                let digits = Text::from(c_string_shown(&read));
                self.carry_out(py, &Verb::PutBack { digits })?;
            }
        }
        Ok(())
    }

    /// Forgets digits that were pressed and not read.
    fn flush_digits(&self, py: Python<'_>) -> PyResult<()> {
        match &self.0 {
            // A read of the core that takes no time: it keeps the interpreter lock.
            Place::Here(thread) => {
                let _ = thread.leg().with(|s| flush_digits(s, thread.typed()));
            }
            Place::Outside { .. } => drop(self.carry_out(py, &Verb::FlushDigits {})?),
        }
        Ok(())
    }
}
