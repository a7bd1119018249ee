//! What the switch tells a program outside: JSON, as the body of an event or in a message of the bus.

use std::ffi::{CStr, CString};

use freeswitch::event::{Kind, OwnedEvent};
use freeswitch::text::c_string_shown;
use freeswitch::{Detached, Status};
use serde_json::{Value, json};

use crate::aio::bus::outgoing;

/// How a program is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// By the event socket.
    Socket,
    /// By the bus.
    Bus,
}

/// The subclass of offers, with a header of the name that is called.
const OFFER: &CStr = c"mod_rust::offer";
const NAME: &CStr = c"Served-Name";

/// The subclass of what one program is told.
#[must_use]
pub fn subclass(worker: &str) -> CString {
    c_string_shown(format!("mod_rust::worker::{worker}").as_bytes())
}

/// Tells all programs that a call waits for one that serves this name.
pub fn offer(held: &Detached, name: &str, body: &Value) {
    tell(held, OFFER, Some(name), body);
}

/// Tells one program.
pub fn send(held: &Detached, way: Way, worker: &str, mut body: Value) {
    match way {
        Way::Socket => tell(held, &subclass(worker), None, &body),
        Way::Bus => {
            let Some(node) = outgoing::node() else { return };
            body["node"] = json!(node);
            outgoing::send(format!("fs.worker.{worker}"), body.to_string().into_bytes());
        }
    }
}

fn tell(held: &Detached, subclass: &CStr, name: Option<&str>, body: &Value) {
    let fire = || -> Result<(), Status> {
        let event = OwnedEvent::new(Kind::CUSTOM, Some(subclass))?;
        if let Some(name) = name {
            event
                .view()
                .add_header(NAME, &c_string_shown(name.as_bytes()))?;
        }
        let text = c_string_shown(body.to_string().as_bytes());
        event.view().set_body(Some(&text))?;
        event.fire(held)
    };
    if let Err(status) = fire() {
        tracing::error!(%status, "the event that offers this call to a program outside could not be sent");
    }
}
