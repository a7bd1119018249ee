//! Placing calls for coroutines, and having the thread of a call run an application.

use std::sync::Arc;

use freeswitch::core;
use freeswitch::event::{Kind, OwnedEvent};
use freeswitch::session::Locked;
use freeswitch::session::cause::Cause;
use freeswitch::session::originate::Cancel;
use freeswitch::text::c_string_shown;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::originate;
use super::originate::Dial;
use super::session_thread::{SessionThread, next_ticket};
use super::verbs::PySessionThread;
use super::{event_loop, loop_queue};
use crate::interp::convert::text;
use crate::interp::detach;
use crate::python::wait::need_switch;

/// A call that is being placed.
#[pyclass(frozen, module = "freeswitch")]
pub struct Placing {
    ticket: u64,
    cancel: Arc<Cancel>,
}

#[pymethods]
impl Placing {
    /// The number that `freeswitch._loop.placed` gets.
    #[getter]
    fn ticket(&self) -> u64 {
        self.ticket
    }

    /// Ends it.
    fn cancel(&self) {
        self.cancel.cancel(Cause::ORIGINATOR_CANCEL);
    }
}

/// Places a call for a coroutine.
#[pyfunction]
#[pyo3(signature = (dest, timeout_s, variables))]
pub fn place(
    py: Python<'_>,
    dest: &Bound<'_, PyAny>,
    timeout_s: u32,
    variables: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>,
) -> PyResult<Placing> {
    let pair = |(name, value): &(Bound<'_, _>, Bound<'_, _>)| {
        let name = text(name, "variables")?;
        let value = text(value, &format!("variables[{}]", name.to_string_lossy()))?;
        Ok((name, value))
    };
    need_switch("originate")?;
    let dial = Dial {
        target: text(dest, "dest")?,
        timeout_s,
        variables: variables.iter().map(pair).collect::<PyResult<_>>()?,
    };
    let cancel = Arc::new(Cancel::default());
    let ticket = next_ticket();
    let told = move |placed: Result<Arc<SessionThread>, Cause>| {
        loop_queue::post(move |py| {
            let (session_thread, cause) = match placed {
                Ok(session_thread) => (
                    Some(Py::new(py, PySessionThread::new(session_thread))?),
                    None,
                ),
                Err(cause) => (None, Some(cause.name())),
            };
            event_loop::calls(py)?
                .call_method1("placed", (ticket, session_thread, cause))
                .map(drop)
        });
    };
    let cell = cancel.clone();
    let placed = detach::detached(py, |_| originate::place(dial, cell, told));
    if let Err(status) = placed {
        tracing::error!(%status, "MR0017 a call is not placed: no thread");
        loop_queue::post(move |py| {
            let nothing = (ticket, None::<PySessionThread>, Some("SWITCH_CONGESTION"));
            event_loop::calls(py)?
                .call_method1("placed", nothing)
                .map(drop)
        });
    }
    Ok(Placing { ticket, cancel })
}

/// Forgets a call that was placed and whose thread never came for its work.
#[pyfunction]
pub fn forget_placed(py: Python<'_>, uuid: &Bound<'_, PyAny>) -> PyResult<()> {
    let uuid = text(uuid, "uuid")?;
    detach::detached(py, |_| drop(originate::claim(&uuid)));
    Ok(())
}

/// Has the thread of a call run an application; false where there is no such call.
/// `event_uuid` is what its events have as `Application-UUID`.
#[pyfunction]
#[pyo3(signature = (uuid, app, argument, loops, event_uuid=None))]
pub fn send_execute(
    py: Python<'_>,
    uuid: &Bound<'_, PyAny>,
    app: &Bound<'_, PyAny>,
    argument: &Bound<'_, PyAny>,
    loops: u32,
    event_uuid: Option<&Bound<'_, PyAny>>,
) -> PyResult<bool> {
    let event_uuid = event_uuid
        .map(|uuid| text(uuid, "event_uuid"))
        .transpose()?;
    let (uuid, app) = (text(uuid, "uuid")?, text(app, "cmd")?);
    let argument = text(argument, "arg")?;
    if app.is_empty() {
        return Err(PyValueError::new_err("argument 'cmd' is empty"));
    }
    let loops = c_string_shown(loops.to_string().as_bytes());
    Ok(detach::detached(py, |held| {
        let Some(locked) = Locked::find(&uuid) else {
            return false;
        };
        let send = || {
            let event = OwnedEvent::new(Kind::COMMAND, None)?;
            let view = event.view();
            view.add_header(c"call-command", c"execute")?;
            view.add_header(c"execute-app-name", &app)?;
            view.add_header(c"execute-app-arg", &argument)?;
            view.add_header(c"loops", &loops)?;
            if let Some(uuid) = &event_uuid {
                view.add_header(c"event-uuid", uuid)?;
            }
            locked.session().command(held, event)
        };
        send().is_ok()
    }))
}

/// How many sessions the switch lets begin in a second.
#[pyfunction]
pub fn sessions_per_second() -> u32 {
    core::sessions_per_second()
}
