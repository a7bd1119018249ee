//! `Stream`: where an API command writes its reply.

use std::sync::Arc;

use freeswitch::stream;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::SessionGone;
use super::wait::wait;
use crate::interp::convert::{bytes_of, count, str_of, text_bytes, wrong_type};
use crate::interp::detach::present;

/// A stream: the reply to an API command, or one of the script's own that collects.
#[pyclass(frozen, subclass, dict, weakref, module = "freeswitch")]
pub struct Stream {
    inner: Arc<stream::Stream>,
}

fn gone() -> PyErr {
    SessionGone::new_err("the command that this stream answered is over")
}

impl Stream {
    /// Shows a stream of the switch's to a script.
    #[must_use]
    pub fn show(inner: Arc<stream::Stream>) -> Self {
        Self { inner }
    }

    /// A stream that refuses (its reader has gone) leaves nobody to tell.
    fn put(&self, py: Python<'_>, bytes: &[u8]) -> PyResult<()> {
        present(py);
        let written = if self.inner.is_memory() {
            self.inner.write(bytes)
        } else {
            wait(py, "write", None, |_| self.inner.write(bytes))
        };
        written.map(drop).ok_or_else(gone)
    }
}

#[pymethods]
impl Stream {
    #[new]
    fn new() -> Self {
        Self {
            inner: stream::Stream::collecting(),
        }
    }

    /// Appends text to the reply.
    fn write(&self, py: Python<'_>, data: &Bound<'_, PyAny>) -> PyResult<()> {
        self.put(py, &text_bytes(data, "data")?)
    }

    /// Appends bytes as they are; `len` of them, or all.
    #[pyo3(signature = (data, len=None))]
    fn raw_write(
        &self,
        py: Python<'_>,
        data: &Bound<'_, PyAny>,
        len: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let bytes = bytes_of(data).ok_or_else(|| wrong_type("data", "bytes or str", data))?;
        let len = match len {
            Some(len) => count(len, "len")? as usize,
            None => bytes.len(),
        };
        let Some(bytes) = bytes.get(..len) else {
            let there = bytes.len();
            return Err(PyValueError::new_err(format!(
                "argument 'len' is {len}, but there are {there} bytes"
            )));
        };
        self.put(py, bytes)
    }

    /// What the one who gave the command sends along, a piece of it; None at its end.
    #[pyo3(signature = (len=None))]
    fn read<'py>(
        &self,
        py: Python<'py>,
        len: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let most = len
            .map(|l| count(l, "len"))
            .transpose()?
            .map_or(usize::MAX, |l| l as usize);
        let piece = wait(py, "read", None, |_| self.inner.read()).ok_or_else(gone)?;
        let piece = &piece[..piece.len().min(most)];
        Ok((!piece.is_empty()).then(|| PyBytes::new(py, piece)))
    }

    /// What was written so far.
    fn get_data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        present(py);
        Ok(str_of(py, &self.inner.text().ok_or_else(gone)?))
    }
}
