//! Ending a script: an exception in Python, and the break of what it waits in.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::runs;
use super::runs::Run;
use crate::interp::attach::reenter_within;

pyo3::create_exception!(
    freeswitch,
    ScriptKilled,
    pyo3::exceptions::PySystemExit,
    "The script is told to end, by pykill or by its deadline."
);

/// How long a script gets to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often the exception is raised again: `__del__` and `except BaseException` swallow it.
const AGAIN: Duration = Duration::from_millis(20);

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It has ended.
    Ended,
    /// It waits in C code that cannot be broken; where.
    Blocked(String),
    /// It runs, and swallows the exception; where.
    Refuses(String),
}

/// Ends a script, for at most a second. Not attached.
#[must_use]
pub fn end(run: &Arc<Run>, why: &str) -> Outcome {
    let until = Instant::now() + PATIENCE;
    let mut before = None;
    loop {
        run.condemn(why);
        // Sent before they wake: not a line of them runs in between.
        let (all, place) = match send_to_all(run, why) {
            Some((all, place)) => (all, Some(place)),
            None => (vec![run.clone()], None),
        };
        for run in &all {
            run.wake();
        }
        if !run.goes_on() {
            return Outcome::Ended;
        }
        let Some(place) = place else {
            return Outcome::Blocked("C code that keeps Python's lock".to_owned());
        };
        if Instant::now() >= until {
            return why_not(run, place, before.as_deref());
        }
        before = place;
        thread::sleep(AGAIN);
    }
}

/// Sends the exception to a script, and to those that it has called. Gives these runs, and the
/// line that the script is at; nothing where C code keeps Python's lock.
fn send_to_all(run: &Arc<Run>, why: &str) -> Option<(Vec<Arc<Run>>, Option<String>)> {
    let (told, why) = (run.clone(), why.to_owned());
    reenter_within(PATIENCE, move |py| {
        // Scripts that it has called, and waits for, end before it. Looked for
        // attached: what runs on its thread does not change, and is called by it.
        let mut all = called_by(&told);
        all.push(told);
        let mut place = None;
        for run in &all {
            run.condemn(&why);
            place = inject(py, run);
        }
        (all, place)
    })
}

/// Why a script does not end, by where it is and where it was when it was last looked at.
fn why_not(run: &Run, place: Option<String>, before: Option<&str>) -> Outcome {
    match (place, run.waits_in()) {
        (place, Some(call)) if run.frame_of().is_some() => {
            Outcome::Refuses(place.unwrap_or_else(|| call.to_owned()))
        }
        (_, Some(call)) => Outcome::Blocked(call.to_owned()),
        (Some(place), None) if before == Some(place.as_str()) => Outcome::Blocked(place),
        (Some(place), None) => Outcome::Refuses(place),
        (None, None) => Outcome::Refuses("its thread".to_owned()),
    }
}

/// The scripts that run in a script, on its thread: each has called the next, and the
/// last comes first. None where it has left its thread. Attached.
fn called_by(run: &Run) -> Vec<Arc<Run>> {
    let thread = run.thread.load(Ordering::Acquire);
    let on_it = |other: &Arc<Run>| {
        thread != 0 && other.id > run.id && other.thread.load(Ordering::Acquire) == thread
    };
    let mut called: Vec<_> = runs::all().into_iter().filter(on_it).collect();
    called.reverse();
    called
}

/// Sends the exception to the script's thread, while it is the one that runs
/// there, and gives the line that it is at.
fn inject(py: Python<'_>, run: &Run) -> Option<String> {
    let place = place(py, run);
    if run.innermost.load(Ordering::Acquire) && run.goes_on() {
        send(py, run);
    }
    place
}

/// Sends the exception to a script that runs, and is the innermost on its thread.
pub fn send(py: Python<'_>, run: &Run) {
    let thread = run.thread.load(Ordering::Acquire);
    if thread != 0 {
        let class = py.get_type::<ScriptKilled>();
        // SAFETY: attached; the thread's number is Python's own, and one that
        // has ended is not found. The script leaves the list attached, so it
        // is still the one that the exception hits.
        unsafe { ffi::PyThreadState_SetAsyncExc(ident(thread), class.as_ptr()) };
    }
}

/// Takes back what was sent to this thread and has not hit yet. Attached, by the
/// script that leaves.
///
/// It hits a function of ours, which is called with nothing else between: a callback of
/// the collector would swallow it. It is never taken back by `PyThreadState_SetAsyncExc`
/// with NULL, which leaves the interpreter looking for it at every turn, and in 3.11 for
/// good at the first function that is traced.
pub fn forget(py: Python<'_>, thread: u64) {
    static HIT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let Ok(hit) = HIT.get_or_try_init(py, || {
        py.eval(c"lambda: None", None, None).map(Bound::unbind)
    }) else {
        return;
    };
    let class = py.get_type::<ScriptKilled>();
    // SAFETY: attached; it is this very thread's number.
    unsafe { ffi::PyThreadState_SetAsyncExc(ident(thread), class.as_ptr()) };
    drop(hit.call0(py));
}

fn ident(thread: u64) -> std::ffi::c_long {
    // CPython declares it unsigned, PyO3 signed: the bits are the same.
    thread.cast_signed() as std::ffi::c_long
}

/// Where a script is in Python: `file.py:12 in function`.
#[must_use]
pub fn place(py: Python<'_>, run: &Run) -> Option<String> {
    let thread = run.thread.load(Ordering::Acquire);
    let frame = if let Some(frame_of) = run.frame_of() {
        frame_of(py, run.id)?
    } else {
        let frames = py.import("sys").ok()?.call_method0("_current_frames");
        frames.ok()?.get_item(thread).ok()?
    };
    let code = frame.getattr("f_code").ok()?;
    let line = frame.getattr("f_lineno").ok()?;
    Some(format!(
        "{}:{line} in {}",
        code.getattr("co_filename").ok()?,
        code.getattr("co_name").ok()?
    ))
}
