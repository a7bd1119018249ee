//! What a script raised: once, in full, into the switch's log.

use std::ffi::CStr;
use std::fmt;

use freeswitch::call_log;
use freeswitch::log::Level;
use freeswitch::text::c_string_shown;
use pyo3::exceptions::{PyException, PySystemExit, PyTypeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyList;

use super::{context, convert};

pyo3::create_exception!(
    freeswitch,
    Refused,
    PyException,
    "A script that may not be entered from outside, or is not there; the text says why."
);
pyo3::create_exception!(freeswitch, Busy, Refused, "Another script is being loaded.");

/// A script failed.
pub const FAILED: &str = "MR0004";
/// A changed script does not load.
pub const NOT_RELOADED: &str = "MR0005";
/// A script was not entered.
pub const NOT_ENTERED: &str = "MR0006";

/// Where a script was when it failed, and what came of it.
#[derive(Debug, Clone, Copy)]
pub struct Failure<'a> {
    /// Its entry in docs/errors.md.
    pub code: &'static str,
    /// How it was entered: "application", "API command" ...
    pub way: &'a str,
    /// `module::function`.
    pub target: &'a str,
    /// What the caller got instead of a result.
    pub outcome: &'a str,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A line that names no function has no target.
        let space = if self.target.is_empty() { "" } else { " " };
        write!(
            f,
            "{} {}{space}{} failed ({})",
            self.code, self.way, self.target, self.outcome
        )
    }
}

/// Did the script only end itself? `sys.exit()` ends that script, not the switch.
#[must_use]
pub fn is_exit(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<PySystemExit>(py)
}

/// Writes the full chained traceback to the log, at ERR.
pub fn report(py: Python<'_>, error: &PyErr, failure: &Failure<'_>) {
    let text = format!("{failure}\n{}", traceback(py, error));
    let uuid = context::call_here(py);
    py.detach(|| {
        call_log::write(
            Level::Error,
            c"python",
            c"report",
            0,
            uuid.as_deref(),
            text.as_bytes(),
        );
    });
}

/// The traceback as Python prints it, without what is not the script's, and with what may be meant.
fn traceback(py: Python<'_>, error: &PyErr) -> String {
    static FORMAT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let formatted = || -> PyResult<String> {
        let format = FORMAT.get_or_try_init(py, || {
            PyResult::Ok(
                py.import("freeswitch._hints")?
                    .getattr("format_exception")?
                    .unbind(),
            )
        })?;
        // Before 3.12 the traceback is not the value's own until someone says so.
        let lines =
            format
                .bind(py)
                .call1((error.get_type(py), error.value(py), error.traceback(py)))?;
        let lines = lines
            .cast::<PyList>()
            .map_err(|_| PyTypeError::new_err("no list"))?;
        let mut text = String::new();
        for line in lines {
            let bytes = convert::bytes_of(&line).unwrap_or_default();
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
        Ok(text)
    };
    // Formatting runs the exception's own __str__, which can fail in its turn.
    formatted().unwrap_or_else(|_| {
        format!(
            "{} (its traceback cannot be formatted)\n",
            one_line(py, error)
        )
    })
}

/// The exception in one line: `ValueError: no such thing`.
#[must_use]
pub fn one_line(py: Python<'_>, error: &PyErr) -> String {
    if let Some(why) = refusal(py, error) {
        return why;
    }
    let kind = error.get_type(py).qualname().map(|n| n.to_string());
    let kind = kind.unwrap_or_else(|_| "an exception".to_owned());
    let value = error.value(py).str().ok();
    let value = value
        .and_then(|s| {
            let bytes = convert::bytes_of(s.as_any())?;
            Some(String::from_utf8_lossy(&bytes).into_owned())
        })
        .unwrap_or_default();
    let text = match value.lines().next() {
        Some(first) if !first.is_empty() => format!("{kind}: {first}"),
        _ => kind,
    };
    text.chars().take(400).collect()
}

/// Why a script was not entered at all, where that is what the exception says:
/// it has one line and no place in the script.
#[must_use]
pub fn refusal(py: Python<'_>, error: &PyErr) -> Option<String> {
    error
        .is_instance_of::<Refused>(py)
        .then(|| error.value(py).to_string())
}

/// Reports an exception that no caller was there for; for `freeswitch._boot`.
#[pyfunction]
pub fn report_stray(py: Python<'_>, place: &str, error: &Bound<'_, PyAny>) {
    let error = PyErr::from_value(error.clone());
    report(
        py,
        &error,
        &Failure {
            code: FAILED,
            way: "python",
            target: place,
            outcome: "nobody was waiting for it",
        },
    );
}

/// Writes one line at ERR about a script that did not even run.
pub fn refuse(failure: &Failure<'_>, why: &str) {
    const WHERE: &CStr = c"python";
    let text = format!("{failure}: {why}");
    let uuid = call_log::uuid();
    call_log::write(
        Level::Error,
        WHERE,
        c"refuse",
        0,
        uuid.as_deref(),
        c_string_shown(text.as_bytes()).as_bytes(),
    );
}
