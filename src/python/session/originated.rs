//! Sessions that a script takes or places itself: making them, and their end.

use std::ffi::CStr;
use std::sync::Arc;

use freeswitch::Detached;
use freeswitch::media::input::Input;
use freeswitch::session::Locked;
use freeswitch::session::cause::Cause;
use freeswitch::session::handle::Gone;
use freeswitch::session::originate::{Cancel, originate};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::attached::ScriptLeg;
use super::{CoreSession, done};
use crate::interp::convert::wrong_type;
use crate::interp::convert::{limit_or, text};
use crate::interp::detach::{detached, may_wait};
use crate::python::callback::Callback;
use crate::python::wait::{need_switch, wait};
use crate::python::{OriginateError, invocation};
use crate::script::runs::Breaker;

/// How long `Session("dial string")` waits for an answer, as mod_python does.
const TIMEOUT_S: u32 = 60;

/// A session argument that may be None.
///
/// # Errors
/// `TypeError`
pub(super) fn optional_leg(
    value: Option<&Bound<'_, PyAny>>,
    name: &str,
) -> PyResult<Option<Arc<ScriptLeg>>> {
    match value.filter(|v| !v.is_none()) {
        None => Ok(None),
        Some(value) => leg_of(value, name).map(Some),
    }
}

/// A session argument.
///
/// # Errors
/// `TypeError`
pub fn leg_of(value: &Bound<'_, PyAny>, name: &str) -> PyResult<Arc<ScriptLeg>> {
    let session = value
        .cast::<CoreSession>()
        .map_err(|_| wrong_type(name, "Session", value))?;
    Ok(session.get().leg.clone())
}

impl CoreSession {
    /// Takes a live call, or places one.
    fn acquire(
        slf: &Bound<'_, Self>,
        target: &CStr,
        a_leg: Option<Arc<ScriptLeg>>,
        timeout_s: u32,
        auto_hangup: bool,
        settle: bool,
    ) -> PyResult<bool> {
        let py = slf.py();
        may_wait("originate")?;
        invocation::check(py)?;
        let leg = slf.get().leg.clone();
        leg.set_auto_hangup(auto_hangup);
        let cancel = Arc::new(Cancel::default());
        let cell = cancel.clone();
        let breaker: Breaker = Arc::new(move || cell.cancel(Cause::ORIGINATOR_CANCEL));
        let placed = wait(py, "originate", Some(breaker), |held| {
            place(
                held,
                &leg,
                target,
                a_leg.as_deref(),
                timeout_s,
                settle,
                &cancel,
            )
        });
        if placed {
            Self::watch(slf);
        }
        invocation::check(py)?;
        Ok(placed)
    }

    fn release(slf: &Bound<'_, Self>) {
        let leg = slf.get().leg.clone();
        detached(slf.py(), |held| leg.release(held));
        slf.get().forget_attachments();
    }
}

/// Places a call and becomes its leg; `settle` waits until its thread idles.
fn place(
    held: &Detached,
    leg: &ScriptLeg,
    dial: &CStr,
    a_leg: Option<&ScriptLeg>,
    timeout_s: u32,
    settle: bool,
    cancel: &Cancel,
) -> bool {
    let outcome = match a_leg {
        None => originate(held, None, dial, timeout_s, None, cancel),
        Some(a_leg) => {
            match a_leg.with(|a| originate(held, Some(a), dial, timeout_s, None, cancel)) {
                Ok(outcome) => outcome,
                Err(Gone) => Err(Cause::ORIGINATOR_CANCEL),
            }
        }
    };
    match outcome {
        Ok(lock) => {
            let locked = Arc::new(lock);
            let session = locked.session();
            match a_leg.filter(|_| settle) {
                Some(a_leg) => {
                    // It has ended by now: there is nobody to wait for.
                    let _ = a_leg.with(|a| session.take_over(held, Some(a)));
                }
                None => session.take_over(held, None),
            }
            leg.keep(locked);
            true
        }
        Err(cause) => {
            tracing::warn!(
                "cannot place a call to {}: {}",
                dial.to_string_lossy(),
                cause.name()
            );
            leg.fail(cause);
            false
        }
    }
}

#[pymethods]
impl CoreSession {
    /// `Session()` is of no call yet; `Session(uuid)` takes a live one;
    /// `Session(dial_string, a_leg=None)` places one and waits for it. Where that
    /// fails, `ready()` is False and `hangupCause()` says why.
    #[pyo3(signature = (uuid_or_dial_string=None, a_leg=None))]
    fn __init__(
        slf: &Bound<'_, Self>,
        uuid_or_dial_string: Option<&Bound<'_, PyAny>>,
        a_leg: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let a_leg = optional_leg(a_leg, "a_leg")?;
        let Some(target) = uuid_or_dial_string.filter(|t| !t.is_none()) else {
            return Ok(());
        };
        let target = text(target, "uuid_or_dial_string")?;
        need_switch("Session")?;
        if !target.as_bytes().contains(&b'/') {
            let leg = slf.get().leg.clone();
            let found = detached(slf.py(), |_| {
                let locked = Locked::find(&target)?;
                leg.take(locked.session());
                Some(())
            });
            if found.is_some() {
                return Ok(());
            }
        }
        Self::acquire(slf, &target, a_leg, TIMEOUT_S, true, true).map(drop)
    }

    /// Places a call and waits for it, for at most `timeout` seconds (0: 60, less:
    /// no limit); 0 when it
    /// came about, as in mod_python. `handlers` is None.
    #[pyo3(signature = (a_leg_session, dest, timeout=None, handlers=None))]
    fn originate(
        slf: &Bound<'_, Self>,
        a_leg_session: &Bound<'_, PyAny>,
        dest: &Bound<'_, PyAny>,
        timeout: Option<&Bound<'_, PyAny>>,
        handlers: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<u8> {
        let a_leg = optional_leg(Some(a_leg_session), "a_leg_session")?;
        let dest = text(dest, "dest")?;
        // 0 is the core's own default; a negative number is read as it reads it.
        let timeout = limit_or(timeout, "timeout", TIMEOUT_S)?.unwrap_or(u32::MAX);
        if handlers.is_some_and(|h| !h.is_none()) {
            return Err(PyTypeError::new_err(
                "argument 'handlers' must be None: it is a table of C functions",
            ));
        }
        if slf.get().leg.handle().is_some() {
            return Err(PyValueError::new_err("this session is of a call already"));
        }
        Self::acquire(slf, &dest, a_leg, timeout, false, false).map(|placed| u8::from(!placed))
    }

    /// Has the call end with this object, and with the script at the latest, or
    /// not. 0, as in mod_python.
    #[pyo3(name = "setAutoHangup")]
    fn set_auto_hangup(slf: &Bound<'_, Self>, val: &Bound<'_, PyAny>) -> PyResult<u8> {
        let on = val.is_truthy()?;
        slf.get().leg.set_auto_hangup(on);
        if on {
            Self::watch(slf);
        }
        Ok(0)
    }

    /// Lets go of the call: hangs it up where `setAutoHangup` says so. One that
    /// the script has placed leaves cause and variables behind.
    fn destroy(slf: &Bound<'_, Self>) {
        Self::release(slf);
    }

    /// `with Session(...) as session:` raises OriginateError where there is no
    /// call, and lets go of it at the end.
    fn __enter__(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        let leg = &slf.get().leg;
        if leg.handle().is_none() {
            let cause = leg.cause().map(|c| c.name()).unwrap_or_default();
            let error = OriginateError::new_err(format!("there is no call: {cause}"));
            let _ = error.value(slf.py()).setattr("cause", cause);
            return Err(error);
        }
        Ok(slf)
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(slf: &Bound<'_, Self>, _error: &Bound<'_, pyo3::types::PyTuple>) {
        Self::release(slf);
    }
}

/// Joins two calls until one ends it. Their input callbacks hear the digits of
/// their legs; "ignore" keeps a digit from the other leg.
#[pyfunction]
#[pyo3(signature = (session_a, session_b))]
pub fn bridge(
    py: Python<'_>,
    session_a: &Bound<'_, PyAny>,
    session_b: &Bound<'_, PyAny>,
) -> PyResult<()> {
    let (leg_a, leg_b) = (
        leg_of(session_a, "session_a")?,
        leg_of(session_b, "session_b")?,
    );
    may_wait("bridge")?;
    invocation::check(py)?;
    let listener = |session: &Bound<'_, PyAny>| -> PyResult<Option<Arc<Callback>>> {
        Ok(CoreSession::listener(session.cast::<CoreSession>()?).map(Arc::new))
    };
    let (a, b) = (listener(session_a)?, listener(session_b)?);
    let ears = |l: &Option<Arc<Callback>>| l.clone().map(|l| l as Arc<dyn Input + Send + Sync>);
    let (ear_a, ear_b) = (ears(&a), ears(&b));
    let (one, two) = (leg_a.clone(), leg_b.clone());
    let joined = wait(py, "bridge", Some(leg_a.breaker()), move |held| {
        leg_a.with(|session| {
            leg_b.with(|peer| {
                let (one, two) = (session.channel(), peer.channel());
                if one.ready() && two.ready() && one.is_inbound() && !one.media_ready() {
                    // An inbound leg has no media before it is answered.
                    let _ = one.pre_answer(held);
                }
                if !one.ready() || !two.ready() {
                    return false;
                }
                done(session.bridge(held, peer, ear_a, ear_b)) == 1
            })
        })
    });
    one.clear_break();
    two.clear_break();
    for listener in [a, b].into_iter().flatten() {
        listener.finish()?;
    }
    invocation::check(py)?;
    if !matches!(joined, Ok(Ok(true))) {
        tracing::error!("bridge: the calls were not joined");
    }
    Ok(())
}
