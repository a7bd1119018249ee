//! Text between Python and the switch: UTF-8, with bytes that are none kept as
//! Python keeps them in file names (surrogateescape).

use bstr::BString;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};

/// Text of the switch, as Python sees it.
pub(crate) fn to_python<'py>(py: Python<'py>, text: &[u8]) -> PyResult<Bound<'py, PyString>> {
    match std::str::from_utf8(text) {
        Ok(text) => Ok(PyString::new(py, text)),
        Err(_) => PyString::from_encoded_object(
            &PyBytes::new(py, text),
            Some(c"utf-8"),
            Some(c"surrogateescape"),
        ),
    }
}

/// A header's or variable's name: one object for all events that have it.
fn name_to_python<'py>(py: Python<'py>, name: &[u8]) -> PyResult<Bound<'py, PyString>> {
    match std::str::from_utf8(name) {
        Ok(name) => Ok(PyString::intern(py, name)),
        Err(_) => to_python(py, name),
    }
}

/// Text for the switch; `name` is the argument that is to blame.
pub(crate) fn to_switch(name: &str, text: &Bound<'_, PyString>) -> PyResult<BString> {
    let bytes = if let Ok(text) = text.to_str() {
        BString::from(text)
    } else {
        let encoded = text.call_method1("encode", ("utf-8", "surrogateescape"))?;
        BString::from(encoded.cast::<PyBytes>()?.as_bytes())
    };
    if bytes.contains(&0) {
        return Err(PyValueError::new_err(format!(
            "{name} has a NUL in it, which the switch cannot carry"
        )));
    }
    Ok(bytes)
}

/// Name and value of each, in order.
pub(crate) type Pairs<'py> = Vec<(Bound<'py, PyString>, Bound<'py, PyString>)>;

/// Pairs for the switch.
pub(crate) fn pairs_to_switch(name: &str, pairs: &Pairs<'_>) -> PyResult<Vec<(BString, BString)>> {
    pairs
        .iter()
        .map(|(key, value)| Ok((to_switch(name, key)?, to_switch(name, value)?)))
        .collect()
}

/// Pairs of the switch, as Python sees them.
pub(crate) fn pairs_to_python<'py>(
    py: Python<'py>,
    pairs: &[(BString, BString)],
) -> PyResult<Pairs<'py>> {
    pairs
        .iter()
        .map(|(key, value)| Ok((name_to_python(py, key)?, to_python(py, value)?)))
        .collect()
}

/// Seconds as the clock counts them.
pub(crate) fn micros(seconds: f64) -> i64 {
    // What is beyond centuries is cut; NaN is now.
    (seconds.clamp(0.0, 1e10) * 1e6) as i64
}

/// The clock's count in seconds.
pub(crate) fn seconds(micros: i64) -> f64 {
    micros as f64 / 1e6
}

/// Asks Python whether a signal has come that ends a wait, such as Ctrl-C's, and
/// keeps what it raised.
pub(crate) struct Interrupt(Option<PyErr>);

impl Interrupt {
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// For use while the thread is detached.
    pub(crate) fn came(&mut self) -> bool {
        self.0 = Python::attach(|py| py.check_signals()).err();
        self.0.is_some()
    }

    pub(crate) fn into_result(self) -> PyResult<()> {
        self.0.map_or(Ok(()), Err)
    }
}
