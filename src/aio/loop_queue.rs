//! What threads of the switch leave for the event loop: nobody waits for the
//! interpreter lock to leave it, and one wake-up serves many.

use std::os::fd::RawFd;
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::time::{Duration, Instant};

use freeswitch::sync::wakeup::Wakeup;
use freeswitch::{Detached, Status};
use parking_lot::Mutex;
use pyo3::prelude::*;

use crate::interp::embedding;

/// Something for the loop to do.
pub type Message = Box<dyn FnOnce(Python<'_>) -> PyResult<()> + Send>;

/// Messages, in the order that they came.
static MESSAGES: Mutex<Vec<Message>> = Mutex::new(Vec::new());
/// When the oldest of them came.
static FIRST: Mutex<Option<Instant>> = Mutex::new(None);
/// It has been woken by its descriptor, and has not looked yet.
static WOKEN: AtomicBool = AtomicBool::new(false);
/// An eventfd, or -1. It is never closed: where a script has closed it the number
/// is somebody else's.
static EVENT_FD: AtomicI32 = AtomicI32::new(-1);
/// In pocket the loop waits in the switch's own time.
static WAKEUP: Mutex<Option<std::sync::Arc<Wakeup>>> = Mutex::new(None);

/// Leaves something for the loop.
pub fn post(message: impl FnOnce(Python<'_>) -> PyResult<()> + Send + 'static) {
    let mut messages = MESSAGES.lock();
    if messages.is_empty() {
        *FIRST.lock() = Some(Instant::now());
    }
    messages.push(Box::new(message));
    drop(messages);
    wake();
}

/// How long the oldest message has waited; nothing where none waits.
#[must_use]
pub fn waits_since() -> Option<Duration> {
    let messages = MESSAGES.lock();
    let first = *FIRST.lock();
    first
        .filter(|_| !messages.is_empty())
        .map(|first| first.elapsed())
}

/// How many messages wait.
#[must_use]
pub fn len() -> usize {
    MESSAGES.lock().len()
}

/// Takes all that was left.
#[must_use]
pub fn take() -> Vec<Message> {
    let mut count: u64 = 0;
    let fd = EVENT_FD.load(Ordering::Acquire);
    if fd >= 0 {
        // SAFETY: an eventfd gives eight bytes, or EAGAIN.
        unsafe { libc::read(fd, (&raw mut count).cast(), 8) };
    }
    // Clear WOKEN after draining the eventfd, or the next wake-up is lost; and before
    // the messages are taken, so that what comes now wakes the loop again.
    WOKEN.store(false, Ordering::SeqCst);
    std::mem::take(&mut *MESSAGES.lock())
}

/// Ends the loop's wait.
pub fn wake() {
    if embedding::is_joined() {
        // With no mark before: a thread that has made one and is held up before it
        // rings would keep the others from ringing, and pocket's clock, which sees
        // all of them wait, would jump.
        // With no switch in the process there is no such eventfd, and the loop waits by its
        // descriptor.
        if let Some(wakeup) = WAKEUP.lock().clone() {
            wakeup.ring();
            return;
        }
    }
    if WOKEN.swap(true, Ordering::SeqCst) {
        return;
    }
    let fd = EVENT_FD.load(Ordering::Acquire);
    if fd >= 0 {
        let one: u64 = 1;
        // SAFETY: eight bytes of ours are read.
        unsafe { libc::write(fd, (&raw const one).cast(), 8) };
    }
}

/// What the loop watches, to know that there are messages.
///
/// # Errors
/// The system's.
pub fn descriptor() -> std::io::Result<RawFd> {
    match EVENT_FD.load(Ordering::Acquire) {
        -1 => new_descriptor(),
        fd => Ok(fd),
    }
}

/// As [`descriptor`], a new one.
///
/// # Errors
/// The system's.
pub fn new_descriptor() -> std::io::Result<RawFd> {
    // SAFETY: no pointers.
    let fd = unsafe { libc::eventfd(0, libc::EFD_NONBLOCK | libc::EFD_CLOEXEC) };
    if fd < 0 {
        return Err(std::io::Error::last_os_error());
    }
    EVENT_FD.store(fd, Ordering::Release);
    // Posts from now on ring this one.
    WOKEN.store(false, Ordering::SeqCst);
    Ok(fd)
}

/// Makes what the loop waits in, in pocket.
///
/// # Errors
/// No memory.
pub fn make_wakeup() -> Result<(), Status> {
    *WAKEUP.lock() = Some(std::sync::Arc::new(Wakeup::new()?));
    Ok(())
}

/// Does the loop wait in the switch's own time?
#[must_use]
pub fn has_wakeup() -> bool {
    WAKEUP.lock().is_some()
}

/// Takes it down: the switch that it lay in ends.
pub fn drop_wakeup() {
    WAKEUP.lock().take();
    let old = std::mem::take(&mut *MESSAGES.lock());
    drop(old);
}

/// Waits in the switch's own time, until there are messages or so long.
pub fn wait(held: &Detached, time: Option<Duration>) {
    let wakeup = WAKEUP.lock().clone();
    if let Some(wakeup) = wakeup {
        wakeup.wait(held, time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Does the loop have a reason to look, within a second?
    fn rings(fd: RawFd) -> bool {
        let mut polled = libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        // SAFETY: one entry of ours.
        unsafe { libc::poll(&raw mut polled, 1, 1000) == 1 }
    }

    #[test]
    fn every_message_wakes_a_loop_that_has_taken_those_before() {
        const THREADS: usize = 3;
        const EACH: usize = 100_000;
        let fd = descriptor().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| (0..EACH).for_each(|_| post(|_| Ok(()))));
            }
            let mut taken = 0;
            while taken < THREADS * EACH {
                assert!(rings(fd), "{} messages wait, and nobody rang", len());
                taken += take().len();
            }
        });
    }
}
