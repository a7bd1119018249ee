//! A function of a script that is called back, with the extra argument given with it.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::{PyTraverseError, PyVisit};

use crate::script::signature::{call_with, takes};

/// A function, how many arguments it takes, and the one that was given with it.
pub struct Callable {
    function: Py<PyAny>,
    takes: usize,
    argument: Py<PyAny>,
}

impl Callable {
    /// `documented` is how many arguments the documents name, the extra one included.
    ///
    /// # Errors
    /// `TypeError`: it cannot be called, or needs more arguments.
    pub fn new(
        function: &Bound<'_, PyAny>,
        argument: Option<&Bound<'_, PyAny>>,
        documented: usize,
    ) -> PyResult<Self> {
        if !function.is_callable() {
            let kind = function.get_type().name()?;
            return Err(PyTypeError::new_err(format!(
                "a function is needed, not {kind}"
            )));
        }
        let argument = argument.map_or_else(|| function.py().None(), |a| a.clone().unbind());
        Ok(Self {
            takes: takes(function, documented)?,
            function: function.clone().unbind(),
            argument,
        })
    }

    /// A second hold of the same function.
    pub fn clone_ref(&self, py: Python<'_>) -> Self {
        Self {
            function: self.function.clone_ref(py),
            takes: self.takes,
            argument: self.argument.clone_ref(py),
        }
    }

    /// Calls it; the extra argument comes last.
    ///
    /// # Errors
    /// What it raises.
    pub fn call<'py>(
        &self,
        py: Python<'py>,
        mut arguments: Vec<Py<PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        arguments.push(self.argument.clone_ref(py));
        call_with(self.function.bind(py), self.takes, &arguments)
    }

    /// The function itself.
    pub fn function(&self, py: Python<'_>) -> Py<PyAny> {
        self.function.clone_ref(py)
    }

    /// The extra argument.
    pub fn argument(&self, py: Python<'_>) -> Py<PyAny> {
        self.argument.clone_ref(py)
    }

    /// Shows the collector what this refers to.
    ///
    /// # Errors
    /// As the collector's.
    pub fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.function)?;
        visit.call(&self.argument)
    }

    /// Its name, for the log.
    pub fn name(&self, py: Python<'_>) -> String {
        let function = self.function.bind(py);
        let part = |name| {
            function
                .getattr(name)
                .ok()
                .and_then(|n| n.extract::<String>().ok())
        };
        match (part("__module__"), part("__qualname__")) {
            (Some(module), Some(name)) => format!("{module}::{name}"),
            _ => function
                .get_type()
                .name()
                .map(|n| n.to_string())
                .unwrap_or_default(),
        }
    }
}
