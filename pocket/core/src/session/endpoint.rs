//! What a leg asks of what is at its other end.

use std::sync::Arc;

use bindings::switch_dtmf_t;
use bstr::BString;

use super::Session;

/// The other end of a leg: what an endpoint module of FreeSWITCH has as its state
/// handlers and its I/O routines.
pub(crate) trait Endpoint: Send + Sync {
    /// Whether media is set up before anybody answers.
    fn has_codec_at_once(&self) -> bool {
        true
    }

    /// CS_INIT; whether the state's own behaviour follows.
    fn on_init(&self, _: &Arc<Session>) -> bool {
        true
    }

    /// CS_ROUTING; whether the state's own behaviour follows.
    fn on_routing(&self, _: &Arc<Session>) -> bool {
        true
    }

    /// The leg is answered from here.
    fn on_answer(&self) {}

    /// Early media is sent from here.
    fn on_progress(&self) {}

    /// It is said to ring from here.
    fn on_ringing(&self) {}

    /// CS_HANGUP.
    fn on_hangup(&self, _: &Session) {}

    /// A message for whoever is there; says whether there is somebody.
    fn receive_event(&self, _: &Session, _: BString) -> bool {
        false
    }

    /// A digit is sent from here.
    fn send_digit(&self, _: switch_dtmf_t) {}
}
