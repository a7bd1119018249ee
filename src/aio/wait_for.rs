//! Waiting on a thread of the switch's for a coroutine that the event loop runs.

use std::ffi::CStr;
use std::sync::Arc;
use std::time::Duration;

use freeswitch::call_log;
use freeswitch::sync::wakeup::Wakeup;
use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::app_task::canceller;
use super::event_loop;
use crate::interp::convert::str_of;
use crate::interp::{detach, stdio};
use crate::python::invocation;
use crate::python::wait::wait;
use crate::script::runs;

/// How often somebody who waits for the loop looks whether it is still there.
const LOOK: Duration = Duration::from_secs(1);

/// Who waits for a coroutine that the loop runs.
#[pyclass(frozen, module = "freeswitch")]
pub struct Waiter {
    shared: Arc<Shared>,
}

struct Shared {
    wakeup: Wakeup,
    /// Whether it is known, until it is taken.
    result: Mutex<(bool, Option<PyResult<Py<PyAny>>>)>,
}

#[pymethods]
impl Waiter {
    /// It has ended.
    #[pyo3(signature = (result, error=None))]
    fn done(&self, result: Py<PyAny>, error: Option<Bound<'_, PyAny>>) {
        let outcome = error.map_or(Ok(result), |error| Err(PyErr::from_value(error)));
        self.tell(outcome);
    }
}

impl Waiter {
    /// The first outcome is the one that counts.
    fn tell(&self, outcome: PyResult<Py<PyAny>>) {
        let mut outcome = Some(outcome);
        {
            let mut result = self.shared.result.lock();
            if !std::mem::replace(&mut result.0, true) {
                result.1 = outcome.take();
            }
        }
        // Not under the lock: Python may run as it goes.
        drop(outcome);
        self.shared.wakeup.ring();
    }
}

impl Drop for Waiter {
    /// The loop ended before it came to it, or could not begin it.
    fn drop(&mut self) {
        let told = self.shared.result.lock().0;
        if !told {
            self.tell(Err(PyRuntimeError::new_err(event_loop::why_not())));
        }
    }
}

/// Has the loop run a coroutine, and waits for it on this thread.
///
/// # Errors
/// What the coroutine raises; `RuntimeError` on the loop itself, which must not wait.
pub fn wait_for<'py>(coroutine: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let py = coroutine.py();
    let refuse = |why: String| {
        let _ = coroutine.call_method0("close");
        PyRuntimeError::new_err(why)
    };
    if detach::on_loop() {
        return Err(refuse(
            "the event loop cannot wait for an async function that the switch calls".to_owned(),
        ));
    }
    let shared = Arc::new(Shared {
        wakeup: Wakeup::new().map_err(|status| refuse(status.to_string()))?,
        result: Mutex::new((false, None)),
    });
    let run = invocation::current();
    let id = run.as_ref().map_or_else(runs::next_id, |run| run.id);
    let uuid = call_log::uuid();
    let waiter = Waiter {
        shared: shared.clone(),
    };
    let task = coroutine.clone().unbind();
    let begin = move |py: Python<'_>| {
        let waiter = Py::new(py, waiter)?;
        let begin = || {
            stdio::redirect_streams(py)?;
            let uuid = uuid.as_deref().map(CStr::to_bytes).map(|u| str_of(py, u));
            event_loop::module(py)?.call_method1("run_for", (task, &waiter, id, uuid))
        };
        if let Err(error) = begin() {
            waiter.get().tell(Err(error));
        }
        Ok(())
    };
    detach::detached(py, |_| event_loop::ask(begin))
        .map_err(|why| refuse(format!("there is no event loop: {why}")))?;
    if let Some(run) = &run {
        run.set_frame_of(Some(event_loop::frame));
    }
    let waiting = shared.clone();
    wait(py, "await", Some(canceller(id)), move |held| {
        while !waiting.wakeup.wait(held, Some(LOOK)) && event_loop::runs() {}
    });
    if let Some(run) = &run {
        run.set_frame_of(None);
    }
    let result = shared.result.lock().1.take();
    if !matches!(result, Some(Ok(_))) {
        // It may never have been begun.
        let _ = coroutine.call_method0("close");
    }
    match result {
        Some(result) => result.map(|value| value.into_bound(py)),
        None => Err(PyRuntimeError::new_err(event_loop::why_not())),
    }
}
