//! The core's cached database handles (`switch_cache_db_*`).

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr::NonNull;

use bindings::{
    _switch_cache_db_get_db_handle_dsn, SCDB_TYPE_CORE_DB, switch_cache_db_affected_rows,
    switch_cache_db_execute_sql_callback, switch_cache_db_get_type, switch_cache_db_handle_t,
    switch_cache_db_release_db_handle,
};

use super::edge::guard;
use super::guard::files;
use super::text::{copied, taken};
use super::{Detached, Status};

/// What a database said no to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DatabaseError {
    /// No handle for this data source.
    #[error("no database handle: {0}")]
    Connect(#[from] Status),
    /// The statement failed, in the database's words.
    #[error("{0}")]
    Sql(String),
}

/// One row: column names and values, none for NULL.
pub type Row = Vec<(Vec<u8>, Option<Vec<u8>>)>;

/// A handle out of the core's cache; it goes back there.
pub struct Database(NonNull<switch_cache_db_handle_t>);

// SAFETY: the core's handles have a lock of their own, and one user at a time.
unsafe impl Send for Database {}

impl Database {
    /// A handle for a data source: `sqlite://name`, `odbc://dsn:user:password`,
    /// `pgsql://...`, `mariadb://...`, or the name of a core database.
    ///
    /// # Errors
    /// The core has no handle for it.
    pub fn connect(_: &Detached, dsn: &CStr) -> Result<Self, DatabaseError> {
        let dsn = files::safe_source(dsn);
        let mut handle = std::ptr::null_mut();
        // SAFETY: the strings end with NUL, and the core writes one pointer.
        Status::check(unsafe {
            _switch_cache_db_get_db_handle_dsn(
                &raw mut handle,
                dsn.as_ptr(),
                c"mod_rust".as_ptr(),
                c"connect".as_ptr(),
                line!() as c_int,
            )
        })?;
        Ok(NonNull::new(handle)
            .map(Self)
            .ok_or(Status(bindings::SWITCH_STATUS_MEMERR))?)
    }

    /// Is it one of the core's own SQLite databases?
    #[must_use]
    pub fn is_sqlite(&self) -> bool {
        // SAFETY: the handle is ours.
        unsafe { switch_cache_db_get_type(self.0.as_ptr()) == SCDB_TYPE_CORE_DB }
    }

    /// Runs a statement; each row goes to `row` until that says stop.
    ///
    /// # Errors
    /// [`DatabaseError::Sql`]
    pub fn query(
        &mut self,
        _: &Detached,
        sql: &CStr,
        row: &mut dyn FnMut(Row) -> bool,
    ) -> Result<(), DatabaseError> {
        let mut error: *mut c_char = std::ptr::null_mut();
        let mut rows = Rows {
            row,
            stopped: false,
        };
        // SAFETY: the handle is ours, the statement ends with NUL, the rows outlive
        // the call, and the core gives the error's text away.
        let status = unsafe {
            switch_cache_db_execute_sql_callback(
                self.0.as_ptr(),
                sql.as_ptr(),
                Some(on_row),
                (&raw mut rows).cast::<c_void>(),
                &raw mut error,
            )
        };
        // SAFETY: `error` is NULL or a text that the core has allocated for us, and is
        // taken once.
        let error = unsafe { taken(error) }.filter(|e| !e.is_empty());
        match (Status::check(status), error) {
            // SQLite calls a query that was stopped aborted.
            _ if rows.stopped => Ok(()),
            (_, Some(error)) => Err(DatabaseError::Sql(
                String::from_utf8_lossy(&error).trim().to_owned(),
            )),
            // The core logs what SQLite says of a statement, and keeps it to itself.
            (Err(_), None) => Err(DatabaseError::Sql(
                "the statement failed: see 'SQL ERR' in the switch's log".to_owned(),
            )),
            (Ok(()), None) => Ok(()),
        }
    }

    /// How many rows the last statement changed.
    #[must_use]
    pub fn affected_rows(&self) -> i32 {
        // SAFETY: the handle is ours.
        unsafe { switch_cache_db_affected_rows(self.0.as_ptr()) }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let mut handle = self.0.as_ptr();
        // SAFETY: ours, and given back once.
        unsafe { switch_cache_db_release_db_handle(&raw mut handle) };
    }
}

struct Rows<'r> {
    row: &'r mut dyn FnMut(Row) -> bool,
    stopped: bool,
}

unsafe extern "C" fn on_row(
    rows: *mut c_void,
    count: c_int,
    values: *mut *mut c_char,
    names: *mut *mut c_char,
) -> c_int {
    guard(c"database row", 1, || {
        // SAFETY: query() gave it, and waits for this to return.
        let rows = unsafe { &mut *rows.cast::<Rows<'_>>() };
        let count = usize::try_from(count).unwrap_or(0);
        let row = (0..count)
            // SAFETY: both arrays have count strings; a value may be NULL.
            .map(|i| unsafe {
                (
                    copied(*names.add(i)).unwrap_or_default(),
                    copied(*values.add(i)),
                )
            })
            .collect();
        let go_on = (rows.row)(row);
        rows.stopped = !go_on;
        c_int::from(!go_on)
    })
}
