//! Queues and pools.

use std::ffi::{c_char, c_int, c_uint, c_void};
use std::ptr;

use bindings::*;

use crate::c::*;
use crate::edge::export;
use crate::pool::Pool;
use crate::queue::{Queue, Refusal};

/// What the portable runtime answers: it has numbers of its own for what did not
/// go well, and the core hands them on.
fn answer(refusal: Refusal) -> Status {
    match refusal {
        // The system's EAGAIN.
        Refusal::Again => bindings::switch_status_t(11),
        Refusal::TimedOut => bindings::switch_status_t(70_007),
        Refusal::Ended => bindings::switch_status_t(70_014),
        // The system's EINTR.
        Refusal::Interrupted => bindings::switch_status_t(4),
    }
}

/// # Safety
/// `data` is NULL or a cell to be written.
unsafe fn taken(item: Result<usize, Refusal>, data: *mut *mut c_void) -> Status {
    match item {
        Err(refusal) => answer(refusal),
        Ok(item) => {
            // SAFETY: the caller's.
            if let Some(cell) = unsafe { data.as_mut() } {
                *cell = item as *mut c_void;
            }
            SUCCESS
        }
    }
}

export! {
    fn switch_core_perform_new_memory_pool(
        pool: *mut *mut switch_memory_pool_t,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's cell, which lives.
        let Some(cell) = (unsafe { pool.as_mut() }) else { return FAILURE };
        *cell = Box::into_raw(Box::<Pool>::default()).cast();
        SUCCESS
    }

    fn switch_core_perform_destroy_memory_pool(
        pool: *mut *mut switch_memory_pool_t,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's cell, which lives; what it holds was made by the
        // function above, and is given up.
        unsafe {
            let Some(cell) = pool.as_mut() else { return FAILURE };
            if !cell.is_null() {
                drop(Box::from_raw(cell.cast::<Pool>()));
            }
            *cell = ptr::null_mut();
        }
        SUCCESS
    }

    fn switch_queue_create(
        queue: *mut *mut switch_queue_t,
        queue_capacity: c_uint,
        pool: *mut switch_memory_pool_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's cell and pool, which live.
        unsafe {
            let (Some(cell), Some(pool)) = (queue.as_mut(), Pool::from_ptr(pool)) else { return FAILURE };
            *cell = pool.keep(Queue::new(queue_capacity as usize)).cast();
        }
        SUCCESS
    }

    fn switch_queue_pop(queue: *mut switch_queue_t, data: *mut *mut c_void) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's queue and cell, which live.
        unsafe { Queue::from_ptr(queue).map_or(FAILURE, |queue| taken(queue.pop(None), data)) }
    }

    fn switch_queue_pop_timeout(
        queue: *mut switch_queue_t,
        data: *mut *mut c_void,
        timeout: switch_interval_time_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's queue and cell, which live.
        unsafe { Queue::from_ptr(queue).map_or(FAILURE, |queue| taken(queue.pop(Some(timeout)), data)) }
    }

    fn switch_queue_trypush(queue: *mut switch_queue_t, data: *mut c_void) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's queue, which lives.
        let Some(queue) = (unsafe { Queue::from_ptr(queue) }) else { return FAILURE };
        queue.try_push(data as usize).map_or_else(answer, |()| SUCCESS)
    }

    fn switch_queue_trypop(queue: *mut switch_queue_t, data: *mut *mut c_void) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's queue and cell, which live.
        unsafe { Queue::from_ptr(queue).map_or(FAILURE, |queue| taken(queue.try_pop(), data)) }
    }

    fn switch_queue_size(queue: *mut switch_queue_t) -> c_uint = else 0; {
        // SAFETY: the caller's queue, which lives.
        let length = unsafe { Queue::from_ptr(queue) }.map_or(0, Queue::len);
        c_uint::try_from(length).unwrap_or(c_uint::MAX)
    }

    fn switch_queue_interrupt_all(queue: *mut switch_queue_t) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's queue, which lives.
        let Some(queue) = (unsafe { Queue::from_ptr(queue) }) else { return FAILURE };
        queue.interrupt_all();
        SUCCESS
    }

    fn switch_queue_term(queue: *mut switch_queue_t) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's queue, which lives.
        let Some(queue) = (unsafe { Queue::from_ptr(queue) }) else { return FAILURE };
        queue.end();
        SUCCESS
    }
}
