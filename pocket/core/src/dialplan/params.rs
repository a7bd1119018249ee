//! What a lookup of a dialplan is given.

use std::sync::Arc;

use bindings::SWITCH_EVENT_REQUEST_PARAMS;

use crate::place::here;
use crate::session::{Profile, Session};

/// The parameters of a dialplan lookup.
pub(super) fn params(session: &Arc<Session>, profile: &Profile) -> crate::event::Event {
    let mut params = session
        .core
        .events
        .create(SWITCH_EVENT_REQUEST_PARAMS, None, here!());
    session.describe(&mut params);
    profile.describe("Hunt", &mut params);
    params
}
