//! Events for coroutines, as `freeswitch.events` asks for them.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use freeswitch::Status;
use freeswitch::event::consumer::DROPPED_EVENTS;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::event_tap::{Tap, Want};
use super::tap_queue::Policy;
use crate::interp::convert::text;
use crate::interp::detach::detached;
use crate::metrics;
use crate::python::event::Event;
use crate::python::wait::need_switch;

/// A queue of events that wakes the loop.
#[pyclass(frozen, module = "freeswitch", name = "Tap")]
pub struct PyTap(Arc<Tap>);

impl Drop for PyTap {
    fn drop(&mut self) {
        self.0.close();
    }
}

fn want(name: &CString) -> PyResult<Want> {
    Want::named(name.as_bytes()).ok_or_else(|| {
        PyValueError::new_err(format!("there is no event '{}'", name.to_string_lossy()))
    })
}

fn wants(names: &[Bound<'_, PyAny>]) -> PyResult<Vec<Want>> {
    let names = names.iter().map(|name| want(&text(name, "name")?));
    names.collect()
}

/// Looks names of events up, `NAME` or `CUSTOM subclass`: what an event that is
/// waited for is found by, its kind or its subclass.
#[pyfunction]
pub fn known_names(names: Vec<Bound<'_, PyAny>>) -> PyResult<Vec<String>> {
    let known = wants(&names)?.into_iter().map(|want| match want.subclass {
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
        let wants = wants(&names)?;
        need_switch("a wait for events")?;
        let headers = headers
            .iter()
            .map(|(name, value)| Ok((text(name, "header")?, text(value, "value")?.into_bytes())))
            .collect::<PyResult<Vec<_>>>()?;
        let policy = if drop_oldest {
            Policy::DropOldest
        } else {
            Policy::DropNewest
        };
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
        let taken = self.0.take(most);
        let mut events = Vec::with_capacity(taken.len());
        for event in taken {
            events.push(Py::new(py, Event::show(event))?);
        }
        PyList::new(py, events)
    }

    /// Takes more kinds of events.
    fn extend(&self, py: Python<'_>, names: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        let wants = wants(&names)?;
        detached(py, |held| self.0.extend(held, wants)).map_err(not_bound)
    }

    /// Takes no more.
    fn close(&self) {
        self.0.close();
    }
}
