//! The JSON command `python`: `json(data, args)` answers with what JSON can hold.
//!
//! `{"command": "python", "data": {"run": "module[::function] [arguments]", ...}}`

use bindings::{
    SWITCH_STATUS_FALSE, SWITCH_STATUS_SUCCESS, cJSON, switch_core_session_t, switch_status_t,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::call::{Failed, Request};
use super::way;
use crate::edge::guard;
use crate::interp::enter::reenter;
use crate::interp::errors;
use crate::python::convert::{str_of, text};
use crate::switch::chat::Json;

/// Answers a JSON request.
///
/// # Safety
/// Called by the core, as `switch_json_api_function_t` says.
pub unsafe extern "C" fn python(
    json: *const cJSON,
    _session: *mut switch_core_session_t,
    json_reply: *mut *mut cJSON,
) -> switch_status_t {
    guard(c"JSON python", SWITCH_STATUS_FALSE, || {
        // SAFETY: the core lends the request for this call.
        let request = unsafe { Json::text_of(json) }.unwrap_or_default();
        let (status, answer) = match answer(&request) {
            Ok(answer) => (SWITCH_STATUS_SUCCESS, answer),
            Err(Failed(why)) => (
                SWITCH_STATUS_FALSE,
                super::report::quoted(&why).into_bytes(),
            ),
        };
        if let Some(answer) = Json::parse(&answer) {
            // SAFETY: the core wants a tree there, and frees it.
            unsafe { json_reply.write(answer.into_raw()) };
        }
        status
    })
}

fn answer(request: &[u8]) -> Result<Vec<u8>, Failed> {
    // What to run is in the request, so it is read before there is a script.
    let line =
        reenter(|py| run_of(py, request).map_err(|error| Failed(errors::one_line(py, &error))))??;
    Request::new(&way::JSON, &line).run(
        |py, arguments| {
            let data = data_of(py, request)?;
            Ok(vec![data.unbind(), str_of(py, arguments).unbind()])
        },
        |result| match result {
            None => Ok(b"null".to_vec()),
            Some(result) => {
                let dumped = result
                    .py()
                    .import("json")?
                    .call_method1("dumps", (result,))?;
                Ok(text(&dumped, "reply")?.into_bytes())
            }
        },
    )
}

fn data_of<'py>(py: Python<'py>, request: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    let request = py
        .import("json")?
        .call_method1("loads", (str_of(py, request),))?;
    request.get_item("data")
}

fn run_of(py: Python<'_>, request: &[u8]) -> PyResult<Vec<u8>> {
    let data = data_of(py, request)?;
    let data = data
        .cast::<PyDict>()
        .map_err(|_| PyTypeError::new_err("'data' must be an object"))?;
    let run = data
        .get_item("run")?
        .ok_or_else(|| PyValueError::new_err("'data' has no 'run': what to run"))?;
    Ok(text(&run, "run")?.into_bytes())
}
