//! What leaves the switch beside calls: chat messages and letters. Nothing is
//! sent; a test sees what would have been.

use bstr::BString;
use parking_lot::Mutex;

use crate::event::Event;
use crate::event::dispatch::Bus;
use crate::log::{self, Log};
use crate::place::here;
use crate::text::is_true;

/// Kept of each.
const KEPT: usize = 10_000;

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

#[derive(Default)]
pub(crate) struct Outbox {
    messages: Mutex<Vec<Event>>,
    letters: Mutex<Vec<Letter>>,
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
        let mut letters = self.letters.lock();
        if letters.len() < KEPT {
            letters.push(letter);
        }
    }

    pub(crate) fn letters(&self) -> Vec<Letter> {
        self.letters.lock().clone()
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
            let mut messages = self.messages.lock();
            if messages.len() < KEPT {
                messages.push(message.duplicate());
            }
        }
        if message.get(b"blocking").is_some_and(|value| is_true(value)) {
            message.add("Delivery-Failure", if global { "true" } else { "false" });
        } else {
            message.add("Nonblocking-Delivery", "true");
        }
        events.fire(message);
    }
}
