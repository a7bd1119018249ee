//! Calls that programs outside serve: the application and the API command `pysocket`.

use std::ffi::{CStr, c_char};
use std::sync::Arc;
use std::time::Duration;

use bindings::{
    SWITCH_STATUS_SUCCESS, switch_core_session_t, switch_status_t, switch_stream_handle_t,
};
use freeswitch::edge::guard;
use freeswitch::session as switch;
use freeswitch::session::Session;
use freeswitch::stream::reply;
use freeswitch::{Detached, call_log, core};
use serde_json::json;

use super::api::line;
use super::application::tell;
use super::recovered;
use super::request::Failed;
use crate::aio::nested::Nested;
use crate::aio::outside::calls::{self, Outcome};
use crate::aio::outside::message::{self, Way};
use crate::aio::outside::{command, workers};
use crate::aio::session_thread::{Ended, SessionThread};
use crate::metrics;
use crate::python::session::attached::ScriptLeg;
use crate::script::entry_point;
use crate::script::runs;
use crate::script::target::Target;

/// How long a call waits for a program, where `pysocket_timeout` says nothing else.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);
/// After how long a call is offered again.
const AGAIN: Duration = Duration::from_millis(500);
/// How often it looks whether one has come.
pub(super) const LOOK_MS: u32 = 20;

/// `pysocket`: has a program outside serve the call, and returns when it has.
///
/// # Safety
/// Called by the core, as `switch_application_function_t` says.
pub unsafe extern "C" fn application(session: *mut switch_core_session_t, data: *const c_char) {
    guard(c"application pysocket", (), || {
        // SAFETY: the core lends both for this call; data may be NULL.
        let (session, line) = unsafe { (switch::Session::from_ptr(session), line(data)) };
        let Some(session) = session else { return };
        let _call = call_log::of_call(&session.uuid(), session.log_level());
        // SAFETY: both go before this returns.
        let (leg, _own_thread) = unsafe { ScriptLeg::of_entry(session) };
        // SAFETY: the core called this thread, which is in no Python.
        let held = unsafe { Detached::new() };
        recovered::wait_for_the_far_end(session, &held);
        let outcome = offer(session, &held, &leg, line);
        if let Err(Failed(why)) = &outcome {
            let line = shown(line);
            tracing::error!("MR0022 pysocket {line}: {why}; the dialplan goes on");
        }
        tell(session, outcome);
    });
}

/// `pysocket <what> ...`: what programs outside ask for.
///
/// # Safety
/// Called by the core, as `switch_api_function_t` says.
pub unsafe extern "C" fn api(
    cmd: *const c_char,
    _session: *mut switch_core_session_t,
    stream: *mut switch_stream_handle_t,
) -> switch_status_t {
    guard(c"API pysocket", SWITCH_STATUS_SUCCESS, || {
        // SAFETY: the core lends it for this call; it may be NULL.
        let line = String::from_utf8_lossy(unsafe { line(cmd) });
        // SAFETY: the core calls its commands on threads of its own, and scripts call them detached.
        let held = unsafe { Detached::new() };
        let text = command::carry_out(&held, &line);
        // SAFETY: the core's stream, used by this thread alone.
        unsafe { reply(stream, text.as_bytes()) };
        SWITCH_STATUS_SUCCESS
    })
}

fn offer(
    session: Session<'_>,
    held: &Detached,
    leg: &Arc<ScriptLeg>,
    line: &[u8],
) -> Result<(), Failed> {
    let (target, _nested) = enter(session, line, "a program outside")?;
    let name = name_of(&target);
    if !workers::serves(&name, Way::Socket, None) {
        return Err(Failed(format!("no program outside serves '{name}'")));
    }
    let thread = SessionThread::new(leg.clone()).map_err(|status| Failed(status.to_string()))?;
    let thread = Arc::new(thread);
    let call = calls::offered(session.uuid(), &name, thread.clone(), None);
    let function = target.function.unwrap_or(entry_point::APPLICATION.function);
    let function = metrics::function(target.module, function);
    let listed = runs::list(runs::next_id(), "pysocket", function, Some(session.uuid()));
    let ended = Arc::downgrade(&call);
    let breaker: runs::Breaker = Arc::new(move || {
        if let Some(call) = ended.upgrade() {
            call.kill(KILLED);
        }
    });
    // It was not told to end before it began.
    let _ = listed.run().begin_wait("pysocket", Some(breaker));
    let body = json!({
        "name": name,
        "call": session.uuid().to_string_lossy(),
        "epoch": call.epoch(),
        "arguments": String::from_utf8_lossy(target.arguments),
    });
    let offer = || message::offer(held, &name, &body);
    let accepted = wait_for_a_program(session, held, &call, &thread, &name, offer);
    let outcome = accepted.and_then(|is_up| {
        if is_up {
            serve(session, held, &call, &thread);
        }
        match call.outcome() {
            Some(Outcome::Failed(why) | Outcome::Died(why)) => Err(Failed(why)),
            _ => Ok(()),
        }
    });
    let _ = listed.ending(outcome.is_err());
    outcome
}

/// What a call was told to end with.
pub(super) const KILLED: &str = "it was told to end";

/// What a line names, and the mark that `who` works with the call until it goes.
pub(super) fn enter<'a>(
    session: Session<'_>,
    line: &'a [u8],
    who: &str,
) -> Result<(Target<'a>, Nested), Failed> {
    let target = Target::parse(line)?;
    if !session.in_thread() {
        return Err(Failed(format!(
            "{who} works with the call's own thread, which this is not; the dialplan, uuid_transfer and \
             uuid_broadcast use that"
        )));
    }
    let nested = Nested::enter_outside().map_err(|refused| Failed(refused.to_string()))?;
    Ok((target, nested))
}

/// A command line for the log: the end of a long one would push out what is said of it.
pub(super) fn shown(line: &[u8]) -> String {
    const MOST: usize = 200;
    let text = String::from_utf8_lossy(line);
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.into_owned(),
    }
}

/// The name that a program serves: `module`, or `module::function` where that is not the one that is meant
/// without a name.
pub(super) fn name_of(target: &Target<'_>) -> String {
    let function = target
        .function
        .filter(|name| *name != entry_point::APPLICATION.function);
    match function {
        Some(function) => format!("{}::{function}", target.module),
        None => target.module.to_owned(),
    }
}

/// A time that a variable of the call says, in seconds; `code` is that of the line that says what is wrong.
pub(super) fn seconds(
    session: Session<'_>,
    name: &CStr,
    otherwise: Duration,
    code: &str,
) -> Duration {
    let Some(text) = session.channel().variable(name) else {
        return otherwise;
    };
    let text = String::from_utf8_lossy(&text);
    if let Ok(seconds) = text.parse::<f64>()
        && (0.0..=3600.0).contains(&seconds)
    {
        return Duration::from_secs_f64(seconds);
    }
    let (name, text) = (name.to_string_lossy(), shown(text.as_bytes()));
    let otherwise_s = otherwise.as_secs_f64();
    tracing::warn!("{code} {name} '{text}' must be 0 to 3600 seconds: {otherwise_s} is used");
    otherwise
}

/// Waits with media flowing; false where the call ended before.
fn wait_for_a_program(
    session: Session<'_>,
    held: &Detached,
    call: &calls::Call,
    thread: &SessionThread,
    name: &str,
    offer: impl Fn(),
) -> Result<bool, Failed> {
    let patience = seconds(session, c"pysocket_timeout", PATIENCE, "MR0022");
    let until = core::end_of(patience);
    let mut next = core::now_micros();
    while call.worker().is_none() {
        let is_killed = call.outcome().is_some();
        if is_killed || !session.channel().ready() {
            // A program that accepts it in this moment is told that it is over.
            if call.withdraw() {
                return Ok(false);
            }
            break;
        }
        if core::now_micros() > until && call.withdraw() {
            return Err(Failed(format!(
                "no program outside that serves '{name}' has taken the call in {} s",
                patience.as_secs_f64()
            )));
        }
        // A program that was just about to listen has not heard the one before.
        if core::now_micros() >= next {
            offer();
            next = core::end_of(AGAIN);
        }
        thread.keep_up(session, held, LOOK_MS);
    }
    Ok(true)
}

/// Works for the program that has the call, until it needs the thread no more.
pub(super) fn serve(
    session: Session<'_>,
    held: &Detached,
    call: &calls::Call,
    thread: &SessionThread,
) {
    if let Ended::Lost(how) = thread.serve(session, held) {
        call.lost(how);
        let is_there = || {
            call.worker()
                .is_some_and(|worker| workers::is_there(&worker))
        };
        let is_over = || runs::time_is_over() || !is_there();
        if !thread.wait_for_release(held, is_over) {
            tracing::warn!(
                "MR0013 the call ended 10 seconds ago and its program outside still runs: let CancelledError through, or use hangup_shield()"
            );
        }
        thread.leg().part(session);
    }
    thread.turn_away();
}
