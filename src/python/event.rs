//! `Event`: an event of the switch, one's own or lent.

use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::SessionGone;
use super::convert::{optional_text, str_of, text};
use super::wait::{present, wait};
use crate::switch::event::{self, Kind, OwnedEvent, Priority, View};

/// An event: headers, and a body.
#[pyclass(frozen, subclass, dict, weakref, module = "freeswitch")]
pub struct Event {
    inner: Arc<event::Event>,
}

impl Event {
    /// Shows an event of the switch's to a script.
    #[must_use]
    pub fn show(inner: Arc<event::Event>) -> Self {
        Self { inner }
    }

    fn with<R>(&self, py: Python<'_>, body: impl FnOnce(View<'_>) -> R) -> PyResult<R> {
        present(py);
        self.inner
            .with(body)
            .ok_or_else(|| SessionGone::new_err("the switch has taken this event back"))
    }
}

#[pymethods]
impl Event {
    #[new]
    #[pyo3(signature = (r#type, subclass_name=None))]
    fn new(r#type: &Bound<'_, PyAny>, subclass_name: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let name = text(r#type, "type")?;
        let subclass = optional_text(subclass_name, "subclass_name")?.filter(|s| !s.is_empty());
        let kind = match subclass {
            // As mod_python: a subclass makes it CUSTOM, and a kind that the
            // core does not know a MESSAGE.
            Some(_) => Kind::CUSTOM,
            None => Kind::named(&name).unwrap_or(Kind::MESSAGE),
        };
        let event = OwnedEvent::new(kind, subclass.as_deref()).map_err(|status| {
            PyRuntimeError::new_err(format!("no event {}: {status}", kind.name()))
        })?;
        Ok(Self {
            inner: event::Event::owned(event),
        })
    }

    /// Sets the body. False where the core refuses.
    #[pyo3(name = "addBody")]
    fn add_body(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        let value = text(value, "value")?;
        self.with(py, |e| e.set_body(Some(&value)).is_ok())
    }

    /// Adds a header after the others.
    #[pyo3(name = "addHeader")]
    fn add_header(
        &self,
        py: Python<'_>,
        header_name: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let (name, value) = (text(header_name, "header_name")?, text(value, "value")?);
        if name.is_empty() {
            return Err(PyValueError::new_err("argument 'header_name' is empty"));
        }
        self.with(py, |e| e.add_header(&name, &value).is_ok())
    }

    /// Removes a header. False where there is none.
    #[pyo3(name = "delHeader")]
    fn del_header(&self, py: Python<'_>, header_name: &Bound<'_, PyAny>) -> PyResult<bool> {
        let name = text(header_name, "header_name")?;
        self.with(py, |e| e.del_header(&name).is_ok())
    }

    /// Sends a copy to whoever subscribed. False for an event that is lent.
    fn fire(&self, py: Python<'_>) -> PyResult<bool> {
        if self.inner.is_lent() {
            return Ok(false);
        }
        let Ok(copy) = self.with(py, |e| e.duplicate())? else {
            return Ok(false);
        };
        Ok(wait(py, |held| copy.fire(held)).is_ok())
    }

    /// The body, or None.
    #[pyo3(name = "getBody")]
    fn get_body<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.with(py, |e| e.body())?.map(|b| str_of(py, &b)))
    }

    /// The value of a header, or None.
    #[pyo3(name = "getHeader")]
    fn get_header<'py>(
        &self,
        py: Python<'py>,
        header_name: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let name = text(header_name, "header_name")?;
        Ok(self
            .with(py, |e| e.header(&name, None))?
            .map(|v| str_of(py, &v)))
    }

    /// The name of its kind, `CHANNEL_ANSWER` say.
    #[pyo3(name = "getType")]
    fn get_type(&self, py: Python<'_>) -> PyResult<String> {
        self.with(py, |e| e.kind().name())
    }

    /// Adds the headers and the body of another event.
    fn merge(&self, py: Python<'_>, to_merge: &Bound<'_, PyAny>) -> PyResult<bool> {
        let other = to_merge
            .cast::<Self>()
            .map_err(|_| PyTypeError::new_err("argument 'to_merge' must be Event"))?;
        // A copy, so that not two locks are held: the two may be one.
        let copy = other.get().with(py, |e| e.duplicate())?;
        let Ok(copy) = copy else { return Ok(false) };
        self.with(py, |e| e.merge(copy.view()))?;
        Ok(true)
    }

    /// The event as text: "json" as a JSON object, else a header a line.
    #[pyo3(signature = (format=None))]
    fn serialize<'py>(
        &self,
        py: Python<'py>,
        format: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let json = optional_text(format, "format")?
            .is_some_and(|f| f.as_bytes().eq_ignore_ascii_case(b"json"));
        let bytes = self.with(py, |e| {
            if json {
                e.serialize_json()
            } else {
                e.serialize()
            }
        })?;
        Ok(str_of(py, &bytes))
    }

    /// Sets the priority: 0 normal, 1 low, 2 high.
    #[pyo3(name = "setPriority", signature = (priority=None))]
    fn set_priority(&self, py: Python<'_>, priority: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let priority = match super::convert::count_or(priority, "priority", 0)? {
            0 => Priority::Normal,
            1 => Priority::Low,
            2 => Priority::High,
            _ => {
                return Err(PyValueError::new_err(
                    "argument 'priority' must be 0, 1 or 2",
                ));
            }
        };
        self.with(py, |e| e.set_priority(priority))?;
        Ok(true)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match self.with(py, |e| e.kind().name()) {
            Ok(kind) => format!("<freeswitch.Event {kind}>"),
            Err(_) => "<freeswitch.Event, taken back>".to_owned(),
        }
    }
}
