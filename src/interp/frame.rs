//! Where a script is: file, function and line, for its log entries.

use std::ffi::CString;

use freeswitch::text::c_string_shown;
use pyo3::ffi;
use pyo3::prelude::*;

use super::convert::bytes_of;

/// The innermost Python code that runs on this thread.
#[must_use]
pub fn here(py: Python<'_>) -> Option<(CString, CString, i32)> {
    // SAFETY: attached. The frame is borrowed, and stays while this code, which
    // it called, runs; GetCode gives a new reference.
    let (code, line) = unsafe {
        let frame = ffi::PyEval_GetFrame();
        if frame.is_null() {
            return None;
        }
        let line = ffi::PyFrame_GetLineNumber(frame);
        (
            Bound::from_owned_ptr_or_opt(py, ffi::PyFrame_GetCode(frame).cast())?,
            line,
        )
    };
    let text = |name| {
        let value = code.getattr(name).ok()?;
        Some(c_string_shown(&bytes_of(&value)?))
    };
    Some((text("co_filename")?, text("co_name")?, line))
}
