//! Functions of a test in the place of commands and applications.

use bstr::BStr;
use mod_rust::enter;
use pocket_core::{FakeApi, FakeApplication};
use pyo3::prelude::*;
use pyo3::types::{PyString, PyTracebackMethods};

use crate::call::Call;
use crate::convert::{to_python, to_switch};

/// The traceback, and the error in its last line.
fn shown(py: Python<'_>, error: &PyErr) -> String {
    let trace = error.traceback(py).and_then(|trace| trace.format().ok());
    format!("{}{error}", trace.unwrap_or_default())
}

/// Runs on the thread that gave the command, as a script does.
fn run<R>(body: impl FnOnce(Python<'_>) -> PyResult<R>) -> Result<R, String> {
    enter(|py| body(py).map_err(|error| shown(py, &error)))
        .unwrap_or_else(|refused| Err(refused.to_string()))
}

/// The function is given the arguments as one text, and returns a text.
pub(crate) fn api(function: Py<PyAny>) -> FakeApi {
    Box::new(move |argument: &BStr| {
        run(|py| {
            let argument = to_python(py, argument)?;
            let reply = function.call1(py, (argument,))?;
            let reply = reply.bind(py).cast::<PyString>()?;
            to_switch("the reply", reply)
        })
    })
}

/// The function is given the leg and the data.
pub(crate) fn application(function: Py<PyAny>) -> FakeApplication {
    Box::new(move |leg: pocket_core::Call, data: &BStr| {
        run(|py| {
            let data = to_python(py, data)?;
            function.call1(py, (Call { inner: leg }, data))?;
            Ok(())
        })
    })
}
