//! Async functions: on a call, whose session thread executes the verbs, and in
//! every other way in, whose thread waits for them.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use freeswitch::session::Session;
use freeswitch::{Detached, call_log};
use parking_lot::Mutex;
use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;

use super::request::{Error, Failed, Request};
use crate::aio::app_task;
use crate::aio::nested::Nested;
use crate::aio::outside;
use crate::aio::session_thread::{Ended, SessionThread};
use crate::aio::verbs::PySessionThread;
use crate::aio::{event_loop, loop_queue};
use crate::interp::convert::str_of;
use crate::interp::{errors, stdio};
use crate::python::session::attached::ScriptLeg;
use crate::script::deadline;
use crate::script::deadline::Watched;
use crate::script::entry_point::EntryPoint;
use crate::script::runs;
use crate::script::runs::Listed;

/// The spans of calls continue those that their INVITEs name (`accept-traceparent`).
static ACCEPTS_TRACEPARENT: AtomicBool = AtomicBool::new(false);

/// Has the spans of calls continue those that their INVITEs name, or not.
pub fn accept_traceparent(accepts: bool) {
    ACCEPTS_TRACEPARENT.store(accepts, Ordering::Relaxed);
}

/// Do the spans of calls continue those that their INVITEs name?
#[pyfunction]
#[must_use]
pub fn accepts_traceparent() -> bool {
    ACCEPTS_TRACEPARENT.load(Ordering::Relaxed)
}

/// One run of an async function on a call.
#[pyclass(frozen, module = "freeswitch")]
pub struct AsyncCall {
    way: &'static EntryPoint,
    line: Vec<u8>,
    folder: Option<Vec<u8>>,
    session_thread: Arc<SessionThread>,
    id: u64,
    uuid: CString,
    /// What is shown of it, and its deadline, until it ends.
    listed: Mutex<Option<(Listed, Option<Watched>)>>,
    loaded: AtomicBool,
    /// What went wrong, for the call's thread.
    failed: Arc<Mutex<Option<Failed>>>,
}

impl AsyncCall {
    fn request(&self) -> Request<'_> {
        Request {
            folder: self.folder.as_deref(),
            id: Some(self.id),
            ..Request::new(self.way, &self.line)
        }
    }

    fn judge(&self, py: Python<'_>, error: Option<PyErr>) -> Option<Failed> {
        let killed = self
            .listed
            .lock()
            .as_ref()
            .and_then(|(listed, _)| listed.run().killed());
        let error = match (killed, error) {
            (Some(why), _) => Error::Killed(why),
            (None, None) => return None,
            (None, Some(error)) if errors::is_exit(py, &error) => return None,
            (None, Some(error)) if self.loaded.load(Ordering::Relaxed) => Error::Run(error),
            (None, Some(error)) => Error::Load(error),
        };
        let request = self.request();
        let target = request.target().ok()?;
        Some(request.report(py, &target, &error))
    }
}

impl Drop for AsyncCall {
    /// Nobody has finished it: the loop ended before it came to it, or could not
    /// begin it.
    fn drop(&mut self) {
        if let Some((listed, _)) = self.listed.get_mut().take() {
            let name = listed.run().function.name.clone();
            let failed = self.request().refuse(&name, Failed(event_loop::why_not()));
            *self.failed.lock() = Some(failed);
            self.way.count(listed.run(), listed.ending(true));
            self.session_thread.release();
        }
    }
}

#[pymethods]
impl AsyncCall {
    /// Its number in `pyps`.
    #[getter]
    fn id(&self) -> u64 {
        self.id
    }

    /// `module::function`, as `pyps` shows it.
    #[getter]
    fn name(&self) -> String {
        let listed = self.listed.lock();
        let listed = listed.as_ref();
        listed.map_or_else(String::new, |(listed, _)| {
            listed.run().function.name.clone()
        })
    }

    /// The call's UUID.
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        str_of(py, self.uuid.to_bytes())
    }

    /// What carries out the verbs.
    #[getter]
    fn thread(&self) -> PySessionThread {
        PySessionThread::new(self.session_thread.clone())
    }

    /// What names the function, and its arguments, as the dialplan has it.
    #[getter]
    fn line<'py>(&self, py: Python<'py>) -> Bound<'py, PyAny> {
        str_of(py, &self.line)
    }

    /// Calls the function; gives its coroutine.
    fn call<'py>(
        &self,
        py: Python<'py>,
        session: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _call = call_log::of_call(&self.uuid, -1);
        stdio::redirect_streams(py)?;
        let request = self.request();
        let target = request
            .target()
            .map_err(|failed| PyRuntimeError::new_err(failed.0))?;
        let function = request.find(py, &target).map_err(|error| match error {
            Error::Load(error) | Error::Run(error) => error,
            Error::Killed(why) => PyRuntimeError::new_err(why),
        })?;
        self.loaded.store(true, Ordering::Relaxed);
        if !function.is_async() {
            return Err(PyTypeError::new_err(
                "the function was an async one when the call came, and has been changed",
            ));
        }
        function.call(
            py,
            &[
                session.clone().unbind(),
                str_of(py, target.arguments).unbind(),
            ],
        )
    }

    /// It has ended; `error` is what it raised. Lets the call's thread go.
    #[pyo3(signature = (error=None))]
    fn finish(&self, py: Python<'_>, error: Option<Bound<'_, PyAny>>) {
        if self.listed.lock().is_none() {
            // Once is enough: a loop that ends finishes it, and then its coroutine does.
            return;
        }
        let failed = {
            let _call = call_log::of_call(&self.uuid, -1);
            let failed = self.judge(py, error.map(PyErr::from_value));
            stdio::flush();
            failed
        };
        if let Some((listed, _)) = self.listed.lock().take() {
            let ending = listed.ending(failed.is_some());
            self.way.count(listed.run(), ending);
        }
        *self.failed.lock() = failed;
        self.session_thread.release();
    }
}

/// Runs an async function on a call, on the session's own thread.
///
/// # Errors
/// [`Failed`], which is in the log already.
pub fn on_call(
    session: Session<'_>,
    held: &Detached,
    leg: &Arc<ScriptLeg>,
    request: &Request<'_>,
) -> Result<(), Failed> {
    let function = request.function(&request.target()?);
    let refuse = |why: String| request.refuse(&function.name, Failed(why));
    if !session.in_thread() {
        return Err(refuse(
            "an async function runs on the call's own thread, which this is not".to_owned(),
        ));
    }
    let _nested = Nested::enter().map_err(|error| refuse(error.to_string()))?;
    event_loop::start().map_err(|why| refuse(format!("there is no event loop: {why}")))?;
    let session_thread =
        SessionThread::new(leg.clone()).map_err(|status| refuse(status.to_string()))?;
    let session_thread = Arc::new(session_thread);
    let id = request.id.unwrap_or_else(runs::next_id);
    let uuid = session.uuid();
    let listed = app_task::list(id, request.way, function.clone(), uuid.clone());
    let deadline = request
        .way
        .timeout()
        .map(|time| deadline::watch(listed.run(), time));
    let failed = Arc::new(Mutex::new(None));
    let call = AsyncCall {
        way: request.way,
        line: request.line.to_vec(),
        folder: request.folder.map(<[u8]>::to_vec),
        session_thread: session_thread.clone(),
        id,
        uuid,
        listed: Mutex::new(Some((listed, deadline))),
        loaded: AtomicBool::new(false),
        failed: failed.clone(),
    };
    let begin = move |py: Python<'_>| {
        let call = Py::new(py, call)?;
        let begun = event_loop::calls(py).and_then(|m| m.call_method1("begin", (&call,)));
        if let Err(error) = begun {
            call.get()
                .finish(py, Some(error.into_value(py).into_bound(py).into_any()));
        }
        Ok(())
    };
    if event_loop::ask(begin).is_err() {
        // The call went with the message, and has said why.
        return Err(failed
            .lock()
            .take()
            .unwrap_or_else(|| Failed(event_loop::why_not())));
    }
    serve(session, held, &session_thread, id);
    // It ends with its coroutine where setAutoHangup says so.
    leg.release(held);
    let failed = failed.lock().take();
    failed.map_or(Ok(()), Err)
}

/// Serves a coroutine until it ends or lets the thread go.
fn serve(session: Session<'_>, held: &Detached, session_thread: &SessionThread, id: u64) {
    let ended = session_thread.serve(session, held);
    if let Ended::Lost(how) = ended {
        loop_queue::post(move |py| {
            let how = pyo3::types::PyString::intern(py, how);
            event_loop::calls(py)?
                .call_method1("lost", (id, how))
                .map(drop)
        });
        if !session_thread.wait_for_release(held, runs::time_is_over) {
            tracing::warn!(
                "MR0013 script {id}: its call ended 10 seconds ago and it still runs: let CancelledError through, or use hangup_shield()"
            );
        }
        // What goes on from here has a picture of the call.
        session_thread.leg().part(session);
    }
    session_thread.turn_away();
}

/// Works for the coroutine that placed this call, on the session's own thread.
pub fn on_originated(session: Session<'_>, held: &Detached) {
    let Some(session_thread) = crate::aio::originate::claim(&session.uuid()) else {
        tracing::warn!("no coroutine has placed this call");
        return;
    };
    let how = match session_thread.serve(session, held) {
        Ended::Released => None,
        Ended::Lost(how) => {
            session_thread.leg().part(session);
            Some(how)
        }
    };
    session_thread.turn_away();
    let uuid = session.uuid();
    if let Some(call) = outside::calls::take_placed(&uuid) {
        call.lost(how.unwrap_or("hangup"));
        return;
    }
    loop_queue::post(move |py| {
        let uuid = str_of(py, uuid.to_bytes());
        event_loop::calls(py)?
            .call_method1("originated_over", (uuid, how))
            .map(drop)
    });
}
