//! `Dbh`: a database, by the switch's cached handles.

use std::ffi::CString;

use parking_lot::Mutex;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};

use super::convert::{bytes_of, str_of, text};
use super::invocation;
use super::wait::{detached, wait};
use crate::switch::Detached;
use crate::switch::database::{Database, DatabaseError, Row};

/// A database handle out of the core's cache; it goes back with `close`, at the
/// end of a `with`, or with the object.
#[pyclass(frozen, module = "freeswitch")]
pub struct Dbh {
    database: Mutex<Option<Database>>,
    /// Is a backslash an escape in its strings?
    backslash: bool,
}

fn failed(error: &DatabaseError) -> PyErr {
    super::DatabaseError::new_err(error.to_string())
}

impl Drop for Dbh {
    fn drop(&mut self) {
        if let Some(database) = self.database.get_mut().take() {
            super::leg::later(Box::new(move |_| drop(database)));
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
        invocation::check_hooks(py)?;
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
        invocation::check_hooks(py)?;
        Ok(result)
    }

    fn rows(&self, py: Python<'_>, sql: &CString, most: usize) -> PyResult<Vec<Row>> {
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
}

#[pymethods]
impl Dbh {
    /// Connects to a data source: "sqlite://name", "odbc://dsn:user:password",
    /// "pgsql://...", "mariadb://...".
    #[new]
    fn new(py: Python<'_>, dsn: &Bound<'_, PyAny>) -> PyResult<Self> {
        let dsn = text(dsn, "dsn")?;
        let scheme = dsn
            .to_bytes()
            .split(|&b| b == b':')
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        let database = wait(py, "Dbh", None, |held| Database::connect(held, &dsn))
            .map_err(|error| failed(&error))?;
        let backslash = !database.is_sqlite()
            && !matches!(scheme.as_slice(), b"pgsql" | b"postgres" | b"postgresql");
        Ok(Self {
            database: Mutex::new(Some(database)),
            backslash,
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
        let sql = statement(sql, parameters, self.backslash)?;
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
        let sql = statement(sql, parameters, self.backslash)?;
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
        let sql = statement(sql, parameters, self.backslash)?;
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

/// What a `?` is no parameter in: how it begins and ends.
const BEGINS: [(&[u8], &[u8]); 5] = [
    (b"'", b"'"),
    (b"\"", b"\""),
    (b"`", b"`"),
    (b"--", b"\n"),
    (b"/*", b"*/"),
];

/// Puts the parameters into a statement. The core binds none itself.
fn statement(
    sql: &Bound<'_, PyAny>,
    parameters: Option<&Bound<'_, PyAny>>,
    backslash: bool,
) -> PyResult<CString> {
    let sql = text(sql, "sql")?;
    let Some(parameters) = parameters.filter(|p| !p.is_none()) else {
        return Ok(sql);
    };
    let mut parameters = parameters.try_iter()?;
    let mut out = Vec::with_capacity(sql.as_bytes().len() + 64);
    // What ends the string, name or comment that this is in.
    let mut within: Option<&[u8]> = None;
    let mut rest = sql.as_bytes();
    while let [byte, ..] = rest {
        let mut taken = 1;
        match within {
            Some(end) if rest.starts_with(end) => {
                taken = end.len();
                within = None;
            }
            Some(_) => {}
            None if *byte == b'?' => {
                let value = parameters.next().ok_or_else(|| {
                    PyValueError::new_err("the statement has more ? than there are parameters")
                })?;
                literal(&value?, backslash, &mut out)?;
                rest = &rest[1..];
                continue;
            }
            None => {
                let begins = BEGINS.iter().find(|(begin, _)| rest.starts_with(begin));
                if let Some((begin, end)) = begins {
                    taken = begin.len();
                    within = Some(end);
                }
            }
        }
        out.extend_from_slice(&rest[..taken]);
        rest = &rest[taken..];
    }
    if parameters.next().is_some() {
        return Err(PyValueError::new_err(
            "there are more parameters than ? in the statement",
        ));
    }
    CString::new(out).map_err(|_| PyValueError::new_err("argument 'parameters' has a NUL"))
}

/// Writes a value as SQL.
fn literal(value: &Bound<'_, PyAny>, backslash: bool, out: &mut Vec<u8>) -> PyResult<()> {
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
                "{number} is no number that SQL has"
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
        out.push(b'\'');
        for &byte in &*bytes_of(value).unwrap_or_default() {
            match byte {
                b'\'' => out.extend_from_slice(b"''"),
                b'\\' if backslash => out.extend_from_slice(b"\\\\"),
                0 => return Err(PyValueError::new_err("argument 'parameters' has a NUL")),
                byte => out.push(byte),
            }
        }
        out.push(b'\'');
    } else {
        let kind = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "a parameter cannot be {kind}"
        )));
    }
    Ok(())
}
