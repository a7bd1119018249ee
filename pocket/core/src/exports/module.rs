//! Modules, commands and streams.

use std::ffi::{c_char, c_void};
use std::ptr;

use bindings::*;

use super::arguments::{session as session_of, text};
use crate::c::*;
use crate::edge::export;
use crate::module::Interface;
use crate::module::api;
use crate::pool::Pool;
use crate::stream;
use crate::switch::current;

export! {
    fn switch_loadable_module_create_module_interface(
        pool: *mut switch_memory_pool_t,
        name: *const c_char,
    ) -> *mut switch_loadable_module_interface_t = else ptr::null_mut(); {
        // SAFETY: the loader's pool, and the module's name.
        let (pool, name) = unsafe { (Pool::from_ptr(pool), text(name)) };
        pool.map_or(ptr::null_mut(), |pool| Interface::create(pool, name))
    }

    fn switch_loadable_module_create_interface(
        mod_: *mut switch_loadable_module_interface_t,
        iname: switch_module_interface_name_t,
    ) -> *mut c_void = else ptr::null_mut(); {
        // SAFETY: the module's interface, which lives.
        unsafe { Interface::from_ptr(mod_) }.map_or(ptr::null_mut(), |interface| interface.add(iname))
    }

    fn switch_loadable_module_exists(mod_: *const c_char) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's name.
        let name = unsafe { text(mod_) };
        if current().is_some_and(|core| core.modules.exists(name)) { SUCCESS } else { FAILURE }
    }

    fn switch_api_execute(
        cmd: *const c_char,
        arg: *const c_char,
        session: *mut switch_core_session_t,
        stream: *mut switch_stream_handle_t,
    ) -> switch_status_t = else FAILURE; {
        let Some(core) = current() else { return FAILURE };
        if stream.is_null() {
            return FAILURE;
        }
        // SAFETY: the caller's texts, session and stream, which live.
        unsafe {
            let session = session_of(session);
            api::execute(&core, text(cmd), text(arg), session.as_ref(), stream)
        }
    }

    fn switch_console_stream_raw_write(
        handle: *mut switch_stream_handle_t,
        data: *mut u8,
        datalen: switch_size_t,
    ) -> switch_status_t = else FAILURE; {
        if handle.is_null() || (data.is_null() && datalen > 0) {
            return FAILURE;
        }
        if datalen == 0 {
            return SUCCESS;
        }
        // SAFETY: the caller's block of `datalen` bytes, and its stream.
        unsafe { stream::append(handle, std::slice::from_raw_parts(data, datalen)) }
    }
}
