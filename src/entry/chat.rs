//! The chat application `python`: `chat(message, args)`.

use std::ffi::c_char;

use bindings::{SWITCH_STATUS_FALSE, SWITCH_STATUS_SUCCESS, switch_event_t, switch_status_t};
use freeswitch::edge::guard;
use freeswitch::event::shared;
use pyo3::prelude::*;

use super::api::line;
use super::request::Request;
use crate::interp::convert::str_of;
use crate::python::event::Event;
use crate::script::entry_point;

/// Calls the function with the message itself: what it changes, the core sees.
///
/// # Safety
/// Called by the core, as `switch_chat_application_function_t` says.
pub unsafe extern "C" fn python(
    message: *mut switch_event_t,
    data: *const c_char,
) -> switch_status_t {
    guard(c"chat python", SWITCH_STATUS_FALSE, || {
        // SAFETY: the core lends both for this call, in which it does not touch
        // the message; the loan ends before this returns.
        let (lent, line) = unsafe { (shared::Event::lend(message), line(data)) };
        let Some((message, loan)) = lent else {
            return SWITCH_STATUS_FALSE;
        };
        let outcome = Request::new(&entry_point::CHAT, line).run(
            |py, arguments| {
                let message = Py::new(py, Event::show(message))?.into_any();
                Ok([message, str_of(py, arguments).unbind()])
            },
            |_| Ok(()),
        );
        drop(loan);
        if outcome.is_ok() {
            SWITCH_STATUS_SUCCESS
        } else {
            SWITCH_STATUS_FALSE
        }
    })
}
