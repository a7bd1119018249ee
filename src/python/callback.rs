//! The input callback of a session, during one blocking call.

use std::ffi::CString;
use std::sync::Arc;

use freeswitch::event::shared;
use freeswitch::media::input;
use freeswitch::media::input::{Input, InputAction};
use freeswitch::session as switch;
use parking_lot::Mutex;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};

use super::callable::Callable;
use super::dtmf::Dtmf;
use super::event::Event;
use crate::interp::attach::reenter;
use crate::interp::convert::bytes_of;
use crate::interp::errors;
use crate::interp::errors::Failure;

/// A session's input callback, during one blocking call.
pub struct Callback {
    session: Py<PyAny>,
    callback: Callable,
    /// `sys.exit()` in the callback: it ends the script once the call has ended.
    exit: Mutex<Option<PyErr>>,
}

impl Callback {
    /// Listens for a session with its callback.
    #[must_use]
    pub fn new(session: Py<PyAny>, callback: Callable) -> Self {
        Self {
            session,
            callback,
            exit: Mutex::new(None),
        }
    }

    /// # Errors
    /// `SystemExit`, when the callback raised it.
    pub fn finish(&self) -> PyResult<()> {
        self.exit.lock().take().map_or(Ok(()), Err)
    }

    fn tell(
        &self,
        what: &str,
        input: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>,
    ) -> InputAction {
        let verdict = reenter(|py| {
            let call = || {
                let arguments = vec![
                    self.session.clone_ref(py),
                    PyString::intern(py, what).into_any().unbind(),
                    input(py)?,
                ];
                verdict(&self.callback.call(py, arguments)?)
            };
            call().unwrap_or_else(|error| {
                if errors::is_exit(py, &error) {
                    *self.exit.lock() = Some(error);
                    return InputAction::Stop;
                }
                let target = self.callback.name(py);
                let failure = Failure {
                    code: errors::FAILED,
                    way: "input callback",
                    target: &target,
                    outcome: "the call goes on",
                };
                errors::report(py, &error, &failure);
                InputAction::GoOn
            })
        });
        verdict.unwrap_or_else(|refused| {
            let failure = Failure {
                code: errors::NOT_ENTERED,
                way: "input callback",
                target: what,
                outcome: "the call goes on",
            };
            errors::refuse(&failure, &refused.to_string());
            InputAction::GoOn
        })
    }
}

impl Input for Callback {
    fn digit(&self, _: switch::Session<'_>, digit: input::Dtmf) -> InputAction {
        self.tell("dtmf", |py| Ok(Py::new(py, Dtmf::from(digit))?.into_any()))
    }

    fn event(&self, _: switch::Session<'_>, event: &Arc<shared::Event>) -> InputAction {
        self.tell("event", |py| {
            Ok(Py::new(py, Event::show(event.clone()))?.into_any())
        })
    }
}

/// Reads what a callback returned: None goes on, a string is the core's to read.
fn verdict(result: &Bound<'_, PyAny>) -> PyResult<InputAction> {
    if result.is_none() {
        return Ok(InputAction::GoOn);
    }
    if let Ok(go_on) = result.cast::<PyBool>() {
        return Ok(if go_on.is_true() {
            InputAction::GoOn
        } else {
            InputAction::Stop
        });
    }
    if result.is_instance_of::<PyString>() {
        let bytes = bytes_of(result).unwrap_or_default();
        if *bytes == *b"ignore" {
            return Ok(InputAction::Ignore);
        }
        let text = CString::new(bytes)
            .map_err(|_| PyValueError::new_err("the callback's string has a NUL"))?;
        return Ok(InputAction::Command(text));
    }
    let kind = result.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "an input callback returns None or str, not {kind}"
    )))
}
