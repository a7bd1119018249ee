//! `Session`: a call, as a script holds it.

pub mod attached;
pub(crate) mod attributes;
pub(crate) mod callbacks;
mod control;
pub(crate) mod flags;
pub mod originated;
mod sound;
mod speech;

use std::mem::ManuallyDrop;
use std::sync::Arc;

use freeswitch::Detached;
use freeswitch::media::input::Input;
use freeswitch::session as switch;
use freeswitch::session::handle::Gone;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use pyo3::{PyTraverseError, PyVisit};

use super::callback::Callback;
use super::wait::wait;
use super::{SessionGone, invocation};
use crate::interp::convert::str_of;
use crate::interp::detach::{may_wait, present};
use crate::interp::reaper::later;
use attached::{PyLeg, ScriptLeg, shown};

/// A call. The methods are those of mod_python, and return what they did there:
/// 1 for success and 0 for failure, where the documents say nothing else.
#[pyclass(frozen, subclass, dict, weakref, module = "freeswitch")]
pub struct CoreSession {
    leg: Arc<ScriptLeg>,
}

impl Drop for CoreSession {
    /// The object can go on any thread, with the interpreter held: what waits is
    /// left to a thread that never holds it.
    fn drop(&mut self) {
        if self.leg.has_an_end() {
            let leg = self.leg.clone();
            leg.settle_end();
            later(Box::new(move |held| leg.release(held)));
        }
    }
}

/// The class that scripts use and extend; mod_python has two, and so have we.
#[pyclass(frozen, subclass, extends = CoreSession, module = "freeswitch")]
pub struct Session;

/// A Session object for a leg.
///
/// # Errors
/// No memory.
pub fn show(py: Python<'_>, leg: Arc<ScriptLeg>) -> PyResult<Py<CoreSession>> {
    let session = Py::new(
        py,
        PyClassInitializer::from(CoreSession { leg }).add_subclass(Session),
    )?;
    Ok(session.into_bound(py).into_super().unbind())
}

/// The exception for a session that is no more: with its UUID, and of a call that
/// the script has placed also the cause and the variables.
#[must_use]
pub fn gone(py: Python<'_>, leg: &ScriptLeg) -> PyErr {
    let uuid = leg.uuid();
    let cause = leg.cause().map(|c| c.name());
    let why = cause
        .as_ref()
        .map(|c| format!(" ({c})"))
        .unwrap_or_default();
    let error = SessionGone::new_err(format!("the call {} is gone{why}", shown(uuid.as_deref())));
    let value = error.value(py);
    let variables = PyDict::new(py);
    for (name, content) in leg.remains().iter().flat_map(|r| &r.variables) {
        // What cannot be hashed or set cannot come from the switch.
        let _ = variables.set_item(str_of(py, name), str_of(py, content));
    }
    // Without the attributes the text still says it.
    let _ = value.setattr("uuid", uuid.map(|u| u.to_string_lossy().into_owned()));
    let _ = value.setattr("cause", cause);
    let _ = value.setattr("variables", variables);
    error
}

impl CoreSession {
    /// The leg behind it.
    #[must_use]
    pub fn leg(&self) -> &Arc<ScriptLeg> {
        &self.leg
    }

    /// Has the script that runs on this thread look after the session.
    pub fn watch(slf: &Bound<'_, Self>) {
        invocation::watch(slf.as_any(), &slf.get().leg, |object| {
            Self::run_hook(object.cast::<Self>()?)
        });
    }

    /// Reads or sets something that takes no time.
    fn quick<R>(slf: &Bound<'_, Self>, body: impl FnOnce(switch::Session<'_>) -> R) -> PyResult<R> {
        let py = slf.py();
        invocation::check(py)?;
        present(py);
        let leg = &slf.get().leg;
        leg.with(body).map_err(|Gone| gone(py, leg))
    }

    /// Does something that can wait, while other scripts run. `what` names it for
    /// `pyps`, which shows what the script is doing.
    fn blocking<R: Send>(
        slf: &Bound<'_, Self>,
        what: &'static str,
        body: impl FnOnce(switch::Session<'_>, &Detached) -> R + Send,
    ) -> PyResult<R> {
        let py = slf.py();
        may_wait(what)?;
        invocation::check(py)?;
        let leg = &slf.get().leg;
        let result = wait(py, what, Some(leg.breaker()), |held| {
            leg.with(|s| body(s, held))
        });
        leg.clear_break();
        invocation::check(py)?;
        result.map_err(|Gone| gone(py, leg))
    }

    /// As [`Self::blocking`], with the input callback listening, if one is set.
    fn listening<R: Send>(
        slf: &Bound<'_, Self>,
        what: &'static str,
        body: impl FnOnce(switch::Session<'_>, &Detached, Option<&dyn Input>) -> R + Send,
    ) -> PyResult<R> {
        let py = slf.py();
        may_wait(what)?;
        invocation::check(py)?;
        let listener = Self::listener(slf);
        let leg = &slf.get().leg;
        let (result, listener) = wait(py, what, Some(leg.breaker()), move |held| {
            let input = listener.as_ref().map(|l| l as &dyn Input);
            (leg.with(|s| body(s, held, input)), listener)
        });
        leg.clear_break();
        listener.map_or(Ok(()), |l| l.finish())?;
        invocation::check(py)?;
        result.map_err(|Gone| gone(py, leg))
    }

    /// Who listens with the input callback that is set.
    fn listener(slf: &Bound<'_, Self>) -> Option<Callback> {
        let callback = slf
            .get()
            .leg
            .attachments
            .lock()
            .callback
            .as_ref()
            .map(|c| c.clone_ref(slf.py()));
        callback.map(|c| Callback::new(slf.clone().into_any().unbind(), c))
    }

    /// Lets go of what the script has attached, which may refer to the session in turn.
    pub fn forget_attachments(&self) {
        let attachments = std::mem::take(&mut *self.leg.attachments.lock());
        drop(attachments);
    }
}

/// The leg of an object whose contents may not be there yet.
type MaybeLeg = Option<ManuallyDrop<Arc<ScriptLeg>>>;

// SAFETY: a transmute of nothing to a number of the same size, which the compiler carries out and checks.
const _: () = assert!(unsafe { std::mem::transmute::<MaybeLeg, usize>(None) } == 0);

/// mod_python's 1 for success.
fn done<E>(result: Result<(), E>) -> u8 {
    u8::from(result.is_ok())
}

#[pymethods]
impl CoreSession {
    #[new]
    #[pyo3(signature = (*args, **_kwargs))]
    fn new(args: &Bound<'_, PyTuple>, _kwargs: Option<&Bound<'_, PyDict>>) -> Self {
        // An async session brings its leg. What others are of is said to __init__,
        // which a subclass may have its own of.
        let leg = args.get_item(0).ok();
        let leg = leg.as_ref().and_then(|leg| leg.cast::<PyLeg>().ok());
        Self {
            leg: leg.map_or_else(Arc::default, |leg| leg.get().0.clone()),
        }
    }

    fn __repr__(&self) -> String {
        format!("<freeswitch.Session {}>", shown(self.leg.uuid().as_deref()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        // Making the object's dictionary can start a collection, which sees the
        // object before its contents are there: all zeroes until then.
        let leg = (&raw const self.leg).cast::<MaybeLeg>();
        // SAFETY: `MaybeLeg` has the layout of an Arc, with zeroes as None (the assertion above), and
        // the object lives; it is only looked at.
        if unsafe { &*leg }.is_none() {
            return Ok(());
        }
        // The collector stops all else; a lock that is held is a change under way,
        // which keeps the objects alive in its own way.
        if let Some(attachments) = self.leg.attachments.try_lock() {
            for callable in attachments.hook.iter().chain(&attachments.callback) {
                callable.traverse(&visit)?;
            }
            for kept in attachments.privates.values() {
                visit.call(kept)?;
            }
        }
        Ok(())
    }

    fn __clear__(&self) {
        self.forget_attachments();
    }
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (*args, **kwargs))]
    fn new(
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyClassInitializer<Self> {
        PyClassInitializer::from(CoreSession::new(args, kwargs)).add_subclass(Self)
    }
}
