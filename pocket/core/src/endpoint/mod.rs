//! What is at the other end of a leg.

use std::sync::Arc;

use bindings::switch_dtmf_t;
use bstr::BString;

use crate::session::Session;
use crate::transcript::Kind;

pub(crate) mod far_end;
pub(crate) mod loopback;

use far_end::FarEnd;
use loopback::Loopback;

/// The kinds of legs.
pub(crate) enum Endpoint {
    /// Somebody on a phone, as a test scripts him.
    FarEnd(FarEnd),
    /// The other leg of a pair inside the switch.
    Loopback(Loopback),
    /// Nobody: answers, and that is all.
    Null,
}

impl Endpoint {
    /// Whether media is set up before anybody answers.
    pub(crate) fn has_codec_at_once(&self) -> bool {
        !matches!(self, Self::FarEnd(_))
    }

    /// CS_INIT; whether the state's own behaviour follows.
    pub(crate) fn on_init(&self, session: &Arc<Session>) -> bool {
        match self {
            Self::FarEnd(far_end) => far_end.on_init(session),
            Self::Loopback(loopback) => return loopback.on_init(session),
            Self::Null if session.outbound => session.mark_answered(),
            Self::Null => {}
        }
        true
    }

    /// CS_ROUTING; whether the state's own behaviour follows.
    pub(crate) fn on_routing(&self, session: &Arc<Session>) -> bool {
        match self {
            Self::Loopback(loopback) => loopback.on_routing(session),
            Self::FarEnd(far_end) => far_end.on_routing(session),
            Self::Null => true,
        }
    }

    pub(crate) fn on_answer(&self, _: &Arc<Session>) {
        if let Self::Loopback(loopback) = self
            && let Some(peer) = loopback.peer()
        {
            peer.mark_answered();
        }
    }

    pub(crate) fn on_progress(&self, _: &Arc<Session>) {
        if let Self::Loopback(loopback) = self
            && let Some(peer) = loopback.peer()
        {
            peer.mark_pre_answered();
        }
    }

    pub(crate) fn on_ringing(&self, _: &Arc<Session>) {
        if let Self::Loopback(loopback) = self
            && let Some(peer) = loopback.peer()
        {
            peer.mark_ring_ready();
        }
    }

    pub(crate) fn on_hangup(&self, session: &Arc<Session>) {
        if let Self::Loopback(loopback) = self
            && let Some(peer) = loopback.peer()
        {
            peer.hangup(session.cause());
        }
    }

    /// A message for whoever is there; says whether there is somebody.
    pub(crate) fn receive_event(&self, session: &Session, body: BString) -> bool {
        let takes = matches!(self, Self::FarEnd(_));
        if takes {
            session.note(Kind::Message, body, Vec::new());
        }
        takes
    }

    pub(crate) fn send_digit(&self, _: &Arc<Session>, dtmf: switch_dtmf_t) {
        if let Self::Loopback(loopback) = self
            && let Some(peer) = loopback.peer()
        {
            peer.queue_digit(dtmf);
        }
    }
}
