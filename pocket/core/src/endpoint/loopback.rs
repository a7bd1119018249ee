//! Loopback: two legs whose far ends are each other.

use std::sync::{Arc, Weak};

use bindings::switch_dtmf_t;
use bstr::{BString, ByteSlice};
use parking_lot::Mutex;

use crate::c::*;
use crate::cause;
use crate::module::own::Dialled;
use crate::session::endpoint::Endpoint;
use crate::session::{Extension, Profile, Session, say};

/// One leg of the pair.
struct Loopback {
    peer: Mutex<Weak<Session>>,
    /// The leg that the dialplan runs on, made by the other.
    is_b: bool,
    /// Variables of the dial string, for the B leg.
    variables: Mutex<Vec<(BString, BString)>>,
}

impl Loopback {
    fn a_leg(variables: Vec<(BString, BString)>) -> Self {
        Self {
            peer: Mutex::default(),
            is_b: false,
            variables: Mutex::new(variables),
        }
    }

    fn b_leg(peer: &Arc<Session>) -> Self {
        Self {
            peer: Mutex::new(Arc::downgrade(peer)),
            is_b: true,
            variables: Mutex::default(),
        }
    }

    fn peer(&self) -> Option<Arc<Session>> {
        self.peer.lock().upgrade()
    }

    fn make_peer(&self, session: &Arc<Session>) -> bool {
        let mut profile = session.profile();
        let name = [b"loopback/", profile.destination_number.as_bytes(), b"-b"].concat();
        profile.chan_name = crate::text::c_string(&name);
        let endpoint = Box::new(Self::b_leg(session));
        let Some(peer) = session.core.create_session(None, false, endpoint, profile) else {
            say!(session, CRIT, "Failure.");
            return false;
        };
        *self.peer.lock() = Arc::downgrade(&peer);
        for (name, value) in self.variables.lock().drain(..) {
            // What originate adds for the leg that it makes: the dial string has not said it.
            if name == "originate_early_media" {
                continue;
            }
            peer.set_checked(&name, &value, false);
        }
        for name in crate::text::split(
            &session.get("loopback_export").unwrap_or_default(),
            b',',
            128,
        ) {
            if let Some(value) = session.get(&name) {
                peer.set(&name, value);
            }
        }
        session.set("other_loopback_leg_uuid", peer.uuid());
        peer.set("other_loopback_leg_uuid", session.uuid());
        if let Some(from) = session.get("loopback_from_uuid") {
            peer.set("other_loopback_from_uuid", from);
        }
        peer.set_state(CS_INIT);
        true
    }
}

impl Endpoint for Loopback {
    /// The A leg makes the B leg.
    fn on_init(&self, session: &Arc<Session>) -> bool {
        if !self.is_b && !self.make_peer(session) {
            session.hangup(cause::DESTINATION_OUT_OF_ORDER);
            return false;
        }
        session.set("loopback_leg", if self.is_b { "B" } else { "A" });
        true
    }

    /// The A leg starts the B leg.
    fn begin(&self, _: &Arc<Session>) {
        if let (false, Some(peer)) = (self.is_b, self.peer()) {
            peer.launch();
        }
    }

    /// `loopback/app=name:data` runs that on the B leg.
    fn on_routing(&self, session: &Arc<Session>) -> bool {
        if !self.is_b {
            return true;
        }
        let Some(name) = session.get("loopback_app") else {
            return true;
        };
        session.unset("loopback_app");
        let data = session.get("loopback_app_arg").unwrap_or_default();
        *session.extension.lock() = Some(Extension {
            applications: [(name, data)].into(),
        });
        session.set_state(CS_EXECUTE);
        false
    }

    fn on_answer(&self) {
        if let Some(peer) = self.peer() {
            peer.mark_answered();
        }
    }

    fn on_progress(&self) {
        if let Some(peer) = self.peer() {
            peer.mark_pre_answered();
        }
    }

    fn on_ringing(&self) {
        if let Some(peer) = self.peer() {
            peer.mark_ring_ready();
        }
    }

    fn on_hangup(&self, session: &Session) {
        // mod_loopback says so no sooner, unless it is set up to.
        session.set("is_loopback", "1");
        if let Some(peer) = self.peer() {
            peer.hangup(session.cause());
        }
    }

    fn send_digit(&self, dtmf: switch_dtmf_t) {
        if let Some(peer) = self.peer() {
            peer.queue_digit(dtmf);
        }
    }
}

/// `loopback/extension/context/dialplan`.
pub(super) fn dial(call: &Dialled<'_>, profile: &mut Profile) -> Box<dyn Endpoint> {
    if let Some(leg) = call.a_leg {
        leg.pre_answer();
    }
    let mut variables = call.variables.to_vec();
    variables.extend(address(call.destination, profile));
    Box::new(Loopback::a_leg(variables))
}

/// Fills the A leg's profile, and tells its variables, for `extension/context/dialplan`.
fn address(destination: &[u8], profile: &mut Profile) -> Vec<(BString, BString)> {
    let mut variables = Vec::new();
    let mut rest = destination.as_bstr();
    let application;
    if let Some(line) = destination.strip_prefix(b"app=") {
        let (name, data) = crate::text::cut(line, b':');
        variables.push(("loopback_app".into(), name.to_owned()));
        if !data.is_empty() {
            variables.push(("loopback_app_arg".into(), data.to_owned()));
        }
        application = name.to_owned();
        rest = application.as_bstr();
    }
    let mut parts = rest.splitn_str(3, "/");
    let number = parts.next().unwrap_or_default();
    let context = parts
        .next()
        .filter(|part| !part.is_empty())
        .unwrap_or(b"default");
    let dialplan = parts
        .next()
        .filter(|part| !part.is_empty())
        .unwrap_or(b"xml");
    profile.chan_name = crate::text::c_string(&[b"loopback/", number, b"-a"].concat());
    profile.destination_number = crate::text::c_string(number);
    profile.context = crate::text::c_string(context);
    profile.dialplan = crate::text::c_string(dialplan);
    profile.source = c"mod_loopback".to_owned();
    variables
}
