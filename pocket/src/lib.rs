//! The Python extension of the embedded switch: `pocket_core` with mod_rust
//! loaded in it, in the interpreter that runs.
//!
//! What Python programs use is the package around it, `python/pocket/`.

mod call;
mod check;
mod control;
mod convert;
mod fake;
mod far_end;
mod memory;
mod switch;
mod threads;

use std::ffi::CStr;

use pyo3::exceptions::PyImportError;
use pyo3::prelude::*;

/// A function that only a FreeSWITCH core has.
const CORE_FUNCTION: &CStr = c"switch_core_running";

/// Whether a real core is in the process. pocket's own functions have the same
/// names, but nobody sees them from outside.
fn in_a_real_switch() -> bool {
    // SAFETY: looks a NUL-terminated name up in the global scope.
    !unsafe { libc::dlsym(libc::RTLD_DEFAULT, CORE_FUNCTION.as_ptr()) }.is_null()
}

/// The extension module.
#[pymodule(gil_used = true)]
fn _pocket(module: &Bound<'_, PyModule>) -> PyResult<()> {
    if in_a_real_switch() {
        return Err(PyImportError::new_err(
            "pocket cannot be imported inside FreeSWITCH: a script that runs there imports freeswitch",
        ));
    }
    let py = module.py();
    let freeswitch = pyo3::wrap_pymodule!(mod_rust::_freeswitch)(py);
    py.import("sys")?
        .getattr("modules")?
        .set_item("_freeswitch", freeswitch)?;
    mod_rust::join_interpreter(py)?;
    module.add_class::<switch::Switch>()?;
    module.add_class::<call::Call>()?;
    check::add_to(module)?;
    control::add_to(module)?;
    memory::add_to(module)?;
    threads::add_to(module)?;
    Ok(())
}
