//! What runs on this thread: which sessions' hangup hooks are to be looked after,
//! and which calls end with the script that placed them.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};

use super::leg::Leg;
use super::session::CoreSession;
use super::wait::detached;
use crate::interp::kill;
use crate::interp::running::Script;

thread_local! {
    static RUNNING: RefCell<Vec<Rc<Invocation>>> = const { RefCell::new(Vec::new()) };
}

/// One run of a script's function, from its entry to its return.
struct Invocation {
    sessions: RefCell<Vec<Watched>>,
    script: Arc<Script>,
}

/// A session of the script. The object is its own: when the script lets go of
/// it, that is the object's end, and may be the call's.
struct Watched {
    leg: Arc<Leg>,
    object: Py<PyWeakrefReference>,
}

/// Ends the invocation when it goes.
pub struct Running<'py> {
    py: Python<'py>,
    this: Rc<Invocation>,
}

/// Begins an invocation on this thread; those before it wait beneath.
#[must_use]
pub fn begin(py: Python<'_>, script: Arc<Script>) -> Running<'_> {
    // SAFETY: attached; it only reads this thread's number.
    let thread = unsafe { ffi::PyThread_get_thread_ident() };
    script.thread.store(thread, Ordering::Release);
    script.innermost.store(true, Ordering::Release);
    let this = Rc::new(Invocation {
        sessions: RefCell::new(Vec::new()),
        script,
    });
    RUNNING.with_borrow_mut(|running| {
        if let Some(outer) = running.last() {
            outer.script.innermost.store(false, Ordering::Release);
        }
        running.push(this.clone());
    });
    Running { py, this }
}

/// The script that runs on this thread.
#[must_use]
pub fn current() -> Option<Arc<Script>> {
    RUNNING.with_borrow(|running| running.last().map(|this| this.script.clone()))
}

/// Has a session looked after by the script that runs on this thread.
pub fn watch(session: &Bound<'_, CoreSession>) {
    let Some(this) = RUNNING.with_borrow(|running| running.last().cloned()) else {
        return;
    };
    let leg = session.get().leg();
    if this
        .sessions
        .borrow()
        .iter()
        .any(|w| Arc::ptr_eq(&w.leg, leg))
    {
        return;
    }
    if let Ok(object) = PyWeakrefReference::new(session.as_any()) {
        this.sessions.borrow_mut().push(Watched {
            leg: leg.clone(),
            object: object.unbind(),
        });
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let script = &self.this.script;
        script.innermost.store(false, Ordering::Release);
        if script.is_killed() {
            kill::forget(self.py, script.thread.load(Ordering::Acquire));
        }
        let _ = RUNNING.try_with(|running| {
            let mut running = running.borrow_mut();
            running.pop();
            if let Some(outer) = running.last() {
                outer.script.innermost.store(true, Ordering::Release);
                if outer.script.is_killed() {
                    // It was told to end meanwhile: not a line of it runs any more.
                    kill::send(self.py, &outer.script);
                }
            }
        });
        for Watched { leg, object } in self.this.sessions.take() {
            if leg.is_kept() {
                detached(self.py, |held| leg.release(held));
            }
            // Hooks and callbacks refer to the session and it to them: the circle
            // is cut here, not whenever the collector comes by.
            let script = std::mem::take(&mut *leg.script.lock());
            drop(script);
            object.drop_ref(self.py);
        }
    }
}

/// Runs the hooks that are due. Called before and after whatever a script does
/// in the switch, so that a hook comes before anything else of the script.
///
/// # Errors
/// `SystemExit`, when a hook raised it: it ends the script.
pub fn check_hooks(py: Python<'_>) -> PyResult<()> {
    let due = RUNNING.with_borrow(|running| {
        let this = running.last()?;
        let sessions = this.sessions.borrow();
        // Asked at each verb, and hardly ever so: no list until there is one.
        sessions.iter().any(|w| w.leg.hook_is_due()).then(|| {
            let due = sessions.iter().filter(|w| w.leg.hook_is_due());
            due.map(|w| w.object.clone_ref(py)).collect::<Vec<_>>()
        })
    });
    let Some(due) = due else { return Ok(()) };
    for object in due {
        if let Some(session) = object.bind(py).upgrade() {
            CoreSession::run_hook(session.cast::<CoreSession>()?)?;
        }
    }
    Ok(())
}
