//! A wait that another thread ends, in the switch: in pocket's time, too.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::time::Duration;

use super::queue::{Patience, Queue};
use crate::{Detached, Status};

/// Rung from any thread; it stays rung until somebody has waited for it.
pub struct Wakeup(Queue);

impl Wakeup {
    /// # Errors
    /// No memory.
    pub fn new() -> Result<Self, Status> {
        Queue::new(1).map(Self)
    }

    /// Ends the wait that is, or the next one.
    pub fn ring(&self) {
        // Nobody looks at the pointer; full means that it has rung already.
        self.0.push(NonNull::<c_void>::dangling().as_ptr());
    }

    /// Waits until it rings, or so long; true when it rang.
    pub fn wait(&self, _: &Detached, time: Option<Duration>) -> bool {
        self.0
            .pop(time.map_or(Patience::Endless, Patience::For))
            .is_some()
    }
}
