//! Threads that scripts start, by `threading` or `_thread`: each has a stack that
//! Python's recursion fits on, and what runs there is the script's.

use freeswitch::edge;
use pyo3::exceptions::PySystemError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::builtin::{Replaced, answer};
use super::stack::SIZE;
use super::{embedding, scheduling, stdio};

static START: Replaced = Replaced::new("_thread", "start_new_thread", ffi::METH_VARARGS);
/// The same by its old name.
static START_OLD: Replaced = Replaced::new("_thread", "start_new", ffi::METH_VARARGS);
/// From 3.13 on `threading` starts threads by this one.
static START_JOINABLE: Replaced = Replaced::new(
    "_thread",
    "start_joinable_thread",
    ffi::METH_VARARGS | ffi::METH_KEYWORDS,
);

unsafe extern "C" {
    // PyO3 declares neither.
    fn PyThread_get_stacksize() -> usize;
    fn PyThread_set_stacksize(size: usize) -> libc::c_int;
}

/// Has every thread that a script starts be as it is said above.
///
/// # Errors
/// This Python starts threads by other functions.
pub(super) fn prepare(py: Python<'_>) -> PyResult<()> {
    // SAFETY: the functions below have the signatures of METH_VARARGS, with and
    // without METH_KEYWORDS.
    let found = unsafe {
        START_OLD.replace(py, start_old as *mut libc::c_void)?;
        START_JOINABLE.replace(py, start_joinable as *mut libc::c_void)?;
        START.replace(py, start as *mut libc::c_void)?
    };
    if found {
        return Ok(());
    }
    Err(PySystemError::new_err(
        "_thread.start_new_thread is not there",
    ))
}

/// Makes a thread's stack big enough, until this goes.
struct BigStacks {
    before: usize,
}

impl BigStacks {
    fn new(py: Python<'_>) -> Self {
        // SAFETY: attached, which is all that guards the number.
        let before = unsafe { PyThread_get_stacksize() };
        if before != SIZE {
            if before != 0 && !embedding::is_joined() {
                py.detach(|| {
                    tracing::warn!(
                        "threading.stack_size({before}) has no effect: threads here have {SIZE} bytes"
                    );
                });
            }
            // SAFETY: attached, which is all that guards the number; the size is more
            // than CPython's least.
            unsafe { PyThread_set_stacksize(SIZE) };
        }
        Self { before }
    }
}

impl Drop for BigStacks {
    fn drop(&mut self) {
        // In a program of its own the size is the program's.
        if embedding::is_joined() {
            // SAFETY: attached; the number was in force before.
            unsafe { PyThread_set_stacksize(self.before) };
        }
    }
}

unsafe extern "C" fn start(
    of: *mut ffi::PyObject,
    given: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    answer(c"start_new_thread", |py| begin(py, &START, of, given))
}

unsafe extern "C" fn start_old(
    of: *mut ffi::PyObject,
    given: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    answer(c"start_new", |py| begin(py, &START_OLD, of, given))
}

fn begin(
    py: Python<'_>,
    how: &Replaced,
    of: *mut ffi::PyObject,
    given: *mut ffi::PyObject,
) -> PyResult<*mut ffi::PyObject> {
    if !stdio::in_script() {
        // SAFETY: the arguments are those that CPython gave.
        return Ok(unsafe { how.call(of, given) });
    }
    // SAFETY: CPython lends a tuple for the call.
    let arguments = unsafe { Bound::from_borrowed_ptr(py, given).cast_into_unchecked::<PyTuple>() };
    let ours = body(&arguments)?;
    let given = ours.as_ref().unwrap_or(&arguments);
    let _stacks = BigStacks::new(py);
    Ok(leaving_no_state(|| {
        // SAFETY: a tuple, as it takes one.
        unsafe { how.call(of, given.as_ptr()) }
    }))
}

/// Starts a thread. Where there is none to be had, CPython leaves the thread state
/// that it has made for it, under the number of the thread that asked: whoever
/// sends that one an exception would hit the state instead.
fn leaving_no_state(start: impl FnOnce() -> *mut ffi::PyObject) -> *mut ffi::PyObject {
    // SAFETY: attached, all the way: nobody else makes or ends a state at the same time.
    unsafe {
        let interpreter = ffi::PyInterpreterState_Get();
        let newest = ffi::PyInterpreterState_ThreadHead(interpreter);
        let started = start();
        if started.is_null() {
            let left = ffi::PyInterpreterState_ThreadHead(interpreter);
            if left != newest && left != ffi::PyThreadState_Get() {
                ffi::PyThreadState_Delete(left);
            }
        }
        started
    }
}

/// The arguments that start the script's function within ours; none where they
/// are wrong, which CPython says best itself.
fn body<'py>(arguments: &Bound<'py, PyTuple>) -> PyResult<Option<Bound<'py, PyTuple>>> {
    let py = arguments.py();
    let (Ok(function), Ok(given)) = (arguments.get_item(0), arguments.get_item(1)) else {
        return Ok(None);
    };
    let keywords = arguments.get_item(2).ok();
    let Ok(given) = given.cast_into::<PyTuple>() else {
        return Ok(None);
    };
    let keywords = match keywords.map(Bound::cast_into::<PyDict>) {
        None => None,
        Some(Ok(keywords)) => Some(keywords.unbind()),
        Some(Err(_)) => return Ok(None),
    };
    if !function.is_callable() || arguments.len() > 3 {
        return Ok(None);
    }
    let body = ThreadBody {
        function: function.unbind(),
        arguments: given.unbind(),
        keywords,
    };
    let body = Py::new(py, body)?;
    PyTuple::new(
        py,
        [body.into_any(), PyTuple::empty(py).into_any().unbind()],
    )
    .map(Some)
}

unsafe extern "C" fn start_joinable(
    of: *mut ffi::PyObject,
    given: *mut ffi::PyObject,
    keywords: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    answer(c"start_joinable_thread", |py| {
        if !stdio::in_script() {
            // SAFETY: the arguments are those that CPython gave.
            return Ok(unsafe { START_JOINABLE.call_with_keywords(of, given, keywords) });
        }
        // SAFETY: CPython lends a tuple for the call, and a dict or NULL.
        let (arguments, named) = unsafe {
            (
                Bound::from_borrowed_ptr(py, given).cast_into_unchecked::<PyTuple>(),
                Bound::from_borrowed_ptr_or_opt(py, keywords)
                    .map(|k| k.cast_into_unchecked::<PyDict>()),
            )
        };
        let mut items: Vec<Bound<'_, PyAny>> = arguments.iter().collect();
        let named = named.map(|named| named.copy()).transpose()?;
        let by_name = match &named {
            Some(named) => named.get_item("function")?,
            None => None,
        };
        let function = items.first().cloned().or(by_name);
        if let Some(function) = function.filter(PyAnyMethods::is_callable) {
            let body = ThreadBody {
                function: function.unbind(),
                arguments: PyTuple::empty(py).unbind(),
                keywords: None,
            };
            let body = Bound::new(py, body)?.into_any();
            match (items.first_mut(), &named) {
                (Some(first), _) => *first = body,
                (None, Some(named)) => named.set_item("function", body)?,
                (None, None) => {}
            }
        }
        let arguments = PyTuple::new(py, items)?;
        let named = named.as_ref().map_or(std::ptr::null_mut(), Bound::as_ptr);
        let _stacks = BigStacks::new(py);
        Ok(leaving_no_state(|| {
            // SAFETY: a tuple, and a dict or NULL, as it takes them.
            unsafe { START_JOINABLE.call_with_keywords(of, arguments.as_ptr(), named) }
        }))
    })
}

/// What a script's own thread runs.
#[pyclass(frozen, module = "freeswitch")]
pub(super) struct ThreadBody {
    function: Py<PyAny>,
    arguments: Py<PyTuple>,
    keywords: Option<Py<PyDict>>,
}

#[pymethods]
impl ThreadBody {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        if !embedding::is_joined() {
            scheduling::step_down();
        }
        let redirect = stdio::begin(py)?;
        let keywords = self.keywords.as_ref().map(|keywords| keywords.bind(py));
        let result = self.function.bind(py).call(&self.arguments, keywords);
        let result = result.map(drop);
        stdio::flush();
        drop(redirect);
        // A child that was forked here has nothing to come back to.
        edge::leave_if_forked();
        result
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(self.function.bind(py).repr()?.to_string())
    }
}
