//! `Socket` and `SocketTap`: what `freeswitch.apps` holds of a link.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use freeswitch::event::shared;
use freeswitch::event::wire::WireEvent;
use pyo3::exceptions::{PyRuntimeError, PyTimeoutError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::dialog::Failure;
use super::link::{Answer, Settings, Shared, State};
use super::reader::{self, Request};
use super::tap::{SocketTap, Want};
use crate::aio::{event_loop, py_tap};
use crate::interp::convert::{bytes_of, str_of, text};
use crate::python::event::Event;

/// A connection to a switch's event socket, made and made again.
#[pyclass(frozen, module = "freeswitch")]
pub struct Socket(Arc<Shared>);

impl Drop for Socket {
    fn drop(&mut self) {
        let _ = reader::ask(Request::Close(self.0.id, "nobody holds it".to_owned()));
    }
}

fn no_thread(error: std::io::Error) -> PyErr {
    PyRuntimeError::new_err(format!("there is no thread for event sockets: {error}"))
}

fn seconds(value: f64, name: &str) -> PyResult<Duration> {
    Duration::try_from_secs_f64(value)
        .ok()
        .filter(|duration| !duration.is_zero())
        .ok_or_else(|| {
            PyValueError::new_err(format!("argument '{name}' must be seconds, not {value}"))
        })
}

/// A command: its lines, the empty one, and the body.
fn command(lines: &[Bound<'_, PyAny>], body: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<u8>> {
    let mut command = Vec::new();
    for line in lines {
        let line = text(line, "line")?;
        if line.as_bytes().iter().any(|b| matches!(b, b'\r' | b'\n')) {
            return Err(PyValueError::new_err(format!(
                "argument 'line' has a line break, which would end the command: {:?}",
                line.to_string_lossy()
            )));
        }
        command.extend_from_slice(line.as_bytes());
        command.push(b'\n');
    }
    if command.len() == lines.len() {
        return Err(PyValueError::new_err("there is no command"));
    }
    let body = body.map(|body| {
        bytes_of(body).ok_or_else(|| PyValueError::new_err("argument 'body' must be str"))
    });
    let body = body.transpose()?.unwrap_or(Cow::Borrowed(b""));
    if !body.is_empty() {
        command.extend_from_slice(format!("Content-Length: {}\n", body.len()).as_bytes());
    }
    command.push(b'\n');
    command.extend_from_slice(&body);
    Ok(command)
}

#[pymethods]
impl Socket {
    /// Begins to connect. `changed` is called on the loop with "up", "lost" or
    /// "failed", and why. Unless it `persists`, a first connection that fails is
    /// not tried again.
    #[new]
    fn new(
        host: &str,
        port: u16,
        password: &Bound<'_, PyAny>,
        timeout: f64,
        silence: f64,
        persists: bool,
        changed: Py<PyAny>,
    ) -> PyResult<Self> {
        let word = text(password, "password")?;
        if word.as_bytes().iter().any(|b| matches!(b, b'\r' | b'\n')) {
            return Err(PyValueError::new_err(
                "argument 'password' has a line break",
            ));
        }
        if host.is_empty() || host.contains(['\0', ' ', '\n']) {
            return Err(PyValueError::new_err(format!(
                "argument 'host' is no name or address: {host:?}"
            )));
        }
        let settings = Settings {
            host: host.to_owned(),
            port,
            password: word.into_bytes(),
            timeout: seconds(timeout, "timeout")?,
            silence: seconds(silence, "silence")?,
        };
        password
            .py()
            .detach(event_loop::start)
            .map_err(PyRuntimeError::new_err)?;
        let shared = Shared::new(settings, persists, changed);
        reader::ask(Request::Open(shared.clone())).map_err(no_thread)?;
        Ok(Self(shared))
    }

    /// "opening", "up", "down", "failed" or "closed", and why; of what failed,
    /// also whether another try could do better.
    #[getter]
    fn state(&self) -> (&'static str, String, bool) {
        match &self.0.state() {
            State::Opening => ("opening", String::new(), true),
            State::Up => ("up", String::new(), true),
            State::Down(why) => ("down", why.clone(), true),
            State::Failed(failure) => (
                "failed",
                failure.to_string(),
                matches!(failure, Failure::Lost(_)),
            ),
            State::Closed(why) => ("closed", why.clone(), false),
        }
    }

    /// Waits until the first connection is made or has failed, or so many seconds;
    /// whether it is known.
    fn wait(&self, py: Python<'_>, seconds: f64) -> bool {
        let until =
            Instant::now() + Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX / 4);
        py.detach(|| self.0.wait(until))
    }

    /// How many events were received, and how many of them nobody asked for.
    #[getter]
    fn counts(&self) -> (u64, u64) {
        self.0.counts()
    }

    /// Sends a command: its lines, and its body.
    #[pyo3(signature = (lines, then=None, body=None))]
    fn send(
        &self,
        lines: Vec<Bound<'_, PyAny>>,
        then: Option<Py<PyAny>>,
        body: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let who = then.map_or(Answer::Nobody, Answer::Then);
        self.ask_for(command(&lines, body)?, who)
    }

    /// Sends a command, and waits so many seconds for its answer: that, or None
    /// or why there is no answer.
    fn ask<'py>(
        &self,
        py: Python<'py>,
        lines: Vec<Bound<'py, PyAny>>,
        timeout: f64,
    ) -> PyResult<(Option<Bound<'py, PyAny>>, String)> {
        let time = seconds(timeout, "timeout")?;
        let (answers, answer) = sync_channel(1);
        self.ask_for(command(&lines, None)?, Answer::Thread(answers))?;
        match py.detach(move || answer.recv_timeout(time)) {
            Ok(Ok(text)) => Ok((Some(str_of(py, &text)), String::new())),
            Ok(Err(why)) => Ok((None, why)),
            Err(_) => Err(PyTimeoutError::new_err(format!(
                "the switch has not answered within {timeout} s"
            ))),
        }
    }

    /// Sends a command; its answer comes to a tap as an event, `SERVER_ANSWER`, in
    /// its place among the others.
    fn query(&self, line: Bound<'_, PyAny>, tap: &PySocketTap) -> PyResult<()> {
        let sent = command(std::slice::from_ref(&line), None)?;
        let name = text(&line, "line")?.into_bytes();
        self.ask_for(sent, Answer::Tap(tap.tap.clone(), name))
    }

    /// Has events kept for the loop, as `Tap` does.
    fn tap(
        &self,
        names: Vec<Bound<'_, PyAny>>,
        headers: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
        limit: usize,
        drop_oldest: bool,
    ) -> PyResult<PySocketTap> {
        let wants = py_tap::wants(&names, Want::named)?;
        let headers = py_tap::headers(&headers)?.into_iter();
        let headers = headers
            .map(|(name, value)| (name.into_bytes(), value))
            .collect();
        let tap = SocketTap::new(wants, headers, limit, py_tap::policy(drop_oldest));
        self.0.taps.add(tap.clone());
        self.subscribe()?;
        Ok(PySocketTap {
            tap,
            link: self.0.clone(),
        })
    }

    /// Ends it.
    fn close(&self) -> PyResult<()> {
        let close = Request::Close(self.0.id, "it was closed".to_owned());
        reader::ask(close).map_err(no_thread)
    }
}

impl Socket {
    fn ask_for(&self, command: Vec<u8>, who: Answer) -> PyResult<()> {
        reader::ask(Request::Send(self.0.id, command, who)).map_err(no_thread)
    }

    fn subscribe(&self) -> PyResult<()> {
        reader::ask(Request::Subscribe(self.0.id)).map_err(no_thread)
    }
}

/// A queue of a socket's events that wakes the loop; as `Tap`.
#[pyclass(frozen, module = "freeswitch", name = "SocketTap")]
pub struct PySocketTap {
    tap: Arc<SocketTap>,
    link: Arc<Shared>,
}

impl Drop for PySocketTap {
    fn drop(&mut self) {
        let _ = self.close();
    }
}

#[pymethods]
impl PySocketTap {
    /// The number that `freeswitch._loop.deliver` gets.
    #[getter]
    fn id(&self) -> u64 {
        self.tap.queue.id()
    }

    /// How many events there was no room for.
    #[getter]
    fn dropped(&self) -> u64 {
        self.tap.queue.dropped()
    }

    /// Takes up to `most` events; if there are none, the next one wakes the loop.
    fn take<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        py_tap::shown(py, self.tap.queue.take(most))
    }

    /// Are there events to be taken? If there are none, the next one wakes the loop.
    fn has_more(&self) -> bool {
        self.tap.queue.has_more()
    }

    /// Takes more kinds of events.
    fn extend(&self, names: Vec<Bound<'_, PyAny>>) -> PyResult<()> {
        self.tap.extend(py_tap::wants(&names, Want::named)?);
        reader::ask(Request::Subscribe(self.link.id)).map_err(no_thread)
    }

    /// Adds an event of our own, as it would be sent, behind those that wait.
    fn put(&self, text: &Bound<'_, PyAny>) -> PyResult<()> {
        let event = read(text)?
            .ok_or_else(|| PyValueError::new_err("argument 'text' is no event: it has no name"))?;
        self.tap.queue.append(event);
        Ok(())
    }

    /// Takes no more.
    fn close(&self) -> PyResult<()> {
        self.link.taps.remove(&self.tap);
        self.tap.queue.clear();
        reader::ask(Request::Subscribe(self.link.id)).map_err(no_thread)
    }
}

fn read(text: &Bound<'_, PyAny>) -> PyResult<Option<Arc<shared::Event>>> {
    let bytes =
        bytes_of(text).ok_or_else(|| PyValueError::new_err("argument 'text' must be str"))?;
    Ok(WireEvent::new(bytes.into_owned()).map(shared::Event::wire))
}

/// Reads an event as it is sent, `event plain` say or `uuid_dump`; None where it is none.
#[pyfunction]
pub fn read_event(py: Python<'_>, text: &Bound<'_, PyAny>) -> PyResult<Option<Py<Event>>> {
    let event = read(text)?;
    event
        .map(|event| Py::new(py, Event::show(event)))
        .transpose()
}

/// Ends all links, and the event loop, of a program that has no switch in it: it
/// ends, or opens one.
pub fn end_alone(why: &str) {
    reader::end_all(why);
    event_loop::stop_alone();
}

/// As [`end_alone`]; the program ends.
#[pyfunction]
pub fn leave_alone(py: Python<'_>) {
    py.detach(|| end_alone("the program ends"));
}
