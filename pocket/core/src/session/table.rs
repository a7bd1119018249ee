//! All sessions of a switch, by UUID.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bstr::{BString, ByteSlice};
use parking_lot::Mutex;

use super::Session;
use super::lock::Locked;
use crate::clock::Signal;

/// Legs that are kept when they are over: the newest.
const KEPT: usize = 250;

pub(crate) struct Table {
    sessions: Mutex<HashMap<BString, Arc<Session>>>,
    /// All that there were, in their order.
    ever: Mutex<VecDeque<Arc<Session>>>,
    next: AtomicUsize,
    /// Raised when a session is gone.
    pub(crate) left: Signal,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self {
            sessions: Mutex::default(),
            ever: Mutex::default(),
            next: AtomicUsize::new(1),
            left: Signal::new(),
        }
    }

    pub(crate) fn next_id(&self) -> usize {
        self.next.fetch_add(1, Ordering::SeqCst)
    }

    /// How many there have been.
    pub(crate) fn created(&self) -> usize {
        self.next.load(Ordering::SeqCst) - 1
    }

    pub(crate) fn count(&self) -> usize {
        self.sessions.lock().len()
    }

    /// False when the UUID is taken.
    pub(crate) fn insert(&self, session: &Arc<Session>) -> bool {
        let mut sessions = self.sessions.lock();
        if sessions.contains_key(session.uuid()) {
            return false;
        }
        sessions.insert(session.uuid().to_owned(), Arc::clone(session));
        drop(sessions);
        let mut ever = self.ever.lock();
        if ever.len() == KEPT {
            ever.pop_front();
        }
        ever.push_back(Arc::clone(session));
        true
    }

    pub(crate) fn remove(&self, session: &Session) {
        self.sessions.lock().remove(session.uuid());
        session.core.clock.raise(&self.left);
    }

    /// The session, read-locked, also when it is hung up.
    pub(crate) fn force_locate(&self, uuid: &[u8]) -> Option<Locked> {
        let session = self.sessions.lock().get(uuid.as_bstr()).cloned()?;
        Locked::new(&session)
    }

    /// The session, read-locked, unless it is hung up.
    pub(crate) fn locate(&self, uuid: &[u8]) -> Option<Locked> {
        self.force_locate(uuid).filter(|session| session.is_up())
    }

    /// All that there were, the newest 250 of them.
    pub(crate) fn ever(&self) -> Vec<Arc<Session>> {
        self.ever.lock().iter().cloned().collect()
    }

    /// Lets those that are over go.
    pub(crate) fn forget(&self) {
        self.ever.lock().clear();
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        let mut all: Vec<_> = self.sessions.lock().values().cloned().collect();
        all.sort_by_key(|session| session.id);
        all
    }
}
