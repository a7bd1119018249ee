//! Threads of a module's own, which the clock counts as the switch's.

use std::ffi::c_void;
use std::ptr;

use bindings::*;

use crate::c::*;
use crate::edge::{export, guard};
use crate::pool::Pool;
use crate::session::machine::STACK;
use crate::switch::current;

/// What the new thread calls; the one that starts it vouches for the data.
struct Task(switch_thread_start_t, *mut c_void);

// SAFETY: the caller of switch_thread_create gives the data to the new thread.
unsafe impl Send for Task {}

impl Task {
    fn run(self) {
        let Self(Some(function), data) = self else {
            return;
        };
        guard("a module's thread", (), || {
            // SAFETY: the caller of switch_thread_create vouches for both; no
            // module looks at the thread that it is passed.
            unsafe { function(ptr::null_mut(), data) };
        });
    }
}

export! {
    fn switch_threadattr_create(
        new_attr: *mut *mut switch_threadattr_t,
        pool: *mut switch_memory_pool_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's cell and pool, which live.
        unsafe {
            let (Some(cell), Some(pool)) = (new_attr.as_mut(), Pool::from_ptr(pool)) else { return FAILURE };
            // Threads here differ in their stacks alone.
            *cell = pool.keep(STACK).cast();
        }
        SUCCESS
    }

    fn switch_threadattr_detach_set(attr: *mut switch_threadattr_t, _on: i32) -> switch_status_t = else FAILURE; {
        if attr.is_null() { FAILURE } else { SUCCESS }
    }

    fn switch_threadattr_stacksize_set(
        attr: *mut switch_threadattr_t,
        stacksize: switch_size_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: what switch_threadattr_create gave, which lives as long as its pool.
        let Some(stack) = (unsafe { attr.cast::<usize>().as_mut() }) else { return FAILURE };
        *stack = stacksize;
        SUCCESS
    }

    fn switch_thread_create(
        new_thread: *mut *mut switch_thread_t,
        attr: *mut switch_threadattr_t,
        func: switch_thread_start_t,
        data: *mut c_void,
        cont: *mut switch_memory_pool_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's cell, which lives.
        let Some(cell) = (unsafe { new_thread.as_mut() }) else { return FAILURE };
        let Some(core) = current() else { return FAILURE };
        let task = Task(func, data);
        // SAFETY: NULL, or what switch_threadattr_create gave, which lives as long as its pool.
        let stack = unsafe { attr.cast::<usize>().as_ref() }.copied().unwrap_or(STACK);
        if core.spawn_with("module", stack, move |_| task.run()).is_err() {
            return FAILURE;
        }
        // The address of something that is neither looked at nor freed.
        *cell = if attr.is_null() { cont.cast() } else { attr.cast() };
        SUCCESS
    }
}
