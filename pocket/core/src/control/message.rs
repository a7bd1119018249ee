//! What a client sends, as an event.

use bindings::SWITCH_EVENT_CLONE;
use bstr::BString;

use crate::event::Event;

/// Names and values, in their order.
pub(crate) type Headers = [(BString, BString)];

/// An event with the headers of a message, and nothing else.
pub(super) fn message(headers: &Headers, body: Option<&[u8]>) -> Event {
    let mut event = Event::plain(SWITCH_EVENT_CLONE);
    for (name, value) in headers {
        event.add(name, value);
    }
    if body.is_some() {
        event.set_body(body);
    }
    event
}
