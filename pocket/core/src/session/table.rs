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
/// Bytes of them.
const KEPT_BYTES: usize = 64 << 20;

/// All that there were, in their order, each with its size from its end on.
#[derive(Default)]
struct Ever {
    legs: VecDeque<(usize, Arc<Session>)>,
    bytes: usize,
}

pub(crate) struct Table {
    sessions: Mutex<HashMap<BString, Arc<Session>>>,
    ever: Mutex<Ever>,
    next: AtomicUsize,
    /// Raised when a session is gone.
    pub(crate) left: Signal,
}

impl Ever {
    /// Notes the size of a leg that is over.
    fn ended(&mut self, session: &Session, size: usize) {
        let mut newest_first = self.legs.iter_mut().rev();
        let leg = newest_first.find(|(_, leg)| std::ptr::eq(Arc::as_ptr(leg), session));
        if let Some((known, _)) = leg {
            self.bytes = self.bytes - *known + size;
            *known = size;
        }
    }

    /// Takes out what there is no room for: the oldest legs for their number; for their bytes the oldest
    /// that are over, but never the newest.
    fn let_go(&mut self) -> Vec<(usize, Arc<Session>)> {
        let mut gone = Vec::new();
        while self.legs.len() > KEPT {
            gone.extend(self.legs.pop_front());
        }
        self.bytes -= gone.iter().map(|(size, _)| size).sum::<usize>();
        while self.bytes > KEPT_BYTES
            && let Some(at) = self.legs.iter().position(|(size, _)| *size > 0)
            && at + 1 < self.legs.len()
            && let Some((size, leg)) = self.legs.remove(at)
        {
            self.bytes -= size;
            gone.push((size, leg));
        }
        gone
    }
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
        ever.legs.push_back((0, Arc::clone(session)));
        let gone = ever.let_go();
        drop(ever);
        drop(gone);
        true
    }

    pub(crate) fn remove(&self, session: &Session) {
        self.sessions.lock().remove(session.uuid());
        let size = session.size();
        let mut ever = self.ever.lock();
        ever.ended(session, size);
        let gone = ever.let_go();
        drop(ever);
        // A leg lets much go with it, and may want the table.
        drop(gone);
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
        let ever = self.ever.lock();
        ever.legs.iter().map(|(_, leg)| Arc::clone(leg)).collect()
    }

    /// Lets those that are over go.
    pub(crate) fn forget(&self) {
        let gone = std::mem::take(&mut *self.ever.lock());
        drop(gone);
    }

    pub(crate) fn all(&self) -> Vec<Arc<Session>> {
        let mut all: Vec<_> = self.sessions.lock().values().cloned().collect();
        all.sort_by_key(|session| session.id);
        all
    }
}
