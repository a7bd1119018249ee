//! Calls that are recorded, which `python/freeswitch/_recording.py` does.

use std::ffi::CStr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;

use super::request::Failed;
use crate::interp::attach::enter;
use crate::interp::convert::str_of;
use crate::interp::errors;

/// There is a folder for recordings (`record-calls`).
static RECORDS: AtomicBool = AtomicBool::new(false);

/// Has calls recorded into a folder, or none any more.
pub fn use_folder(folder: Option<&Path>) {
    if folder.is_none() && !RECORDS.load(Ordering::Relaxed) {
        return;
    }
    let used = enter(|py| {
        module(py)
            .and_then(|recording| {
                recording.call_method1("use", (folder.unwrap_or(Path::new("")).to_string_lossy(),))
            })
            .map(drop)
            .map_err(|error| errors::one_line(py, &error))
    });
    match used {
        Ok(Ok(())) => RECORDS.store(folder.is_some(), Ordering::Relaxed),
        Ok(Err(why)) => {
            tracing::error!("MR0026 record-calls is off, and no call is recorded: {why}");
        }
        // Python ends, and no call is recorded any more.
        Err(_) => RECORDS.store(false, Ordering::Relaxed),
    }
}

/// May calls be recorded?
#[pyfunction]
#[must_use]
pub fn records_calls() -> bool {
    RECORDS.load(Ordering::Relaxed)
}

/// Records the call of a plain handler that is about to run, if it is to be: is it?
pub fn begin(py: Python<'_>, session: &Bound<'_, PyAny>, line: &[u8]) -> bool {
    if !records_calls() {
        return false;
    }
    let begun = module(py)
        .and_then(|recording| recording.call_method1("begin", (session, str_of(py, line))))
        .and_then(|begun| begun.is_truthy());
    begun.unwrap_or_else(|error| {
        tracing::error!(
            "MR0026 the call is not recorded: {}",
            errors::one_line(py, &error)
        );
        false
    })
}

/// Closes the recording of a call.
pub fn end(uuid: &CStr, failed: Option<&Failed>) {
    let ended = enter(|py| {
        let uuid = str_of(py, uuid.to_bytes());
        let why = failed.map(|failed| failed.0.as_str());
        module(py)
            .and_then(|recording| recording.call_method1("end", (uuid, why)))
            .map(drop)
            .map_err(|error| errors::one_line(py, &error))
    });
    if let Ok(Err(why)) = ended {
        tracing::error!("the recording of the call has no end: {why}");
    }
}

fn module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("freeswitch._recording")
}
