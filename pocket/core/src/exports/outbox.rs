//! Chat, JSON commands, mail.

use std::ffi::{CStr, c_char};
use std::ptr;

use bindings::*;
use serde_json::Value;

use super::arguments::{session as session_of, text};
use crate::c::*;
use crate::edge::export;
use crate::event::Event;
use crate::outbox::Letter;
use crate::place::here;
use crate::session::expand::{Headers, expand};
use crate::switch::current;
use crate::text::malloc_string;
use crate::{json, log};

/// # Safety
/// `tree` is NULL or a tree made by `cJSON_Parse` that nobody else uses.
unsafe fn tree_of<'a>(tree: *const cJSON) -> Option<&'a mut Value> {
    // SAFETY: the caller's.
    unsafe { tree.cast_mut().cast::<Value>().as_mut() }
}

export! {
    fn switch_core_execute_chat_app(
        message: *mut switch_event_t,
        app: *const c_char,
        data: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        let Some(core) = current() else { return FAILURE };
        // SAFETY: the caller's event and texts, which live.
        unsafe {
            let (app, data) = (text(app), crate::text::borrow(data));
            let Some(application) = core.modules.chat_application(app) else {
                core.say(log::ERROR, here!(), format_args!("Invalid chat application interface [{app}]!"));
                return FAILURE;
            };
            let data = data.filter(|data| *data != "__undef");
            let data = Event::with(message, |event| data.map(|data| expand(&Headers { core: &core, event }, data)));
            data.map_or(FAILURE, |data| application.call(message, data.as_ref().map(|data| data.as_slice())))
        }
    }

    fn switch_core_chat_send(dest_proto: *const c_char, message_event: *mut switch_event_t) -> switch_status_t = else FAILURE; {
        let Some(core) = current() else { return FAILURE };
        // SAFETY: the caller's event and text, which live.
        unsafe {
            let protocol = crate::text::borrow(dest_proto);
            match Event::with(message_event, |message| message.duplicate()) {
                Some(mut message) => {
                    if let Some(protocol) = protocol {
                        message.add("dest_proto", protocol);
                    }
                    // On a thread of its own, as the core delivers; without a thread there is no delivery,
                    // as without memory in the core.
                    let _ = core.spawn("pocket chat", move |core| core.outbox.deliver(&core.events, message));
                    SUCCESS
                }
                None => FAILURE,
            }
        }
    }

    fn switch_json_api_execute(
        json: *mut cJSON,
        session: *mut switch_core_session_t,
        retval: *mut *mut cJSON,
    ) -> switch_status_t = else FAILURE; {
        let Some(core) = current() else { return FAILURE };
        // SAFETY: the caller's tree, session and cell, which live.
        unsafe {
            let Some(request) = tree_of(json) else { return FAILURE };
            let session = session_of(session);
            let (done, reply) = json::execute_any(&core, request, session.as_ref());
            match (retval.as_mut(), reply) {
                (Some(cell), Some(reply)) => *cell = Box::into_raw(Box::new(reply)).cast(),
                (_, reply) => {
                    if let Some(request) = request.as_object_mut() {
                        request.insert("response".to_owned(), reply.unwrap_or(Value::Null));
                    }
                }
            }
            if done { SUCCESS } else { FAILURE }
        }
    }

    fn cJSON_Parse(value: *const c_char) -> *mut cJSON = else ptr::null_mut(); {
        if value.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: the caller's text, which lives.
        let text = unsafe { CStr::from_ptr(value) }.to_string_lossy();
        // What follows the first value is ignored, as in the core.
        match serde_json::Deserializer::from_str(&text).into_iter::<Value>().next() {
            Some(Ok(tree)) => Box::into_raw(Box::new(tree)).cast(),
            _ => ptr::null_mut(),
        }
    }

    fn cJSON_PrintUnformatted(item: *const cJSON) -> *mut c_char = else ptr::null_mut(); {
        // SAFETY: the caller's tree, which lives.
        match unsafe { tree_of(item) } {
            Some(tree) => malloc_string(tree.to_string().as_bytes()),
            None => ptr::null_mut(),
        }
    }

    fn cJSON_Delete(c: *mut cJSON) = else (); {
        if !c.is_null() {
            // SAFETY: made by `cJSON_Parse`, and given up.
            drop(unsafe { Box::from_raw(c.cast::<Value>()) });
        }
    }

    fn switch_simple_email(
        to: *const c_char,
        from: *const c_char,
        headers: *const c_char,
        body: *const c_char,
        file: *const c_char,
        _convert_cmd: *const c_char,
        _convert_ext: *const c_char,
    ) -> switch_bool_t = else FALSE; {
        let Some(core) = current() else { return FALSE };
        // SAFETY: the caller's texts, which live.
        let letter = unsafe {
            let own = |words: *const c_char| text(words).to_owned();
            Letter { to: own(to), from: own(from), headers: own(headers), body: own(body), file: own(file) }
        };
        core.outbox.post(&core.log, letter);
        TRUE
    }
}
