//! Memory pools: what lives until its pool goes.

use std::any::Any;
use std::ffi::c_void;

use bindings::switch_memory_pool_t;
use parking_lot::Mutex;

/// A pool. What C holds is its address.
#[derive(Default)]
pub(crate) struct Pool {
    blocks: Mutex<Vec<usize>>,
    kept: Mutex<Vec<Box<dyn Any + Send>>>,
}

impl Pool {
    /// A zeroed block.
    pub(crate) fn allocate(&self, size: usize) -> *mut c_void {
        // SAFETY: calloc with sizes that are not 0; NULL is handed on.
        let block = unsafe { libc::calloc(1, size.max(1)) };
        self.blocks.lock().push(block as usize);
        block
    }

    /// Keeps a value, and tells where it lies.
    pub(crate) fn keep<T: Send + 'static>(&self, value: T) -> *mut T {
        let mut value = Box::new(value);
        let address = &raw mut *value;
        self.kept.lock().push(value);
        address
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
        for block in self.blocks.get_mut().drain(..) {
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

    #[test]
    fn what_a_pool_keeps_goes_with_it() {
        let kept = std::sync::Arc::new(());
        let pool = Pool::default();
        pool.keep(std::sync::Arc::clone(&kept));
        assert_eq!(std::sync::Arc::strong_count(&kept), 2);
        drop(pool);
        assert_eq!(std::sync::Arc::strong_count(&kept), 1);
    }
}
