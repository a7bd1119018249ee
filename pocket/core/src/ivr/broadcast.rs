//! Running an application on a leg from outside of it.

use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use crate::session::Session;
use crate::switch::Core;

/// `switch_ivr_broadcast`: queues `file`, or `application::data`, also
/// `application!cause::data` to hang up after it. False when there is no such leg.
pub(crate) fn broadcast(
    core: &Arc<Core>,
    uuid: &[u8],
    path: &[u8],
    own: bool,
    other: bool,
) -> bool {
    let Some(session) = core.sessions.locate(uuid) else {
        return false;
    };
    let (application, data) = match path.find("::") {
        Some(at) => (path[..at].as_bstr(), path[at + 2..].as_bstr()),
        None => (BStr::new("playback"), path.as_bstr()),
    };
    let (application, cause) = match application.find_byte(b'!') {
        Some(at) => {
            let cause = application[at + 1..].as_bstr();
            (
                application[..at].as_bstr(),
                Some(if cause.is_empty() {
                    BStr::new("normal_clearing")
                } else {
                    cause
                }),
            )
        }
        None => (application, None),
    };
    let queue = |leg: &Session| {
        let mut event = leg.command_event(application, Some(data));
        event.add("lead-frames", "5");
        leg.queue_private_event(event);
    };
    if other
        && let Some(partner) = session
            .get("signal_bond")
            .and_then(|uuid| core.sessions.locate(&uuid))
    {
        queue(&partner);
    }
    if own {
        queue(&session);
    }
    if let Some(cause) = cause {
        session.queue_private_event(session.command_event("hangup".into(), Some(cause)));
    }
    true
}
