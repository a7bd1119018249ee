//! One call of a script's function, whatever way it came in.

use pyo3::prelude::*;

use crate::interp::enter::{Refused, enter};
use crate::interp::errors::{self, Failure};
use crate::interp::scripts::{self, BadTarget, Loaded, Target, Wanted};
use crate::interp::{interpreter, output};
use crate::python::invocation::{self, Running};

/// A way in: its name in the log, the function that it calls when none is
/// named, and how many arguments that gets.
pub struct Way {
    /// For the log.
    pub name: &'static str,
    /// The default function.
    pub function: &'static str,
    /// How many arguments the documents name.
    pub documented: usize,
    /// What the caller gets when the script fails.
    pub outcome: &'static str,
}

/// A script that did not do what it was called for; it has been reported.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub String);

/// What a script was called with, beside its function.
pub struct Request<'a> {
    /// The way it came in.
    pub way: &'a Way,
    /// The command line.
    pub line: &'a [u8],
    /// `python_script_path`.
    pub folder: Option<&'a [u8]>,
}

impl From<BadTarget> for Failed {
    fn from(error: BadTarget) -> Self {
        Self(error.to_string())
    }
}

impl From<Refused> for Failed {
    fn from(error: Refused) -> Self {
        Self(error.to_string())
    }
}

impl Request<'_> {
    /// Calls the script. `arguments` makes what the function gets from the text
    /// after its name, `done` takes the result while still attached.
    ///
    /// # Errors
    /// [`Failed`], which is in the log already.
    pub fn run<R>(
        &self,
        arguments: impl FnOnce(&Running<'_>, Python<'_>, &[u8]) -> PyResult<Vec<Py<PyAny>>>,
        done: impl FnOnce(Option<&Bound<'_, PyAny>>) -> PyResult<R>,
    ) -> Result<R, Failed> {
        let target = Target::parse(self.line).map_err(|e| self.refuse("", e.into()))?;
        let named = self.name_of(&target);
        let outcome = enter(|py| {
            let running = invocation::begin(py);
            let result = self.attached(py, &target, &running, arguments, done);
            let result = result.map_err(|error| self.report(py, &named, &error));
            drop(running);
            output::flush();
            result
        });
        match outcome {
            Ok(result) => result,
            Err(refused) => Err(self.refuse(&named, refused.into())),
        }
    }

    /// Looks the function up without calling it, so that what is wrong with it
    /// is known before it runs elsewhere.
    ///
    /// # Errors
    /// [`Failed`], which is in the log already.
    pub fn prepare(&self) -> Result<(), Failed> {
        let target = Target::parse(self.line).map_err(|e| self.refuse("", e.into()))?;
        let named = self.name_of(&target);
        let found = enter(|py| {
            self.find(py, &target)
                .map(drop)
                .map_err(|error| self.report(py, &named, &error))
        });
        found.map_err(|refused| self.refuse(&named, refused.into()))?
    }

    fn attached<R>(
        &self,
        py: Python<'_>,
        target: &Target,
        running: &Running<'_>,
        arguments: impl FnOnce(&Running<'_>, Python<'_>, &[u8]) -> PyResult<Vec<Py<PyAny>>>,
        done: impl FnOnce(Option<&Bound<'_, PyAny>>) -> PyResult<R>,
    ) -> PyResult<R> {
        let _output = output::begin(py)?;
        let function = self.find(py, target)?;
        let arguments = arguments(running, py, &target.arguments)?;
        let arguments = arguments.into_iter().map(|a| a.into_bound(py)).collect();
        let result = function.call(py, arguments);
        // The call can have gone while the script was in its own code.
        let hooks = invocation::check_hooks(py);
        let result = match (result, hooks) {
            (Ok(result), Ok(())) => Some(result),
            (Err(error), _) | (Ok(_), Err(error)) if errors::is_exit(py, &error) => None,
            (Err(error), _) | (Ok(_), Err(error)) => return Err(error),
        };
        done(result.as_ref())
    }

    fn find(&self, py: Python<'_>, target: &Target) -> PyResult<std::sync::Arc<Loaded>> {
        let wanted = Wanted {
            module: &target.module,
            function: target.function.as_deref().unwrap_or(self.way.function),
            documented: self.way.documented,
            folder: self.folder,
        };
        let function = scripts::find(py, &wanted)?;
        if function.is_async() {
            return Err(pyo3::exceptions::PyTypeError::new_err(format!(
                "'{}' is an async function, and this way in takes plain ones",
                wanted.function
            )));
        }
        Ok(function)
    }

    fn name_of(&self, target: &Target) -> String {
        format!(
            "{}::{}",
            target.module,
            target.function.as_deref().unwrap_or(self.way.function)
        )
    }

    fn report(&self, py: Python<'_>, named: &str, error: &PyErr) -> Failed {
        if let Some(why) = errors::refusal(py, error) {
            return self.refuse(named, Failed(why));
        }
        errors::report(
            py,
            error,
            &Failure {
                way: self.way.name,
                target: named,
                outcome: self.way.outcome,
            },
        );
        Failed(errors::one_line(py, error))
    }

    fn refuse(&self, named: &str, failed: Failed) -> Failed {
        errors::refuse(
            &Failure {
                way: self.way.name,
                target: named,
                outcome: self.way.outcome,
            },
            &failed.0,
        );
        failed
    }
}

/// Is there Python to enter?
#[must_use]
pub fn version_line() -> String {
    format!("Python {}", interpreter::running_version())
}
