//! The event loop: one thread of the switch's for all coroutines.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use freeswitch::edge;
use freeswitch::sync::thread;
use freeswitch::{Detached, core};
use parking_lot::{Condvar, Mutex};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::{alone, loop_queue};
use crate::interp::attach::enter;
use crate::interp::embedding;
use crate::interp::{detach, errors, stdio};

/// How long the loop gets to cancel what is left of it.
const LAST: Duration = Duration::from_secs(3);

/// A loop that runs.
#[derive(Default)]
struct Running {
    ended: Mutex<bool>,
    told: Condvar,
    told_to_end: AtomicBool,
    /// There is no switch in the process, but those by their event sockets.
    alone: bool,
}

/// How long after its end a loop is made again that nobody asks for.
const AGAIN: Duration = Duration::from_secs(1);

/// It is to be made again, though nobody asks for it.
static RETURNS: AtomicBool = AtomicBool::new(false);
/// Why the last one ended that was not told to.
static WHY: Mutex<Option<String>> = Mutex::new(None);
static DRAINED: AtomicU64 = AtomicU64::new(0);
static LOOP: Mutex<Option<Arc<Running>>> = Mutex::new(None);

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

/// What is said of calls, `freeswitch._calls`.
///
/// # Errors
/// It cannot be imported.
pub fn calls(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static MODULE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || {
        PyResult::Ok(py.import("freeswitch._calls")?.into_any().unbind())
    })?;
    Ok(module.bind(py))
}

/// What serves the loop, `freeswitch._serving`.
fn serving(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("freeswitch._serving")
}

/// The frame that the coroutine of a run is at.
pub fn frame(py: Python<'_>, id: u64) -> Option<Bound<'_, PyAny>> {
    let frame = module(py).ok()?.call_method1("frame", (id,)).ok()?;
    (!frame.is_none()).then_some(frame)
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
    started(&mut LOOP.lock())
}

/// Has the loop do something that somebody waits for; it is started where it does
/// not run. A loop that ends before it has got to the message drops it.
///
/// # Errors
/// As [`start`].
pub fn ask(
    message: impl FnOnce(Python<'_>) -> PyResult<()> + Send + 'static,
) -> Result<(), String> {
    // Under the lock: a loop that ends takes all messages under it, so this one is
    // either among them, or for the next loop.
    let mut running = LOOP.lock();
    started(&mut running)?;
    loop_queue::post(message);
    Ok(())
}

fn started(running: &mut Option<Arc<Running>>) -> Result<(), String> {
    if edge::is_forked() {
        return Err("this is a child that a script has forked".to_owned());
    }
    if running.is_some() {
        return Ok(());
    }
    let this = Arc::new(Running {
        alone: embedding::is_joined() && !core::running(),
        ..Running::default()
    });
    let mine = this.clone();
    if this.alone {
        loop_queue::descriptor().map_err(|error| error.to_string())?;
        alone::begin(move || run(&mine)).map_err(|error| error.to_string())?;
    } else {
        if embedding::is_joined() {
            loop_queue::make_wakeup().map_err(|status| status.to_string())?;
        } else {
            loop_queue::descriptor().map_err(|error| error.to_string())?;
        }
        thread::start(move |_| run(&mine)).map_err(|status| status.to_string())?;
    }
    *running = Some(this);
    Ok(())
}

/// Ends a loop that runs with no switch in the process: a switch is opened, which
/// has one of its own, or the program ends.
pub fn stop_alone() {
    let is_alone = LOOP.lock().as_ref().is_some_and(|running| running.alone);
    if is_alone {
        stop();
        alone::end();
    }
}

/// Runs the loop on its own thread, and sees to what is left when it ends.
fn run(this: &Arc<Running>) {
    detach::mark_loop();
    let outcome = enter(|py| {
        let served = serve(py);
        stdio::flush();
        served.map_err(|error| errors::one_line(py, &error))
    });
    let why = match outcome {
        Ok(Ok(())) => None,
        Ok(Err(error)) => Some(error),
        Err(refused) => Some(refused.to_string()),
    };
    if let Some(why) = why
        && !this.told_to_end.load(Ordering::Acquire)
    {
        fail(this, &why);
    }
    *this.ended.lock() = true;
    this.told.notify_all();
}

/// The loop has ended, and nobody told it to: what runs on it, waits for it or was
/// left for it fails, and the next one that needs a loop has it made.
fn fail(this: &Arc<Running>, why: &str) {
    *WHY.lock() = Some(why.to_owned());
    let left = {
        let mut running = LOOP.lock();
        running.take_if(|running| Arc::ptr_eq(running, this));
        loop_queue::take()
    };
    tracing::error!(
        "MR0016 the event loop ended: {why}; what ran on it has failed, and it is restarted when it is needed"
    );
    let listened = enter(|py| {
        let _output = stdio::begin(py);
        // What is dropped here tells those who wait for it.
        drop(left);
        let listened = serving(py)?.call_method1("fail", (why,))?.extract::<bool>();
        stdio::flush();
        listened
    });
    if matches!(listened, Ok(Ok(true))) {
        return_soon();
    }
}

/// Apps and others who listen to events need a loop though nobody asks for one.
fn return_soon() {
    RETURNS.store(true, Ordering::Release);
    let started = std::thread::Builder::new()
        .name("mod_rust loop".into())
        .spawn(|| {
            while RETURNS.load(Ordering::Acquire) {
                std::thread::sleep(AGAIN);
                if RETURNS.load(Ordering::Acquire) && start().is_ok() {
                    RETURNS.store(false, Ordering::Release);
                }
            }
        });
    if let Err(error) = started {
        tracing::error!(
            "MR0016 the event loop is restarted by the next script that needs it: {error}"
        );
    }
}

/// Why something that was left for the loop is not done.
#[must_use]
pub fn why_not() -> String {
    match &*WHY.lock() {
        Some(why) => format!("the event loop ended: {why}"),
        None => "the event loop has ended".to_owned(),
    }
}

fn serve(py: Python<'_>) -> PyResult<()> {
    let _output = stdio::begin(py)?;
    calls(py)?;
    serving(py)?.call_method0("serve").map(drop)
}

/// Ends the loop, and what still runs on it. Not on its own thread.
pub fn stop() {
    RETURNS.store(false, Ordering::Release);
    WHY.lock().take();
    let Some(running) = LOOP.lock().take() else {
        return;
    };
    running.told_to_end.store(true, Ordering::Release);
    loop_queue::post(|py| serving(py)?.call_method0("stop").map(drop));
    let until = Instant::now() + LAST;
    let mut ended = running.ended.lock();
    while !*ended {
        if running.told.wait_until(&mut ended, until).timed_out() {
            tracing::warn!("MR0008 the event loop does not end");
            return;
        }
    }
    drop(ended);
    loop_queue::drop_wakeup();
}

/// Does what was left for the loop.
#[pyfunction]
pub fn drain(py: Python<'_>) {
    DRAINED.fetch_add(1, Ordering::Relaxed);
    for message in loop_queue::take() {
        if let Err(error) = message(py) {
            errors::report_stray(py, "the event loop", error.value(py));
        }
        // A child that it has forked does nothing else.
        edge::leave_if_forked();
    }
}

/// The descriptor that tells of messages; None in pocket, where [`wait`] does.
#[pyfunction]
pub fn descriptor() -> PyResult<Option<i32>> {
    if loop_queue::has_wakeup() {
        return Ok(None);
    }
    Ok(Some(loop_queue::descriptor()?))
}

/// Waits in the switch's time, until there are messages or so many seconds.
#[pyfunction]
#[pyo3(signature = (seconds=None))]
pub fn wait(py: Python<'_>, seconds: Option<f64>) {
    // Never a little less than was asked for: the loop would come back too early
    // for its timer, and again.
    let time =
        seconds.map(|s| Duration::try_from_secs_f64(s.max(0.0) + 1e-6).unwrap_or(Duration::MAX));
    detach::detached(py, |held: &Detached| loop_queue::wait(held, time));
}

/// Is this the loop's thread?
#[pyfunction]
pub fn on_loop() -> bool {
    detach::on_loop()
}

/// Has the loop call a function; it is started where it does not run.
#[pyfunction]
pub fn post(py: Python<'_>, function: Py<PyAny>) -> PyResult<()> {
    detach::detached(py, |_| ask(move |py| function.call0(py).map(drop)))
        .map_err(|why| PyRuntimeError::new_err(format!("there is no event loop: {why}")))
}

/// How many messages wait for it.
#[pyfunction]
pub fn messages() -> usize {
    loop_queue::len()
}

/// How often it has come for them.
#[pyfunction]
pub fn drained() -> u64 {
    DRAINED.load(Ordering::Relaxed)
}

/// Another descriptor that tells of messages.
#[pyfunction]
pub fn new_descriptor() -> PyResult<i32> {
    Ok(loop_queue::new_descriptor()?)
}

/// Ends the wait.
#[pyfunction]
pub fn wake() {
    loop_queue::wake();
}
