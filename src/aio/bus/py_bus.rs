//! What Python has of the bus: requests, events of other nodes, keys and messages
//! that are listened for.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use pyo3::exceptions::{PyConnectionError, PyRuntimeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyList;

use super::asked::{ASKED, Asked, WATCHES, Watch, What};
use super::setting::{Setting, is_node, is_url, shown};
use super::shared::{self, State};
use super::task::{On, Task};
use super::{asker, link, records};
use crate::aio::socket::tap::{SocketTap, Taps, Want};
use crate::aio::tap_queue::{Policy, TapQueue};
use crate::aio::{event_loop, py_tap};
use crate::interp::detach::detached;

static NEXT: AtomicU64 = AtomicU64::new(1);

fn changed() {
    if let Some(shared) = shared::current() {
        shared.changed.notify_one();
    }
}

/// Whether there is a bus, whether it is connected, why not, and this node's name.
#[pyfunction]
pub fn bus_state() -> (bool, bool, String, String) {
    let node = shared::current()
        .map(|shared| shared.setting.node.clone())
        .unwrap_or_default();
    match shared::state() {
        State::None => (false, false, String::new(), node),
        State::Up => (true, true, String::new(), node),
        State::Down(why) => (true, false, why, node),
    }
}

/// Opens the bus of a program that has no switch, or closes it where there is no URL.
#[pyfunction]
#[pyo3(signature = (servers, node, user=None, password=None, token=None, credentials=None, authority=None, certificate=None, key=None, replicas=1))]
#[expect(clippy::too_many_arguments, reason = "each is a setting, by keyword")]
pub fn bus_open(
    py: Python<'_>,
    servers: Vec<String>,
    node: String,
    user: Option<String>,
    password: Option<String>,
    token: Option<String>,
    credentials: Option<PathBuf>,
    authority: Option<PathBuf>,
    certificate: Option<PathBuf>,
    key: Option<PathBuf>,
    replicas: usize,
) -> PyResult<()> {
    if !is_node(&node) {
        return Err(PyValueError::new_err(format!(
            "argument 'node' must be letters, digits, - and _, not {node:?}"
        )));
    }
    if let Some(wrong) = servers.iter().find(|url| !is_url(url)) {
        let wrong = shown(wrong);
        return Err(PyValueError::new_err(format!(
            "argument 'url' must name a server, nats://HOST:PORT or tls://HOST:PORT, not {wrong:?}"
        )));
    }
    let setting = (!servers.is_empty()).then_some(Setting {
        servers,
        node,
        user,
        password,
        token,
        credentials,
        authority,
        certificate: certificate.zip(key),
        replicas,
        ..Setting::default()
    });
    if setting.is_some() {
        py.detach(event_loop::start)
            .map_err(PyRuntimeError::new_err)?;
    }
    detached(py, |held| link::set_alone(held, setting.as_ref()));
    Ok(())
}

fn ask(ticket: u64, task: Task, seconds: f64) -> PyResult<()> {
    let patience = Duration::try_from_secs_f64(seconds)
        .ok()
        .filter(|time| !time.is_zero())
        .ok_or_else(|| {
            PyValueError::new_err(format!("argument 'timeout' must be seconds, not {seconds}"))
        })?;
    shared::ask(ticket, task, patience).map_err(PyConnectionError::new_err)
}

fn lease_of(seconds: f64) -> PyResult<Duration> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        PyValueError::new_err(format!("argument 'lease' must be seconds, not {seconds}"))
    })
}

/// Looks a key up; `freeswitch._bus.settle` gets the answer under this ticket.
#[pyfunction]
pub fn bus_get(ticket: u64, timeout: f64, key: String) -> PyResult<()> {
    ask(ticket, Task::Get { key }, timeout)
}

/// Puts a value; where a revision is given, only if the key is at that one, 0 being
/// that there is none.
#[pyfunction]
#[pyo3(signature = (ticket, timeout, key, value, ttl=None, revision=None))]
pub fn bus_put(
    ticket: u64,
    timeout: f64,
    key: String,
    value: Vec<u8>,
    ttl: Option<u64>,
    revision: Option<u64>,
) -> PyResult<()> {
    let on = match revision {
        None => On::Anything,
        Some(0) => On::Absent,
        Some(revision) => On::Revision(revision),
    };
    ask(
        ticket,
        Task::Put {
            key,
            value,
            ttl,
            on,
        },
        timeout,
    )
}

/// Deletes a key; where a revision is given, only if the key is at that one.
#[pyfunction]
#[pyo3(signature = (ticket, timeout, key, revision=None))]
pub fn bus_delete(ticket: u64, timeout: f64, key: String, revision: Option<u64>) -> PyResult<()> {
    ask(ticket, Task::Delete { key, revision }, timeout)
}

/// Lists keys, a line each.
#[pyfunction]
pub fn bus_keys(ticket: u64, timeout: f64, pattern: String) -> PyResult<()> {
    ask(ticket, Task::Keys { pattern }, timeout)
}

/// Sends a message.
#[pyfunction]
pub fn bus_publish(ticket: u64, timeout: f64, subject: String, data: Vec<u8>) -> PyResult<()> {
    ask(ticket, Task::Publish { subject, data }, timeout)
}

/// Sends a message that is answered.
#[pyfunction]
pub fn bus_request(ticket: u64, timeout: f64, subject: String, data: Vec<u8>) -> PyResult<()> {
    ask(ticket, Task::Request { subject, data }, timeout)
}

/// Leaves work in a queue; twice with one id is once.
#[pyfunction]
#[pyo3(signature = (ticket, timeout, queue, data, id=None))]
pub fn bus_offer(
    ticket: u64,
    timeout: f64,
    queue: String,
    data: Vec<u8>,
    id: Option<String>,
) -> PyResult<()> {
    ask(ticket, Task::Offer { queue, data, id }, timeout)
}

/// Takes work out of a queue, for so many seconds.
#[pyfunction]
pub fn bus_take(ticket: u64, timeout: f64, queue: String, lease: f64) -> PyResult<()> {
    let lease = lease_of(lease)?;
    ask(ticket, Task::Take { queue, lease }, timeout)
}

/// Leaves a record: answered when it is on the disk of this switch, or of the server where
/// this program has no switch. The value is JSON.
#[pyfunction]
pub fn bus_record(
    ticket: u64,
    timeout: f64,
    name: String,
    value: &str,
    id: String,
) -> PyResult<()> {
    if value.len() > records::LARGEST {
        return Err(PyValueError::new_err(format!(
            "argument 'value' must be {} KB at most as JSON, not {}",
            records::LARGEST >> 10,
            value.len() >> 10
        )));
    }
    let line = records::line(&name, &id, value);
    if records::is_kept() {
        return records::put(line, Some(ticket)).map_err(PyConnectionError::new_err);
    }
    let node = shared::current().map(|shared| shared.setting.node.clone());
    let piece = records::piece(&line, &node.unwrap_or_default())
        .ok_or_else(|| PyValueError::new_err("argument 'value' must be JSON"))?;
    ask(ticket, Task::Record(piece), timeout)
}

/// The next record for a reader, which is its own for so many seconds.
#[pyfunction]
pub fn bus_read(
    ticket: u64,
    timeout: f64,
    name: String,
    reader: String,
    lease: f64,
) -> PyResult<()> {
    let task = Task::Read {
        name,
        reader,
        lease: lease_of(lease)?,
    };
    ask(ticket, task, timeout)
}

// Events of other nodes

/// Some nodes, or `*` for all, as `switch=` of a wait has another switch.
#[pyclass(frozen, module = "freeswitch")]
pub struct Nodes(Arc<Asked>);

#[pymethods]
impl Nodes {
    #[new]
    fn new(nodes: Vec<String>) -> PyResult<Self> {
        if let Some(wrong) = nodes.iter().find(|name| *name != "*" && !is_node(name)) {
            return Err(PyValueError::new_err(format!(
                "a node's name is letters, digits, - and _, or * for all: {wrong:?}"
            )));
        }
        Ok(Self(Arc::new(Asked {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            nodes,
            taps: Taps::default(),
            count: AtomicU64::new(0),
            version: AtomicU64::new(0),
        })))
    }

    /// Has events kept for the loop, as `Tap` does.
    fn tap(
        &self,
        names: Vec<Bound<'_, PyAny>>,
        headers: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
        limit: usize,
        drop_oldest: bool,
    ) -> PyResult<BusTap> {
        let wants = py_tap::wants(&names, Want::named)?;
        let headers = py_tap::headers(&headers)?.into_iter();
        let headers = headers
            .map(|(name, value)| (name.into_bytes(), value))
            .collect();
        let tap = SocketTap::new(wants, headers, limit, py_tap::policy(drop_oldest));
        let version = self.0.add(tap.clone());
        let mut all = ASKED.lock();
        if !all.iter().any(|one| one.id == self.0.id) {
            all.push(self.0.clone());
        }
        drop(all);
        changed();
        Ok(BusTap {
            tap,
            of: self.0.clone(),
            version,
        })
    }
}

/// A queue of other nodes' events that wakes the loop; as `Tap`.
#[pyclass(frozen, module = "freeswitch")]
pub struct BusTap {
    tap: Arc<SocketTap>,
    of: Arc<Asked>,
    version: u64,
}

impl Drop for BusTap {
    fn drop(&mut self) {
        self.close();
    }
}

#[pymethods]
impl BusTap {
    /// The number that `freeswitch._loop.deliver` gets.
    #[getter]
    fn id(&self) -> u64 {
        self.tap.queue.id()
    }

    /// The wish that has it, as nodes know it: its name and version; None without a bus.
    #[getter]
    fn wish(&self) -> Option<(String, u64)> {
        shared::current().map(|shared| (asker::name(&shared, self.of.id), self.version))
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

    /// Takes no more.
    fn close(&self) {
        self.of.taps.remove(&self.tap);
        self.tap.queue.clear();
        if self.of.taps.asked().is_empty() {
            ASKED.lock().retain(|one| one.id != self.of.id);
        }
        changed();
    }
}

// Keys and messages

/// A queue of keys or messages that wakes the loop; as `Tap`.
#[pyclass(frozen, module = "freeswitch")]
pub struct BusWatch(Arc<Watch>);

#[pymethods]
impl BusWatch {
    /// Keys that a pattern matches, or messages to a subject.
    #[new]
    #[pyo3(signature = (pattern, is_of_keys, limit, group=None))]
    fn new(pattern: String, is_of_keys: bool, limit: usize, group: Option<String>) -> Self {
        let watch = Arc::new(Watch {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            pattern,
            what: if is_of_keys {
                What::Keys
            } else {
                What::Messages(group)
            },
            queue: TapQueue::new(limit, Policy::DropOldest),
        });
        WATCHES.lock().push(watch.clone());
        told();
        Self(watch)
    }

    /// The number that `freeswitch._loop.deliver` gets.
    #[getter]
    fn id(&self) -> u64 {
        self.0.queue.id()
    }

    /// How many entries there was no room for.
    #[getter]
    fn dropped(&self) -> u64 {
        self.0.queue.dropped()
    }

    /// Takes up to `most` entries; if there are none, the next one wakes the loop.
    fn take<'py>(&self, py: Python<'py>, most: usize) -> PyResult<Bound<'py, PyList>> {
        py_tap::shown(py, self.0.queue.take(most))
    }

    /// Takes no more.
    fn close(&self) {
        WATCHES.lock().retain(|watch| watch.id != self.0.id);
        self.0.queue.clear();
        told();
    }
}

impl Drop for BusWatch {
    fn drop(&mut self) {
        self.close();
    }
}

fn told() {
    if let Some(shared) = shared::current() {
        shared.watched.notify_one();
    }
}
