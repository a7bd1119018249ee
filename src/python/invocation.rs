//! What runs on this thread: which sessions' hangup hooks are to be looked after.

use std::cell::RefCell;
use std::rc::Rc;

use pyo3::prelude::*;

use super::session::Session;

thread_local! {
    static RUNNING: RefCell<Vec<Rc<Invocation>>> = const { RefCell::new(Vec::new()) };
}

/// One run of a script's function, from its entry to its return.
pub struct Invocation {
    sessions: RefCell<Vec<Py<Session>>>,
}

/// Ends the invocation when it goes.
pub struct Running<'py> {
    py: Python<'py>,
    this: Rc<Invocation>,
}

/// Begins an invocation on this thread; those before it wait beneath.
#[must_use]
pub fn begin(py: Python<'_>) -> Running<'_> {
    let this = Rc::new(Invocation {
        sessions: RefCell::new(Vec::new()),
    });
    RUNNING.with_borrow_mut(|running| running.push(this.clone()));
    Running { py, this }
}

impl Running<'_> {
    /// Has this session's hook looked after.
    pub fn watch(&self, session: Py<Session>) {
        self.this.sessions.borrow_mut().push(session);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let _ = RUNNING.try_with(|running| running.borrow_mut().pop());
        // Hooks and callbacks refer to the session and it to them: the circle is
        // cut here, not whenever the collector comes by.
        for session in self.this.sessions.take() {
            session.get().forget_script();
            session.drop_ref(self.py);
        }
    }
}

/// Runs the hooks that are due. Called before and after whatever a script does
/// in the switch, so that a hook comes before anything else of the script.
///
/// # Errors
/// `SystemExit`, when a hook raised it: it ends the script.
pub fn check_hooks(py: Python<'_>) -> PyResult<()> {
    let Some(this) = RUNNING.with_borrow(|running| running.last().cloned()) else {
        return Ok(());
    };
    let due: Vec<_> = this
        .sessions
        .borrow()
        .iter()
        .filter(|session| session.get().leg().hook_is_due())
        .map(|session| session.clone_ref(py))
        .collect();
    due.into_iter()
        .try_for_each(|session| Session::run_hook(session.bind(py)))
}
