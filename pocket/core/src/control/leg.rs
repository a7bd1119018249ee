//! A call in the hands of a client of the event socket.

use std::sync::Arc;

use bindings::SWITCH_EVENT_CHANNEL_DATA;
use bstr::BString;
use parking_lot::Mutex;

use crate::c::*;
use crate::event::serial;
use crate::place::here;
use crate::session::Session;
use crate::session::client::{Link, Told};
use crate::session::lock::Locked;

use super::fired::Fired;
use super::message::{Headers, message};

/// A call with a read lock on it, until it is let go or dropped.
pub struct Leg {
    session: Arc<Session>,
    lock: Mutex<Option<Locked>>,
    link: Option<Arc<Link>>,
}

impl Leg {
    pub(crate) fn new(lock: Locked, link: Option<Arc<Link>>) -> Self {
        Self {
            session: Arc::clone(&lock),
            lock: Mutex::new(Some(lock)),
            link,
        }
    }

    /// Its UUID.
    #[must_use]
    pub fn uuid(&self) -> BString {
        self.session.uuid().to_owned()
    }

    /// Its channel's name.
    #[must_use]
    pub fn name(&self) -> BString {
        self.session.name()
    }

    /// Whether it is hung up.
    #[must_use]
    pub fn is_down(&self) -> bool {
        !self.session.is_up()
    }

    /// A variable, by the rules of the dialplan.
    #[must_use]
    pub fn variable(&self, name: &[u8]) -> Option<BString> {
        self.session.get(name)
    }

    /// Sets a variable.
    pub fn set_variable(&self, name: &[u8], value: &[u8]) {
        self.session.set_checked(name, value, false);
    }

    /// Queues a message of the event socket for the call's own thread.
    pub fn queue(&self, headers: &Headers, body: Option<&[u8]>) {
        self.session.queue_private_event(message(headers, body));
    }

    /// Has the call's thread carry a message out while the server waits for the ticket
    /// to be done; only where the application `socket` waits for that.
    pub fn give(&self, ticket: u64, headers: &Headers, body: Option<&[u8]>) {
        self.tell(|told| told.given.push_back((ticket, message(headers, body))));
    }

    /// The client has said `connect`.
    pub fn connected(&self) {
        self.tell(|told| told.connected = true);
    }

    /// Whether the call's own events go to the client.
    pub fn divert(&self, on: bool) {
        self.session.set_flag(CF_DIVERT_EVENTS, u32::from(on));
    }

    /// The next event that is the call's own, while they go to the client.
    #[must_use]
    pub fn take_diverted(&self) -> Option<Fired> {
        if !self.session.is_up() || !self.session.has(CF_DIVERT_EVENTS) {
            return None;
        }
        self.session.take_event(true).map(Fired::from)
    }

    /// What `connect` shows of the call: lines, with those of the reply at the end.
    #[must_use]
    pub fn data(&self, reply: &Headers) -> BString {
        let core = &self.session.core;
        let mut event = core.events.create(SWITCH_EVENT_CHANNEL_DATA, None, here!());
        self.session.profile().describe("Channel", &mut event);
        self.session.describe(&mut event);
        for (name, value) in reply {
            event.add(name, value);
        }
        serial::lines(&event, true)
    }

    /// Lets go of the call: its thread goes on. `resume` takes it back to the
    /// dialplan where nothing else has been decided about it.
    pub fn let_go(&self, resume: bool) {
        let Some(lock) = self.lock.lock().take() else {
            return;
        };
        let session = &self.session;
        let resume = resume || session.is_true("socket_resume");
        let moved = [CF_REDIRECT, CF_TRANSFER, CF_RESET].map(|flag| session.has(flag));
        if resume && session.is_up() && session.state() != CS_HIBERNATE && moved == [false; 3] {
            session.set_state(CS_RESET);
        }
        session.clear_flag(CF_CONTROLLED);
        self.tell(|told| {
            told.resume = resume;
            told.finished = true;
        });
        session.kick();
        drop(lock);
    }

    fn tell(&self, change: impl FnOnce(&mut Told)) {
        if let Some(link) = &self.link {
            link.tell(&self.session.core.clock, change);
        }
    }
}

impl Drop for Leg {
    fn drop(&mut self) {
        self.let_go(false);
    }
}
