//! What a far end does to its leg.

use std::sync::{Arc, Weak};

use bindings::SWITCH_DTMF_RTP;

use crate::c::Cause;
use crate::session::dtmf::digits;
use crate::session::{Session, say};

/// The far end presses digits.
pub(crate) fn press(session: &Arc<Session>, text: &[u8]) {
    for dtmf in digits(text, SWITCH_DTMF_RTP) {
        session.queue_digit(dtmf);
    }
}

/// The far end hangs up.
pub(crate) fn hang_up(session: &Arc<Session>, cause: Cause) {
    session.hangup_by("far end", cause);
}

/// Does something with the leg when the time has come, if it is still up.
pub(super) fn later(
    session: &Arc<Session>,
    after: i64,
    action: impl FnOnce(&Arc<Session>) + Send + 'static,
) {
    let weak: Weak<Session> = Arc::downgrade(session);
    let at = session.core.clock.now() + after;
    session.core.timers.at(at, move || {
        if let Some(session) = weak.upgrade().filter(|session| session.is_up()) {
            say!(session, DEBUG, "{} far end acts", session.name());
            action(&session);
        }
    });
}
