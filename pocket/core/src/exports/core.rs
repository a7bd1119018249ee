//! The core itself: version, time, global variables, regular expressions.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use bindings::*;

use super::arguments::text;
use crate::c::*;
use crate::edge::export;
use crate::pattern;
use crate::pool::Pool;
use crate::switch::{VERSION, current};

export! {
    fn switch_version_full() -> *const c_char = else ptr::null(); {
        VERSION.as_ptr()
    }

    fn switch_core_running() -> switch_bool_t = else FALSE; {
        if current().is_some() { TRUE } else { FALSE }
    }

    fn switch_core_sessions_per_second(new_limit: u32) -> u32 = else 0; {
        // There is no limit to be had here: what is asked for is what it is.
        if new_limit == 0 { 1000 } else { new_limit }
    }

    fn switch_core_session_ctl(cmd: switch_session_ctl_t, val: *mut c_void) -> i32 = else -1; {
        let Some(core) = current() else { return -1 };
        let value: *mut i32 = val.cast();
        match cmd {
            SCSC_LOGLEVEL => {
                // SAFETY: the core's rule for this command: NULL or an int.
                let asked = unsafe { value.as_ref() }.copied().unwrap_or(-2);
                let level = core.log.control(asked);
                // SAFETY: the core's rule for this command: NULL or an int, which the
                // caller lends for the call.
                if let Some(value) = unsafe { value.as_mut() } {
                    *value = level;
                }
                0
            }
            SCSC_SHUTDOWN_CHECK => i32::from(core.closing()),
            _ => -1,
        }
    }

    fn switch_core_get_variable_dup(varname: *const c_char) -> *mut c_char = else ptr::null_mut(); {
        // SAFETY: the caller's name.
        let name = unsafe { text(varname) };
        current()
            .and_then(|core| core.globals.get(name))
            .map_or(ptr::null_mut(), |value| crate::text::malloc_string(&value))
    }

    fn switch_core_set_variable(varname: *const c_char, value: *const c_char) = else (); {
        // SAFETY: the caller's texts.
        let (name, value) = unsafe { (text(varname), text(value)) };
        if let Some(core) = current()
            && !name.is_empty()
        {
            core.globals.set(name, value);
        }
    }

    fn switch_core_perform_alloc(
        pool: *mut switch_memory_pool_t,
        memory: switch_size_t,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
    ) -> *mut c_void = else ptr::null_mut(); {
        // SAFETY: the caller's pool, which lives.
        unsafe { Pool::from_ptr(pool) }.map_or(ptr::null_mut(), |pool| pool.allocate(memory))
    }

    fn switch_sleep(t: switch_interval_time_t) = else (); {
        match current() {
            Some(core) => core.clock.sleep(t),
            None => std::thread::sleep(std::time::Duration::from_micros(u64::try_from(t).unwrap_or(0))),
        }
    }

    fn switch_micro_time_now() -> switch_time_t = else 0; {
        current().map_or(0, |core| core.clock.epoch_now())
    }

    fn switch_regex_match(target: *const c_char, expression: *const c_char) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's texts.
        let (target, expression) = unsafe { (text(target), text(expression)) };
        if pattern::matches(target, expression).is_some() { SUCCESS } else { FAILURE }
    }
}
