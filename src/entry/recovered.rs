//! Calls that the core has brought back after their switch was killed (`sofia recover`).

use std::time::Duration;

use bindings::CF_MEDIA_ACK;
use freeswitch::session::Session;
use freeswitch::{Detached, core};

/// How long the far end has to answer the re-INVITE that brings a call back.
const ANSWERS: Duration = Duration::from_secs(10);
const LOOK_MS: u32 = 20;

/// Has the core brought this call back?
pub(super) fn is_recovered(session: Session<'_>) -> bool {
    let recovered = session.channel().variable(c"recovered");
    recovered.is_some_and(|text| &*text == b"true")
}

/// Waits, with media flowing and digits kept, until the far end of a call that was brought back has answered: the
/// core begins its applications as soon as the re-INVITE is sent, and what is played before would be lost.
pub(super) fn wait_for_the_far_end(session: Session<'_>, held: &Detached) {
    // mod_sofia clears the flag as it sends an INVITE and sets it with the answer; other endpoints do neither.
    let is_sip = |name: Vec<u8>| name.starts_with(b"sofia/");
    let channel = session.channel();
    if !is_recovered(session)
        || !session.in_thread()
        || !channel.variable(c"channel_name").is_some_and(is_sip)
    {
        return;
    }
    let until = core::end_of(ANSWERS);
    while channel.ready() && !channel.has(CF_MEDIA_ACK) {
        if core::now_micros() > until {
            let seconds = ANSWERS.as_secs();
            tracing::warn!(
                "the far end of a call that was recovered has not answered in {seconds} s: its program begins"
            );
            return;
        }
        session.parse_events(held);
        // That it was broken says the next look.
        let _ = session.sleep(held, LOOK_MS, false, None);
    }
}
