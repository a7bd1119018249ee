//! Waiting in the switch, where `pyps` shows it and `pykill` can end it.

use freeswitch::{Detached, core};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

use super::invocation;
use crate::interp::detach::detached;
use crate::interp::embedding;
use crate::script::runs::Breaker;

/// Refuses what needs a switch, in a program that has none in it: pocket's module
/// is there, and no pocket is open.
///
/// # Errors
/// `RuntimeError`, that names the call.
pub fn need_switch(what: &str) -> PyResult<()> {
    if embedding::is_joined() && !core::running() {
        return Err(PyRuntimeError::new_err(format!(
            "{what} needs the switch that it runs in, and there is none in this process: run the script inside \
             FreeSWITCH or in a pocket.Switch, or reach one by its event socket: freeswitch.apps.Client(host)"
        )));
    }
    Ok(())
}

/// Lets other Python code run while `body` waits in the switch. `what` names the
/// call for `pyps`, which shows what the script is doing, and `breaker` ends it.
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
    let run = invocation::current();
    if let Some(run) = &run
        && !run.begin_wait(what, breaker)
    {
        run.wake();
    }
    let result = detached(py, body);
    if let Some(run) = run {
        run.end_wait();
    }
    result
}
