//! Leaving the interpreter lock for a `Detached` token, and who may wait.

use std::cell::Cell;

use freeswitch::{Detached, core};
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;

thread_local! {
    static ON_LOOP: Cell<bool> = const { Cell::new(false) };
}

/// Says that this thread is the event loop's, which may not wait.
pub fn mark_loop() {
    ON_LOOP.set(true);
}

/// Is this the event loop's thread?
#[must_use]
pub fn on_loop() -> bool {
    ON_LOOP.get()
}

/// May this thread wait? Not the event loop's: all coroutines would, with it.
///
/// # Errors
/// `RuntimeError`, that names the call.
pub fn may_wait(what: &str) -> PyResult<()> {
    if on_loop() {
        return Err(PyRuntimeError::new_err(format!(
            "{what} would make every coroutine wait: on the event loop, {}",
            instead(what)
        )));
    }
    Ok(())
}

/// What a coroutine says instead of a name of mod_python's.
fn instead(what: &str) -> &'static str {
    match what {
        "streamFile" => "`await session.play(file)`",
        "recordFile" => "`await session.record(file)`",
        "speak" => "`await session.speak(text)`",
        "say" => "`await session.say(what)`",
        "sayPhrase" => "`await session.execute(\"phrase\", \"name,data\")`",
        "sleep" | "msleep" => "`await session.sleep(seconds)`, or `await asyncio.sleep(seconds)`",
        "getDigits" | "collectDigits" => "`await session.get_digits(max_digits, timeout=seconds)`",
        "read" | "playAndGetDigits" => "`await session.play_and_get_digits(file, max_digits=4)`",
        "answer" => "`await session.answer()`",
        "preAnswer" => "`await session.pre_answer()`",
        "execute" => "`await session.execute(app, data)`",
        "waitForAnswer" => "`await session.wait_for_answer()`",
        "bridge" => "`await session.bridge(other)`",
        "originate" | "Session" => "`await freeswitch.originate(dial_string)`",
        _ => "await what an AsyncSession has for it",
    }
}

/// Lets other Python code run while `body` is in the switch, for short calls that
/// `pyps` need not show.
///
/// A thread that comes here when the core has gone stays for good: the process is
/// about to end, and the core's memory is being freed.
pub fn detached<T: Send>(py: Python<'_>, body: impl FnOnce(&Detached) -> T + Send) -> T {
    py.detach(|| {
        while core::gone() {
            std::thread::park();
        }
        // SAFETY: detached by the line above, and attached again only when the
        // closure, to which the token is lent, has returned; callbacks that
        // attach within go through interp::attach.
        body(&unsafe { Detached::new() })
    })
}

/// As [`detached`], for short reads that keep the lock: parks when the core has gone.
pub fn present(py: Python<'_>) {
    if core::gone() {
        detached(py, |_| ());
    }
}
