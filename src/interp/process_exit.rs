//! The end of the process with Python threads still in C code.
//!
//! The core cleans up OpenSSL and SQLite as it exits, while a script's thread
//! may be inside them. `Py_Finalize` would not help: it cannot stop those
//! threads either. So where any are left the process ends early, flushed, with
//! the status that it was about to end with.

use std::ffi::{c_int, c_void};
use std::sync::atomic::{AtomicBool, Ordering};

static ARMED: AtomicBool = AtomicBool::new(false);

/// From now on `exit()` flushes and leaves before any other exit handler runs.
/// To be called late: handlers run in the reverse order of their registration.
pub(super) fn leave_early() {
    if !ARMED.swap(true, Ordering::AcqRel) {
        // SAFETY: the function is never unmapped (the library stays).
        unsafe { on_exit(Some(leave), std::ptr::null_mut()) };
    }
}

unsafe extern "C" {
    // glibc's; the libc crate does not declare it.
    fn on_exit(
        function: Option<unsafe extern "C" fn(c_int, *mut c_void)>,
        arg: *mut c_void,
    ) -> c_int;
}

unsafe extern "C" fn leave(status: c_int, _: *mut c_void) {
    // SAFETY: NULL flushes every stream; _exit does not return.
    unsafe {
        libc::fflush(std::ptr::null_mut());
        libc::_exit(status);
    }
}
