//! A lasting name of a session, good from any thread and after its end.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use std::thread::{self, ThreadId};

use bindings::switch_core_session_t;
use parking_lot::Mutex;

use super::session::{Locked, Session};

/// The session that a handle names is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call is gone")]
pub struct Gone;

/// A session by UUID and running number. It keeps no call alive: the session is
/// locked for the length of one use. Only on the session's own thread, while the
/// application that was entered there runs, no lookup is needed; and a call that
/// a script has placed is kept by the lock that came with it, since nobody else
/// would know of it.
pub struct Handle {
    uuid: CString,
    id: usize,
    home: Home,
    keeping: AtomicBool,
    kept: Mutex<Option<Arc<Locked>>>,
}

struct Home {
    thread: ThreadId,
    session: AtomicPtr<switch_core_session_t>,
}

thread_local! {
    static THIS: Cell<Option<ThreadId>> = const { Cell::new(None) };
}

fn this_thread() -> ThreadId {
    // thread::current() counts references; this is asked at each verb.
    THIS.with(|t| {
        t.get().unwrap_or_else(|| {
            let id = thread::current().id();
            t.set(Some(id));
            id
        })
    })
}

impl Handle {
    /// A handle of a session that the core lends to the calling thread.
    #[must_use]
    pub fn new(session: Session<'_>) -> Self {
        Self {
            uuid: session.uuid(),
            id: session.id(),
            home: Home {
                thread: this_thread(),
                session: AtomicPtr::new(std::ptr::null_mut()),
            },
            keeping: AtomicBool::new(false),
            kept: Mutex::new(None),
        }
    }

    /// A handle that keeps a session by its lock.
    #[must_use]
    pub fn keeping(lock: Arc<Locked>) -> Self {
        let handle = Self::new(lock.session());
        handle.keeping.store(true, Ordering::Release);
        *handle.kept.lock() = Some(lock);
        handle
    }

    /// Does it keep the session?
    #[must_use]
    pub fn is_keeping(&self) -> bool {
        self.keeping.load(Ordering::Acquire)
    }

    /// Keeps the session no longer, and gives the lock; a use that is under way
    /// on another thread has it until it ends.
    #[must_use]
    pub fn let_go(&self) -> Option<Arc<Locked>> {
        let kept = self.kept.lock().take();
        self.keeping.store(false, Ordering::Release);
        kept
    }

    /// Remembers the pointer until the guard goes, for uses on this thread.
    ///
    /// # Safety
    /// The session is this thread's own (`Session::in_thread`) or is locked by
    /// the caller, and stays so while the guard lives.
    pub unsafe fn at_home(self: &Arc<Self>, session: Session<'_>) -> AtHome {
        debug_assert_eq!(self.home.thread, this_thread());
        self.home.session.store(session.as_ptr(), Ordering::Relaxed);
        AtHome(self.clone())
    }

    /// The UUID.
    #[must_use]
    pub fn uuid(&self) -> &CStr {
        &self.uuid
    }

    /// Uses the session, if it is still there.
    ///
    /// # Errors
    /// [`Gone`], when no session has this UUID any more, or another one has it.
    pub fn with<R>(&self, body: impl FnOnce(Session<'_>) -> R) -> Result<R, Gone> {
        if self.home.thread == this_thread() {
            let ptr = self.home.session.load(Ordering::Relaxed);
            // SAFETY: the pointer is set and cleared on this very thread, by a
            // guard that lives while the core vouches for the session.
            if let Some(session) = unsafe { Session::from_ptr(ptr) } {
                return Ok(body(session));
            }
        }
        if self.is_keeping() {
            let kept = self.kept.lock().clone();
            if let Some(lock) = kept {
                return Ok(body(lock.session()));
            }
        }
        let locked = Locked::find(&self.uuid).ok_or(Gone)?;
        let session = locked.session();
        if session.id() != self.id {
            return Err(Gone);
        }
        Ok(body(session))
    }
}

/// While this lives the handle knows its session without a lookup.
pub struct AtHome(Arc<Handle>);

impl Drop for AtHome {
    fn drop(&mut self) {
        self.0
            .home
            .session
            .store(std::ptr::null_mut(), Ordering::Relaxed);
    }
}
