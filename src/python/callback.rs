//! A script's function that is called back: hangup hook or input callback.

use std::ffi::CString;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyString};
use pyo3::{PyTraverseError, PyVisit};

use super::dtmf::Dtmf;
use super::event::Event;
use super::session::CoreSession;
use crate::interp::attach::reenter;
use crate::interp::convert::bytes_of;
use crate::interp::errors;
use crate::interp::errors::Failure;
use crate::script::signature::{call_with, takes};
use crate::switch::event::shared;
use crate::switch::media::input;
use crate::switch::media::input::{Input, Verdict};
use crate::switch::session as switch;

/// A function, how many arguments it takes, and the one that was given with it.
pub struct Callable {
    function: Py<PyAny>,
    takes: usize,
    argument: Py<PyAny>,
}

impl Callable {
    /// `documented` is how many arguments the documents name, the extra one included.
    ///
    /// # Errors
    /// `TypeError`: it cannot be called, or needs more arguments.
    pub fn new(
        function: &Bound<'_, PyAny>,
        argument: Option<&Bound<'_, PyAny>>,
        documented: usize,
    ) -> PyResult<Self> {
        if !function.is_callable() {
            let kind = function.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "a function is needed, not {kind}"
            )));
        }
        let argument = argument.map_or_else(|| function.py().None(), |a| a.clone().unbind());
        Ok(Self {
            takes: takes(function, documented)?,
            function: function.clone().unbind(),
            argument,
        })
    }

    /// A second hold of the same function.
    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            function: self.function.clone_ref(py),
            takes: self.takes,
            argument: self.argument.clone_ref(py),
        }
    }

    /// Calls it; the extra argument comes last.
    ///
    /// # Errors
    /// What it raises.
    pub fn call<'py>(
        &self,
        py: Python<'py>,
        mut arguments: Vec<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        arguments.push(self.argument.clone_ref(py));
        call_with(self.function.bind(py), self.takes, &arguments)
    }

    /// The function itself.
    pub fn function(&self, py: Python<'_>) -> Py<PyAny> {
        self.function.clone_ref(py)
    }

    /// The extra argument.
    pub fn argument(&self, py: Python<'_>) -> Py<PyAny> {
        self.argument.clone_ref(py)
    }

    /// Shows the collector what this refers to.
    ///
    /// # Errors
    /// As the collector's.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.argument)
    }

    /// Its name, for the log.
    pub fn name(&self, py: Python<'_>) -> String {
        let function = self.function.bind(py);
        let part = |name| {
            function
                .getattr(name)
                .ok()
                .and_then(|n| n.extract::<String>().ok())
        };
        match (part("__module__"), part("__qualname__")) {
            (Some(module), Some(name)) => format!("{module}::{name}"),
            _ => function
                .get_type()
                .name()
                .map(|n| n.to_string())
                .unwrap_or_default(),
        }
    }
}

/// A session's input callback, during one blocking call.
pub struct Listener {
    session: Py<CoreSession>,
    callback: Callable,
    /// `sys.exit()` in the callback: it ends the script once the call has ended.
    exit: Mutex<Option<PyErr>>,
}

impl Listener {
    /// Listens for a session with its callback.
    #[must_use]
    pub fn new(session: Py<CoreSession>, callback: Callable) -> Self {
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

    fn tell(&self, what: &str, input: impl FnOnce(Python<'_>) -> PyResult<Py<PyAny>>) -> Verdict {
        let verdict = reenter(|py| {
            let call = || {
                let arguments = vec![
                    self.session.clone_ref(py).into_any(),
                    PyString::intern(py, what).into_any().unbind(),
                    input(py)?,
                ];
                verdict(&self.callback.call(py, arguments)?)
            };
            call().unwrap_or_else(|error| {
                if errors::is_exit(py, &error) {
                    *self.exit.lock() = Some(error);
                    return Verdict::Stop;
                }
                let target = self.callback.name(py);
                let failure = Failure {
                    code: errors::FAILED,
                    way: "input callback",
                    target: &target,
                    outcome: "the call goes on",
                };
                errors::report(py, &error, &failure);
                Verdict::GoOn
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
            Verdict::GoOn
        })
    }
}

impl Input for Listener {
    fn digit(&self, _: switch::Session<'_>, digit: input::Dtmf) -> Verdict {
        self.tell("dtmf", |py| Ok(Py::new(py, Dtmf::from(digit))?.into_any()))
    }

    fn event(&self, _: switch::Session<'_>, event: &Arc<shared::Event>) -> Verdict {
        self.tell("event", |py| {
            Ok(Py::new(py, Event::show(event.clone()))?.into_any())
        })
    }
}

/// Reads what a callback returned: None goes on, a string is the core's to read.
fn verdict(result: &Bound<'_, PyAny>) -> PyResult<Verdict> {
    if result.is_none() {
        return Ok(Verdict::GoOn);
    }
    if let Ok(go_on) = result.cast::<PyBool>() {
        return Ok(if go_on.is_true() {
            Verdict::GoOn
        } else {
            Verdict::Stop
        });
    }
    if result.is_instance_of::<PyString>() {
        let bytes = bytes_of(result).unwrap_or_default();
        if *bytes == *b"ignore" {
            return Ok(Verdict::Ignore);
        }
        let text = CString::new(bytes)
            .map_err(|_| PyValueError::new_err("the callback's string has a NUL"))?;
        return Ok(Verdict::Command(text));
    }
    let kind = result.get_type().name()?;
    Err(PyTypeError::new_err(format!(
        "an input callback returns None or str, not {kind}"
    )))
}
