//! `EventConsumer`: a queue of events that a script reads.

use std::sync::Arc;
use std::time::Duration;

use freeswitch::event::Kind;
use freeswitch::event::consumer::Consumer;
use freeswitch::sync::queue::Patience;
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;

use super::event::Event;
use super::invocation;
use super::wait::{need_switch, wait};
use crate::interp::convert::{count_or, flag, limit_or, optional_text, text};
use crate::interp::detach::{detached, may_wait};
use crate::interp::reaper::{catch_up, later};
use crate::script::runs::Breaker;

/// Subscribes to events and keeps them until they are read, the oldest dropped
/// when there are more than `len`.
#[pyclass(frozen, subclass, dict, weakref, module = "freeswitch")]
pub struct EventConsumer {
    inner: Arc<Consumer>,
}

const DEFAULT_LENGTH: u32 = 5000;

impl Drop for EventConsumer {
    fn drop(&mut self) {
        if !self.inner.is_closed() {
            let inner = self.inner.clone();
            later(Box::new(move |held| inner.close(held)));
        }
    }
}

impl EventConsumer {
    fn take(&self, py: Python<'_>, patience: Patience) -> PyResult<Option<Event>> {
        if patience != Patience::None {
            may_wait("EventConsumer.pop")?;
        }
        invocation::check(py)?;
        let inner = self.inner.clone();
        let interrupted = self.inner.clone();
        let breaker: Breaker = Arc::new(move || interrupted.interrupt());
        let event = wait(py, "EventConsumer.pop", Some(breaker), move |held| {
            inner.pop(held, patience)
        });
        invocation::check(py)?;
        Ok(event.map(Event::show))
    }
}

#[pymethods]
impl EventConsumer {
    #[new]
    #[pyo3(signature = (event_name=None, subclass_name=None, len=None))]
    fn new(
        py: Python<'_>,
        event_name: Option<&Bound<'_, PyAny>>,
        subclass_name: Option<&Bound<'_, PyAny>>,
        len: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let len = count_or(len, "len", DEFAULT_LENGTH)?;
        if len == 0 {
            return Err(PyValueError::new_err(
                "argument 'len' must be at least 1, not 0",
            ));
        }
        need_switch("EventConsumer")?;
        detached(py, catch_up);
        let inner = Consumer::new(len).map_err(|status| {
            PyRuntimeError::new_err(format!("no queue of {len} events: {status}"))
        })?;
        let this = Self {
            inner: Arc::new(inner),
        };
        if let Some(name) = event_name.filter(|n| !n.is_none()) {
            this.bind(py, name, subclass_name)?;
        }
        Ok(this)
    }

    /// Subscribes to a kind of event, of `CUSTOM` to one subclass or all. 1 for
    /// success; 0, and a warning in the log, where there is no such kind.
    #[pyo3(signature = (event_name, subclass_name=None))]
    fn bind(
        &self,
        py: Python<'_>,
        event_name: &Bound<'_, PyAny>,
        subclass_name: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u8> {
        let name = text(event_name, "event_name")?;
        let subclass = optional_text(subclass_name, "subclass_name")?.filter(|s| !s.is_empty());
        if self.inner.is_closed() {
            return Ok(0);
        }
        let Some(kind) = Kind::named(&name) else {
            tracing::warn!(
                "cannot bind to {}: there is no such event",
                name.to_string_lossy()
            );
            return Ok(0);
        };
        let inner = self.inner.clone();
        let bound = detached(py, move |held| inner.bind(held, kind, subclass.as_deref()));
        Ok(u8::from(bound.is_ok()))
    }

    /// The oldest event, or None. With `block` it waits, for `timeout`
    /// milliseconds where that is above 0, until there is one.
    #[pyo3(signature = (block=None, timeout=None))]
    fn pop(
        &self,
        py: Python<'_>,
        block: Option<&Bound<'_, PyAny>>,
        timeout: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Option<Event>> {
        let (block, timeout) = (flag(block, "block")?, limit_or(timeout, "timeout", 0)?);
        self.take(
            py,
            match (block, timeout) {
                (false, _) => Patience::None,
                (true, None | Some(0)) => Patience::Endless,
                (true, Some(ms)) => Patience::For(Duration::from_millis(u64::from(ms))),
            },
        )
    }

    /// Ends the subscriptions; a thread that waits in `pop` gets None.
    fn cleanup(&self, py: Python<'_>) {
        let inner = self.inner.clone();
        detached(py, move |held| inner.close(held));
    }

    /// How many events were dropped because nobody read them in time.
    #[getter]
    fn dropped(&self) -> u64 {
        self.inner.dropped()
    }

    fn __len__(&self) -> usize {
        if self.inner.is_closed() {
            0
        } else {
            self.inner.len() as usize
        }
    }

    // A consumer with nothing to read is a consumer all the same.
    fn __bool__(&self) -> bool {
        true
    }

    fn __iter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    /// Waits for the next event; ends when the consumer is cleaned up.
    fn __next__(&self, py: Python<'_>) -> PyResult<Option<Event>> {
        self.take(py, Patience::Endless)
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, pyo3::types::PyTuple>) {
        self.cleanup(py);
    }
}
