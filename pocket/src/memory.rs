//! What the process keeps of the memory that switches have given back.

use pyo3::prelude::*;

/// Gives the system what a closed switch has freed. Its threads' arenas are full of holes, which the allocator would keep.
#[pyfunction]
fn give_memory_back(py: Python<'_>) {
    #[cfg(target_env = "gnu")]
    py.detach(|| {
        // SAFETY: takes the allocator's own locks, and touches only what is free.
        unsafe { libc::malloc_trim(0) };
    });
    #[cfg(not(target_env = "gnu"))]
    let _ = py;
}

/// Puts what is here into the extension.
pub(crate) fn add_to(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(give_memory_back, module)?)
}
