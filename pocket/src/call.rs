//! One leg, as the package's `Call` looks at it.

use pyo3::prelude::*;
use pyo3::types::PyString;

use crate::convert::{Pairs, pairs_to_python, seconds, to_python, to_switch};

/// An entry of the transcript: time, kind, text, more by name.
type Entry<'py> = (
    f64,
    &'static str,
    Bound<'py, PyString>,
    Vec<(&'static str, Bound<'py, PyString>)>,
);

/// A leg, also after it is over.
#[pyclass(frozen, module = "pocket._pocket")]
pub(crate) struct Call {
    pub(crate) inner: pocket_core::Call,
}

#[pymethods]
impl Call {
    #[getter]
    fn uuid<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        to_python(py, &self.inner.uuid())
    }

    #[getter]
    fn name<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        to_python(py, &self.inner.name())
    }

    #[getter]
    fn state(&self) -> String {
        self.inner.state()
    }

    #[getter]
    fn cause(&self) -> Option<String> {
        self.inner.cause()
    }

    #[getter]
    fn answered(&self) -> bool {
        self.inner.answered()
    }

    #[getter]
    fn over(&self) -> bool {
        self.inner.is_over()
    }

    /// The name of the phone that it has reached.
    #[getter]
    fn phone<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyString>>> {
        let phone = self.inner.phone();
        phone.map(|name| to_python(py, &name)).transpose()
    }

    #[getter]
    fn readers(&self) -> usize {
        self.inner.readers()
    }

    fn variables<'py>(&self, py: Python<'py>) -> PyResult<Pairs<'py>> {
        let variables = py.detach(|| self.inner.variables());
        pairs_to_python(py, &variables)
    }

    fn variable<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyString>,
    ) -> PyResult<Option<Bound<'py, PyString>>> {
        let name = to_switch("name", name)?;
        let value = py.detach(|| self.inner.variable(name.as_ref()));
        value.map(|value| to_python(py, &value)).transpose()
    }

    fn transcript<'py>(&self, py: Python<'py>) -> PyResult<Vec<Entry<'py>>> {
        let transcript = self.inner.transcript();
        let entries = py.detach(|| transcript.entries());
        entries
            .iter()
            .map(|entry| {
                let data: PyResult<Vec<_>> = entry
                    .data
                    .iter()
                    .map(|(name, value)| Ok((*name, to_python(py, value)?)))
                    .collect();
                Ok((
                    seconds(entry.time),
                    entry.kind.name(),
                    to_python(py, &entry.text)?,
                    data?,
                ))
            })
            .collect()
    }

    fn press(&self, py: Python<'_>, digits: &Bound<'_, PyString>) -> PyResult<()> {
        let digits = to_switch("digits", digits)?;
        py.detach(|| self.inner.press(digits.as_ref()));
        Ok(())
    }

    fn says(&self, py: Python<'_>, words: &Bound<'_, PyString>) -> PyResult<()> {
        let words = to_switch("words", words)?;
        py.detach(|| self.inner.says(words.as_ref()));
        Ok(())
    }

    fn hangup(&self, py: Python<'_>, cause: &Bound<'_, PyString>) -> PyResult<()> {
        let cause = to_switch("cause", cause)?;
        py.detach(|| self.inner.hangup(cause.as_ref()));
        Ok(())
    }
}
