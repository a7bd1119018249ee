//! Where a script is: file, function and line, for its log entries.

use std::ffi::CString;

use freeswitch::text::c_string_shown;
use pyo3::ffi;
use pyo3::prelude::*;

use super::convert::bytes_of;

/// What stands between a script and the switch while calls are recorded.
const BORDER: [&[u8]; 4] = [
    b"freeswitch._border>",
    b"freeswitch/_border.py",
    b"freeswitch._recording>",
    b"freeswitch/_recording.py",
];

/// The innermost Python code that runs on this thread, but for what records its calls.
#[must_use]
pub fn here(py: Python<'_>) -> Option<(CString, CString, i32)> {
    // SAFETY: attached. The frame is borrowed, and stays while this code, which
    // it called, runs; a reference of its own is taken.
    let mut frame = unsafe {
        Bound::<PyAny>::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast::<ffi::PyObject>())
    }?;
    loop {
        // SAFETY: attached, and a frame. GetCode and GetBack give new references.
        let (code, line, back) = unsafe {
            let raw = frame.as_ptr().cast();
            (
                Bound::<PyAny>::from_owned_ptr_or_opt(py, ffi::PyFrame_GetCode(raw).cast())?,
                ffi::PyFrame_GetLineNumber(raw),
                Bound::<PyAny>::from_owned_ptr_or_opt(py, ffi::PyFrame_GetBack(raw).cast()),
            )
        };
        let text = |name| {
            let value = code.getattr(name).ok()?;
            Some(c_string_shown(&bytes_of(&value)?))
        };
        let file = text("co_filename")?;
        match back {
            Some(back) if BORDER.iter().any(|name| file.to_bytes().ends_with(name)) => frame = back,
            _ => return Some((file, text("co_name")?, line)),
        }
    }
}
