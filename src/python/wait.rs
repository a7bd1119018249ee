//! Waiting in the switch, where `pyps` shows it and `pykill` can end it.

use pyo3::prelude::*;

use super::invocation;
use crate::interp::detach::detached;
use crate::script::runs::Breaker;
use crate::switch::Detached;

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
