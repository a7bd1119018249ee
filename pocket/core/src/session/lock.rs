//! The read locks that keep a session: code that found it holds one, and it is
//! destroyed only when the last is given back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Session;
use crate::clock::{Wait, Woken};

/// Who is in, and whether anybody still gets in.
#[derive(Debug, Default)]
pub(crate) struct Readers {
    count: usize,
    destroyed: bool,
}

impl Session {
    /// One reader more, unless the session is destroyed already.
    pub(crate) fn read_lock_hangup(&self) -> bool {
        let mut readers = self.lifecycle.readers.lock();
        if readers.destroyed {
            return false;
        }
        readers.count += 1;
        true
    }

    pub(crate) fn unlock(&self) {
        {
            let mut readers = self.lifecycle.readers.lock();
            readers.count = readers.count.saturating_sub(1);
        }
        self.core.clock.raise(&self.lifecycle.released);
    }

    pub(crate) fn readers(&self) -> usize {
        self.lifecycle.readers.lock().count
    }

    /// Waits until nobody reads, and lets nobody in from then on. Gives up when
    /// the switch closes and `patience` of real time is over.
    pub(super) fn destroy_lock(self: &Arc<Self>, patience: Duration) {
        let mut closing: Option<Instant> = None;
        loop {
            let generation = self.lifecycle.released.generation();
            {
                let mut readers = self.lifecycle.readers.lock();
                let given_up = closing.is_some_and(|since| since.elapsed() > patience);
                if readers.count > 0 && given_up {
                    // A reader may still give its lock back, by address.
                    std::mem::forget(Arc::clone(self));
                }
                if readers.count == 0 || given_up {
                    readers.destroyed = true;
                    return;
                }
            }
            if self.core.closing() && closing.is_none() {
                closing = Some(Instant::now());
            }
            let wait = Wait {
                real_limit: Some(Duration::from_millis(50)),
                ..Wait::on(&self.lifecycle.released, generation, None)
            };
            while self.core.clock.wait(wait) == Woken::RealLimit && !self.core.closing() {}
        }
    }
}

/// A read lock that is given back when this is dropped.
pub(crate) struct Locked(Arc<Session>);

impl Locked {
    pub(crate) fn new(session: &Arc<Session>) -> Option<Self> {
        session
            .read_lock_hangup()
            .then(|| Self(Arc::clone(session)))
    }

    /// The session, with the lock left to C to give back.
    pub(crate) fn into_ptr(self) -> *mut bindings::switch_core_session_t {
        let session = Arc::clone(&self.0);
        std::mem::forget(self);
        // The count that `self` had is leaked with it, and the registry holds
        // the session as long as the lock does.
        let address = session.as_ptr();
        // SAFETY: the forgotten Arc counts one that nobody else gives back.
        unsafe { Arc::decrement_strong_count(Arc::as_ptr(&session)) };
        address
    }
}

impl std::ops::Deref for Locked {
    type Target = Arc<Session>;

    fn deref(&self) -> &Arc<Session> {
        &self.0
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        self.0.unlock();
    }
}
