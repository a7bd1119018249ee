//! Loopback: two legs whose far ends are each other.

use std::sync::{Arc, Weak};

use bstr::{BString, ByteSlice};
use parking_lot::Mutex;

use super::Endpoint;
use crate::c::*;
use crate::cause;
use crate::session::{Extension, Profile, Session, say};

/// One leg of the pair.
pub(crate) struct Loopback {
    peer: Mutex<Weak<Session>>,
    /// The leg that the dialplan runs on, made by the other.
    is_b: bool,
    /// Variables of the dial string, for the B leg.
    variables: Mutex<Vec<(BString, BString)>>,
}

impl Loopback {
    pub(crate) fn a_leg(variables: Vec<(BString, BString)>) -> Self {
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

    pub(super) fn peer(&self) -> Option<Arc<Session>> {
        self.peer.lock().upgrade()
    }

    /// The A leg makes the B leg and starts it.
    pub(super) fn on_init(&self, session: &Arc<Session>) -> bool {
        if !self.is_b && !self.make_peer(session) {
            session.hangup(cause::DESTINATION_OUT_OF_ORDER);
            return false;
        }
        session.set("loopback_leg", if self.is_b { "B" } else { "A" });
        session.set("is_loopback", "1");
        true
    }

    fn make_peer(&self, session: &Arc<Session>) -> bool {
        let mut profile = session.profile();
        let name = [b"loopback/", profile.destination_number.as_bytes(), b"-b"].concat();
        profile.chan_name = crate::text::c_string(&name);
        let endpoint = Endpoint::Loopback(Self::b_leg(session));
        let Some(peer) = session.core.create_session(None, false, endpoint, profile) else {
            say!(session, CRIT, "Failure.");
            return false;
        };
        *self.peer.lock() = Arc::downgrade(&peer);
        for (name, value) in self.variables.lock().drain(..) {
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
        peer.launch();
        true
    }

    /// `loopback/app=name:data` runs that on the B leg.
    pub(super) fn on_routing(&self, session: &Arc<Session>) -> bool {
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
}

/// The A leg's profile and variables for `extension/context/dialplan`.
pub(crate) fn address(
    destination: &[u8],
    mut profile: Profile,
) -> (Profile, Vec<(BString, BString)>) {
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
    (profile, variables)
}
