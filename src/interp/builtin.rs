//! Functions of CPython's own that must do a little more here: they are replaced
//! in CPython's own tables, so that a script finds ours whatever way it comes to
//! them (a closure's cell, a module imported once more).

use std::ffi::{CStr, c_int};
use std::sync::atomic::{AtomicPtr, Ordering};

use freeswitch::edge::guard;
use pyo3::exceptions::{PyRuntimeError, PySystemError};
use pyo3::ffi;
use pyo3::prelude::*;

fn is_of_c(function: &Bound<'_, PyAny>) -> bool {
    // SAFETY: attached, and asks only.
    unsafe { ffi::PyCFunction_CheckExact(function.as_ptr()) != 0 }
}

/// A function that was replaced, and what it was.
pub(super) struct Replaced {
    module: &'static str,
    name: &'static str,
    flags: c_int,
    before: AtomicPtr<libc::c_void>,
}

impl Replaced {
    /// Not replaced yet. `flags` are those of its calling convention.
    pub(super) const fn new(module: &'static str, name: &'static str, flags: c_int) -> Self {
        Self {
            module,
            name,
            flags,
            before: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// Puts `by` in its place, once in a process; false where this Python does not
    /// have it.
    ///
    /// # Errors
    /// It is there, and no function of C with these flags.
    ///
    /// # Safety
    /// `by` is a function with the signature that the flags stand for.
    pub(super) unsafe fn replace(&self, py: Python<'_>, by: *mut libc::c_void) -> PyResult<bool> {
        if !self.before.load(Ordering::Acquire).is_null() {
            return Ok(true);
        }
        let Some(function) = py.import(self.module)?.getattr_opt(self.name)? else {
            return Ok(false);
        };
        let other = || {
            let (module, name) = (self.module, self.name);
            PyRuntimeError::new_err(format!("{module}.{name} is not the function that it was"))
        };
        let function = if is_of_c(&function) {
            function
        } else {
            // A debugger has put its own in the place of the module's. A new copy of the
            // module has the one that all of them lead to.
            let own = self.of_new_copy(py)?;
            if !is_of_c(&own) {
                return Err(other());
            }
            own
        };
        // SAFETY: checked above; such an object begins so, and its definition is
        // static data of CPython's.
        let definition = unsafe { (*function.as_ptr().cast::<ffi::PyCFunctionObject>()).m_ml };
        // SAFETY: an exact builtin, whose definition is static; Python's lock is held
        // by all who read or write it.
        unsafe {
            if (*definition).ml_flags != self.flags {
                return Err(other());
            }
            let slot = (&raw mut (*definition).ml_meth).cast::<*mut libc::c_void>();
            make_writable(slot.cast())?;
            self.before.store(slot.read(), Ordering::Release);
            slot.write(by);
        }
        Ok(true)
    }

    /// The function as the interpreter makes it for a module that is built in.
    fn of_new_copy<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let spec = py.import("importlib.machinery")?.getattr("ModuleSpec")?;
        let spec = spec.call1((self.module, py.None()))?;
        py.import("_imp")?
            .getattr("create_builtin")?
            .call1((spec,))?
            .getattr(self.name)
    }

    /// What it was, as a function of the signature that its flags stand for.
    fn before(&self) -> *mut libc::c_void {
        self.before.load(Ordering::Acquire)
    }

    /// Calls what it was, of two arguments.
    ///
    /// # Safety
    /// Attached, replaced, and of that signature; the arguments are what it takes.
    pub(super) unsafe fn call(
        &self,
        of: *mut ffi::PyObject,
        argument: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: the caller vouches for the signature.
        unsafe {
            let before: ffi::PyCFunction = std::mem::transmute(self.before());
            before(of, argument)
        }
    }

    /// As [`Self::call`], with keywords.
    ///
    /// # Safety
    /// As there.
    pub(super) unsafe fn call_with_keywords(
        &self,
        of: *mut ffi::PyObject,
        arguments: *mut ffi::PyObject,
        keywords: *mut ffi::PyObject,
    ) -> *mut ffi::PyObject {
        // SAFETY: the caller vouches for the signature.
        unsafe {
            let before: ffi::PyCFunctionWithKeywords = std::mem::transmute(self.before());
            before(of, arguments, keywords)
        }
    }

    /// As [`Self::call`], with an array of arguments.
    ///
    /// # Safety
    /// As there.
    pub(super) unsafe fn call_fast(
        &self,
        of: *mut ffi::PyObject,
        arguments: *mut *mut ffi::PyObject,
        count: ffi::Py_ssize_t,
    ) -> *mut ffi::PyObject {
        // SAFETY: the caller vouches for the signature.
        unsafe {
            let before: ffi::PyCFunctionFast = std::mem::transmute(self.before());
            before(of, arguments, count)
        }
    }
}

/// CPython does not write to its tables, and a linker may have made them read-only.
fn make_writable(slot: *mut libc::c_void) -> PyResult<()> {
    const PAGE: usize = 4096;
    let page = (slot.addr() & !(PAGE - 1)) as *mut libc::c_void;
    // SAFETY: the page holds the slot, which is aligned and does not reach beyond
    // it; that it can be written to as well harms nobody.
    if unsafe { libc::mprotect(page, PAGE, libc::PROT_READ | libc::PROT_WRITE) } == 0 {
        return Ok(());
    }
    Err(std::io::Error::last_os_error().into())
}

/// Runs the body of such a function: an error is raised, a panic is one.
pub(super) fn answer(
    what: &'static CStr,
    body: impl FnOnce(Python<'_>) -> PyResult<*mut ffi::PyObject>,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls its functions attached.
    let py = unsafe { Python::assume_attached() };
    let outcome = guard(what, None, || Some(body(py)));
    let failed = || PySystemError::new_err(format!("{} failed", what.to_string_lossy()));
    match outcome.unwrap_or_else(|| Err(failed())) {
        // NULL: it has raised its own error.
        Ok(result) => result,
        Err(error) => {
            error.restore(py);
            std::ptr::null_mut()
        }
    }
}
