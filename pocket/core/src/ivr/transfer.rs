//! Sending a leg to another extension.

use std::sync::Arc;

use bindings::SWITCH_STACK_PUSH;
use bstr::{BStr, ByteSlice};

use crate::c::*;
use crate::cause;
use crate::session::{Session, say};
use crate::text::{c_string, number};
use crate::transcript::Kind;

/// A call that goes round in circles ends after so many transfers.
const MOST: i64 = 70;

/// `switch_ivr_session_transfer`; what is empty stays as it was.
pub(crate) fn transfer(
    session: &Arc<Session>,
    extension: &BStr,
    dialplan: &BStr,
    context: &BStr,
) -> Status {
    let (name, left) = ["max_session_transfers", "max_forwards"]
        .into_iter()
        .find_map(|name| session.get(name).map(|value| (name, number(&value) - 1)))
        .unwrap_or(("max_forwards", MOST));
    if left <= 0 {
        session.hangup(cause::EXCHANGE_ROUTING_ERROR);
        return FAILURE;
    }
    session.set(name, left.to_string());
    session.clear_flag(CF_ORIGINATING);
    session.no_longer_originated();
    let before = session.profile();
    let mut profile = before.clone();
    let forced = |own: &BStr, name: &str| {
        if own.is_empty() {
            session.get(name).unwrap_or_default()
        } else {
            own.to_owned()
        }
    };
    let dialplan = forced(dialplan, "force_transfer_dialplan");
    let context = forced(context, "force_transfer_context");
    if !dialplan.is_empty() {
        profile.dialplan = c_string(&dialplan);
    } else if profile.dialplan.is_empty()
        || profile.dialplan.as_bytes().eq_ignore_ascii_case(b"inline")
    {
        profile.dialplan = c"XML".to_owned();
    }
    if !context.is_empty() {
        profile.context = c_string(&context);
    }
    let extension = if extension.is_empty() {
        BStr::new("service")
    } else {
        extension
    };
    profile.destination_number = c_string(extension);
    profile.rdnis = before.destination_number;
    let target = format!(
        "{extension}/{}/{}",
        profile.context.to_string_lossy(),
        profile.dialplan.to_string_lossy()
    );
    let source = format!(
        "{}:{}:bl_xfer:{target}",
        session.core.clock.epoch_now() / 1_000_000,
        uuid::Uuid::new_v4()
    );
    profile.transfer_source = c_string(source.as_bytes());
    let shown = format!(
        "{}[{extension}@{}]",
        profile.dialplan.to_string_lossy(),
        profile.context.to_string_lossy()
    );
    session.unset("signal_bond");
    // Set before anything is woken: the leg's thread must not take the old
    // extension further.
    session.set_flag(CF_TRANSFER, 1);
    session.set_profile(profile);
    session.note(Kind::Transferred, target.as_bytes().as_bstr(), Vec::new());
    session.set_state(CS_ROUTING);
    say!(session, NOTICE, "Transfer {} to {shown}", session.name());
    session.add_checked(
        b"transfer_history",
        source.as_bytes(),
        false,
        SWITCH_STACK_PUSH,
    );
    session.set_checked(b"transfer_source", source.as_bytes(), false);
    SUCCESS
}
