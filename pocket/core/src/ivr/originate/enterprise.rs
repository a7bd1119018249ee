//! `a:_:b`: calls that are placed beside each other, each as if it were alone.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bstr::{BStr, BString, ByteSlice};
use parking_lot::Mutex;

use super::variables::{Variables, take};
use super::{Request, originate};
use crate::c::*;
use crate::cause;
use crate::clock::FRAME;
use crate::ivr::failure::handle_failure;
use crate::log;
use crate::place::here;
use crate::session::Session;
use crate::session::lock::Locked;
use crate::switch::Core;

/// What stands between the calls.
pub(super) const DELIMITER: &[u8] = b":_:";

/// One of the calls: what wants it to end, and how it came out.
struct Call {
    cancel: AtomicU32,
    result: Mutex<Option<Result<Locked, Cause>>>,
}

pub(super) fn dial(
    core: &Arc<Core>,
    a_leg: Option<&Arc<Session>>,
    dial: &BStr,
    request: &Request<'_>,
) -> Result<Locked, Cause> {
    let result = race(core, a_leg, dial, request);
    if let Some(leg) = a_leg {
        let disposition = if result.is_ok() { "success" } else { "failure" };
        leg.set("originate_disposition", disposition);
        if let Err(cause) = &result {
            leg.set("hangup_cause", cause::name(*cause).to_bytes());
        }
    }
    result
}

fn race(
    core: &Arc<Core>,
    a_leg: Option<&Arc<Session>>,
    dial: &BStr,
    request: &Request<'_>,
) -> Result<Locked, Cause> {
    let mut variables: Variables = request.variables.iter().cloned().collect();
    if let Some(leg) = a_leg {
        variables.set(b"ent_originate_aleg_uuid", leg.uuid());
        super::export(leg, &mut variables);
        for name in ["ani", "aniii", "caller_id_name", "caller_id_number"] {
            if let Some(value) = leg.get(format!("effective_{name}")) {
                variables.set(format!("origination_{name}").as_bytes(), &value);
            }
        }
    }
    let Ok(rest) = take(dial.trim_ascii_start(), (b'<', b'>'), b',', &mut variables) else {
        core.say(log::ERROR, here!(), format_args!("Parse Error!"));
        return Err(cause::NO_ANSWER);
    };
    variables.set(b"ignore_early_media", b"true");
    let profile = a_leg.map(|leg| leg.profile());
    let mut calls = Vec::new();
    for part in rest.split_str(DELIMITER) {
        let call = Arc::new(Call {
            cancel: AtomicU32::new(0),
            result: Mutex::default(),
        });
        let (shared, own, profile) = (Arc::clone(&call), variables.clone(), profile.clone());
        let part = BString::from(part.trim_ascii_start());
        let (name, number) = (
            request.caller_id_name.map(ToOwned::to_owned),
            request.caller_id_number.map(ToOwned::to_owned),
        );
        let timeout = request.timeout;
        let started = core.spawn("pocket originate", move |core| {
            let pairs = own.into_pairs();
            let request = Request {
                variables: &pairs,
                caller_id_name: name.as_ref().map(|name| name.as_bstr()),
                caller_id_number: number.as_ref().map(|number| number.as_bstr()),
                timeout,
                cancel: Some(&shared.cancel),
                profile: profile.as_ref(),
            };
            let result = originate(core, None, part.as_bstr(), &request);
            *shared.result.lock() = Some(result);
        });
        match started {
            Ok(()) => calls.push(call),
            Err(error) => core.say(
                log::ERROR,
                here!(),
                format_args!("Cannot place one of several calls: {error}"),
            ),
        }
    }
    let winner = wait(core, a_leg, &calls, request.cancel);
    let why = match (
        &winner,
        request.cancel.map(|cell| cell.load(Ordering::SeqCst)),
    ) {
        (_, Some(wanted)) if wanted != 0 => bindings::switch_call_cause_t(wanted),
        (Some(_), _) => cause::LOSE_RACE,
        _ => cause::ORIGINATOR_CANCEL,
    };
    for call in &calls {
        call.cancel.store(why.0, Ordering::SeqCst);
    }
    let causes = ends(core, &calls);
    let Some(winner) = winner else {
        if let Some(leg) = a_leg {
            for cause in &causes {
                handle_failure(leg, *cause);
            }
        }
        return Err(causes.last().copied().unwrap_or(cause::NO_ANSWER));
    };
    if let Some(leg) = a_leg {
        winner.set_originator(profile.unwrap_or_default());
        leg.set_originatee(winner.profile());
    }
    Ok(winner)
}

/// The first call that is answered; none when all have failed or nobody waits.
fn wait(
    core: &Arc<Core>,
    a_leg: Option<&Arc<Session>>,
    calls: &[Arc<Call>],
    cancel: Option<&AtomicU32>,
) -> Option<Locked> {
    loop {
        let mut running = 0;
        for call in calls {
            let mut result = call.result.lock();
            match result.as_ref() {
                None => running += 1,
                Some(Ok(_)) => return result.take().and_then(Result::ok),
                Some(Err(_)) => {}
            }
        }
        let cancelled = cancel.is_some_and(|cell| cell.load(Ordering::SeqCst) != 0);
        if running == 0 || cancelled || a_leg.is_some_and(|leg| !leg.ready()) || core.closing() {
            return None;
        }
        match a_leg {
            Some(leg) if leg.media_ready() => {
                leg.parse_all_events();
                leg.read_frame();
            }
            _ => core.clock.sleep(FRAME),
        }
    }
}

/// Waits for the others, and hangs up what was answered too late; why they ended.
fn ends(core: &Arc<Core>, calls: &[Arc<Call>]) -> Vec<Cause> {
    let mut causes = Vec::new();
    for call in calls {
        // The winner's result was taken out; its lock is the only one on the call.
        while Arc::strong_count(call) > 1 && call.result.lock().is_none() {
            core.clock.sleep(FRAME);
        }
        match call.result.lock().take() {
            Some(Ok(late)) => {
                late.set("group_dial_status", "loser");
                late.hangup(cause::LOSE_RACE);
            }
            Some(Err(cause)) => causes.push(cause),
            None => {}
        }
    }
    causes
}
