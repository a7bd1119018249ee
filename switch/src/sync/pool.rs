//! Memory pools of the core.

use std::ffi::c_int;
use std::ptr::NonNull;

use bindings::{
    switch_core_perform_destroy_memory_pool, switch_core_perform_new_memory_pool,
    switch_memory_pool_t,
};

use crate::Status;

/// A pool; what lies in it is freed with it.
pub(crate) struct Pool(NonNull<switch_memory_pool_t>);

// SAFETY: the core's pools have a lock of their own.
unsafe impl Send for Pool {}
// SAFETY: allocating is all that is done by reference, and takes the pool's lock.
unsafe impl Sync for Pool {}

impl Pool {
    /// A new one (`switch_core_new_memory_pool`).
    pub(crate) fn new() -> Result<Self, Status> {
        let mut pool = std::ptr::null_mut();
        // SAFETY: the core writes one pointer; the strings are constants.
        Status::check(unsafe {
            switch_core_perform_new_memory_pool(
                &raw mut pool,
                c"mod_rust".as_ptr(),
                c"pool".as_ptr(),
                line!() as c_int,
            )
        })?;
        NonNull::new(pool)
            .map(Self)
            .ok_or(Status(bindings::SWITCH_STATUS_MEMERR))
    }

    pub(crate) fn as_ptr(&self) -> *mut switch_memory_pool_t {
        self.0.as_ptr()
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        let mut pool = self.0.as_ptr();
        // SAFETY: ours, and nothing in it is used any more.
        unsafe {
            switch_core_perform_destroy_memory_pool(
                &raw mut pool,
                c"mod_rust".as_ptr(),
                c"pool".as_ptr(),
                line!() as c_int,
            )
        };
    }
}
