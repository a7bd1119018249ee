//! What keeps recursion within the stacks: the limit, and interpreters that would
//! have one of their own.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::exceptions::PyImportError;
use pyo3::ffi;
use pyo3::prelude::*;

use super::builtin::{Replaced, answer};
use super::stdio::in_script;

/// What a stack of 8 MiB holds, with a margin. 3.12 and 3.13 count frames of Python
/// against it alone, and a level of `sorted(key=...)` takes 5 KB there: their own
/// limit of recursion in C is for bigger stacks. From 3.14 on the stack itself is
/// looked at, and in 3.11 such a level counts three times.
const MAX: i64 = if cfg!(all(Py_3_12, not(Py_3_14))) {
    1300
} else {
    3000
};
/// Python's own default: the limit is one for all scripts, and none may take another's room.
const MIN: i64 = 1000;

/// Modules that make interpreters: each would count its recursion from nothing,
/// wherever on the stack it is entered.
const MAKE_INTERPRETERS: [&str; 4] = [
    "_xxsubinterpreters",
    "_interpreters",
    "_testcapi",
    "_testinternalcapi",
];

static SET_LIMIT: Replaced = Replaced::new("sys", "setrecursionlimit", ffi::METH_O);
static CREATE_BUILTIN: Replaced = Replaced::new("_imp", "create_builtin", ffi::METH_O);
static CREATE_DYNAMIC: Replaced = Replaced::new("_imp", "create_dynamic", ffi::METH_FASTCALL);

/// Has scripts set only limits that the stacks hold and others can live with, and
/// make no interpreters.
///
/// # Errors
/// This Python has other functions.
pub(super) fn limit(py: Python<'_>) -> PyResult<()> {
    // SAFETY: the functions below have the signatures of METH_O and METH_FASTCALL.
    unsafe {
        SET_LIMIT.replace(py, set_limit as *mut libc::c_void)?;
        CREATE_BUILTIN.replace(py, create_builtin as *mut libc::c_void)?;
        CREATE_DYNAMIC.replace(py, create_dynamic as *mut libc::c_void)?;
    }
    Ok(())
}

unsafe extern "C" fn set_limit(
    sys: *mut ffi::PyObject,
    limit: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    answer(c"setrecursionlimit", |py| {
        if !in_script() {
            // SAFETY: the arguments are those that CPython gave.
            return Ok(unsafe { SET_LIMIT.call(sys, limit) });
        }
        // SAFETY: CPython lends the argument of a function of one for the call.
        let limit = unsafe { Bound::from_borrowed_ptr(py, limit) };
        // Read once: what it is asked for again may be another number.
        let wanted: i32 = limit.extract()?;
        let wanted = i64::from(wanted);
        let held = if wanted > MAX {
            warn(
                py,
                format!("recursion limit {wanted} is too high for the stacks here: {MAX} is set"),
            );
            MAX
        } else if wanted > 0 && wanted < MIN {
            warn(
                py,
                format!("recursion limit {wanted} is too low for the other scripts: {MIN} is set"),
            );
            MIN
        } else {
            wanted
        };
        let held = held.into_pyobject(py)?;
        // SAFETY: a number, for the function's own module.
        Ok(unsafe { SET_LIMIT.call(sys, held.as_ptr()) })
    })
}

fn warn(py: Python<'_>, text: String) {
    py.detach(|| tracing::warn!("{text}"));
}

unsafe extern "C" fn create_builtin(
    imp: *mut ffi::PyObject,
    spec: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    answer(c"create_builtin", |py| {
        // SAFETY: CPython lends it for the call.
        let spec = unsafe { Bound::from_borrowed_ptr(py, spec) };
        let spec = checked(&spec)?;
        // SAFETY: the arguments are what it takes.
        Ok(unsafe { CREATE_BUILTIN.call(imp, spec.as_ptr()) })
    })
}

unsafe extern "C" fn create_dynamic(
    imp: *mut ffi::PyObject,
    arguments: *mut *mut ffi::PyObject,
    count: ffi::Py_ssize_t,
) -> *mut ffi::PyObject {
    answer(c"create_dynamic", |py| {
        if count < 1 || !in_script() {
            // SAFETY: the arguments are those that CPython gave.
            return Ok(unsafe { CREATE_DYNAMIC.call_fast(imp, arguments, count) });
        }
        // SAFETY: CPython lends so many for the call.
        let spec = unsafe { Bound::from_borrowed_ptr(py, *arguments) };
        let spec = checked(&spec)?;
        let mut given = [spec.as_ptr(), std::ptr::null_mut()];
        if count > 1 {
            // SAFETY: `count` says that there is a second, which CPython lends for the
            // call.
            given[1] = unsafe { *arguments.add(1) };
        }
        // SAFETY: at most two, which is what it takes.
        Ok(unsafe { CREATE_DYNAMIC.call_fast(imp, given.as_mut_ptr(), count.min(2)) })
    })
}

/// The spec of a module that a script may load. A library's function is found by
/// the last part of the name, which no copy of the file can change.
fn checked<'py>(spec: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = spec.py();
    if !in_script() {
        return Ok(spec.clone());
    }
    let name: String = spec.getattr("name")?.extract()?;
    let last = name.rsplit('.').next().unwrap_or_default();
    if MAKE_INTERPRETERS.contains(&last) {
        static TOLD: AtomicBool = AtomicBool::new(false);
        if !TOLD.swap(true, Ordering::Relaxed) {
            warn(
                py,
                format!("module {name} was refused: it makes interpreters"),
            );
        }
        return Err(PyImportError::new_err(format!(
            "{name} makes interpreters, whose recursion nothing would keep within the switch's stacks: \
             it is refused in the switch"
        )));
    }
    // What CPython reads of it is what was looked at here.
    let fixed = py.import("types")?.getattr("SimpleNamespace")?.call0()?;
    fixed.setattr("name", name)?;
    for part in ["origin", "loader", "submodule_search_locations"] {
        if let Some(value) = spec.getattr_opt(part)? {
            fixed.setattr(part, value)?;
        }
    }
    Ok(fixed)
}
