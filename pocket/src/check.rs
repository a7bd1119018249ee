//! Whether what a test says makes sense to the switch.

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::to_switch;

/// The names of all hangup causes.
#[pyfunction]
fn causes() -> Vec<&'static str> {
    pocket_core::check::causes().collect()
}

/// What is wrong with extensions, contexts or a configuration; None when nothing is.
#[pyfunction]
fn xml_error(text: &Bound<'_, PyString>) -> PyResult<Option<String>> {
    Ok(pocket_core::check::xml_error(&to_switch("text", text)?))
}

/// Whether a name means a sound.
#[pyfunction]
fn is_sound(name: &Bound<'_, PyString>, sound: &Bound<'_, PyString>) -> PyResult<bool> {
    let (name, sound) = (to_switch("name", name)?, to_switch("sound", sound)?);
    Ok(pocket_core::check::is_sound(&name, &sound))
}

/// Puts what is here into the extension.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(causes, module)?)?;
    module.add_function(wrap_pyfunction!(xml_error, module)?)?;
    module.add_function(wrap_pyfunction!(is_sound, module)?)
}
