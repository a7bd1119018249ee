//! A fresh `contextvars.Context` for each entry, so that what one call sets (a
//! ContextVar, decimal's context) is not seen by the next on the same thread.

use pyo3::ffi;
use pyo3::prelude::*;

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
