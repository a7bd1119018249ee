//! The session that the calling thread was entered with, known there without a lookup.

use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use bindings::switch_core_session_t;

use super::Session;

/// Which thread knows the session, and the session; for uses on that thread alone.
#[derive(Debug, Default)]
pub struct OwnThread {
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
    /// The session is this thread's own (`Session::in_thread`) or is locked by
    /// the caller, and stays so while the guard lives.
    pub unsafe fn enter(self: &Arc<Self>, session: Session<'_>) -> OnOwnThread {
        self.thread.store(this_thread(), Ordering::Relaxed);
        self.session.store(session.as_ptr(), Ordering::Relaxed);
        OnOwnThread(self.clone())
    }

    /// Forgets the session before its time.
    pub fn leave(&self) {
        self.session.store(ptr::null_mut(), Ordering::Relaxed);
    }

    /// The session; none, where the calling thread is another.
    #[must_use]
    pub fn session(&self) -> Option<Session<'_>> {
        if self.thread.load(Ordering::Relaxed) != this_thread() {
            return None;
        }
        // SAFETY: the pointer was set on this very thread, and is cleared there by a
        // guard that the entry into the module holds: it outlives what the entry calls.
        unsafe { Session::from_ptr(self.session.load(Ordering::Relaxed)) }
    }
}

/// While this lives the session is known.
pub struct OnOwnThread(Arc<OwnThread>);

impl Drop for OnOwnThread {
    fn drop(&mut self) {
        self.0.leave();
    }
}
