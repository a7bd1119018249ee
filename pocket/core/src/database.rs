//! The core's cached database handles: SQLite, by its own library.

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::path::PathBuf;
use std::sync::Arc;

use bindings::switch_core_db_callback_func_t;
use bstr::{BStr, BString, ByteSlice};
use parking_lot::Mutex;
use rusqlite::{Connection, OpenFlags, ffi};

use crate::log;
use crate::place::here;
use crate::switch::Core;
use crate::text::c_string;

/// Handles that nobody uses, at most so many.
const CACHED: usize = 32;

/// A handle. What C holds is its address.
pub(crate) struct Database {
    core: Arc<Core>,
    name: BString,
    connection: Connection,
    /// After an error the core lets a handle go instead of keeping it.
    spent: bool,
}

/// Handles that were given back.
#[derive(Default)]
pub(crate) struct Cache(Mutex<Vec<(BString, Connection)>>);

/// Where a data source lies; `None` when it is none of SQLite's.
fn place(core: &Core, source: &BStr) -> Option<PathBuf> {
    let path = match source.find("://") {
        Some(_) => strip(source, b"sqlite://")?,
        // `name:user:password` is ODBC's.
        None if source.get(2..).is_some_and(|rest| rest.contains(&b':')) => return None,
        None => source,
    };
    if let Some(name) = strip(path, b"memory://") {
        return Some(format!("file:{name}?mode=memory&cache=shared").into());
    }
    if path.is_empty() {
        return None;
    }
    if path.starts_with(b"/") {
        return Some(path.to_path_lossy().into_owned());
    }
    let folder = core.dirs.database();
    Some(folder.join(format!("{path}.db")))
}

fn strip<'a>(text: &'a BStr, prefix: &[u8]) -> Option<&'a BStr> {
    let (start, rest) = text.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then(|| rest.as_bstr())
}

impl Database {
    /// A handle for a data source; what cannot be had is logged.
    pub(crate) fn connect(core: &Arc<Core>, source: &BStr) -> Option<Box<Self>> {
        let Some(path) = place(core, source) else {
            core.say(
                log::ERROR,
                here!(),
                format_args!("Failure to connect to [{source}]: pocket has SQLite alone"),
            );
            return None;
        };
        let name = BString::from(path.to_string_lossy().as_bytes());
        let kept = {
            let mut kept = core.databases.0.lock();
            let at = kept.iter().position(|(known, _)| *known == name);
            at.map(|at| kept.swap_remove(at).1)
        };
        let connection = if let Some(connection) = kept {
            connection
        } else {
            if let Some(folder) = path.parent().filter(|_| !name.starts_with(b"file:")) {
                // Only the switch's own folder is made; elsewhere opening fails.
                if folder == core.dirs.database() {
                    let _ = std::fs::create_dir_all(folder);
                }
            }
            let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
                | OpenFlags::SQLITE_OPEN_CREATE
                | OpenFlags::SQLITE_OPEN_URI
                | OpenFlags::SQLITE_OPEN_NO_MUTEX;
            Connection::open_with_flags(&path, flags)
                .inspect_err(|error| {
                    core.say(
                        log::CRIT,
                        here!(),
                        format_args!("Failure to connect to CORE_DB {name}! ({error})"),
                    );
                })
                .ok()?
        };
        Some(Box::new(Self {
            core: Arc::clone(core),
            name,
            connection,
            spent: false,
        }))
    }

    /// Runs a text of statements; rows go to the callback, which ends it with
    /// anything but 0. True when all went well, or when the callback ended it.
    ///
    /// # Safety
    /// `callback` takes `data` and rows as SQLite gives them.
    pub(crate) unsafe fn execute(
        &mut self,
        sql: &BStr,
        callback: switch_core_db_callback_func_t,
        data: *mut c_void,
    ) -> bool {
        let text: CString = c_string(sql);
        let mut error: *mut c_char = std::ptr::null_mut();
        // SAFETY: the connection is ours and open, the text ends with NUL, and the
        // caller vouches for the callback.
        let result = unsafe {
            let call: Option<
                unsafe extern "C" fn(
                    *mut c_void,
                    c_int,
                    *mut *mut c_char,
                    *mut *mut c_char,
                ) -> c_int,
            > = callback;
            ffi::sqlite3_exec(
                self.connection.handle(),
                text.as_ptr(),
                call,
                data,
                &raw mut error,
            )
        };
        if !error.is_null() {
            self.spent = true;
            // SAFETY: a text of SQLite's, which is given back to it.
            let why = unsafe {
                let why = CStr::from_ptr(error).to_string_lossy().into_owned();
                ffi::sqlite3_free(error.cast());
                why
            };
            if !why.contains("query abort") {
                self.core
                    .say(log::ERROR, here!(), format_args!("SQL ERR: [{sql}] {why}"));
            }
        }
        result == ffi::SQLITE_OK || result == ffi::SQLITE_ABORT
    }

    pub(crate) fn affected_rows(&self) -> c_int {
        c_int::try_from(self.connection.changes()).unwrap_or(c_int::MAX)
    }

    /// Gives the handle back.
    pub(crate) fn release(self) {
        // One that was left in a transaction would hand it to the next user.
        if self.spent || !self.connection.is_autocommit() {
            return;
        }
        let mut kept = self.core.databases.0.lock();
        if kept.len() < CACHED && !self.core.closing() {
            kept.push((self.name, self.connection));
        }
    }
}

impl Cache {
    pub(crate) fn clear(&self) {
        self.0.lock().clear();
    }
}
