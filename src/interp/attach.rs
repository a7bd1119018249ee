//! The way into Python, for all that comes from the switch.

use std::cell::Cell;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use super::aside::aside;
use super::context::Entered;
use super::gate;
use super::thread_state::{NoRoom, run};
use crate::metrics::{Ending, LOCK};

/// Why Python was not entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Python is not there: it ends, or has not begun.
    #[error("Python is ending")]
    Ending,
    /// See [`NoRoom`].
    #[error(transparent)]
    NoRoom(#[from] NoRoom),
}

/// Enters Python on this thread, with a context of its own.
///
/// # Errors
/// `Refused`: the gate is closed, or there is no room for another context.
pub fn enter<R>(body: impl FnOnce(Python<'_>) -> R) -> Result<R, Refused> {
    let _inside = gate::enter().ok_or(Refused::Ending)?;
    run(|outermost| {
        let before = Instant::now();
        Python::try_attach(|py| {
            LOCK.count(before.elapsed(), Ending::Done);
            let traced = Traced::begin(py, outermost);
            let context = Entered::new(py);
            let result = body(py);
            drop(context);
            drop(traced);
            result
        })
    })?
    .ok_or(Refused::Ending)
}

/// Enters Python again from a callback of a call that Python itself made: the
/// same script goes on, in the same context.
///
/// # Errors
/// [`Refused`]
pub fn reenter<R>(body: impl FnOnce(Python<'_>) -> R) -> Result<R, Refused> {
    run(|_| Python::try_attach(body))?.ok_or(Refused::Ending)
}

/// As [`reenter`], on a thread of its own, and for at most so long: C code that
/// keeps Python's lock must not keep whoever looks after it, too, but where there
/// are no threads.
pub fn reenter_within<R: Send + 'static>(
    time: Duration,
    body: impl FnOnce(Python<'_>) -> R + Send + 'static,
) -> Option<R> {
    let (done, result) = channel();
    drop(aside("mod_rust look", move || {
        // The caller may have gone.
        let _ = done.send(reenter(body).ok());
    }));
    result.recv_timeout(time).ok().flatten()
}

/// Tracing and profiling of one outermost entry. What a script switched on ends
/// with it; a debugger or coverage that was set for all threads (as pytest runs
/// have it) is applied, since Python does so only for threads that it starts.
struct Traced<'py> {
    py: Option<Python<'py>>,
    /// `threading` knows the thread since this entry.
    known: Cell<bool>,
}

struct Hooks {
    set: [Py<PyAny>; 2],
    get: [Py<PyAny>; 2],
    for_all: [Py<PyAny>; 2],
    know: Py<PyAny>,
    forget: Py<PyAny>,
}

fn hooks(py: Python<'_>) -> PyResult<&Hooks> {
    static HOOKS: PyOnceLock<Hooks> = PyOnceLock::new();
    HOOKS.get_or_try_init(py, || {
        let sys = py.import("sys")?;
        let threading = py.import("threading")?;
        let tracing = py.import("freeswitch._tracing")?;
        let pair = |of: &Bound<'_, PyModule>, a, b| {
            PyResult::Ok([of.getattr(a)?.unbind(), of.getattr(b)?.unbind()])
        };
        Ok(Hooks {
            set: [
                tracing.getattr("settrace")?.unbind(),
                sys.getattr("setprofile")?.unbind(),
            ],
            get: pair(&sys, "gettrace", "getprofile")?,
            for_all: pair(&threading, "gettrace", "getprofile")?,
            know: tracing.getattr("know")?.unbind(),
            forget: tracing.getattr("forget")?.unbind(),
        })
    })
}

impl<'py> Traced<'py> {
    fn begin(py: Python<'py>, outermost: bool) -> Self {
        let traced = Self {
            py: outermost.then_some(py),
            known: Cell::new(false),
        };
        if outermost {
            // Where this fails there is no tracing, and nothing else to do about it.
            let _ = Self::each(py, |hooks, i| {
                let wanted = hooks.for_all[i].call0(py)?;
                if !wanted.is_none(py) {
                    // A debugger does not look at threads that `threading` does not know.
                    let is_new = hooks.know.call0(py)?.is_truthy(py)?;
                    traced.known.set(traced.known.get() || is_new);
                    hooks.set[i].call1(py, (wanted,))?;
                }
                Ok(())
            });
        }
        traced
    }

    fn each(py: Python<'_>, body: impl Fn(&Hooks, usize) -> PyResult<()>) -> PyResult<()> {
        let hooks = hooks(py)?;
        body(hooks, 0)?;
        body(hooks, 1)
    }
}

impl Drop for Traced<'_> {
    fn drop(&mut self) {
        let Some(py) = self.py else { return };
        let _ = Self::each(py, |hooks, i| {
            if !hooks.get[i].call0(py)?.is_none(py) {
                hooks.set[i].call1(py, (py.None(),))?;
            }
            Ok(())
        });
        if self.known.get() {
            let _ = hooks(py).and_then(|hooks| hooks.forget.call0(py));
        }
    }
}
