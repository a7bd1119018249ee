//! `Event`: an event of the switch, one's own or lent.

use std::ffi::{CStr, CString};
use std::sync::Arc;

use freeswitch::event::shared;
use freeswitch::event::shared::Reading;
use freeswitch::event::{Kind, OwnedEvent, Priority, View};
use freeswitch::text::c_string;
use freeswitch::{Detached, Status};
use pyo3::exceptions::{PyKeyError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

use super::SessionGone;
use super::wait::wait;
use crate::interp::convert::{optional_text, str_of, text, wrong_type};
use crate::interp::detach::{detached, present};
use crate::python::wait::need_switch;

/// An event: headers, and a body.
#[pyclass(frozen, subclass, dict, weakref, module = "freeswitch")]
pub struct Event {
    inner: Arc<shared::Event>,
}

impl Event {
    /// Shows an event of the switch's to a script.
    #[must_use]
    pub fn show(inner: Arc<shared::Event>) -> Self {
        Self { inner }
    }

    /// The event behind an argument.
    ///
    /// # Errors
    /// `TypeError`
    pub fn inner_of(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Arc<shared::Event>> {
        let event = value
            .cast::<Self>()
            .map_err(|_| wrong_type(name, "Event", value))?;
        Ok(event.get().inner.clone())
    }

    /// A copy of the event behind an argument, to give away.
    ///
    /// # Errors
    /// `TypeError`, `SessionGone`
    pub fn copy_of(value: &Bound<'_, PyAny>, name: &str) -> PyResult<OwnedEvent> {
        let inner = Self::inner_of(value, name)?;
        let copy = inner.with(|e| e.duplicate()).ok_or_else(taken_back)?;
        copy.map_err(|status| PyRuntimeError::new_err(status.to_string()))
    }

    fn with<R>(&self, py: Python<'_>, body: impl FnOnce(View<'_>) -> R) -> PyResult<R> {
        present(py);
        self.inner.with(body).ok_or_else(taken_back)
    }

    fn read<R>(&self, py: Python<'_>, body: impl FnOnce(Reading<'_>) -> R) -> PyResult<R> {
        present(py);
        self.inner.read(body).ok_or_else(taken_back)
    }
}

fn taken_back() -> PyErr {
    SessionGone::new_err("the switch has taken this event back")
}

#[pymethods]
impl Event {
    /// `Event("NAME")`, `Event("CUSTOM", "subclass")`, `Event("json", text)`, or
    /// `Event({"Event-Name": ..., header: value or list of values})`.
    #[new]
    #[pyo3(signature = (r#type, subclass_name=None))]
    fn new(r#type: &Bound<'_, PyAny>, subclass_name: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        if let Ok(headers) = r#type.cast::<PyDict>() {
            return Self::from_headers(headers);
        }
        let name = text(r#type, "type")?;
        let subclass = optional_text(subclass_name, "subclass_name")?.filter(|s| !s.is_empty());
        if let (true, Some(json)) = (name.as_bytes().eq_ignore_ascii_case(b"json"), &subclass) {
            let event = OwnedEvent::from_json(json).map_err(|status| {
                PyValueError::new_err(format!("the text describes no event: {status}"))
            })?;
            return Ok(Self {
                inner: shared::Event::owned(event),
            });
        }
        Self::of_kind(&name, subclass.as_deref())
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

    /// Removes a header. False if the event has no such header.
    #[pyo3(name = "delHeader")]
    fn del_header(&self, py: Python<'_>, header_name: &Bound<'_, PyAny>) -> PyResult<bool> {
        let name = text(header_name, "header_name")?;
        self.with(py, |e| e.del_header(&name).is_ok())
    }

    /// Sends a copy to every subscriber. False for an event that is lent. Raises
    /// RuntimeError where there is no switch in this process.
    fn fire(&self, py: Python<'_>) -> PyResult<bool> {
        need_switch("Event.fire")?;
        if self.inner.is_lent() {
            return Ok(false);
        }
        let Ok(copy) = self.with(py, |e| e.duplicate())? else {
            return Ok(false);
        };
        Ok(detached(py, |held| copy.fire(held)).is_ok())
    }

    /// The body, or None.
    #[pyo3(name = "getBody")]
    fn get_body<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.read(py, |e| e.body())?.map(|b| str_of(py, &b)))
    }

    /// The value of a header, or None.
    #[pyo3(name = "getHeader")]
    fn get_header<'py>(
        &self,
        py: Python<'py>,
        header_name: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let name = text(header_name, "header_name")?;
        Ok(self.read(py, |e| e.header(&name))?.map(|v| str_of(py, &v)))
    }

    /// The name of its kind, `CHANNEL_ANSWER` say.
    #[pyo3(name = "getType")]
    fn get_type(&self, py: Python<'_>) -> PyResult<String> {
        self.read(py, |e| e.name())
    }

    /// Adds the headers and the body of another event.
    fn merge(&self, py: Python<'_>, to_merge: &Bound<'_, PyAny>) -> PyResult<bool> {
        let other = to_merge
            .cast::<Self>()
            .map_err(|_| wrong_type("to_merge", "Event", to_merge))?;
        // A copy, so that not two locks are held: the two may be one.
        let copy = other.get().with(py, |e| e.duplicate())?;
        let Ok(copy) = copy else { return Ok(false) };
        self.with(py, |e| e.merge(copy.view()))?;
        Ok(true)
    }

    /// The event as text: "json", "xml", or else a header a line.
    #[pyo3(signature = (format=None))]
    fn serialize<'py>(
        &self,
        py: Python<'py>,
        format: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let format = optional_text(format, "format")?.unwrap_or_default();
        let is = |name: &[u8]| format.as_bytes().eq_ignore_ascii_case(name);
        let bytes = self.with(py, |e| match (is(b"json"), is(b"xml")) {
            (true, _) => e.serialize_json(),
            (_, true) => e.serialize_xml(),
            _ => e.serialize(),
        })?;
        Ok(str_of(py, &bytes))
    }

    /// Runs a chat application on this message; 0 for success, as in mod_python.
    #[pyo3(signature = (app, data=None))]
    fn chat_execute(
        &self,
        py: Python<'_>,
        app: &Bound<'_, PyAny>,
        data: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u8> {
        let app = text(app, "app")?;
        let data = optional_text(data, "data")?;
        self.waiting(py, |view, held| {
            view.chat_execute(held, &app, data.as_deref())
        })
    }

    /// Sends this message by a protocol, that of its header `dest_proto` where
    /// none is named; 0 for success, as in mod_python.
    #[pyo3(signature = (dest_proto=None))]
    fn chat_send(&self, py: Python<'_>, dest_proto: Option<&Bound<'_, PyAny>>) -> PyResult<u8> {
        let named = optional_text(dest_proto, "dest_proto")?.filter(|p| !p.is_empty());
        let own = self.read(py, |e| e.header(c"dest_proto"))?;
        let protocol = named.or_else(|| own.and_then(|p| c_string(p).ok()));
        let protocol = protocol
            .ok_or_else(|| PyValueError::new_err("the message has no header 'dest_proto'"))?;
        self.waiting(py, |view, held| view.chat_send(held, &protocol))
    }

    /// Sets the priority: 0 normal, 1 low, 2 high.
    #[pyo3(name = "setPriority", signature = (priority=None))]
    fn set_priority(&self, py: Python<'_>, priority: Option<&Bound<'_, PyAny>>) -> PyResult<bool> {
        let priority = match crate::interp::convert::count_or(priority, "priority", 0)? {
            0 => Priority::Normal,
            1 => Priority::Low,
            2 => Priority::High,
            other => {
                return Err(PyValueError::new_err(format!(
                    "argument 'priority' must be 0, 1 or 2, not {other}"
                )));
            }
        };
        self.with(py, |e| e.set_priority(priority))?;
        Ok(true)
    }

    /// The body, or None; can be set.
    #[getter(body)]
    fn body<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.get_body(py)
    }

    #[setter(body)]
    fn set_body(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = optional_text(Some(value), "body")?;
        self.with(py, |e| e.set_body(value.as_deref()))?
            .map_err(|status| PyRuntimeError::new_err(status.to_string()))
    }

    /// `event["Header"]`: its value, a list where it is an array.
    fn __getitem__<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let key = text(name, "name")?;
        let values = self.read(py, |e| e.values(&key))?;
        match values {
            None => Err(PyKeyError::new_err(name.clone().unbind())),
            Some(values) => shown(py, &values),
        }
    }

    /// `event["Header"] = value`, or a list of values.
    fn __setitem__(
        &self,
        py: Python<'_>,
        name: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let key = text(name, "name")?;
        if key.is_empty() {
            return Err(PyValueError::new_err("argument 'name' is empty"));
        }
        let values = values_of(value)?;
        self.with(py, |e| {
            let _ = e.del_header(&key);
            fill(e, &key, &values)
        })?
    }

    /// `del event["Header"]`
    fn __delitem__(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<()> {
        let key = text(name, "name")?;
        self.with(py, |e| e.del_header(&key))?
            .map_err(|_| PyKeyError::new_err(name.clone().unbind()))
    }

    /// `"Header" in event`
    fn __contains__(&self, py: Python<'_>, name: &Bound<'_, PyAny>) -> PyResult<bool> {
        let Ok(key) = text(name, "name") else {
            return Ok(false);
        };
        Ok(self.read(py, |e| e.values(&key))?.is_some())
    }

    /// The header's value, or a default.
    #[pyo3(signature = (name, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let key = text(name, "name")?;
        match self.read(py, |e| e.values(&key))? {
            Some(values) => shown(py, &values).map(Some),
            None => Ok(default),
        }
    }

    /// The names of the headers, in order.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let headers = self.read(py, |e| e.headers())?;
        PyList::new(py, headers.iter().map(|(name, _)| str_of(py, name)))
    }

    /// Names and values, in order.
    fn items<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let headers = self.read(py, |e| e.headers())?;
        let pairs = headers
            .iter()
            .map(|(name, values)| Ok((str_of(py, name), shown(py, values)?)));
        PyList::new(py, pairs.collect::<PyResult<Vec<_>>>()?)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.keys(py)?.into_any().call_method0("__iter__")
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        Ok(self.read(py, |e| e.headers())?.len())
    }

    // An event without headers is an event all the same.
    fn __bool__(&self) -> bool {
        true
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match self.read(py, |e| e.name()) {
            Ok(kind) => format!("<freeswitch.Event {kind}>"),
            Err(_) => "<freeswitch.Event, taken back>".to_owned(),
        }
    }
}

impl Event {
    fn of_kind(name: &CStr, subclass: Option<&CStr>) -> PyResult<Self> {
        let kind = match subclass {
            // As mod_python: a subclass makes it CUSTOM, and a kind that the
            // core does not know a MESSAGE.
            Some(_) => Kind::CUSTOM,
            None => Kind::named(name).unwrap_or(Kind::MESSAGE),
        };
        let event = OwnedEvent::new(kind, subclass).map_err(|status| {
            PyRuntimeError::new_err(format!("no event {}: {status}", kind.name()))
        })?;
        Ok(Self {
            inner: shared::Event::owned(event),
        })
    }

    fn from_headers(headers: &Bound<'_, PyDict>) -> PyResult<Self> {
        let py = headers.py();
        let named = |name| headers.get_item(name)?.map(|v| text(&v, name)).transpose();
        let kind = named("Event-Name")?.unwrap_or_else(|| c"CUSTOM".to_owned());
        let this = Self::of_kind(&kind, named("Event-Subclass")?.as_deref())?;
        for (name, value) in headers.iter() {
            let key = text(&name, "header")?;
            if !matches!(key.as_bytes(), b"Event-Name" | b"Event-Subclass" | b"") {
                let values = values_of(&value)?;
                this.with(py, |e| fill(e, &key, &values))??;
            }
        }
        Ok(this)
    }

    /// Does something with the event that can wait, and 0 is success.
    fn waiting(
        &self,
        py: Python<'_>,
        body: impl FnOnce(View<'_>, &Detached) -> Result<(), Status> + Send,
    ) -> PyResult<u8> {
        let inner = &self.inner;
        let outcome = wait(py, "chat", None, |held| {
            inner.with_taken(|view| body(view, held))
        });
        Ok(u8::from(outcome.ok_or_else(taken_back)?.is_err()))
    }
}

/// What a script sets a header to: text, or a list of texts.
fn values_of(value: &Bound<'_, PyAny>) -> PyResult<Vec<CString>> {
    if let Ok(list) = value.cast::<PyList>() {
        return list.iter().map(|v| text(&v, "value")).collect();
    }
    Ok(vec![text(value, "value")?])
}

fn fill(event: View<'_>, name: &CStr, values: &[CString]) -> PyResult<()> {
    let refused = |status: Status| PyRuntimeError::new_err(status.to_string());
    match values {
        [one] => event.add_header(name, one).map_err(refused),
        many => many
            .iter()
            .try_for_each(|v| event.push_header(name, v))
            .map_err(refused),
    }
}

fn shown<'py>(py: Python<'py>, values: &[Vec<u8>]) -> PyResult<Bound<'py, PyAny>> {
    match values {
        [one] => Ok(str_of(py, one)),
        many => Ok(PyList::new(py, many.iter().map(|v| str_of(py, v)))?.into_any()),
    }
}
