//! Whose interpreter it is: one of the module's own inside FreeSWITCH, or that of
//! the program that has loaded it, as with pocket.

use std::sync::atomic::{AtomicBool, Ordering};

/// Asked at every entry.
static JOINED: AtomicBool = AtomicBool::new(false);

/// Says that the interpreter is the program's.
pub(super) fn set_joined() {
    JOINED.store(true, Ordering::Release);
}

/// Is the interpreter the program's, as with pocket?
#[must_use]
pub fn is_joined() -> bool {
    JOINED.load(Ordering::Acquire)
}
