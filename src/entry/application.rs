//! The dialplan applications `python` and `pyrun`.

use std::cell::Cell;
use std::ffi::c_char;
use std::sync::Arc;

use bindings::switch_core_session_t;
use freeswitch::Detached;
use freeswitch::call_log;
use freeswitch::edge::guard;
use freeswitch::session as switch;
use freeswitch::text::c_string_shown;

use super::api::line;
use super::async_call;
use super::pyrun;
use super::recording;
use super::recovered;
use super::request::{Failed, Request};
use crate::interp::convert::str_of;
use crate::python::session;
use crate::python::session::CoreSession;
use crate::python::session::attached::ScriptLeg;
use crate::script::entry_point;

/// `python`: calls `handler(session, args)` and returns when it does.
///
/// # Safety
/// Called by the core, as `switch_application_function_t` says.
pub unsafe extern "C" fn python(session: *mut switch_core_session_t, data: *const c_char) {
    guard(c"application python", (), || {
        // SAFETY: the core lends both for this call; data may be NULL.
        let (session, line) = unsafe { (switch::Session::from_ptr(session), line(data)) };
        let Some(session) = session else { return };
        let _call = call_log::of_call(&session.uuid(), session.log_level());
        // SAFETY: both go before this returns.
        let (leg, _own_thread) = unsafe { ScriptLeg::of_entry(session) };
        // SAFETY: the core called this thread, which is in no Python.
        recovered::wait_for_the_far_end(session, &unsafe { Detached::new() });
        run(session, &leg, line);
    });
}

/// Calls what a line names on the call, and returns when that does.
pub(super) fn run(session: switch::Session<'_>, leg: &Arc<ScriptLeg>, line: &[u8]) {
    let folder = folder(session);
    let request = Request {
        folder: folder.as_deref(),
        ..Request::new(&entry_point::APPLICATION, line)
    };
    let outcome = request.is_async().and_then(|is_async| {
        if is_async {
            // SAFETY: the core called this thread, which is in no Python.
            let held = unsafe { Detached::new() };
            return async_call::on_call(session, &held, leg, &request);
        }
        let is_recorded = Cell::new(false);
        let outcome = request.run(
            |py, arguments| {
                let session = session::show(py, leg.clone())?;
                CoreSession::watch(session.bind(py));
                is_recorded.set(recording::begin(py, session.bind(py), line));
                Ok([session.into_any(), str_of(py, arguments).unbind()])
            },
            |_| Ok(()),
        );
        if is_recorded.get() {
            recording::end(&session.uuid(), outcome.as_ref().err());
        }
        outcome
    });
    tell(session, outcome);
}

/// `python_originated`: works for the coroutine that placed this call. Not for a
/// dialplan: it finds nothing to do there.
///
/// # Safety
/// Called by the core, as `switch_application_function_t` says.
pub unsafe extern "C" fn originated(session: *mut switch_core_session_t, _: *const c_char) {
    guard(c"application python_originated", (), || {
        // SAFETY: the core lends the session to its application for the call.
        let Some(session) = (unsafe { switch::Session::from_ptr(session) }) else {
            return;
        };
        let _call = call_log::of_call(&session.uuid(), session.log_level());
        // SAFETY: the call runs on a stack of the core's, where no Python is attached.
        async_call::on_originated(session, &unsafe { Detached::new() });
    });
}

/// `pyrun`: starts `runtime(args)` in the background, and the dialplan goes on.
///
/// # Safety
/// Called by the core, as `switch_application_function_t` says.
pub unsafe extern "C" fn pyrun(session: *mut switch_core_session_t, data: *const c_char) {
    guard(c"application pyrun", (), || {
        // SAFETY: the core lends the session and the arguments, which are NULL or end
        // with NUL, for the call.
        let (session, line) = unsafe { (switch::Session::from_ptr(session), line(data)) };
        let Some(session) = session else { return };
        let _call = call_log::of_call(&session.uuid(), session.log_level());
        let folder = folder(session);
        tell(
            session,
            pyrun::start(&entry_point::PYRUN, line, folder).map(drop),
        );
    });
}

/// `python_script_path`: a folder that this call's scripts are looked for in.
fn folder(session: switch::Session<'_>) -> Option<Vec<u8>> {
    session
        .channel()
        .variable(c"python_script_path")
        .filter(|folder| !folder.is_empty())
}

/// Leaves in `python_error` what went wrong, for the dialplan to look at.
pub(super) fn tell(session: switch::Session<'_>, outcome: Result<(), Failed>) {
    const NAME: &std::ffi::CStr = c"python_error";
    let channel = session.channel();
    let set = match outcome {
        Err(failed) => channel.set_variable(NAME, Some(&c_string_shown(failed.0.as_bytes()))),
        Ok(()) if channel.variable(NAME).is_some() => channel.set_variable(NAME, None),
        Ok(()) => Ok(()),
    };
    if let Err(status) = set {
        tracing::debug!(%status, "python_error was not set");
    }
}
