//! Threads of scripts in the switch's clock, for `pocket._threads`.

use pocket_core::script;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;

/// Microseconds of a wait: never less than was asked for, or a script that looks at the
/// clock after it would wait again, for nothing.
fn micros(seconds: f64) -> i64 {
    // What is beyond centuries is cut; NaN is now.
    (seconds.clamp(0.0, 1e10) * 1e6).ceil() as i64
}

/// Does this thread count in the clock of the open switch, as a script's?
#[pyfunction]
fn counts() -> bool {
    script::counts()
}

/// Microseconds of the clock, and since 1970 by it; None on other threads.
#[pyfunction]
fn now() -> Option<(i64, i64)> {
    script::now()
}

/// Waits in the clock; False on other threads, at once.
#[pyfunction]
fn sleep(py: Python<'_>, seconds: f64) -> bool {
    py.detach(|| script::sleep(micros(seconds)))
}

/// Gives up the place that this thread has taken last.
#[pyfunction]
fn leave() {
    script::leave();
}

/// A place in the clock's count, for a thread that is about to start.
#[pyclass(frozen, module = "pocket._pocket")]
struct Place(script::Place);

#[pymethods]
impl Place {
    /// One, where this thread counts itself.
    #[staticmethod]
    fn reserve() -> Option<Self> {
        script::Place::reserve().map(Self)
    }

    fn enter(&self) {
        self.0.enter();
    }

    fn give_up(&self) {
        self.0.give_up();
    }
}

/// What `_thread.lock` is, waited for in the clock.
#[pyclass(frozen, module = "pocket._pocket")]
struct Gate(script::Gate);

#[pymethods]
impl Gate {
    /// One, where this thread counts.
    #[staticmethod]
    fn new() -> Option<Self> {
        script::Gate::new().map(Self)
    }

    #[pyo3(signature = (blocking=true, timeout=-1.0))]
    #[expect(clippy::float_cmp, reason = "-1 is given as it stands")]
    fn acquire(&self, py: Python<'_>, blocking: bool, timeout: f64) -> PyResult<bool> {
        let endless = timeout == -1.0;
        if !endless && (!blocking || timeout < 0.0 || timeout.is_nan()) {
            return Err(PyValueError::new_err(format!(
                "timeout is {timeout}: it must be at least 0, and is for a wait that blocks"
            )));
        }
        if self.0.try_acquire() {
            return Ok(true);
        }
        // A little more, as time goes by in any real wait: who asks after it whether
        // its deadline has passed is not to find itself just there, and wait for 0.
        let limit = (!endless).then(|| micros(timeout) + 1);
        Ok(blocking && py.detach(|| self.0.acquire(limit)))
    }

    fn release(&self) -> PyResult<()> {
        if self.0.release() {
            return Ok(());
        }
        Err(PyRuntimeError::new_err("release unlocked lock"))
    }

    fn locked(&self) -> bool {
        self.0.is_held()
    }

    fn __enter__(&self, py: Python<'_>) -> PyResult<bool> {
        self.acquire(py, true, -1.0)
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, _error: &Bound<'_, PyTuple>) -> PyResult<()> {
        self.release()
    }
}

/// Puts what is here into the extension.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Place>()?;
    module.add_class::<Gate>()?;
    module.add_function(wrap_pyfunction!(counts, module)?)?;
    module.add_function(wrap_pyfunction!(now, module)?)?;
    module.add_function(wrap_pyfunction!(sleep, module)?)?;
    module.add_function(wrap_pyfunction!(leave, module)?)
}
