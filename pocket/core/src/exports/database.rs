//! Databases.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use bindings::*;

use super::arguments::text;
use crate::c::*;
use crate::database::Database;
use crate::edge::export;
use crate::switch::current;

export! {
    fn _switch_cache_db_get_db_handle_dsn(
        dbh: *mut *mut switch_cache_db_handle_t,
        dsn: *const c_char,
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's cell and text, which live.
        unsafe {
            let Some(cell) = dbh.as_mut() else { return FAILURE };
            *cell = ptr::null_mut();
            let Some(core) = current() else { return FAILURE };
            match Database::connect(&core, text(dsn)) {
                Some(database) => {
                    *cell = Box::into_raw(database).cast();
                    SUCCESS
                }
                None => FAILURE,
            }
        }
    }

    fn switch_cache_db_release_db_handle(dbh: *mut *mut switch_cache_db_handle_t) = else (); {
        // SAFETY: the caller's cell; the handle in it was given by the function
        // above, and is given up.
        unsafe {
            if let Some(cell) = dbh.as_mut() {
                if !cell.is_null() {
                    Box::from_raw(cell.cast::<Database>()).release();
                }
                *cell = ptr::null_mut();
            }
        }
    }

    fn switch_cache_db_execute_sql_callback(
        dbh: *mut switch_cache_db_handle_t,
        sql: *const c_char,
        callback: switch_core_db_callback_func_t,
        pdata: *mut c_void,
        err: *mut *mut c_char,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's handle, text and cell, which live; it vouches for its
        // callback.
        unsafe {
            // The core writes what SQLite says to the log alone, and never here.
            if let Some(cell) = err.as_mut() {
                *cell = ptr::null_mut();
            }
            let Some(database) = dbh.cast::<Database>().as_mut() else { return FAILURE };
            if database.execute(text(sql), callback, pdata) { SUCCESS } else { FAILURE }
        }
    }

    fn switch_cache_db_affected_rows(dbh: *mut switch_cache_db_handle_t) -> c_int = else 0; {
        // SAFETY: the caller's handle, which lives.
        unsafe { dbh.cast::<Database>().as_ref() }.map_or(0, Database::affected_rows)
    }

    fn switch_cache_db_get_type(_dbh: *mut switch_cache_db_handle_t) -> switch_cache_db_handle_type_t = else SCDB_TYPE_CORE_DB; {
        SCDB_TYPE_CORE_DB
    }
}
