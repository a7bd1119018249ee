//! A wait that another thread ends, in the switch: in pocket's time, too.

use std::ffi::c_void;
use std::ptr::NonNull;
use std::time::Duration;

use bindings::{
    switch_queue_create, switch_queue_pop, switch_queue_pop_timeout, switch_queue_t,
    switch_queue_trypush,
};

use super::pool::Pool;
use super::{Detached, Status};

/// Rung from any thread; it stays rung until somebody has waited for it.
pub struct Bell {
    queue: *mut switch_queue_t,
    /// What the queue lies in; freed with it.
    _pool: Pool,
}

// SAFETY: the core's queues lock for themselves; the pointer is good as long as
// the pool, which this keeps.
unsafe impl Send for Bell {}
// SAFETY: as above.
unsafe impl Sync for Bell {}

impl Bell {
    /// # Errors
    /// No memory.
    pub fn new() -> Result<Self, Status> {
        let pool = Pool::new()?;
        let mut queue = std::ptr::null_mut();
        // SAFETY: the pool lives, and the core writes one pointer.
        Status::check(unsafe { switch_queue_create(&raw mut queue, 1, pool.as_ptr()) })?;
        Ok(Self { queue, _pool: pool })
    }

    /// Ends the wait that is, or the next one.
    pub fn ring(&self) {
        // SAFETY: the queue lives. It keeps a pointer that nobody looks at; full
        // means that it has rung already.
        unsafe { switch_queue_trypush(self.queue, NonNull::<c_void>::dangling().as_ptr()) };
    }

    /// Waits until it rings, or so long; true when it rang.
    pub fn wait(&self, _: &Detached, time: Option<Duration>) -> bool {
        let mut taken = std::ptr::null_mut();
        // SAFETY: the queue lives, and the core writes one pointer.
        let status = unsafe {
            match time {
                None => switch_queue_pop(self.queue, &raw mut taken),
                Some(time) => {
                    let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
                    switch_queue_pop_timeout(self.queue, &raw mut taken, micros)
                }
            }
        };
        Status::check(status).is_ok()
    }
}
