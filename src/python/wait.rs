//! Waiting without the interpreter lock: the one way to a `Detached` token.

use pyo3::prelude::*;

use crate::switch::{Detached, core};

/// Lets other Python code run while `body` waits in the switch.
///
/// A thread that comes here when the core has gone stays for good: the process
/// is about to end, and the core's memory is being freed.
pub fn wait<T: Send>(py: Python<'_>, body: impl FnOnce(&Detached) -> T + Send) -> T {
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

/// As [`wait`], for short reads that keep the lock: parks when the core has gone.
pub fn present(py: Python<'_>) {
    if core::gone() {
        wait(py, |_| ());
    }
}
