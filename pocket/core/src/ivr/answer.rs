//! Waiting until a leg that was called has media.

use std::sync::Arc;

use crate::c::*;
use crate::cause;
use crate::clock::FRAME;
use crate::session::Session;
use crate::text::number;

/// `switch_ivr_wait_for_answer`: until the peer has media, its caller goes, or
/// the time that the caller gives is over. A peer that has none is hung up.
pub(crate) fn wait_for_answer(caller: Option<&Arc<Session>>, peer: &Arc<Session>) -> Status {
    if peer.state() == CS_RESET {
        peer.set_state(CS_SOFT_EXECUTE);
    }
    let mut status = SUCCESS;
    if !peer.has(CF_ANSWERED) && !peer.has(CF_EARLY_MEDIA) {
        let clock = &peer.core.clock;
        let seconds = caller
            .and_then(|caller| caller.get("call_timeout"))
            .map_or(60, |seconds| number(&seconds));
        let deadline = clock.now() + if seconds < 0 { 60 } else { seconds } * 1_000_000;
        let state = caller.map(|caller| caller.state());
        while peer.ready() && !peer.media_ready() {
            if caller.map(|caller| caller.state()) != state || peer.core.closing() {
                break;
            }
            if clock.now() >= deadline {
                status = TIMEOUT;
                break;
            }
            match caller {
                Some(caller) if caller.media_ready() => {
                    caller.read_frame();
                }
                _ => clock.sleep(FRAME),
            }
        }
        if let Some(caller) = caller {
            caller.parse_all_events();
        }
    }
    if !peer.media_ready() {
        peer.hangup(cause::DESTINATION_OUT_OF_ORDER);
        status = FAILURE;
    }
    if caller.is_some_and(|caller| !caller.is_up()) {
        status = FAILURE;
    }
    status
}
