//! Memory pools: blocks that live until their pool goes.

use std::ffi::c_void;

use bindings::switch_memory_pool_t;
use parking_lot::Mutex;

/// A pool. What C holds is its address.
#[derive(Default)]
pub(crate) struct Pool(Mutex<Vec<usize>>);

impl Pool {
    /// A zeroed block.
    pub(crate) fn allocate(&self, size: usize) -> *mut c_void {
        // SAFETY: calloc with sizes that are not 0; NULL is handed on.
        let block = unsafe { libc::calloc(1, size.max(1)) };
        self.0.lock().push(block as usize);
        block
    }

    pub(crate) fn as_ptr(&self) -> *mut switch_memory_pool_t {
        std::ptr::from_ref(self).cast_mut().cast()
    }

    /// # Safety
    /// `pool` is NULL or the address of a live pool.
    pub(crate) unsafe fn from_ptr<'a>(pool: *mut switch_memory_pool_t) -> Option<&'a Self> {
        // SAFETY: the caller's.
        unsafe { pool.cast::<Self>().as_ref() }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        for block in self.0.get_mut().drain(..) {
            // SAFETY: from calloc, in the list once.
            unsafe { libc::free(block as *mut c_void) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_zeroed_and_known_by_the_pools_address() {
        let pool = Box::new(Pool::default());
        // SAFETY: the pool lives.
        let known = unsafe { Pool::from_ptr(pool.as_ptr()) }.expect("not NULL");
        let block = known.allocate(64).cast::<u8>();
        // SAFETY: a block of 64 bytes, live as its pool.
        let bytes = unsafe { std::slice::from_raw_parts(block, 64) };
        assert!(bytes.iter().all(|byte| *byte == 0));
    }
}
