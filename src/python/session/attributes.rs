//! Names for new scripts: attributes of a session, and its variables as a mapping.

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::CoreSession;
use crate::interp::convert::str_of;

#[pymethods]
impl CoreSession {
    /// The call's variables as a mutable mapping: `session.variables["name"]`.
    #[getter]
    fn variables<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        static CLASS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let py = slf.py();
        let class = CLASS.get_or_try_init(py, || {
            PyResult::Ok(
                py.import("freeswitch._variables")?
                    .getattr("Variables")?
                    .unbind(),
            )
        })?;
        class.bind(py).call1((slf,))
    }

    /// The names of the call's own variables; for `variables`.
    fn _variable_names<'py>(slf: &Bound<'py, Self>) -> PyResult<Vec<Bound<'py, PyAny>>> {
        let names = match slf.get().leg.remains() {
            Some(remains) => remains.variables.keys().cloned().collect(),
            None => Self::quick(slf, |s| s.channel().variable_names())?,
        };
        Ok(names.iter().map(|n| str_of(slf.py(), n)).collect())
    }

    /// The channel's state, `CS_EXECUTE` say.
    #[getter]
    fn state(slf: &Bound<'_, Self>) -> PyResult<String> {
        match slf.get().leg.remains() {
            Some(_) => Ok("CS_DESTROY".to_owned()),
            None => Self::quick(slf, |s| s.channel().state().name()),
        }
    }

    /// Why the call ended or did not come about; None while it lives.
    #[getter]
    fn cause(slf: &Bound<'_, Self>) -> PyResult<Option<String>> {
        let leg = &slf.get().leg;
        let cause = leg
            .cause()
            .ok_or_else(|| super::gone(slf.py(), leg))?
            .name();
        Ok(Some(cause).filter(|c| c != "NONE"))
    }
}
