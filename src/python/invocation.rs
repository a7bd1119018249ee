//! What runs on this thread: which sessions' hangup hooks are to be looked after,
//! and which calls end with the script.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use freeswitch::edge;
use pyo3::exceptions::PyRuntimeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::session::attached::ScriptLeg;
use crate::interp::detach::detached;
use crate::script::kill;
use crate::script::runs::Run;

thread_local! {
    static RUNNING: RefCell<Vec<Invocation>> = const { RefCell::new(Vec::new()) };
}

/// One run of a script's function, from its entry to its return.
struct Invocation {
    sessions: Vec<Watched>,
    run: Arc<Run>,
}

/// A session of the script. The object is its own: when the script lets go of
/// it, that is the object's end, and may be the call's.
struct Watched {
    leg: Arc<ScriptLeg>,
    object: Py<PyWeakrefReference>,
    run_hook: RunHook,
}

/// Runs the hangup hook of a session object; its class lies above this.
pub type RunHook = fn(&Bound<'_, PyAny>) -> PyResult<()>;

/// Ends the invocation when it goes.
pub struct Running<'py>(Python<'py>);

/// Begins an invocation on this thread; those before it wait beneath.
#[must_use]
pub fn begin(py: Python<'_>, run: Arc<Run>) -> Running<'_> {
    // SAFETY: attached; it only reads this thread's number.
    let thread = unsafe { ffi::PyThread_get_thread_ident() };
    run.thread.store(thread, Ordering::Release);
    run.innermost.store(true, Ordering::Release);
    RUNNING.with_borrow_mut(|running| {
        if let Some(outer) = running.last() {
            outer.run.innermost.store(false, Ordering::Release);
        }
        running.push(Invocation {
            sessions: Vec::new(),
            run,
        });
    });
    Running(py)
}

/// The script that runs on this thread.
#[must_use]
pub fn current() -> Option<Arc<Run>> {
    // At the very end of a thread, none does.
    let running = RUNNING.try_with(|running| {
        let running = running.borrow();
        running.last().map(|this| this.run.clone())
    });
    running.ok().flatten()
}

/// Has a session looked after by the script that runs on this thread.
pub fn watch(session: &Bound<'_, PyAny>, leg: &Arc<ScriptLeg>, run_hook: RunHook) {
    let is_new = RUNNING.try_with(|running| {
        let running = running.borrow();
        let mine = running.last().map(|this| &this.sessions);
        mine.is_some_and(|mine| !mine.iter().any(|w| Arc::ptr_eq(&w.leg, leg)))
    });
    // Making the reference can run Python, which may come here again: not in the
    // midst of the list.
    if is_new == Ok(true)
        && let Ok(object) = PyWeakrefReference::new(session)
    {
        let watched = Watched {
            leg: leg.clone(),
            object: object.unbind(),
            run_hook,
        };
        RUNNING.with_borrow_mut(|running| {
            if let Some(this) = running.last_mut() {
                this.sessions.push(watched);
            }
        });
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let Self(py) = *self;
        // At the very end of a thread there is no list.
        let ended = RUNNING.try_with(|running| running.borrow_mut().pop());
        let ended = ended.ok().flatten();
        if let Some(ended) = &ended {
            leave(py, &ended.run);
        }
        resume(py);
        for watched in ended.into_iter().flat_map(|ended| ended.sessions) {
            watched.let_go(py);
        }
    }
}

/// A run leaves its thread: what was sent to it hits none that comes after it.
fn leave(py: Python<'_>, run: &Run) {
    run.innermost.store(false, Ordering::Release);
    if run.is_killed() {
        // A line of Python runs there: not in the midst of the list.
        kill::forget(py, run.thread.load(Ordering::Acquire));
    }
    // The next script on this thread is not called by it.
    run.thread.store(0, Ordering::Release);
}

/// The run that waited beneath goes on.
fn resume(py: Python<'_>) {
    let _ = RUNNING.try_with(|running| {
        if let Some(outer) = running.borrow().last() {
            outer.run.innermost.store(true, Ordering::Release);
            if outer.run.is_killed() {
                // It was killed before it began: no line of it runs.
                kill::send(py, &outer.run);
            }
        }
    });
}

impl Watched {
    /// Its script has returned.
    fn let_go(self, py: Python<'_>) {
        let Self { leg, object, .. } = self;
        if leg.has_an_end() {
            detached(py, |held| leg.release(held));
        }
        // Hooks and callbacks refer to the session and it to them: the circle
        // is cut here, not whenever the collector comes by.
        let attachments = std::mem::take(&mut *leg.attachments.lock());
        drop(attachments);
        object.drop_ref(py);
    }
}

/// Looks whether a script may use the switch now, and runs the hooks that are due.
///
/// # Errors
/// `RuntimeError` in a child process that a script has forked: the switch's other threads
/// are not there, and their locks are as the fork left them, so that a call could wait for
/// one without end. As [`check_hooks`] otherwise.
pub fn check(py: Python<'_>) -> PyResult<()> {
    if edge::is_forked() {
        return Err(PyRuntimeError::new_err(
            "this is a child process that a script has forked: the switch is not in it",
        ));
    }
    check_hooks(py)
}

/// Runs the hooks that are due. Called before and after whatever a script does
/// in the switch, so that a hook comes before anything else of the script.
///
/// # Errors
/// `SystemExit`, when a hook raised it: it ends the script.
pub fn check_hooks(py: Python<'_>) -> PyResult<()> {
    let due = RUNNING.try_with(|running| {
        let running = running.borrow();
        let this = running.last()?;
        let sessions = &this.sessions;
        // Asked at each verb, and hardly ever so: no list until there is one.
        sessions.iter().any(|w| w.leg.hook_is_due()).then(|| {
            let due = sessions.iter().filter(|w| w.leg.hook_is_due());
            due.map(|w| (w.object.clone_ref(py), w.run_hook))
                .collect::<Vec<_>>()
        })
    });
    let Some(due) = due.ok().flatten() else {
        return Ok(());
    };
    for (object, run_hook) in due {
        if let Some(session) = object.bind(py).upgrade() {
            run_hook(&session)?;
        }
    }
    Ok(())
}
