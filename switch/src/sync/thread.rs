//! Threads that the switch knows of.

use std::ffi::c_void;
use std::ptr;

use bindings::{
    switch_thread_create, switch_thread_t, switch_threadattr_create, switch_threadattr_detach_set,
    switch_threadattr_stacksize_set,
};

use super::pool::Pool;
use crate::edge::guard;
use crate::{Detached, Status};

/// What such a thread gets for itself; Python has stacks of its own kind.
const STACK: usize = 240 * 1024;

struct Task {
    body: Box<dyn FnOnce(&Detached) + Send>,
    /// The core's own record of the thread lies in it.
    _pool: Pool,
}

/// Starts a thread of the switch's (`switch_thread_create`), which pocket's clock
/// counts, as it does not those that Rust or Python starts.
///
/// # Errors
/// The core's status: there are too many threads, or no memory.
pub fn start(body: impl FnOnce(&Detached) + Send + 'static) -> Result<(), Status> {
    start_with(STACK, body)
}

/// As [`start`], with so many bytes of stack.
///
/// # Errors
/// As [`start`].
pub fn start_with(
    stack: usize,
    body: impl FnOnce(&Detached) + Send + 'static,
) -> Result<(), Status> {
    let pool = Pool::new()?;
    let (mut attributes, mut thread) = (ptr::null_mut(), ptr::null_mut());
    let pool_ptr = pool.as_ptr();
    let task = Box::into_raw(Box::new(Task {
        body: Box::new(body),
        _pool: pool,
    }));
    // SAFETY: the pool lives until the task is dropped at the thread's end; the
    // thread takes the task over where it starts.
    let status = unsafe {
        Status::check(switch_threadattr_create(&raw mut attributes, pool_ptr)).and_then(|()| {
            switch_threadattr_detach_set(attributes, 1);
            Status::check(switch_threadattr_stacksize_set(attributes, stack))?;
            Status::check(switch_thread_create(
                &raw mut thread,
                attributes,
                Some(run),
                task.cast(),
                pool_ptr,
            ))
        })
    };
    if status.is_err() {
        // SAFETY: no thread has it.
        drop(unsafe { Box::from_raw(task) });
    }
    status
}

unsafe extern "C" fn run(_: *mut switch_thread_t, data: *mut c_void) -> *mut c_void {
    guard(c"thread", (), || {
        // SAFETY: start() gave the task to this thread alone.
        let Task { body, _pool } = *unsafe { Box::from_raw(data.cast::<Task>()) };
        // SAFETY: a new thread has nothing to do with Python.
        body(&unsafe { Detached::new() });
    });
    ptr::null_mut()
}
