//! A call in the hands of a client of the event socket: what its own thread and the
//! server of that client have between them.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::sync::Arc;

use parking_lot::Mutex;

use super::lock::Locked;
use crate::clock::{Clock, Signal};
use crate::event::Event;

/// A server of the event socket, as the application `socket` sees it.
pub(crate) trait Server: Send + Sync {
    /// Takes a call over.
    fn take_over(&self, call: Offered);

    /// The call's thread has carried out what it was given with this ticket.
    fn done(&self, ticket: u64);
}

/// The server that there is, kept with the switch.
#[derive(Default)]
pub(crate) struct Serving(pub(crate) Option<Arc<dyn Server>>);

/// A call for the client at the other end of a connection.
pub(crate) struct Offered {
    pub(crate) lock: Locked,
    pub(crate) link: Arc<Link>,
    pub(crate) stream: TcpStream,
    /// Whether the call's thread parks while the client works on it.
    pub(crate) asynchronous: bool,
    /// Whether the client may use commands that are not about this call.
    pub(crate) full: bool,
}

/// What the server tells the call's thread.
pub(crate) struct Link {
    told: Mutex<Told>,
    pub(crate) changed: Signal,
}

#[derive(Default)]
pub(crate) struct Told {
    /// The client has said `connect`.
    pub(crate) connected: bool,
    /// The client is gone.
    pub(crate) finished: bool,
    /// The call is to go back to its dialplan.
    pub(crate) resume: bool,
    /// What the call's thread is to carry out, with its ticket.
    pub(crate) given: VecDeque<(u64, Event)>,
}

impl Link {
    pub(crate) fn new() -> Self {
        Self {
            told: Mutex::default(),
            changed: Signal::new(),
        }
    }

    pub(crate) fn tell(&self, clock: &Clock, change: impl FnOnce(&mut Told)) {
        clock.raise_after(&self.changed, || change(&mut self.told.lock()));
    }

    /// Whether the client works on the call, or is gone already.
    pub(crate) fn has_begun(&self) -> bool {
        let told = self.told.lock();
        told.connected || told.finished
    }

    pub(crate) fn finished(&self) -> bool {
        self.told.lock().finished
    }

    pub(crate) fn resumes(&self) -> bool {
        self.told.lock().resume
    }

    pub(crate) fn next(&self) -> Option<(u64, Event)> {
        self.told.lock().given.pop_front()
    }
}
