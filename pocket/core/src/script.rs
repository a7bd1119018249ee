//! What the Python package builds on so that threads of scripts count, and wait
//! for each other, in the switch's time.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use crate::clock::{Clock, Signal, Wait};
use crate::presence::{self, Presence, Ticket};
use crate::switch::{Core, current};

thread_local! {
    /// Held while a script's own thread runs.
    static PRESENT: RefCell<Vec<Presence>> = const { RefCell::new(Vec::new()) };
}

fn core_here() -> Option<Arc<Core>> {
    if !presence::counted_here() {
        return None;
    }
    current().filter(|core| core.clock.counts_here())
}

/// Whether the calling thread is one of the open switch or of its scripts, and
/// counts in its clock.
#[must_use]
pub fn counts() -> bool {
    core_here().is_some()
}

/// Microseconds of the clock, and microseconds since 1970 by it; `None` on a
/// thread that does not count.
#[must_use]
pub fn now() -> Option<(i64, i64)> {
    core_here().map(|core| (core.clock.now(), core.clock.epoch_now()))
}

/// Waits that many microseconds of the clock; false on a thread that does not
/// count.
#[must_use]
pub fn sleep(micros: i64) -> bool {
    let core = core_here();
    if let Some(core) = &core {
        core.clock.sleep(micros);
    }
    core.is_some()
}

/// A place in the clock's count: the clock does not jump until it is left.
pub struct Place(Mutex<Option<Ticket>>);

impl Place {
    /// Takes one for work that a counted thread hands to another; `None` where
    /// the calling thread does not count.
    #[must_use]
    pub fn reserve() -> Option<Self> {
        core_here().map(|core| Self(Mutex::new(Some(core.clock.reserve()))))
    }

    /// The calling thread takes the place, until it calls [`leave`].
    pub fn enter(&self) {
        if let Some(ticket) = self.0.lock().take() {
            let presence = ticket.enter();
            PRESENT.with_borrow_mut(|present| present.push(presence));
        }
    }

    /// Gives the place up: nobody takes it.
    pub fn give_up(&self) {
        let ticket = self.0.lock().take();
        drop(ticket);
    }
}

/// The calling thread leaves the place that it took last.
pub fn leave() {
    let presence = PRESENT.with_borrow_mut(Vec::pop);
    drop(presence);
}

/// A lock that one thread takes and any may release, as Python's: who waits for
/// it waits in the clock.
pub struct Gate {
    clock: Arc<Clock>,
    held: AtomicBool,
    released: Signal,
}

impl Gate {
    /// One that is free; `None` on a thread that does not count.
    #[must_use]
    pub fn new() -> Option<Self> {
        core_here().map(|core| Self {
            clock: Arc::clone(&core.clock),
            held: AtomicBool::new(false),
            released: Signal::new(),
        })
    }

    /// Whether somebody has it.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.held.load(Ordering::SeqCst)
    }

    /// Takes it if it is free.
    #[must_use]
    pub fn try_acquire(&self) -> bool {
        !self.held.swap(true, Ordering::SeqCst)
    }

    /// Waits for it, that many microseconds or for as long as it takes; whether it
    /// was taken.
    #[must_use]
    pub fn acquire(&self, limit: Option<i64>) -> bool {
        let deadline = limit.map(|limit| self.clock.now().saturating_add(limit));
        loop {
            let generation = self.released.generation();
            if self.try_acquire() {
                return true;
            }
            if deadline.is_some_and(|deadline| self.clock.now() >= deadline) {
                return false;
            }
            self.clock
                .wait(Wait::on(&self.released, generation, deadline));
        }
    }

    /// Releases it; false when it was free.
    #[must_use]
    pub fn release(&self) -> bool {
        self.clock
            .raise_after(&self.released, || self.held.swap(false, Ordering::SeqCst))
    }
}
