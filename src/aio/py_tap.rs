//! What the taps of Python have alike: names and headers that they are asked with,
//! and events as they are given.

use std::ffi::CString;
use std::sync::Arc;

use freeswitch::event::shared;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::tap_queue::Policy;
use crate::interp::convert::text;
use crate::python::event::Event;

/// What happens to an event when the queue is full.
#[must_use]
pub fn policy(drop_oldest: bool) -> Policy {
    if drop_oldest {
        Policy::DropOldest
    } else {
        Policy::DropNewest
    }
}

/// Reads names of events; `named` knows one.
///
/// # Errors
/// `ValueError`: there is no such event; `TypeError`: it is no text.
pub fn wants<W>(names: &[Bound<'_, PyAny>], named: fn(&[u8]) -> Option<W>) -> PyResult<Vec<W>> {
    let want = |name: &Bound<'_, PyAny>| {
        let name = text(name, "name")?;
        named(name.as_bytes()).ok_or_else(|| {
            PyValueError::new_err(format!("there is no event '{}'", name.to_string_lossy()))
        })
    };
    names.iter().map(want).collect()
}

/// Reads headers, and the values that they must have.
///
/// # Errors
/// `TypeError`: one is no text; `ValueError`: it has a NUL.
pub fn headers(
    headers: &[(Bound<'_, PyAny>, Bound<'_, PyAny>)],
) -> PyResult<Vec<(CString, Vec<u8>)>> {
    headers
        .iter()
        .map(|(name, value)| Ok((text(name, "header")?, text(value, "value")?.into_bytes())))
        .collect()
}

/// Shows events to Python.
///
/// # Errors
/// Python's, where there is no memory.
pub fn shown(py: Python<'_>, taken: Vec<Arc<shared::Event>>) -> PyResult<Bound<'_, PyList>> {
    let mut events = Vec::with_capacity(taken.len());
    for event in taken {
        events.push(Py::new(py, Event::show(event))?);
    }
    PyList::new(py, events)
}
