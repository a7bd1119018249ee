//! Calling a function with as many of its documented arguments as it takes.

use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;

/// Calls a function with the first `takes` of the arguments.
///
/// # Errors
/// What it raises.
pub fn call_with<'py>(
    function: &Bound<'py, PyAny>,
    takes: usize,
    arguments: &[Py<PyAny>],
) -> PyResult<Bound<'py, PyAny>> {
    let arguments = &arguments[..takes.min(arguments.len())];
    function.call1(PyTuple::new(function.py(), arguments)?)
}

/// How many of `documented` positional arguments a function takes.
///
/// # Errors
/// `TypeError`: it needs more than there are.
pub fn takes(function: &Bound<'_, PyAny>, documented: usize) -> PyResult<usize> {
    static SIGNATURE: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = function.py();
    let signature = SIGNATURE
        .get_or_try_init(py, || {
            PyResult::Ok(py.import("inspect")?.getattr("signature")?.unbind())
        })?
        .bind(py)
        .call1((function,));
    let signature = match signature {
        Ok(signature) => signature,
        // A function written in C may have none to be asked for.
        Err(error)
            if error.is_instance_of::<PyValueError>(py)
                || error.is_instance_of::<PyTypeError>(py) =>
        {
            return Ok(documented);
        }
        Err(error) => return Err(error),
    };
    let (mut most, mut least) = (0usize, 0usize);
    for parameter in signature
        .getattr("parameters")?
        .call_method0("values")?
        .try_iter()?
    {
        let parameter = parameter?;
        let required = parameter
            .getattr("default")?
            .is(&parameter.getattr("empty")?);
        match parameter.getattr("kind")?.extract::<u8>()? {
            // POSITIONAL_ONLY, POSITIONAL_OR_KEYWORD
            0 | 1 => {
                most += 1;
                least += usize::from(required);
            }
            // VAR_POSITIONAL
            2 => most = usize::MAX,
            // KEYWORD_ONLY
            3 if required => least = usize::MAX,
            _ => {}
        }
    }
    if least > documented {
        let name = function
            .getattr("__qualname__")
            .and_then(|n| n.extract::<String>());
        let name = name.unwrap_or_else(|_| "the function".to_owned());
        return Err(PyTypeError::new_err(format!(
            "{name}{signature} needs more than the {documented} arguments it gets"
        )));
    }
    Ok(most.min(documented))
}
