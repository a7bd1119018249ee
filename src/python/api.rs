//! `API`: the switch's own commands.

use pyo3::prelude::*;

use super::convert::{optional_text, str_of, text};
use super::invocation;
use super::session::Session;
use super::wait::wait;
use crate::switch::api;
use crate::switch::text::c_string;

/// Calls API commands; with a session they are that call's.
#[pyclass(frozen, subclass, dict, weakref, module = "freeswitch", name = "API")]
pub struct Api {
    session: Option<Py<Session>>,
}

impl Api {
    fn run<'py>(
        &self,
        py: Python<'py>,
        command: &std::ffi::CStr,
        argument: Option<&std::ffi::CStr>,
    ) -> PyResult<Bound<'py, PyAny>> {
        invocation::check_hooks(py)?;
        let leg = self.session.as_ref().map(|s| s.get().leg().clone());
        let reply = wait(py, |held| match leg {
            None => Ok(api::execute(held, command, argument, None)),
            Some(leg) => leg
                .handle()
                .with(|s| api::execute(held, command, argument, Some(s))),
        });
        let reply = reply.map_err(|_| super::session::gone(py, self.session.as_ref()));
        invocation::check_hooks(py)?;
        Ok(str_of(py, &reply?))
    }
}

#[pymethods]
impl Api {
    #[new]
    #[pyo3(signature = (s=None))]
    fn new(s: Option<Py<Session>>) -> Self {
        Self { session: s }
    }

    /// Calls a command and gives its reply. Other scripts run meanwhile.
    #[pyo3(signature = (command, data=None))]
    fn execute<'py>(
        &self,
        py: Python<'py>,
        command: &Bound<'py, PyAny>,
        data: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let command = text(command, "command")?;
        let data = optional_text(data, "data")?;
        self.run(py, &command, data.as_deref())
    }

    /// As `execute`, with command and arguments in one string.
    #[pyo3(name = "executeString")]
    fn execute_string<'py>(
        &self,
        py: Python<'py>,
        command: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let line = text(command, "command")?;
        let line = line.as_bytes().trim_ascii_start();
        let (command, data) = match line.iter().position(|&b| b == b' ') {
            Some(at) => (&line[..at], Some(&line[at + 1..])),
            None => (line, None),
        };
        // Parts of a string without NUL have none.
        let command = c_string(command).unwrap_or_default();
        let data = data.map(|d| c_string(d).unwrap_or_default());
        self.run(py, &command, data.as_deref())
    }

    /// The switch's clock, in milliseconds since 1970.
    #[pyo3(name = "getTime")]
    fn get_time(&self) -> i64 {
        crate::switch::core::now_micros() / 1000
    }
}
