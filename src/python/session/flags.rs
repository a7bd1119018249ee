//! mod_python's flags, for scripts that look at them.

use pyo3::prelude::*;

use super::CoreSession;

/// `S_HUP`: the call ends with its object.
const S_HUP: u32 = 1;

#[pymethods]
impl CoreSession {
    /// `S_HUP`, where the call ends with this object.
    #[getter]
    fn flags(&self) -> u32 {
        if self.leg.auto_hangup() { S_HUP } else { 0 }
    }

    /// 1 while the object stands for a call.
    #[getter]
    fn allocated(&self) -> u8 {
        u8::from(self.leg.handle().is_some())
    }
}
