//! The one guard that every `extern "C"` function goes through.
//!
//! FreeSWITCH is C: a panic that reached it would abort the process and drop
//! every call. The guard catches it, logs where it came from, and gives the
//! core the failure value that does least harm for that callback.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::ffi::CStr;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use super::log::{self, Channel, Level};

#[cfg(panic = "abort")]
compile_error!("this crate needs panic = \"unwind\": an abort would drop every call");

thread_local! {
    static GUARDS: Cell<u32> = const { Cell::new(0) };
    /// In a child that this thread has forked: how many guards it was in, and one more.
    static FORKED_IN: Cell<u32> = const { Cell::new(0) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Runs the body of an `extern "C"` function.
///
/// `what` names the function in the log; `failure` is what the core gets when
/// the body panics, which differs by callback: see FreeSWITCH's own treatment
/// of the value (a state-change hook that failed would stop the other hooks, an
/// API command that failed gets `COMMAND RETURNED ERROR!` appended).
pub fn guard<T>(what: &'static CStr, failure: T, body: impl FnOnce() -> T) -> T {
    GUARDS.with(|g| g.set(g.get() + 1));
    let outcome = panic::catch_unwind(AssertUnwindSafe(body));
    if FORKED_IN.get() > GUARDS.get() {
        leave_if_forked();
    }
    GUARDS.with(|g| g.set(g.get() - 1));
    match outcome {
        Ok(value) => value,
        Err(payload) => {
            report(what, &*payload);
            // Dropping a payload can panic too, and nothing is left to catch it.
            std::mem::forget(payload);
            failure
        }
    }
}

/// This process is a child that a script has forked.
static FORKED: AtomicBool = AtomicBool::new(false);

/// Is this process a child that a script has forked? It has this thread alone.
#[inline]
#[must_use]
pub fn is_forked() -> bool {
    FORKED.load(Ordering::Relaxed)
}

/// Ends a child that a script has forked on this thread and that comes back: it
/// would go on as a second switch, with this one's sockets.
#[inline]
pub fn leave_if_forked() {
    if FORKED_IN.get() > 0 {
        // SAFETY: does not return, and runs no exit handlers of the parent's.
        unsafe { libc::_exit(0) };
    }
}

/// Has children that a script forks noticed.
pub fn notice_forks() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // SAFETY: the function is never unmapped (the library stays).
        unsafe { libc::pthread_atfork(None, None, Some(in_child)) };
    });
}

unsafe extern "C" fn in_child() {
    // Stores and nothing else: other threads' locks are as the fork left them.
    FORKED.store(true, Ordering::Relaxed);
    log::use_descriptors();
    FORKED_IN.set(GUARDS.get() + 1);
}

fn report(what: &'static CStr, payload: &(dyn Any + Send)) {
    let text = payload
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a payload that is no text");
    let place = PLACE.with(|p| p.try_borrow().map(|p| p.clone()).unwrap_or_default());
    let line = format!("panic in {}: {text}{place}", what.to_string_lossy());
    // SAFETY: no session is given.
    unsafe {
        log::put(
            Level::Crit,
            (what, what, 0),
            Channel::Log(None),
            line.as_bytes(),
        );
    }
}

/// Makes panics under a guard silent on stderr, which a daemon has closed, and
/// keeps their place for the log. Others go to the hook that was there before.
pub fn install_panic_hook() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if GUARDS.try_with(Cell::get).unwrap_or(0) == 0 {
                return before(info);
            }
            let place = info
                .location()
                .map(|l| format!(" (at {}:{}:{})", l.file(), l.line(), l.column()))
                .unwrap_or_default();
            let _ = PLACE.try_with(|p| {
                if let Ok(mut p) = p.try_borrow_mut() {
                    *p = place;
                }
            });
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_the_failure_value() {
        install_panic_hook();
        assert_eq!(guard(c"test", 7, || -> i32 { panic!("on purpose") }), 7);
        assert_eq!(guard(c"test", 7, || 1), 1);
    }

    #[test]
    fn a_guard_inside_a_guard_keeps_its_own_failure() {
        let outer = guard(c"outer", 0, || {
            guard(c"inner", 5, || -> i32 { panic!("on purpose") })
        });
        assert_eq!(outer, 5);
    }
}
