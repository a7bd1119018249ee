//! `Dbh`: a database, by the switch's cached handles.

use std::ffi::{CStr, CString};

use freeswitch::Detached;
use freeswitch::database::{Database, DatabaseError, Row};
use parking_lot::Mutex;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyIterator, PyList, PyString, PyTuple};

use super::invocation;
use super::sql::{Dialect, Piece, Pieces, write_text};
use super::wait::{need_switch, wait};
use crate::interp::convert::{bytes_of, str_of, text};
use crate::interp::detach::detached;
use crate::interp::reaper::later;

/// A database handle out of the core's cache; it goes back with `close`, at the
/// end of a `with`, or with the object.
#[pyclass(frozen, module = "freeswitch")]
pub struct Dbh {
    database: Mutex<Option<Database>>,
    /// One of the core's own.
    sqlite: bool,
    /// Is a backslash an escape in its strings? Asked for when it is first needed.
    backslash: Mutex<Option<bool>>,
}

fn failed(error: &DatabaseError) -> PyErr {
    super::DatabaseError::new_err(error.to_string())
}

impl Drop for Dbh {
    fn drop(&mut self) {
        if let Some(database) = self.database.get_mut().take() {
            later(Box::new(move |_| drop(database)));
        }
    }
}

impl Dbh {
    /// Runs a statement with the handle taken out, so that no lock of ours is
    /// held while it waits.
    fn run<R: Send>(
        &self,
        py: Python<'_>,
        body: impl FnOnce(&mut Database, &Detached) -> R + Send,
    ) -> PyResult<R> {
        invocation::check(py)?;
        let taken = self.database.lock().take();
        let Some(mut database) = taken else {
            return Err(PyRuntimeError::new_err(
                "the database handle is closed, or in use by another thread",
            ));
        };
        let (result, database) = wait(py, "Dbh", None, move |held| {
            (body(&mut database, held), database)
        });
        *self.database.lock() = Some(database);
        invocation::check(py)?;
        Ok(result)
    }

    fn rows(&self, py: Python<'_>, sql: &CStr, most: usize) -> PyResult<Vec<Row>> {
        let rows = self.run(py, |database, held| {
            let mut rows = Vec::new();
            let result = database.query(held, sql, &mut |row| {
                rows.push(row);
                rows.len() < most
            });
            result.map(|()| rows)
        })?;
        rows.map_err(|error| failed(&error))
    }

    /// A statement with its parameters.
    fn statement(
        &self,
        py: Python<'_>,
        sql: &Bound<'_, PyAny>,
        parameters: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<CString> {
        let sql = text(sql, "sql")?;
        let statement = match parameters.filter(|p| !p.is_none()) {
            None => Ok(sql.clone()),
            Some(parameters) => {
                let parameters: Vec<_> = each(parameters)?.collect::<PyResult<_>>()?;
                let dialect = self.dialect(py, sql.as_bytes(), &parameters)?;
                filled(sql.as_bytes(), &parameters, dialect)
            }
        };
        if SETTINGS.iter().any(|name| mentions(sql.as_bytes(), name)) {
            // What comes after it is read otherwise, maybe.
            *self.backslash.lock() = None;
        }
        statement
    }

    /// How the database reads strings, as far as it matters for this statement.
    fn dialect(
        &self,
        py: Python<'_>,
        sql: &[u8],
        parameters: &[Bound<'_, PyAny>],
    ) -> PyResult<Dialect> {
        let has_backslash = |text: &[u8]| text.contains(&b'\\');
        let mut texts = parameters.iter().filter_map(bytes_of);
        let matters = has_backslash(sql) || sql.contains(&b'#') || texts.any(|t| has_backslash(&t));
        Ok(Dialect {
            sqlite: self.sqlite,
            backslash: !self.sqlite && matters && self.backslash(py)?,
        })
    }

    /// Is a backslash an escape in the strings of this database? That depends on
    /// the database, and on how it is set: it is asked.
    fn backslash(&self, py: Python<'_>) -> PyResult<bool> {
        if let Some(known) = *self.backslash.lock() {
            return Ok(known);
        }
        // Whole in either case: a string of one backslash, or of two.
        let probes = [c"SELECT '\\\\' AS a", c"SELECT '\\\\' AS a FROM DUAL"];
        for probe in probes {
            let rows = match self.rows(py, probe, 1) {
                Ok(rows) => rows,
                Err(error) if error.is_instance_of::<super::DatabaseError>(py) => continue,
                Err(error) => return Err(error),
            };
            let value = rows.first().and_then(|row| row.first()?.1.as_deref());
            let is_escape = match value {
                Some(b"\\") => true,
                Some(b"\\\\") => false,
                _ => continue,
            };
            *self.backslash.lock() = Some(is_escape);
            return Ok(is_escape);
        }
        Err(super::DatabaseError::new_err(
            "the database does not say whether a backslash in its strings is an escape: \
             give no parameter or statement with a backslash or '#' in it",
        ))
    }
}

/// What sets how a database reads strings: PostgreSQL's, MySQL's.
const SETTINGS: [&[u8]; 2] = [b"standard_conforming_strings", b"sql_mode"];

fn mentions(sql: &[u8], name: &[u8]) -> bool {
    sql.windows(name.len())
        .any(|w| w.eq_ignore_ascii_case(name))
}

#[pymethods]
impl Dbh {
    /// Connects to a data source: `sqlite://name`, `odbc://dsn:user:password`,
    /// `pgsql://...`, `mariadb://...`.
    #[new]
    fn new(py: Python<'_>, dsn: &Bound<'_, PyAny>) -> PyResult<Self> {
        let dsn = text(dsn, "dsn")?;
        need_switch("Dbh")?;
        let database = wait(py, "Dbh", None, |held| Database::connect(held, &dsn))
            .map_err(|error| failed(&error))?;
        Ok(Self {
            sqlite: database.is_sqlite(),
            database: Mutex::new(Some(database)),
            backslash: Mutex::new(None),
        })
    }

    /// Is there a connection?
    fn connected(&self) -> bool {
        self.database.lock().is_some()
    }

    /// Runs a query and gives its rows as dictionaries of text; `?` in the
    /// statement stand for the parameters.
    #[pyo3(signature = (sql, parameters=None))]
    fn query<'py>(
        &self,
        py: Python<'py>,
        sql: &Bound<'py, PyAny>,
        parameters: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let sql = self.statement(py, sql, parameters)?;
        let rows = self.rows(py, &sql, usize::MAX)?;
        let rows = PyList::new(
            py,
            rows.iter()
                .map(|r| shown(py, r))
                .collect::<PyResult<Vec<_>>>()?,
        )?;
        rows.call_method0("__iter__")
    }

    /// The first row of a query, or None.
    #[pyo3(signature = (sql, parameters=None))]
    fn first_row<'py>(
        &self,
        py: Python<'py>,
        sql: &Bound<'py, PyAny>,
        parameters: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyDict>>> {
        let sql = self.statement(py, sql, parameters)?;
        self.rows(py, &sql, 1)?
            .first()
            .map(|r| shown(py, r))
            .transpose()
    }

    /// Runs a statement and gives how many rows it changed.
    #[pyo3(signature = (sql, parameters=None))]
    fn execute(
        &self,
        py: Python<'_>,
        sql: &Bound<'_, PyAny>,
        parameters: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<i32> {
        let sql = self.statement(py, sql, parameters)?;
        let changed = self.run(py, |database, held| {
            database
                .query(held, &sql, &mut |_| true)
                .map(|()| database.affected_rows())
        })?;
        changed.map_err(|error| failed(&error))
    }

    /// How many rows the last statement changed.
    fn affected_rows(&self, py: Python<'_>) -> PyResult<i32> {
        self.run(py, |database, _| database.affected_rows())
    }

    /// Gives the handle back to the core's cache.
    fn close(&self, py: Python<'_>) {
        let database = self.database.lock().take();
        detached(py, move |_| drop(database));
    }

    /// mod_lua's name for `close`.
    fn release(&self, py: Python<'_>) {
        self.close(py);
    }

    fn __enter__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    #[pyo3(signature = (*_error))]
    fn __exit__(&self, py: Python<'_>, _error: &Bound<'_, PyTuple>) {
        self.close(py);
    }
}

fn shown<'py>(py: Python<'py>, row: &Row) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (name, value) in row {
        dict.set_item(str_of(py, name), value.as_ref().map(|v| str_of(py, v)))?;
    }
    Ok(dict)
}

/// The values for the `?` of a statement; a function is a habit of `mod_lua`'s.
fn each<'py>(parameters: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyIterator>> {
    parameters.try_iter().map_err(|_| {
        let kind = parameters
            .get_type()
            .name()
            .map(|n| n.to_string())
            .unwrap_or_default();
        let hint = if parameters.is_callable() {
            "; what a query gives is iterated over: for row in db.query(sql)"
        } else {
            ""
        };
        PyTypeError::new_err(format!(
            "argument 'parameters' must be a sequence of values, not {kind}{hint}"
        ))
    })
}

/// Writes a statement with its parameters in their places.
fn filled(sql: &[u8], parameters: &[Bound<'_, PyAny>], dialect: Dialect) -> PyResult<CString> {
    let mut parameters = parameters.iter();
    let mut out = Vec::with_capacity(sql.len() + 64);
    for piece in Pieces::new(sql, dialect) {
        match piece {
            Piece::Text(text) => out.extend_from_slice(text),
            Piece::Parameter => {
                let value = parameters.next().ok_or_else(|| {
                    PyValueError::new_err("the statement has more ? than there are parameters")
                })?;
                literal(value, dialect, &mut out)?;
            }
        }
    }
    if parameters.next().is_some() {
        return Err(PyValueError::new_err(
            "there are more parameters than ? in the statement",
        ));
    }
    CString::new(out).map_err(|_| PyValueError::new_err("argument 'parameters' has a NUL"))
}

/// Writes a value as SQL.
fn literal(value: &Bound<'_, PyAny>, dialect: Dialect, out: &mut Vec<u8>) -> PyResult<()> {
    if value.is_none() {
        out.extend_from_slice(b"NULL");
    } else if let Ok(truth) = value.cast::<PyBool>() {
        out.push(if truth.is_true() { b'1' } else { b'0' });
    } else if value.is_instance_of::<PyInt>() || value.is_instance_of::<PyFloat>() {
        let number = value.repr()?.to_string();
        if !number
            .bytes()
            .all(|b| b.is_ascii_digit() || b"+-.e".contains(&b))
        {
            return Err(PyValueError::new_err(format!(
                "SQL has no such number: {number}"
            )));
        }
        out.extend_from_slice(number.as_bytes());
    } else if let Ok(bytes) = value.cast::<PyBytes>() {
        out.extend_from_slice(b"X'");
        out.extend(
            bytes
                .as_bytes()
                .iter()
                .flat_map(|b| format!("{b:02X}").into_bytes()),
        );
        out.push(b'\'');
    } else if value.is_instance_of::<PyString>() {
        let text = bytes_of(value).unwrap_or_default();
        if text.contains(&0) {
            return Err(PyValueError::new_err("argument 'parameters' has a NUL"));
        }
        write_text(&text, dialect, out);
    } else {
        let kind = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "a parameter cannot be {kind}"
        )));
    }
    Ok(())
}
