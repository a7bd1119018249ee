//! The API commands `python`, `pyrun` and `pydial`.

use std::collections::BTreeSet;
use std::ffi::{CStr, c_char};

use bindings::{
    SWITCH_STATUS_SUCCESS, switch_core_session_t, switch_status_t, switch_stream_handle_t,
};
use freeswitch::call_log;
use freeswitch::edge::guard;
use freeswitch::event::shared;
use freeswitch::event::{Kind, OwnedEvent};
use freeswitch::log::Level;
use freeswitch::session as switch;
use freeswitch::stream;
use freeswitch::stream::reply;
use parking_lot::Mutex;
use pyo3::prelude::*;

use super::pyrun;
use super::request::Request;
use crate::interp::convert::str_of;
use crate::python::event::Event;
use crate::python::session;
use crate::python::session::CoreSession;
use crate::python::session::attached::ScriptLeg;
use crate::python::stream::Stream;
use crate::script::entry_point;

/// Of how many commands that do not answer the log tells.
const HINTS: usize = 100;

/// `python <package.module>[::function] [arguments]`, from fs_cli, the dialplan
/// or a script.
///
/// # Safety
/// Called by the core, as `switch_api_function_t` says.
pub unsafe extern "C" fn python(
    cmd: *const c_char,
    session: *mut switch_core_session_t,
    stream: *mut switch_stream_handle_t,
) -> switch_status_t {
    guard(c"API python", SWITCH_STATUS_SUCCESS, || {
        // SAFETY: the core's arguments, passed on; cmd may be NULL.
        unsafe { answer(line(cmd), session, stream) }
    })
}

/// `pydial start|status|set|stop|hupall [arguments]`: the switch's own dialer.
///
/// # Safety
/// Called by the core, as `switch_api_function_t` says.
pub unsafe extern "C" fn pydial(
    cmd: *const c_char,
    session: *mut switch_core_session_t,
    stream: *mut switch_stream_handle_t,
) -> switch_status_t {
    guard(c"API pydial", SWITCH_STATUS_SUCCESS, || {
        // SAFETY: the core lends it for this call; it may be NULL.
        let arguments = unsafe { line(cmd) };
        let command = [b"freeswitch.apps.in_switch::pydial ", arguments].concat();
        // SAFETY: the core's arguments, passed on.
        unsafe { answer(&command, session, stream) }
    })
}

/// Calls what a line names, for an API command.
///
/// # Safety
/// The core lends session and stream for this call.
unsafe fn answer(
    line: &[u8],
    session: *mut switch_core_session_t,
    stream: *mut switch_stream_handle_t,
) -> switch_status_t {
    // SAFETY: the caller vouches for both.
    let (session, request) = unsafe {
        (
            switch::Session::from_ptr(session),
            stream::Request::from_ptr(stream),
        )
    };
    let Some(stream::Request {
        stream: out,
        event,
        loan,
    }) = request
    else {
        return SWITCH_STATUS_SUCCESS;
    };
    let _call = session.map(|s| call_log::of_call(&s.uuid(), s.log_level()));
    // SAFETY: both go before this returns.
    let (leg, _own_thread) = session.map(|s| unsafe { ScriptLeg::of_entry(s) }).unzip();
    let folder = session.and_then(|s| s.channel().variable(c"python_script_path"));
    let request = Request {
        folder: folder.as_deref(),
        ..Request::new(&entry_point::API, line)
    };
    let outcome = request.run(
        |py, arguments| {
            let session = match &leg {
                Some(leg) => {
                    let session = session::show(py, leg.clone())?;
                    CoreSession::watch(session.bind(py));
                    session.into_any()
                }
                None => "na".into_pyobject(py)?.into_any().unbind(),
            };
            let env = match &event {
                Some(event) => Event::show(event.clone()),
                None => Event::show(shared::Event::owned(no_event()?)),
            };
            Ok([
                session,
                Py::new(py, Stream::show(out.clone()))?.into_any(),
                Py::new(py, env)?.into_any(),
                str_of(py, arguments).unbind(),
            ])
        },
        |_| Ok(out.is_blank()),
    );
    drop(loan);
    if matches!(outcome, Ok(true)) {
        hint_no_reply(line);
    }
    if let Err(failed) = outcome {
        // SAFETY: the core's stream, which the script has lost by now.
        unsafe { reply(stream, format!("-ERR {failed}\n").as_bytes()) };
    }
    SWITCH_STATUS_SUCCESS
}

/// Says how a command is answered, once for each that answers nothing: who asks reads `-ERR no reply`.
fn hint_no_reply(line: &[u8]) {
    static SEEN: Mutex<BTreeSet<Vec<u8>>> = Mutex::new(BTreeSet::new());
    let name = line.split(|byte| *byte == b' ').next().unwrap_or(line);
    let mut seen = SEEN.lock();
    if seen.len() >= HINTS || !seen.insert(name.to_vec()) {
        return;
    }
    drop(seen);
    let name = String::from_utf8_lossy(name);
    let text = format!(
        "{name} has written no reply, so that who asks may read \"-ERR no reply\": \
         stream.write(text) in its fsapi function answers"
    );
    call_log::write(
        Level::Info,
        c"python",
        c"reply",
        0,
        call_log::uuid().as_deref(),
        text.as_bytes(),
    );
}

/// Older ways to call an API command bring no event along.
fn no_event() -> PyResult<OwnedEvent> {
    OwnedEvent::new(Kind::REQUEST_PARAMS, None)
        .map_err(|status| pyo3::exceptions::PyRuntimeError::new_err(status.to_string()))
}

/// `pyrun <package.module>[::function] [arguments]`: in a thread of its own.
///
/// # Safety
/// Called by the core, as `switch_api_function_t` says.
pub unsafe extern "C" fn pyrun(
    cmd: *const c_char,
    _session: *mut switch_core_session_t,
    stream: *mut switch_stream_handle_t,
) -> switch_status_t {
    guard(c"API pyrun", SWITCH_STATUS_SUCCESS, || {
        // SAFETY: the core lends it for this call; it may be NULL.
        let line = unsafe { line(cmd) };
        let text = match pyrun::start(&entry_point::PYRUN, line, None) {
            Ok(id) => format!("+OK {id}\n"),
            Err(failed) => format!("-ERR {failed}\n"),
        };
        // SAFETY: the core's stream, used by this thread alone.
        unsafe { reply(stream, text.as_bytes()) };
        SWITCH_STATUS_SUCCESS
    })
}

/// # Safety
/// `text` is NULL or a string that stays over `'a`.
pub(crate) unsafe fn line<'a>(text: *const c_char) -> &'a [u8] {
    if text.is_null() {
        return b"";
    }
    // SAFETY: the caller vouches for it.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}
