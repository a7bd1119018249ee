//! `contextvars`: a fresh Context for each entry, so that what one call sets (a
//! ContextVar, decimal's context) is not seen by the next on the same thread; and
//! the variable that says for which call a coroutine works.

use std::ffi::CString;

use freeswitch::call_log;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::convert::bytes_of;
use super::detach;

/// The ContextVar with the UUID of the call that a coroutine works for, or None;
/// `freeswitch._loop` sets it.
///
/// # Errors
/// No memory.
#[pyfunction]
pub fn call_variable(py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
    static CALL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let call = CALL.get_or_try_init(py, || {
        let options = pyo3::types::PyDict::new(py);
        options.set_item("default", py.None())?;
        let class = py.import("contextvars")?.getattr("ContextVar")?;
        PyResult::Ok(class.call(("freeswitch_call",), Some(&options))?.unbind())
    })?;
    Ok(call.bind(py).clone())
}

/// The UUID of the call that this code works for: on the event loop, of the coroutine's.
#[must_use]
pub fn call_here(py: Python<'_>) -> Option<CString> {
    if !detach::on_loop() {
        return call_log::uuid();
    }
    let uuid = call_variable(py).ok()?.call_method0("get").ok()?;
    CString::new(bytes_of(&uuid)?).ok()
}

/// An entered context; it is left when this goes.
pub struct Entered<'py> {
    context: Bound<'py, PyAny>,
}

impl<'py> Entered<'py> {
    /// Enters a new, empty context.
    ///
    /// # Errors
    /// No memory.
    pub fn new(py: Python<'py>) -> PyResult<Self> {
        // SAFETY: attached; New gives a new reference or NULL with an error set.
        let context = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyContext_New())? };
        // SAFETY: attached, and the object is a context that nobody has entered.
        if unsafe { ffi::PyContext_Enter(context.as_ptr()) } != 0 {
            return Err(PyErr::fetch(py));
        }
        Ok(Self { context })
    }
}

impl Drop for Entered<'_> {
    fn drop(&mut self) {
        // SAFETY: attached, and this context was entered by us and by no other
        // since: entries lie in each other like brackets.
        if unsafe { ffi::PyContext_Exit(self.context.as_ptr()) } != 0 {
            // SAFETY: attached.
            unsafe { ffi::PyErr_Clear() };
        }
    }
}
