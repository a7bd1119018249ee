//! The core as a whole: folders, global variables, versions, and its end.

use std::ffi::CStr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bindings::{
    SCSC_SHUTDOWN_CHECK, SWITCH_GLOBAL_dirs, SWITCH_TRUE, switch_core_get_variable_dup,
    switch_core_running, switch_core_session_ctl, switch_core_sessions_per_second,
    switch_core_set_variable, switch_loadable_module_exists, switch_micro_time_now, switch_sleep,
    switch_version_full,
};

use super::Detached;
use super::text::{copied, pointer, taken};

static GONE: AtomicBool = AtomicBool::new(false);
static INSIDE: AtomicUsize = AtomicUsize::new(0);

/// One call into the core that must end before the core may go.
pub struct Inside(());

impl Drop for Inside {
    fn drop(&mut self) {
        INSIDE.fetch_sub(1, Ordering::Release);
    }
}

/// Marks a short call into the core; nothing, once the core has gone.
#[inline]
#[must_use]
pub fn inside() -> Option<Inside> {
    // SeqCst on both sides: either this sees GONE, or leave() sees the count.
    INSIDE.fetch_add(1, Ordering::SeqCst);
    let inside = Inside(());
    (!GONE.load(Ordering::SeqCst)).then_some(inside)
}

/// True once the module's shutdown has returned to a core that ends: from then
/// on no thread of ours may call it, since its pools and log are being freed.
#[inline]
#[must_use]
pub fn gone() -> bool {
    GONE.load(Ordering::Acquire)
}

/// Declares the core gone, and waits a little for short calls that are in it.
pub fn leave(wait: Duration) {
    GONE.store(true, Ordering::SeqCst);
    let end = Instant::now() + wait;
    while INSIDE.load(Ordering::SeqCst) > 0 && Instant::now() < end {
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Declares the core present; load does so.
pub fn arrive() {
    GONE.store(false, Ordering::SeqCst);
}

/// `switch_version_full`: "1.11.1-release ... 64bit".
#[must_use]
pub fn version() -> String {
    // SAFETY: a constant of the core.
    let text = unsafe { copied(switch_version_full()) };
    String::from_utf8_lossy(&text.unwrap_or_default()).into_owned()
}

/// Is the core running, as `freeswitch.running()` asks?
#[inline]
#[must_use]
pub fn running() -> bool {
    // SAFETY: no arguments.
    unsafe { switch_core_running() == SWITCH_TRUE }
}

/// Does the core end, rather than unload one module?
#[must_use]
pub fn shutting_down() -> bool {
    let mut asked: i32 = 0;
    // SAFETY: the core writes one int32_t through the pointer.
    unsafe { switch_core_session_ctl(SCSC_SHUTDOWN_CHECK, (&raw mut asked).cast()) };
    !running() || asked != 0
}

/// How many sessions the core lets begin in a second (`sessions-per-second`).
#[must_use]
pub fn sessions_per_second() -> u32 {
    // SAFETY: zero asks only.
    unsafe { switch_core_sessions_per_second(0) }
}

/// Is a module of this name loaded?
#[must_use]
pub fn module_exists(name: &CStr) -> bool {
    // SAFETY: the core only reads the name.
    unsafe { switch_loadable_module_exists(name.as_ptr()) == bindings::SWITCH_STATUS_SUCCESS }
}

/// The folder that scripts are looked for in (`SWITCH_GLOBAL_dirs.script_dir`).
#[must_use]
pub fn script_dir() -> PathBuf {
    use std::os::unix::ffi::OsStringExt;
    // SAFETY: the core sets the folders before it loads modules and never changes them.
    let bytes = unsafe { copied(SWITCH_GLOBAL_dirs.script_dir) };
    PathBuf::from(std::ffi::OsString::from_vec(bytes.unwrap_or_default()))
}

/// A global variable, copied (`switch_core_get_variable_dup`).
#[must_use]
pub fn global(name: &CStr) -> Option<Vec<u8>> {
    // SAFETY: the core gives a copy of its own, made with malloc.
    unsafe { taken(switch_core_get_variable_dup(name.as_ptr())) }
}

/// Sets a global variable, or removes it (`switch_core_set_variable`).
pub fn set_global(name: &CStr, value: Option<&CStr>) {
    // SAFETY: the core copies both strings.
    unsafe { switch_core_set_variable(name.as_ptr(), pointer(value)) };
}

/// Waits, with no call involved (`switch_sleep`), until `stop` is set or the switch
/// ends at most.
pub fn sleep(_: &Detached, time: Duration, stop: &AtomicBool) {
    /// How soon a wait that is to end does.
    const STEP: i64 = 100_000;
    let mut left = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
    while left > 0 && !stop.load(Ordering::Acquire) && running() {
        let step = left.min(STEP);
        // SAFETY: no pointers.
        unsafe { switch_sleep(step) };
        left -= step;
    }
}

/// As [`sleep`], where nothing but the switch's end stops it.
pub fn pause(held: &Detached, time: Duration) {
    sleep(held, time, &AtomicBool::new(false));
}

/// The switch's clock, in microseconds since 1970 (`switch_micro_time_now`).
#[inline]
#[must_use]
pub fn now_micros() -> i64 {
    // SAFETY: no arguments.
    unsafe { switch_micro_time_now() }
}

/// When a time that begins now is over, by [`now_micros`].
#[must_use]
pub fn end_of(time: Duration) -> i64 {
    now_micros().saturating_add(i64::try_from(time.as_micros()).unwrap_or(i64::MAX))
}
