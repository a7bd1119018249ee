//! What waits for a server of the event socket: the switch's threads put in, the
//! server's one thread takes out.

use std::collections::VecDeque;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;

use bstr::BString;
use parking_lot::Mutex;

use super::fired::Fired;
use super::leg::Leg;
use crate::event::Event;
use crate::log::LogLine;
use crate::session::client::{Offered, Server};

/// Something for the server.
pub enum Item {
    /// An event of a kind that it listens to.
    Event(Fired),
    /// A line of the log.
    Log(LogLine),
    /// What the command with that ticket has written.
    Reply(u64, BString),
    /// The application `socket` has connected, and hands over its call.
    Call(Handed),
    /// What the call's thread was given with that ticket has been carried out.
    Done(u64),
}

/// A call that a client on the other side of a connection controls.
pub struct Handed {
    /// The call.
    pub leg: Leg,
    /// The connection.
    pub stream: TcpStream,
    /// Whether the call's thread parks while the client works on it.
    pub asynchronous: bool,
    /// Whether the client may use commands that are not about this call.
    pub full: bool,
}

#[derive(Default)]
struct Kept {
    items: VecDeque<Item>,
    lost: u64,
    closed: bool,
}

/// Items in their order. Events and log lines that come while `limit` items wait are
/// lost, and counted; nothing else is, as each of them is one that the server waits for.
pub(crate) struct Inbox {
    limit: usize,
    kept: Mutex<Kept>,
    bell: UnixStream,
}

impl Inbox {
    /// One, and the socket that becomes readable when it is no longer empty.
    pub(crate) fn new(limit: usize) -> std::io::Result<(Self, UnixStream)> {
        let (bell, reader) = UnixStream::pair()?;
        bell.set_nonblocking(true)?;
        reader.set_nonblocking(true)?;
        let inbox = Self {
            limit,
            kept: Mutex::default(),
            bell,
        };
        Ok((inbox, reader))
    }

    pub(crate) fn put_event(&self, event: Event) {
        self.put(Item::Event(event.into()), true);
    }

    /// Does not log: the log calls it.
    pub(crate) fn put_line(&self, line: LogLine) {
        self.put(Item::Log(line), true);
    }

    pub(crate) fn put_answer(&self, item: Item) {
        self.put(item, false);
    }

    fn put(&self, item: Item, bounded: bool) {
        let mut kept = self.kept.lock();
        if kept.closed {
            // Dropping a call sets it free, and that may log.
            drop(kept);
            drop(item);
            return;
        }
        if bounded && kept.items.len() >= self.limit {
            kept.lost += 1;
            return;
        }
        kept.items.push_back(item);
        if kept.items.len() == 1 {
            // A full one is readable already.
            let _ = (&self.bell).write(&[1]);
        }
    }

    /// At most so many, how many are left, and how many were lost since the last time.
    pub(crate) fn take(&self, limit: usize) -> (Vec<Item>, usize, u64) {
        let mut kept = self.kept.lock();
        let count = limit.min(kept.items.len());
        let taken = kept.items.drain(..count).collect();
        (taken, kept.items.len(), std::mem::take(&mut kept.lost))
    }

    /// Takes in nothing more, and drops what is there.
    pub(crate) fn close(&self) {
        let items = {
            let mut kept = self.kept.lock();
            kept.closed = true;
            std::mem::take(&mut kept.items)
        };
        drop(items);
    }
}

impl Server for Inbox {
    fn take_over(&self, call: Offered) {
        self.put_answer(Item::Call(Handed {
            leg: Leg::new(call.lock, Some(call.link)),
            stream: call.stream,
            asynchronous: call.asynchronous,
            full: call.full,
        }));
    }

    fn done(&self, ticket: u64) {
        self.put_answer(Item::Done(ticket));
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use bindings::SWITCH_EVENT_HEARTBEAT;

    fn event() -> Event {
        Event::plain(SWITCH_EVENT_HEARTBEAT)
    }

    #[test]
    fn events_beyond_the_limit_are_lost_and_counted_and_answers_are_not() {
        let (inbox, _reader) = Inbox::new(2).unwrap();
        for _ in 0..5 {
            inbox.put_event(event());
        }
        inbox.put_answer(Item::Done(7));
        let (taken, left, lost) = inbox.take(2);
        assert_eq!((taken.len(), left, lost), (2, 1, 3));
        let (taken, left, lost) = inbox.take(2);
        assert!(matches!(taken.as_slice(), [Item::Done(7)]));
        assert_eq!((left, lost), (0, 0));
    }

    #[test]
    fn the_bell_rings_once_for_all_that_waits() {
        let (inbox, mut reader) = Inbox::new(9).unwrap();
        let mut heard = [0; 9];
        inbox.put_event(event());
        inbox.put_event(event());
        assert_eq!(reader.read(&mut heard).unwrap(), 1);
        inbox.take(9);
        inbox.put_event(event());
        assert_eq!(reader.read(&mut heard).unwrap(), 1);
        inbox.close();
        inbox.put_event(event());
        assert_eq!(inbox.take(9).0.len(), 0);
    }
}
