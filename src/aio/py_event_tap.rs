//! Events for coroutines, as `freeswitch.events` asks for them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use freeswitch::Status;
use freeswitch::event::consumer::DROPPED_EVENTS;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::event_tap::{Tap, Want};
use super::py_tap;
use crate::interp::detach::detached;
use crate::metrics;
use crate::python::wait::need_switch;

/// A queue of events that wakes the loop.
#[pyclass(frozen, module = "freeswitch", name = "Tap")]
pub struct PyTap(Arc<Tap>);

impl Drop for PyTap {
    fn drop(&mut self) {
        self.0.close();
    }
}

/// Looks names of events up, `NAME` or `CUSTOM subclass`: what an event that is
/// waited for is found by, its kind or its subclass.
#[pyfunction]
pub fn known_names(names: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    let known = py_tap::wants(&names, Want::named)?
        .into_iter()
        .map(|want| match want.subclass {
            Some(subclass) => subclass.to_string_lossy().into_owned(),
            None => want.kind.name(),
        });
    Ok(known.collect())
}

/// Counts events that a coroutine was too late for.
#[pyfunction]
pub fn count_dropped(count: u64) {
    DROPPED_EVENTS.fetch_add(count, Ordering::Relaxed);
}

/// Counts a command that the switch has refused.
#[pyfunction]
pub fn count_refused() {
    metrics::REFUSED.add();
}

fn not_bound(status: Status) -> PyErr {
    PyRuntimeError::new_err(format!("the event is not bound: {status}"))
}

#[pymethods]
impl PyTap {
    /// `names`: kinds of events; `headers`: what they must have.
    #[new]
    fn new(
        py: Python<'_>,
        names: Vec<Bound<'_, PyAny>>,
        headers: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
        limit: usize,
        drop_oldest: bool,
    ) -> PyResult<Self> {
        let wants = py_tap::wants(&names, Want::named)?;
        need_switch("a wait for events")?;
        let headers = py_tap::headers(&headers)?;
        let policy = py_tap::policy(drop_oldest);
        let tap = detached(py, |held| Tap::open(held, wants, headers, limit, policy));
        tap.map(Self).map_err(not_bound)
    }

    /// The number that `freeswitch._loop.deliver` gets.
    #[getter]
    fn id(&self) -> u64 {
        self.0.id()
    }

    /// How many events there was no room for.
    #[getter]
    fn dropped(&self) -> u64 {
        self.0.dropped()
    }

    /// Takes up to `most` events; if there are none, the next one wakes the loop.
    fn take<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        py_tap::shown(py, self.0.take(most))
    }

    /// Are there events to be taken? If there are none, the next one wakes the loop.
    fn has_more(&self) -> bool {
        self.0.has_more()
    }

    /// Takes more kinds of events.
    fn extend(&self, py: Python<'_>, names: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        let wants = py_tap::wants(&names, Want::named)?;
        detached(py, |held| self.0.extend(held, wants)).map_err(not_bound)
    }

    /// Takes no more.
    fn close(&self) {
        self.0.close();
    }
}
