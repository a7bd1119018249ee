//! The dialplan `python`: a function gives the call its list of actions.
//!
//! A call gets there by `python:package.module[::function] [arguments]` as its
//! dialplan; without a colon the context names the script.

use std::ffi::{CString, c_char, c_void};

use bindings::{switch_caller_extension_t, switch_caller_profile_t, switch_core_session_t};
use freeswitch::call_log;
use freeswitch::edge::guard;
use freeswitch::session as switch;
use freeswitch::session::extension::Extension;
use freeswitch::text::c_string_shown;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyString, PyTuple};

use super::api::line;
use super::request::Request;
use crate::interp::convert::{str_of, text};
use crate::python::session;
use crate::python::session::CoreSession;
use crate::python::session::attached::ScriptLeg;
use crate::script::entry_point;

type Action = (CString, CString);

/// Hunts an extension for a call.
///
/// # Safety
/// Called by the core, as `switch_dialplan_hunt_function_t` says.
pub unsafe extern "C" fn hunt(
    session: *mut switch_core_session_t,
    arg: *mut c_void,
    _caller_profile: *mut switch_caller_profile_t,
) -> *mut switch_caller_extension_t {
    guard(c"dialplan python", std::ptr::null_mut(), || {
        // SAFETY: the core lends both for this call; arg is text or NULL.
        let (session, argument) = unsafe {
            (
                switch::Session::from_ptr(session),
                line(arg.cast::<c_char>()),
            )
        };
        let Some(session) = session else {
            return std::ptr::null_mut();
        };
        let _call = call_log::of_call(&session.uuid(), session.log_level());
        let context = session.channel().variable(c"context").unwrap_or_default();
        let line = if argument.is_empty() {
            &context
        } else {
            argument
        };
        find(session, line).map_or(std::ptr::null_mut(), Extension::into_raw)
    })
}

fn find<'a>(session: switch::Session<'a>, line: &[u8]) -> Option<Extension<'a>> {
    // SAFETY: both go before hunt() returns.
    let (leg, _own_thread) = unsafe { ScriptLeg::of_entry(session) };
    let actions = Request::new(&entry_point::DIALPLAN, line).run(
        |py, arguments| {
            let session = session::show(py, leg.clone())?;
            CoreSession::watch(session.bind(py));
            Ok([session.into_any(), str_of(py, arguments).unbind()])
        },
        actions_of,
    );
    let actions = actions.ok()?;
    if actions.is_empty() {
        return None;
    }
    let number = session
        .channel()
        .variable(c"destination_number")
        .unwrap_or_default();
    let mut extension = Extension::new(session, &c_string_shown(line), &c_string_shown(&number))?;
    for (application, data) in &actions {
        extension.add(application, data);
    }
    Some(extension)
}

/// Reads what the function returned: strings, or pairs of strings; None or an
/// empty list has no extension for the call.
fn actions_of(result: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<Action>> {
    let Some(result) = result.filter(|r| !r.is_none()) else {
        return Ok(Vec::new());
    };
    if !result.is_instance_of::<PyList>() && !result.is_instance_of::<PyTuple>() {
        let kind = result.get_type().name()?;
        return Err(PyTypeError::new_err(format!(
            "a dialplan function returns a list of actions, not {kind}"
        )));
    }
    result
        .try_iter()?
        .map(|action| action_of(&action?))
        .collect()
}

fn action_of(action: &Bound<'_, PyAny>) -> PyResult<Action> {
    if action.is_instance_of::<PyString>() {
        return Ok((text(action, "action")?, CString::default()));
    }
    let pair: Vec<Bound<'_, PyAny>> = action.extract().map_err(|_| {
        let kind = action
            .get_type()
            .name()
            .map(|n| n.to_string())
            .unwrap_or_default();
        PyTypeError::new_err(format!(
            "an action is a string or a pair of strings, not {kind}"
        ))
    })?;
    match pair.as_slice() {
        [application] => Ok((text(application, "application")?, CString::default())),
        [application, data] => Ok((text(application, "application")?, text(data, "data")?)),
        _ => Err(PyTypeError::new_err(
            "an action is a string or a pair of strings",
        )),
    }
}
