//! The end of Python: what runs at its exit, and its threads.

use std::sync::mpsc::{Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use pyo3::ffi;
use pyo3::prelude::*;

use super::{errors, process_exit};

/// Run atexit functions; with `for_good` end Python's threads too, and keep the
/// interpreter lock.
pub(super) struct End {
    pub for_good: bool,
    pub until: Instant,
    pub done: Sender<()>,
}

/// Waits on the interpreter's own thread for what is to be done there.
pub(super) fn serve(inbox: &Receiver<End>, state: *mut ffi::PyThreadState) {
    while let Ok(End {
        for_good,
        until,
        done,
    }) = inbox.recv()
    {
        // SAFETY: the state is this thread's, and the interpreter runs until the
        // process ends.
        unsafe { ffi::PyEval_RestoreThread(state) };
        // SAFETY: attached by the line above.
        let py = unsafe { Python::assume_attached() };
        end(py, for_good, until);
        let _ = done.send(());
        if for_good {
            // It stays attached: no script's thread runs Python again.
            loop {
                thread::park();
            }
        }
        // SAFETY: gives back what was taken above.
        unsafe { super::thread_state::let_go() };
    }
}

fn end(py: Python<'_>, for_good: bool, until: Instant) {
    let step = |name: &str, result: PyResult<()>| {
        if let Err(error) = result
            && !errors::is_exit(py, &error)
        {
            errors::report(
                py,
                &error,
                &errors::Failure {
                    code: errors::FAILED,
                    way: "python",
                    target: name,
                    outcome: "ending goes on",
                },
            );
        }
    };
    if for_good {
        step(
            "threading._shutdown",
            py.import("threading")
                .and_then(|m| m.call_method0("_shutdown"))
                .map(drop),
        );
    }
    step(
        "atexit",
        py.import("atexit")
            .and_then(|m| m.call_method0("_run_exitfuncs"))
            .map(drop),
    );
    step(
        "flush",
        py.import("freeswitch._boot")
            .and_then(|m| m.call_method0("flush_files"))
            .map(drop),
    );
    if for_good {
        let threads = other_threads(py);
        if threads > 0 {
            // C code that runs without the lock gets a moment to end.
            let moment =
                Duration::from_millis(300).min(until.saturating_duration_since(Instant::now()));
            thread::sleep(moment);
            process_exit::leave_early();
        }
    }
}

/// How many threads have Python states, besides this one.
fn other_threads(py: Python<'_>) -> usize {
    let frames = py
        .import("sys")
        .and_then(|m| m.call_method0("_current_frames"))
        .and_then(|f| f.len());
    frames.unwrap_or(0).saturating_sub(1)
}
