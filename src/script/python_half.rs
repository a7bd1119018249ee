//! The Python half of loading scripts, `freeswitch._scripts`.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::key::Key;
use crate::interp::convert::str_of;

/// The Python half, `freeswitch._scripts`.
///
/// # Errors
/// It cannot be imported.
pub fn module(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static MODULE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || {
        py.import("freeswitch._scripts")
            .map(|m| m.into_any().unbind())
    })?;
    Ok(module.bind(py))
}

/// Gives the script roots to the loader, and which modules may be named from outside.
///
/// # Errors
/// What the loader raises.
pub fn use_roots(py: Python<'_>, roots: &[PathBuf], allowed: &[String]) -> PyResult<()> {
    module(py)?.getattr("use_roots")?.call1((roots, allowed))?;
    Ok(())
}

/// Notes which files that import switchio python.conf names.
///
/// # Errors
/// What Python raises.
pub fn use_switchio_apps(py: Python<'_>, lines: &[String]) -> PyResult<()> {
    module(py)?.getattr("use_switchio_apps")?.call1((lines,))?;
    Ok(())
}

/// A private folder, for the Python half.
pub(crate) fn shown<'py>(py: Python<'py>, folder: Option<&[u8]>) -> Option<Bound<'py, PyAny>> {
    folder.map(|folder| str_of(py, folder))
}

/// Is a script this module, or does it import it?
pub(super) fn uses(py: Python<'_>, key: &Key, module: &str) -> PyResult<bool> {
    let folder = shown(py, key.folder.as_deref());
    self::module(py)?
        .call_method1("uses", (&key.module, folder, module))?
        .is_truthy()
}
