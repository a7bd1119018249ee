//! The session that the calling thread was entered with, known there without a lookup.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use bindings::switch_core_session_t;

use super::Session;

/// Which thread knows the session, and the session; for uses on that thread alone.
#[derive(Debug, Default)]
pub(super) struct OwnThread {
    thread: AtomicUsize,
    session: AtomicPtr<switch_core_session_t>,
}

/// A number that no other thread that lives has.
fn this_thread() -> usize {
    thread_local! {
        static PLACE: u8 = const { 0 };
    }
    PLACE.with(|place| ptr::from_ref(place).addr())
}

impl OwnThread {
    /// Remembers the session until the guard goes, for uses on this thread.
    ///
    /// # Safety
    /// The session is this thread's own (`Session::in_thread`), or locked by the caller, until the call into the
    /// module that the caller is in returns; and the guard goes before that.
    pub(super) unsafe fn enter(self: &Arc<Self>, session: Session<'_>) -> OnOwnThread {
        self.thread.store(this_thread(), Ordering::Relaxed);
        self.session.store(session.as_ptr(), Ordering::Relaxed);
        OnOwnThread(self.clone())
    }

    /// Forgets the session before its time. A use that is under way has it until it ends.
    pub(super) fn leave(&self) {
        self.session.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// Uses the session; gives `body` back where the calling thread is another, or knows none.
    #[inline]
    pub(super) fn with<R, F>(&self, body: F) -> Result<R, F>
    where
        F: FnOnce(Session<'_>) -> R,
    {
        if self.thread.load(Ordering::Relaxed) != this_thread() {
            return Err(body);
        }
        // SAFETY: the pointer was set on this very thread by `enter`, within a call into the module that has not
        // returned, as its guard clears the pointer before. So the body runs within that call, and until it
        // returns the session stays.
        match unsafe { Session::from_ptr(self.session.load(Ordering::Relaxed)) } {
            Some(session) => Ok(body(session)),
            None => Err(body),
        }
    }
}

/// While this lives the session is known.
pub struct OnOwnThread(Arc<OwnThread>);

impl Drop for OnOwnThread {
    fn drop(&mut self) {
        self.0.leave();
    }
}
