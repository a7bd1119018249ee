//! The gate that every entry into Python passes, and that shutdown closes.
//!
//! A thread that attaches while the interpreter ends is killed or hangs, with
//! the core's C frames beneath it; so from a certain moment on nobody may.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const CLOSED: usize = 1 << (usize::BITS - 1);

/// Whether the gate is closed, and how many are inside.
static STATE: AtomicUsize = AtomicUsize::new(CLOSED);

/// One that is inside; it leaves when this goes.
#[derive(Debug)]
pub struct Inside(());

impl Drop for Inside {
    fn drop(&mut self) {
        STATE.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Goes in, if the gate is open.
#[must_use]
pub fn enter() -> Option<Inside> {
    // The count is raised before the look, so that close() cannot miss it.
    let inside = if STATE.fetch_add(1, Ordering::AcqRel) & CLOSED == 0 {
        Some(Inside(()))
    } else {
        None
    };
    if inside.is_none() {
        STATE.fetch_sub(1, Ordering::AcqRel);
    }
    inside
}

/// Opens the gate.
pub fn open() {
    STATE.fetch_and(!CLOSED, Ordering::AcqRel);
}

/// Closes the gate; those inside stay.
pub fn close() {
    STATE.fetch_or(CLOSED, Ordering::AcqRel);
}

/// How many are inside.
#[must_use]
pub fn inside() -> usize {
    STATE.load(Ordering::Acquire) & !CLOSED
}

/// Waits until all have left or the time is over; gives how many have not.
#[must_use]
pub fn wait_until_empty(wait: Duration) -> usize {
    let end = Instant::now() + wait;
    while inside() > 0 && Instant::now() < end {
        thread::sleep(Duration::from_millis(5));
    }
    inside()
}
