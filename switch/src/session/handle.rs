//! A lasting name of a session, good from any thread and after its end.

use std::ffi::{CStr, CString};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;

use super::{Locked, Session};

/// The session that a handle names is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the call is gone")]
pub struct Gone;

/// A session by UUID and running number. It keeps no call alive: the session is
/// locked for the length of one use. Only a call that a script has placed is kept
/// by the lock that came with it, since nobody else would know of it.
pub struct Handle {
    uuid: CString,
    id: usize,
    keeping: AtomicBool,
    kept: Mutex<Option<Arc<Locked>>>,
}

impl Handle {
    /// A handle of a session that the core lends to the calling thread.
    #[must_use]
    pub fn new(session: Session<'_>) -> Self {
        Self {
            uuid: session.uuid(),
            id: session.id(),
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
    #[inline]
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

    /// The UUID.
    #[inline]
    #[must_use]
    pub fn uuid(&self) -> &CStr {
        &self.uuid
    }

    /// The core's running number of the session (`switch_core_session_get_id`).
    #[inline]
    #[must_use]
    pub fn id(&self) -> usize {
        self.id
    }

    /// Uses the session, if it is still there.
    ///
    /// # Errors
    /// [`Gone`], when no session has this UUID any more, or another one has it.
    pub fn with<R>(&self, body: impl FnOnce(Session<'_>) -> R) -> Result<R, Gone> {
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
