//! Ending a script: an exception in Python, and the break of what it waits in.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::{Duration, Instant};

use pyo3::ffi;
use pyo3::prelude::*;

use super::enter::reenter;
use super::running::Script;
use crate::bus::head;
use crate::python::ScriptKilled;

/// How long a script gets to end.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often it is told again: `__del__` and `except BaseException` swallow it.
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
pub fn end(script: &Arc<Script>, why: &str) -> Outcome {
    let until = Instant::now() + PATIENCE;
    let mut before = None;
    loop {
        script.condemn(why);
        // Sent before it wakes: not a line of it runs in between.
        let place = inject(script);
        script.wake();
        if !script.runs() {
            return Outcome::Ended;
        }
        if Instant::now() >= until {
            return match (place, script.waits_in()) {
                (_, Some(call)) => Outcome::Blocked(call.to_owned()),
                (Some(place), None) if before.as_ref() == Some(&place) => Outcome::Blocked(place),
                (Some(place), None) => Outcome::Refuses(place),
                (None, None) => Outcome::Refuses("its thread".to_owned()),
            };
        }
        before = place;
        thread::sleep(AGAIN);
    }
}

/// Sends the exception to the script's thread, while it is the one that runs
/// there, and gives the line that it is at.
fn inject(script: &Script) -> Option<String> {
    reenter(|py| {
        let place = place(py, script);
        let thread = script.thread.load(Ordering::Acquire);
        if thread != 0 && script.innermost.load(Ordering::Acquire) && script.runs() {
            let class = py.get_type::<ScriptKilled>();
            // SAFETY: attached; the thread's number is Python's own, and one that
            // has ended is not found. The script leaves the list attached, so it
            // is still the one that the exception hits.
            unsafe { ffi::PyThreadState_SetAsyncExc(ident(thread), class.as_ptr()) };
        }
        place
    })
    .ok()
    .flatten()
}

/// Takes back what was sent to this thread and has not hit yet. Attached, by the
/// script that leaves.
pub fn forget(_: Python<'_>, thread: u64) {
    // SAFETY: attached; NULL takes back.
    unsafe { ffi::PyThreadState_SetAsyncExc(ident(thread), std::ptr::null_mut()) };
}

fn ident(thread: u64) -> std::ffi::c_long {
    // CPython declares it unsigned, PyO3 signed: the bits are the same.
    thread.cast_signed() as std::ffi::c_long
}

/// Where a script is in Python: `file.py:12 in function`.
#[must_use]
pub fn place(py: Python<'_>, script: &Script) -> Option<String> {
    let thread = script.thread.load(Ordering::Acquire);
    let frame = if script.is_coroutine.load(Ordering::Acquire) {
        let awaits = head::module(py).ok()?.call_method1("frame", (script.id,));
        awaits.ok().filter(|frame| !frame.is_none())?
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
