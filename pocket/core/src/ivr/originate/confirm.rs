//! What a called leg does before it counts as answered: it presses a key, or runs
//! an application (`group_confirm_key`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bindings::SWITCH_STATUS_TOO_SMALL as TOO_SMALL;
use bstr::{BStr, ByteSlice};

use super::race::Leg;
use super::settings::Confirm;
use crate::c::*;
use crate::cause;
use crate::ivr::play;
use crate::ivr::read::{Reading, read};
use crate::session::lock::Locked;
use crate::session::{Session, say};
use crate::text::{cut, is_number, number};

/// Begins it on a thread of its own; whether there was anything to confirm.
pub(super) fn begin(leg: &mut Leg, shared: &Confirm, elapsed: i64) -> bool {
    let session = &leg.session;
    let own = |name: &str| session.get(name).filter(|value| !value.is_empty());
    let Some(key) =
        own("group_confirm_key").or_else(|| Some(shared.key.clone()).filter(|key| !key.is_empty()))
    else {
        return false;
    };
    let seconds = own("group_confirm_timeout")
        .filter(|seconds| is_number(seconds))
        .map(|seconds| number(&seconds))
        .or(shared.seconds);
    match seconds {
        Some(seconds) if seconds > 0 => {
            let limit = elapsed + seconds;
            leg.limit = Some(limit);
            leg.progress_limit = Some(limit);
        }
        Some(_) => {
            leg.limit = None;
            leg.progress_limit = None;
        }
        None => {}
    }
    leg.confirming = true;
    let confirm = Confirm {
        key,
        file: own("group_confirm_file").unwrap_or_else(|| shared.file.clone()),
        ..shared.clone()
    };
    let (won, core) = (Arc::clone(&leg.confirmed), Arc::clone(&session.core));
    let Some(locked) = Locked::new(session) else {
        return true;
    };
    let begun = core.spawn("pocket confirm", move |_| {
        if ask(&locked, &confirm) {
            locked.set("group_dial_status", "winner");
            won.store(true, Ordering::SeqCst);
        }
    });
    if let Err(error) = begun {
        say!(session, ERROR, "Cannot ask for a confirmation: {error}");
        session.hangup(cause::DESTINATION_OUT_OF_ORDER);
    }
    true
}

fn ask(session: &Arc<Session>, confirm: &Confirm) -> bool {
    if confirm.key.eq_ignore_ascii_case(b"exec") {
        return run(session, confirm.file.as_bstr());
    }
    let reading = Reading {
        min: confirm.key.len(),
        max: confirm.key.len(),
        prompt: confirm.file.as_bstr(),
        timeout: confirm.read_timeout,
        ..Reading::default()
    };
    while session.ready() {
        let (status, digits) = read(session, &reading);
        if ![SUCCESS, BREAK, TOO_SMALL].contains(&status) {
            say!(session, ERROR, "{} Error Playing File!", session.name());
            session.hangup(cause::DESTINATION_OUT_OF_ORDER);
        }
        if digits == confirm.key {
            return true;
        }
        if !confirm.error_file.is_empty() {
            play::play_file(session, None, confirm.error_file.as_bstr(), None);
        }
    }
    false
}

/// Runs `application data`; a leg that is up afterwards has confirmed.
fn run(session: &Arc<Session>, line: &BStr) -> bool {
    if line.is_empty() {
        return false;
    }
    let (name, data) = cut(line, b' ');
    let Some(application) = session.core.modules.application(name) else {
        say!(session, ERROR, "Invalid Application {name}");
        session.warn_of_application(name);
        session.hangup(cause::DESTINATION_OUT_OF_ORDER);
        return false;
    };
    session.run(&application, Some(data));
    session.is_up()
}
