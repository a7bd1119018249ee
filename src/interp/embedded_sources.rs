//! The Python files that the module carries in itself.

use pyo3::prelude::*;
use pyo3::types::PyDict;

include!(concat!(env!("OUT_DIR"), "/python_files.rs"));

/// What `freeswitch._boot.EmbeddedPackage` serves: module name to source, and
/// whether it is a package.
pub(super) fn sources(py: Python<'_>) -> PyResult<Bound<'_, PyDict>> {
    let sources = PyDict::new(py);
    for (name, package, source) in FILES {
        sources.set_item(name, (source, package))?;
    }
    Ok(sources)
}

/// The source of one of them.
pub(super) fn source(module: &str) -> Option<&'static str> {
    FILES
        .iter()
        .find(|(name, ..)| *name == module)
        .map(|(.., source)| *source)
}
