//! What leaves the switch beside calls: chat messages and letters. Nothing is
//! sent; a test sees what would have been.

use bstr::BString;
use parking_lot::Mutex;

use crate::event::Event;
use crate::event::dispatch::Bus;
use crate::log::{self, Log};
use crate::newest::Newest;
use crate::place::here;
use crate::text::is_true;

/// Kept of each; older ones go.
const KEPT: usize = 10_000;
/// Bytes of each.
const KEPT_BYTES: usize = 64 << 20;

/// A letter that was asked for.
#[derive(Clone, Debug, Default)]
pub struct Letter {
    /// To whom.
    pub to: BString,
    /// From whom.
    pub from: BString,
    /// Header lines.
    pub headers: BString,
    /// The text.
    pub body: BString,
    /// The file that comes with it, empty for none.
    pub file: BString,
}

pub(crate) struct Outbox {
    messages: Mutex<Newest<Event>>,
    letters: Mutex<Newest<Letter>>,
}

impl Letter {
    fn size(&self) -> usize {
        let texts = [&self.to, &self.from, &self.headers, &self.body, &self.file];
        size_of::<Self>() + texts.map(|text| text.len()).iter().sum::<usize>()
    }
}

impl Default for Outbox {
    fn default() -> Self {
        Self {
            messages: Mutex::new(Newest::new(KEPT, KEPT_BYTES)),
            letters: Mutex::new(Newest::new(KEPT, KEPT_BYTES)),
        }
    }
}

impl Outbox {
    pub(crate) fn post(&self, log: &Log, letter: Letter) {
        log.format(
            log::DEBUG,
            here!(),
            b"",
            None,
            format_args!("Emailed data [{}] to [{}]", letter.body, letter.to),
        );
        self.letters.lock().push(letter.size(), letter);
    }

    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.letters.lock().iter().cloned().collect()
    }

    /// Copies of the messages.
    pub(crate) fn messages(&self) -> Vec<Event> {
        self.messages.lock().iter().map(Event::duplicate).collect()
    }

    /// Delivers a message, and tells of it by an event.
    pub(crate) fn deliver(&self, events: &Bus, mut message: Event) {
        let Some(protocol) = message.get(b"dest_proto").map(ToOwned::to_owned) else {
            return;
        };
        if message.get(b"proto").is_none() {
            message.add("proto", "global");
        }
        let global = protocol.to_ascii_lowercase().starts_with(b"global");
        if !global {
            let message = message.duplicate();
            self.messages.lock().push(message.size(), message);
        }
        if message.get(b"blocking").is_some_and(|value| is_true(value)) {
            message.add("Delivery-Failure", if global { "true" } else { "false" });
        } else {
            message.add("Nonblocking-Delivery", "true");
        }
        events.fire(message);
    }
}
