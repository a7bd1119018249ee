//! What a leg asks of what is at its other end.

use std::sync::Arc;

use bindings::switch_dtmf_t;
use bstr::{BStr, BString};

use super::Session;

/// The position in a sound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Heard {
    Begins,
    /// It was heard to its end; one that is broken off is not.
    Ends,
}

/// The other end of a leg: what an endpoint module of FreeSWITCH has as its state
/// handlers and its I/O routines.
pub(crate) trait Endpoint: Send + Sync {
    /// Whether media is set up before anybody answers.
    fn has_codec_at_once(&self) -> bool {
        true
    }

    /// `CS_INIT`; whether the state's own behaviour follows.
    fn on_init(&self, _: &Arc<Session>) -> bool {
        true
    }

    /// `CHANNEL_CREATE` was fired: what the far end does begins, whose events come after it.
    fn begin(&self, _: &Arc<Session>) {}

    /// `CS_ROUTING`; whether the state's own behaviour follows.
    fn on_routing(&self, _: &Arc<Session>) -> bool {
        true
    }

    /// The leg is answered from here.
    fn on_answer(&self) {}

    /// Early media is sent from here.
    fn on_progress(&self) {}

    /// It is said to ring from here.
    fn on_ringing(&self) {}

    /// `CS_HANGUP`.
    fn on_hangup(&self, _: &Session) {}

    /// A message for the far end; says whether it has one.
    fn receive_event(&self, _: &Session, _: BString) -> bool {
        false
    }

    /// A sound is heard there: a file that is played, a text that is spoken.
    fn hears(&self, _: &Arc<Session>, _: Heard, _: &BStr) {}

    /// The phone's name, if the test has named one.
    fn phone(&self) -> Option<&BStr> {
        None
    }

    /// A digit is sent from here.
    fn send_digit(&self, _: switch_dtmf_t) {}
}
