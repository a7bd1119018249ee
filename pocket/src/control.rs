//! The switch in the hands of `pocket`'s server of the event socket. All texts are
//! bytes, as they go over the wire.

use std::os::fd::IntoRawFd;

use bstr::{BStr, BString, ByteSlice};
use pocket_core::{Fired, Item, Leg};
use pyo3::exceptions::{PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyList, PyTuple};

/// Name and value of each header.
type Headers = Vec<(Vec<u8>, Vec<u8>)>;

fn to_headers(headers: Headers) -> Vec<(BString, BString)> {
    headers
        .into_iter()
        .map(|(name, value)| (name.into(), value.into()))
        .collect()
}

/// An event that was fired.
#[pyclass(frozen, module = "pocket._pocket", name = "Fired")]
pub(crate) struct PyFired(Fired);

#[pymethods]
impl PyFired {
    #[getter]
    fn kind(&self) -> &'static str {
        self.0.kind()
    }

    #[getter]
    fn subclass<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        self.0.subclass().map(|text| PyBytes::new(py, &text))
    }

    fn get<'py>(&self, py: Python<'py>, name: &[u8]) -> Option<Bound<'py, PyBytes>> {
        self.0.get(name).map(|text| PyBytes::new(py, &text))
    }

    fn plain<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.plain())
    }

    fn json<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.json())
    }

    fn xml<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.xml())
    }
}

/// A call that a client has a hold on.
#[pyclass(frozen, module = "pocket._pocket", name = "Leg")]
pub(crate) struct PyLeg(Leg);

impl Drop for PyLeg {
    /// Lets go with no lock of Python's held: others that wait for that may have to end first.
    fn drop(&mut self) {
        // Where there is no Python to detach from, what is inside lets go.
        let _ = Python::try_attach(|py| py.detach(|| self.0.let_go(false)));
    }
}

#[pymethods]
impl PyLeg {
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.uuid())
    }

    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> Bound<'py, PyBytes> {
        PyBytes::new(py, &self.0.name())
    }

    #[getter]
    fn down(&self) -> bool {
        self.0.is_down()
    }

    fn variable<'py>(&self, py: Python<'py>, name: &[u8]) -> Option<Bound<'py, PyBytes>> {
        let value = py.detach(|| self.0.variable(name));
        value.map(|text| PyBytes::new(py, &text))
    }

    fn set_variable(&self, py: Python<'_>, name: &[u8], value: &[u8]) {
        py.detach(|| self.0.set_variable(name, value));
    }

    fn queue(&self, py: Python<'_>, headers: Headers, body: Option<&[u8]>) {
        let headers = to_headers(headers);
        py.detach(|| self.0.queue(&headers, body));
    }

    fn give(&self, py: Python<'_>, ticket: u64, headers: Headers, body: Option<&[u8]>) {
        let headers = to_headers(headers);
        py.detach(|| self.0.give(ticket, &headers, body));
    }

    fn connected(&self, py: Python<'_>) {
        py.detach(|| self.0.connected());
    }

    fn divert(&self, on: bool) {
        self.0.divert(on);
    }

    fn take_diverted(&self) -> Option<PyFired> {
        self.0.take_diverted().map(PyFired)
    }

    fn data<'py>(&self, py: Python<'py>, reply: Headers) -> Bound<'py, PyBytes> {
        let reply = to_headers(reply);
        let text = py.detach(|| self.0.data(&reply));
        PyBytes::new(py, &text)
    }

    fn let_go(&self, py: Python<'_>, resume: bool) {
        py.detach(|| self.0.let_go(resume));
    }
}

/// The server's hold on the switch.
#[pyclass(frozen, module = "pocket._pocket", name = "Control")]
pub(crate) struct PyControl(pub(crate) pocket_core::Control);

#[pymethods]
impl PyControl {
    /// The descriptor that becomes readable when there is something to take; it is the
    /// caller's from then on.
    fn bell(&self) -> PyResult<i32> {
        let bell = self.0.bell();
        bell.map(IntoRawFd::into_raw_fd)
            .ok_or_else(|| PyRuntimeError::new_err("the bell was taken before"))
    }

    fn listen(&self, py: Python<'_>, kinds: Vec<Vec<u8>>) -> PyResult<()> {
        let kinds: Vec<BString> = kinds.into_iter().map(BString::from).collect();
        py.detach(|| self.0.listen(&kinds))
            .map_err(|unknown| PyValueError::new_err(format!("no event is called {unknown}")))
    }

    fn hear(&self, py: Python<'_>, level: Option<i32>) {
        py.detach(|| self.0.hear(level));
    }

    /// What was received, up to a limit; how much is left, how much was lost.
    fn take<'py>(
        &self,
        py: Python<'py>,
        limit: usize,
    ) -> PyResult<(Bound<'py, PyList>, usize, u64)> {
        let (items, left, lost) = py.detach(|| self.0.take(limit));
        let list = PyList::empty(py);
        for item in items {
            list.append(item_to_python(py, item)?)?;
        }
        Ok((list, left, lost))
    }

    #[pyo3(signature = (ticket, name, argument))]
    fn command(&self, py: Python<'_>, ticket: u64, name: &[u8], argument: Option<&[u8]>) -> bool {
        let argument = argument.map(BStr::new);
        py.detach(|| self.0.command(ticket, name.as_bstr(), argument))
    }

    #[pyo3(signature = (job, owner, name, argument))]
    fn background(
        &self,
        py: Python<'_>,
        job: &[u8],
        owner: &[u8],
        name: &[u8],
        argument: Option<&[u8]>,
    ) -> bool {
        let argument = argument.map(BStr::new);
        py.detach(|| {
            self.0
                .background(job.as_bstr(), owner.as_bstr(), name.as_bstr(), argument)
        })
    }

    fn send_event(
        &self,
        py: Python<'_>,
        kind: Option<&[u8]>,
        headers: Headers,
        body: Option<&[u8]>,
    ) {
        let headers = to_headers(headers);
        py.detach(|| self.0.send_event(kind, &headers, body));
    }

    fn send_message(
        &self,
        py: Python<'_>,
        uuid: &[u8],
        headers: Headers,
        body: Option<&[u8]>,
    ) -> bool {
        let headers = to_headers(headers);
        py.detach(|| self.0.send_message(uuid, &headers, body))
    }

    fn leg(&self, py: Python<'_>, uuid: &[u8]) -> Option<PyLeg> {
        py.detach(|| self.0.leg(uuid)).map(PyLeg)
    }

    fn fits(&self, py: Python<'_>, text: &[u8], expression: &[u8]) -> bool {
        py.detach(|| self.0.fits(text.as_bstr(), expression.as_bstr()))
    }

    fn say(&self, py: Python<'_>, level: i32, text: &[u8]) {
        py.detach(|| self.0.say(level, text.as_bstr()));
    }

    #[getter]
    fn epoch(&self) -> i64 {
        self.0.epoch()
    }

    fn close(&self, py: Python<'_>) {
        py.detach(|| self.0.close());
    }
}

/// A tuple that begins with what it is.
fn item_to_python(py: Python<'_>, item: Item) -> PyResult<Bound<'_, PyTuple>> {
    let bytes = |text: &[u8]| PyBytes::new(py, text);
    match item {
        Item::Event(event) => ("event", PyFired(event)).into_pyobject(py),
        Item::Log(line) => (
            "log",
            line.level,
            line.time,
            bytes(&line.file),
            bytes(&line.function),
            line.line,
            bytes(&line.uuid),
            bytes(&line.text),
        )
            .into_pyobject(py),
        Item::Reply(ticket, reply) => ("reply", ticket, bytes(&reply)).into_pyobject(py),
        Item::Done(ticket) => ("reply", ticket, bytes(b"")).into_pyobject(py),
        Item::Call(call) => (
            "call",
            PyLeg(call.leg),
            call.stream.into_raw_fd(),
            call.asynchronous,
            call.full,
        )
            .into_pyobject(py),
    }
}

/// The names of all kinds of events.
#[pyfunction]
fn event_names() -> Vec<&'static str> {
    pocket_core::event_names()
}

/// Puts what is here into the extension.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PyControl>()?;
    module.add_class::<PyFired>()?;
    module.add_class::<PyLeg>()?;
    module.add_function(wrap_pyfunction!(event_names, module)?)
}
