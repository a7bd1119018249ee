//! What a far end does to its leg.

use std::sync::{Arc, Weak};

use bindings::SWITCH_DTMF_RTP;

use crate::c::Cause;
use crate::clock::Rank;
use crate::session::dtmf::digits;
use crate::session::{Session, say};

/// The far end presses digits: who is woken by one runs until it waits before the next comes,
/// as on a line, where a digit lasts longer than what a script does about it.
pub(crate) fn press(session: &Arc<Session>, text: &[u8]) {
    for (at, dtmf) in digits(text, SWITCH_DTMF_RTP).into_iter().enumerate() {
        // What took the last digit may have ended the call.
        if at > 0 && !session.is_up() {
            break;
        }
        session.queue_digit(dtmf);
        session.core.clock.give_way(Rank::FarEnd);
    }
}

/// The same on the leg's own thread, which takes the digits, and would take all in one go: the
/// first is there before it goes on, the others come when it waits.
pub(super) fn press_here(session: &Arc<Session>, text: &[u8]) {
    let mut digits = digits(text, SWITCH_DTMF_RTP).into_iter();
    if let Some(dtmf) = digits.next() {
        session.queue_digit(dtmf);
    }
    for dtmf in digits {
        later(session, 0, move |session| session.queue_digit(dtmf));
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
