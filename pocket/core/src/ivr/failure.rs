//! What a leg does when a call that it placed has failed.

use std::sync::Arc;

use bstr::{BStr, ByteSlice};

use super::transfer::transfer;
use crate::c::Cause;
use crate::cause;
use crate::session::Session;
use crate::text::{is_true, split};

/// `switch_channel_handle_cause`: hangs up unless told to go on, or to go
/// elsewhere.
pub(crate) fn handle_failure(session: &Arc<Session>, cause: Cause) {
    if !session.is_up() {
        return;
    }
    let name = cause::name(cause).to_string_lossy().into_owned();
    let listed = |list: &[u8]| {
        split(list, b',', 256).iter().any(|entry| {
            entry.eq_ignore_ascii_case(name.as_bytes()) || *entry == cause.0.to_string()
        })
    };
    let (go_on, failures) = (
        session.get("continue_on_fail"),
        session.get("failure_causes"),
    );
    if let Some(failures) = &failures
        && !listed(failures)
    {
        return;
    }
    match &go_on {
        Some(go_on) if is_true(go_on) || listed(go_on) => return,
        None if failures.is_none()
            && [cause::NO_ANSWER, cause::ORIGINATOR_CANCEL].contains(&cause) =>
        {
            return;
        }
        _ => {}
    }
    if let Some(target) = session.get("transfer_on_fail") {
        let words = split(&target, b' ', 3);
        let word = |at: usize| words.get(at).map_or(BStr::new(""), |word| word.as_bstr());
        transfer(session, word(0), word(1), word(2));
        return;
    }
    session.hangup(cause);
}
