//! Waiting without the interpreter lock: the one way to a `Detached` token.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::invocation;
use crate::aio::event_loop;
use crate::script::runs::Breaker;
use crate::switch::{Detached, core};

/// May this thread wait? Not the event loop's: all coroutines would, with it.
///
/// # Errors
/// `RuntimeError`, that names the call.
pub fn may_wait(what: &str) -> PyResult<()> {
    if event_loop::is_here() {
        return Err(PyRuntimeError::new_err(format!(
            "{what} would make every coroutine wait: on the event loop, await what an AsyncSession has for it"
        )));
    }
    Ok(())
}

/// Lets other Python code run while `body` waits in the switch. `what` names the
/// call for whoever asks what the script is doing, and `breaker` ends it.
///
/// A script that was told to end does not begin to wait: its breaker is pulled
/// first. A thread that comes here when the core has gone stays for good: the
/// process is about to end, and the core's memory is being freed.
pub fn wait<T: Send>(
    py: Python<'_>,
    what: &'static str,
    breaker: Option<Breaker>,
    body: impl FnOnce(&Detached) -> T + Send,
) -> T {
    let script = invocation::current();
    if let Some(script) = &script
        && !script.begin_wait(what, breaker)
    {
        script.wake();
    }
    let result = detached(py, body);
    if let Some(script) = script {
        script.end_wait();
    }
    result
}

/// As [`wait`], for what takes a moment only and is nobody's business.
pub fn detached<T: Send>(py: Python<'_>, body: impl FnOnce(&Detached) -> T + Send) -> T {
    py.detach(|| {
        while core::gone() {
            std::thread::park();
        }
        // SAFETY: detached by the line above, and attached again only when the
        // closure, to which the token is lent, has returned; callbacks that
        // attach within go through interp::enter.
        body(&unsafe { Detached::new() })
    })
}

/// As [`detached`], for short reads that keep the lock: parks when the core has gone.
pub fn present(py: Python<'_>) {
    if core::gone() {
        detached(py, |_| ());
    }
}
