//! Queues of the core's own kind (`switch_queue_t`): who waits in one waits in the
//! switch, in pocket's time, too.

use std::ffi::c_void;
use std::time::Duration;

use bindings::{
    switch_queue_create, switch_queue_interrupt_all, switch_queue_pop, switch_queue_pop_timeout,
    switch_queue_size, switch_queue_t, switch_queue_term, switch_queue_trypop,
    switch_queue_trypush,
};

use super::pool::Pool;
use crate::Status;

/// How long to wait for what a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Take what is there.
    None,
    /// Wait so long.
    For(Duration),
    /// Wait until there is something, or nobody is to wait any more.
    Endless,
}

/// Pointers, of which it keeps nothing but the pointers.
pub(crate) struct Queue {
    queue: *mut switch_queue_t,
    /// What the queue lies in; freed with it.
    _pool: Pool,
}

// SAFETY: the core's queues lock for themselves; the pointer is good as long as
// the pool, which this keeps.
unsafe impl Send for Queue {}
// SAFETY: push and pop take the queue's own lock; the pointer itself never changes.
unsafe impl Sync for Queue {}

impl Queue {
    /// One that holds so many.
    pub(crate) fn new(length: u32) -> Result<Self, Status> {
        let pool = Pool::new()?;
        let mut queue = std::ptr::null_mut();
        // SAFETY: the pool lives, and the core writes one pointer.
        Status::check(unsafe { switch_queue_create(&raw mut queue, length, pool.as_ptr()) })?;
        Ok(Self { queue, _pool: pool })
    }

    /// Puts a pointer in; false where there is no room.
    pub(crate) fn push(&self, pointer: *mut c_void) -> bool {
        // SAFETY: the queue lives; it only keeps the pointer.
        Status::check(unsafe { switch_queue_trypush(self.queue, pointer) }).is_ok()
    }

    /// Takes the oldest out.
    pub(crate) fn pop(&self, patience: Patience) -> Option<*mut c_void> {
        let mut taken = std::ptr::null_mut();
        // SAFETY: the queue lives, and the core writes one pointer.
        let status = unsafe {
            match patience {
                Patience::None => switch_queue_trypop(self.queue, &raw mut taken),
                Patience::For(time) => {
                    let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
                    switch_queue_pop_timeout(self.queue, &raw mut taken, micros)
                }
                Patience::Endless => switch_queue_pop(self.queue, &raw mut taken),
            }
        };
        Status::check(status).ok().map(|()| taken)
    }

    /// How many are in it.
    pub(crate) fn len(&self) -> u32 {
        // SAFETY: the queue lives.
        unsafe { switch_queue_size(self.queue) }
    }

    /// Wakes who waits, with nothing.
    pub(crate) fn interrupt(&self) {
        // SAFETY: the queue lives.
        unsafe { switch_queue_interrupt_all(self.queue) };
    }

    /// The same, and keeps nobody who comes to wait after this, unlike an interrupt.
    pub(crate) fn end(&self) {
        // SAFETY: the queue lives.
        unsafe { switch_queue_term(self.queue) };
    }
}
