//! The event loop: one thread of the switch's for all coroutines.

use std::cell::Cell;
use std::ffi::CString;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::inbox;
use crate::edge;
use crate::interp::enter::enter;
use crate::interp::{errors, interpreter, output};
use crate::python::convert::bytes_of;
use crate::switch::{Detached, thread, trace};

/// How long the loop gets to cancel what is left of it.
const LAST: Duration = Duration::from_secs(3);

/// A loop that runs.
#[derive(Default)]
struct Running {
    ended: Mutex<bool>,
    told: Condvar,
}

static LOOP: Mutex<Option<Arc<Running>>> = Mutex::new(None);

thread_local! {
    static ON_LOOP: Cell<bool> = const { Cell::new(false) };
}

/// Is this the loop's thread?
#[must_use]
pub fn is_here() -> bool {
    ON_LOOP.get()
}

/// The UUID of the call that this code works for: on the loop, of the coroutine's.
#[must_use]
pub fn call_here(py: Python<'_>) -> Option<CString> {
    if !is_here() {
        return trace::uuid();
    }
    let call = module(py).ok()?.getattr("CALL").ok()?;
    let uuid = call.call_method0("get").ok()?;
    CString::new(bytes_of(&uuid)?).ok()
}

/// The Python half, `freeswitch._loop`.
///
/// # Errors
/// It cannot be imported.
pub fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static MODULE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || {
        py.import("freeswitch._loop").map(|m| m.into_any().unbind())
    })?;
    Ok(module.bind(py))
}

/// Does the loop run?
#[must_use]
pub fn runs() -> bool {
    LOOP.lock().is_some()
}

/// Starts the loop, where it does not run yet.
///
/// # Errors
/// There is no thread, no descriptor or no memory for it.
pub fn start() -> Result<(), String> {
    if edge::is_forked() {
        return Err("this is a child that a script has forked".to_owned());
    }
    let mut running = LOOP.lock();
    if running.is_some() {
        return Ok(());
    }
    if interpreter::is_joined() {
        inbox::hang_bell().map_err(|status| status.to_string())?;
    } else {
        inbox::descriptor().map_err(|error| error.to_string())?;
    }
    let this = Arc::new(Running::default());
    let ended = this.clone();
    thread::start(move |_| {
        ON_LOOP.set(true);
        let outcome = enter(|py| {
            let served = serve(py);
            output::flush();
            served.map_err(|error| errors::one_line(py, &error))
        });
        match outcome {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!("the event loop ended: {error}"),
            Err(refused) => tracing::error!("the event loop did not start: {refused}"),
        }
        *ended.ended.lock() = true;
        ended.told.notify_all();
    })
    .map_err(|status| status.to_string())?;
    *running = Some(this);
    Ok(())
}

fn serve(py: Python<'_>) -> PyResult<()> {
    let _output = output::begin(py)?;
    module(py)?.call_method0("serve").map(drop)
}

/// Ends the loop, and what still runs on it. Not on its own thread.
pub fn stop() {
    let Some(running) = LOOP.lock().take() else {
        return;
    };
    inbox::post(|py| module(py)?.call_method0("stop").map(drop));
    let until = Instant::now() + LAST;
    let mut ended = running.ended.lock();
    while !*ended {
        if running.told.wait_until(&mut ended, until).timed_out() {
            tracing::warn!("MR0008 the event loop does not end");
            return;
        }
    }
    drop(ended);
    inbox::take_bell();
}

/// Does what was left for the loop.
#[pyfunction]
pub fn drain(py: Python<'_>) {
    for message in inbox::take() {
        if let Err(error) = message(py) {
            errors::report_stray(py, "the event loop", error.value(py));
        }
    }
}

/// The descriptor that tells of messages; None in pocket, where [`wait`] does.
#[pyfunction]
pub fn descriptor() -> PyResult<Option<i32>> {
    if interpreter::is_joined() {
        return Ok(None);
    }
    Ok(Some(inbox::descriptor()?))
}

/// Waits in the switch's time, until there are messages or so many seconds.
#[pyfunction]
#[pyo3(signature = (seconds=None))]
pub fn wait(py: Python<'_>, seconds: Option<f64>) {
    // Never a little less than was asked for: the loop would come back too early
    // for its timer, and again.
    let time =
        seconds.map(|s| Duration::try_from_secs_f64(s.max(0.0) + 1e-6).unwrap_or(Duration::MAX));
    crate::python::wait::detached(py, |held: &Detached| inbox::wait(held, time));
}

/// Is this the loop's thread?
#[pyfunction]
pub fn on_loop() -> bool {
    is_here()
}

/// Has the loop call a function; it is started where it does not run.
#[pyfunction]
pub fn post(py: Python<'_>, function: Py<PyAny>) -> PyResult<()> {
    crate::python::wait::detached(py, |_| start())
        .map_err(|why| PyRuntimeError::new_err(format!("there is no event loop: {why}")))?;
    inbox::post(move |py| function.call0(py).map(drop));
    Ok(())
}

/// Ends the wait.
#[pyfunction]
pub fn wake() {
    inbox::wake();
}

/// The switch's clock, in seconds from an hour that stays.
#[pyfunction]
pub fn clock() -> f64 {
    static ZERO: OnceLock<i64> = OnceLock::new();
    let now = crate::switch::core::now_micros();
    let since = now - ZERO.get_or_init(|| now);
    #[expect(clippy::cast_precision_loss, reason = "exact for three centuries")]
    let micros = since as f64;
    micros / 1e6
}
