//! One call of a script's function, whatever way it came in.

use std::sync::Arc;

use freeswitch::call_log;
use pyo3::prelude::*;

use crate::aio::wait_for::wait_for;
use crate::interp::attach::{Refused, enter};
use crate::interp::errors;
use crate::interp::errors::Failure;
use crate::interp::stdio;
use crate::metrics;
use crate::metrics::Function;
use crate::python::invocation;
use crate::script::cache;
use crate::script::deadline;
use crate::script::entry_point::EntryPoint;
use crate::script::function::LoadedFunction;
use crate::script::key::ScriptRef;
use crate::script::runs;
use crate::script::runs::Listed;
use crate::script::target::{BadTarget, Target};

/// A script that did not do what it was called for; it has been reported.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{0}")]
pub struct Failed(pub String);

/// What a script was called with, beside its function.
pub struct Request<'a> {
    /// The way it came in.
    pub way: &'static EntryPoint,
    /// The command line.
    pub line: &'a [u8],
    /// `python_script_path`.
    pub folder: Option<&'a [u8]>,
    /// The number that it runs under, where it was given one already.
    pub id: Option<u64>,
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

impl<'a> Request<'a> {
    /// A request of a line that came in this way.
    #[must_use]
    pub fn new(way: &'static EntryPoint, line: &'a [u8]) -> Self {
        Self {
            way,
            line,
            folder: None,
            id: None,
        }
    }

    /// Calls the script. `arguments` makes what the function gets from the text
    /// after its name, `done` takes the result while still attached.
    ///
    /// # Errors
    /// [`Failed`], which is in the log already.
    pub fn run<A: AsRef<[Py<PyAny>]>, R>(
        &self,
        arguments: impl FnOnce(Python<'_>, &[u8]) -> PyResult<A>,
        done: impl FnOnce(Option<&Bound<'_, PyAny>>) -> PyResult<R>,
    ) -> Result<R, Failed> {
        let target = self.target()?;
        let id = self.id.unwrap_or_else(runs::next_id);
        let listed = runs::list(id, self.way.name, self.function(&target), call_log::uuid());
        let _deadline = self
            .way
            .timeout()
            .map(|time| deadline::watch(listed.run(), time));
        let outcome = enter(|py| {
            let running = invocation::begin(py, listed.run().clone());
            let result = self.attached(py, &target, &listed, arguments, done);
            let result = result.map_err(|error| self.report(py, &target, &error));
            // It leaves the list attached: who sends it an exception is, too.
            let ending = listed.ending(result.is_err());
            let ran = listed.run().clone();
            drop(listed);
            drop(running);
            stdio::flush();
            self.way.count(&ran, ending);
            result
        });
        outcome.map_err(|refused| self.refuse(&self.function(&target).name, refused.into()))?
    }

    pub(super) fn target(&self) -> Result<Target<'_>, Failed> {
        Target::parse(self.line).map_err(|error| self.refuse("", error.into()))
    }

    fn attached<A: AsRef<[Py<PyAny>]>, R>(
        &self,
        py: Python<'_>,
        target: &Target<'_>,
        listed: &Listed,
        arguments: impl FnOnce(Python<'_>, &[u8]) -> PyResult<A>,
        done: impl FnOnce(Option<&Bound<'_, PyAny>>) -> PyResult<R>,
    ) -> Result<R, Error> {
        let _output = stdio::begin(py)?;
        let function = self.find(py, target);
        if is_there(py, &function) {
            metrics::keep(&listed.run().function);
        }
        let function = function?;
        let arguments = arguments(py, target.arguments)?;
        let result = call(py, &function, arguments.as_ref());
        // The call can have gone while the script was in its own code, and its
        // hook wants the session object, which the script may have let go of.
        let hooks = invocation::check_hooks(py);
        drop(arguments);
        let result = conclude(py, listed, result, hooks)?;
        Ok(done(result.as_ref())?)
    }

    pub(super) fn find(
        &self,
        py: Python<'_>,
        target: &Target<'_>,
    ) -> Result<Arc<LoadedFunction>, Error> {
        cache::find(py, &self.wanted(target)).map_err(Error::Load)
    }

    /// Looks the function up without calling it, so that what is wrong with it
    /// is known before it runs elsewhere: is it an `async def`? Python is asked
    /// only if the script is not loaded yet, or must be loaded again.
    ///
    /// # Errors
    /// [`Failed`], which is in the log already.
    pub fn is_async(&self) -> Result<bool, Failed> {
        let target = self.target()?;
        if let Some(known) = cache::known_async(&self.wanted(&target)) {
            return Ok(known);
        }
        let found = enter(|py| {
            let _output = stdio::begin(py);
            let found = self.find(py, &target).map(|function| function.is_async());
            stdio::flush();
            found.map_err(|error| self.report(py, &target, &error))
        });
        found.map_err(|refused| self.refuse(&self.function(&target).name, refused.into()))?
    }

    fn wanted<'t>(&'t self, target: &Target<'t>) -> ScriptRef<'t> {
        ScriptRef {
            module: target.module,
            function: target.function.unwrap_or(self.way.function),
            documented: self.way.documented,
            folder: self.folder,
        }
    }

    pub(super) fn function(&self, target: &Target<'_>) -> Arc<Function> {
        let function = target.function.unwrap_or(self.way.function);
        metrics::function(target.module, function)
    }

    pub(super) fn report(&self, py: Python<'_>, target: &Target<'_>, error: &Error) -> Failed {
        let named = &self.function(target).name;
        let (error, before) = match error {
            Error::Killed(why) => {
                tracing::warn!("MR0007 {} {named} was ended: {why}", self.way.name);
                return Failed(format!("{named} was ended: {why}"));
            }
            Error::Load(error) => match errors::refusal(py, error) {
                Some(why) => return self.refuse(named, Failed(why)),
                None => (error, format!("{} does not load: ", target.module)),
            },
            Error::Run(error) => (error, String::new()),
        };
        errors::report(py, error, &self.failure(errors::FAILED, named));
        Failed(before + &errors::one_line(py, error))
    }

    pub(super) fn refuse(&self, named: &str, failed: Failed) -> Failed {
        errors::refuse(&self.failure(errors::NOT_ENTERED, named), &failed.0);
        failed
    }

    fn failure<'f>(&self, code: &'static str, named: &'f str) -> Failure<'f> {
        Failure {
            code,
            way: self.way.name,
            target: named,
            outcome: self.way.outcome,
        }
    }
}

/// A function that was found, or whose script is there and does not load: it is counted.
fn is_there(py: Python<'_>, found: &Result<Arc<LoadedFunction>, Error>) -> bool {
    match found {
        Err(Error::Load(error)) => errors::refusal(py, error).is_none(),
        _ => true,
    }
}

/// Calls the function, and waits for its coroutine where it is an `async def`.
fn call<'py>(
    py: Python<'py>,
    function: &LoadedFunction,
    arguments: &[Py<PyAny>],
) -> PyResult<Bound<'py, PyAny>> {
    let result = function.call(py, arguments)?;
    if function.is_async() {
        wait_for(&result)
    } else {
        Ok(result)
    }
}

/// What a run has come to, by what its function and then its hooks gave: nothing where one of
/// these raised `SystemExit`.
fn conclude<'py>(
    py: Python<'py>,
    listed: &Listed,
    result: PyResult<Bound<'py, PyAny>>,
    hooks: PyResult<()>,
) -> Result<Option<Bound<'py, PyAny>>, Error> {
    if let Some(why) = listed.run().killed() {
        return Err(Error::Killed(why));
    }
    match (result, hooks) {
        (Ok(result), Ok(())) => Ok(Some(result)),
        (Err(error), _) | (Ok(_), Err(error)) if errors::is_exit(py, &error) => Ok(None),
        (Err(error), _) | (Ok(_), Err(error)) => Err(error.into()),
    }
}

/// What went wrong in Python.
pub(super) enum Error {
    /// Before the function was called.
    Load(PyErr),
    /// In it.
    Run(PyErr),
    /// It was told to end, for this reason.
    Killed(String),
}

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self::Run(error)
    }
}
