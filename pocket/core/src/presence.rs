//! Which threads a clock counts, each told by cells of its own.

use std::cell::Cell;
use std::sync::{Arc, Once};

use crate::clock::Clock;

thread_local! {
    /// The clock that counts this thread, 0 for none.
    static COUNTED_BY: Cell<u64> = const { Cell::new(0) };
    /// The clock that this thread drives, 0 for none.
    static DRIVES: Cell<u64> = const { Cell::new(0) };
}

/// Does the clock with this number count the calling thread?
pub(crate) fn counted_by(clock: u64) -> bool {
    COUNTED_BY.get() == clock
}

/// Does the calling thread drive the clock with this number?
pub(crate) fn driven_by(clock: u64) -> bool {
    DRIVES.get() == clock
}

/// The calling thread drives that clock, and counts in it.
pub(crate) fn drive(clock: u64) {
    COUNTED_BY.set(clock);
    DRIVES.set(clock);
}

/// It does so no longer, if this is the thread that did.
pub(crate) fn drive_no_more(clock: u64) {
    for cell in [&COUNTED_BY, &DRIVES] {
        if cell.get() == clock {
            cell.set(0);
        }
    }
}

/// Whether any clock counts the calling thread: asked first, since it takes no lock.
pub(crate) fn counted_here() -> bool {
    COUNTED_BY.get() != 0
}

/// Has a child that this process forks count in no clock: the threads that would
/// move it, or hold its lock, are not there.
pub(crate) fn stay_out_of_children() {
    unsafe extern "C" fn in_child() {
        crate::edge::guard("a forked child", (), || {
            COUNTED_BY.set(0);
            DRIVES.set(0);
        });
    }
    static ONCE: Once = Once::new();
    // SAFETY: the handler stays mapped, as the library does; it only writes this
    // thread's own cells, which need no initialisation. Without memory for it a
    // child is as it would be.
    ONCE.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(in_child));
    });
}

/// A place in the clock's count for a thread that is being started.
pub(crate) struct Ticket {
    clock: Option<Arc<Clock>>,
}

impl Ticket {
    /// Of a place that the clock has counted already.
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        Self { clock: Some(clock) }
    }

    /// Takes the place; called on the thread itself.
    pub(crate) fn enter(mut self) -> Presence {
        let clock = self.clock.take();
        let before = COUNTED_BY.get();
        if let Some(clock) = &clock {
            if before == clock.id() {
                // Counted already: the place is given back at once.
                clock.leave();
                return Presence {
                    clock: None,
                    before,
                };
            }
            COUNTED_BY.set(clock.id());
        }
        Presence { clock, before }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(clock) = self.clock.take() {
            clock.leave();
        }
    }
}

/// While it lives, its thread counts.
pub(crate) struct Presence {
    clock: Option<Arc<Clock>>,
    before: u64,
}

impl Drop for Presence {
    fn drop(&mut self) {
        // In a child that was forked nobody counts, and there is nothing to leave.
        if let Some(clock) = self.clock.take()
            && COUNTED_BY.replace(self.before) == clock.id()
        {
            clock.leave();
        }
    }
}
