//! The JSON command `python`: `json(data, args)` answers with what JSON can hold.
//!
//! `{"command": "python", "data": {"run": "module[::function] [arguments]", ...}}`

use bindings::{
    SWITCH_STATUS_FALSE, SWITCH_STATUS_SUCCESS, cJSON, switch_core_session_t, switch_status_t,
};
use freeswitch::chat::Json;
use freeswitch::edge::guard;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::request::{Failed, Request};
use crate::interp::attach::reenter;
use crate::interp::convert::{str_of, text};
use crate::interp::errors;
use crate::script::entry_point;

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
            Ok(answer) => (SWITCH_STATUS_SUCCESS, Some(answer)),
            Err(Failed(why)) => (
                SWITCH_STATUS_FALSE,
                Json::parse(serde_json::Value::from(why).to_string().as_bytes()).ok(),
            ),
        };
        if let Some(answer) = answer {
            // SAFETY: the core wants a tree there, and frees it.
            unsafe { json_reply.write(answer.into_raw()) };
        }
        status
    })
}

fn answer(request: &[u8]) -> Result<Json, Failed> {
    // What to run is in the request, so it is read before there is a script.
    let line =
        reenter(|py| run_of(py, request).map_err(|error| Failed(errors::one_line(py, &error))))??;
    Request::new(&entry_point::JSON, &line).run(
        |py, arguments| {
            let data = data_of(py, request)?;
            Ok([data.unbind(), str_of(py, arguments).unbind()])
        },
        |result| match result {
            None => tree(b"null"),
            Some(result) => {
                let strict = PyDict::new(result.py());
                strict.set_item("allow_nan", false)?;
                let json = result.py().import("json")?;
                let dumped = json.call_method("dumps", (result,), Some(&strict))?;
                tree(text(&dumped, "reply")?.as_bytes())
            }
        },
    )
}

/// What the switch makes of an answer, if it can.
fn tree(text: &[u8]) -> PyResult<Json> {
    Json::parse(text).map_err(|why| PyValueError::new_err(format!("the script's answer: {why}")))
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
