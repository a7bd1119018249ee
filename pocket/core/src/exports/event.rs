//! Events.

use std::ffi::{c_char, c_int, c_void};
use std::ptr;

use bindings::*;

use super::arguments::{place, text};
use crate::c::*;
use crate::edge::{export, guard};
use crate::event::dispatch::Node;
use crate::event::{Event, names, serial};
use crate::switch::current;
use crate::text::malloc_string;

/// Gives C a text that it frees.
///
/// # Safety
/// `cell` is NULL or a cell to be written.
unsafe fn hand_over(cell: *mut *mut c_char, text: &[u8]) -> Status {
    // SAFETY: the caller's.
    match unsafe { cell.as_mut() } {
        None => FAILURE,
        Some(cell) => {
            *cell = malloc_string(text);
            SUCCESS
        }
    }
}

/// The tree of an event, for the function in C that writes the body out.
///
/// # Safety
/// `event` is NULL or live, `body` NULL or a text that lives.
#[unsafe(no_mangle)]
pub(crate) unsafe extern "C" fn pocket_event_xmlize(
    event: *mut switch_event_t,
    body: *const c_char,
) -> switch_xml_t {
    guard("switch_event_xmlize", ptr::null_mut(), || {
        // SAFETY: the caller's.
        unsafe {
            let body = crate::text::borrow(body).map(ToOwned::to_owned);
            Event::with(event, |event| serial::xml(event, body).give()).unwrap_or(ptr::null_mut())
        }
    })
}

export! {
    fn switch_event_create_json(event: *mut *mut switch_event_t, json: *const c_char) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's cell and text, which live.
        unsafe {
            match (serial::from_json(text(json)), event.as_mut()) {
                (Some(made), Some(cell)) => {
                    *cell = made.give();
                    SUCCESS
                }
                _ => FAILURE,
            }
        }
    }

    fn switch_event_create_subclass_detailed(
        file: *const c_char,
        func: *const c_char,
        line: c_int,
        event: *mut *mut switch_event_t,
        event_id: switch_event_types_t,
        subclass_name: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's texts and cell, which live.
        unsafe {
            let subclass = crate::text::borrow(subclass_name);
            if event.is_null()
                || (subclass.is_some()
                    && event_id != SWITCH_EVENT_CUSTOM
                    && event_id != SWITCH_EVENT_CLONE)
            {
                return GENERR;
            }
            let made = match current() {
                Some(core) if event_id != SWITCH_EVENT_CLONE => {
                    core.events.create(event_id, subclass.map(|subclass| &**subclass), place(file, func, line))
                }
                _ => {
                    let mut made = Event::plain(event_id);
                    if let Some(subclass) = subclass {
                        made.set_subclass(subclass);
                    }
                    made
                }
            };
            *event = made.give();
        }
        SUCCESS
    }

    fn switch_event_dup(event: *mut *mut switch_event_t, todup: *mut switch_event_t) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's cell and event, which live.
        unsafe {
            match Event::with(todup, |event| event.duplicate()) {
                Some(copy) if !event.is_null() => {
                    *event = copy.give();
                    SUCCESS
                }
                _ => GENERR,
            }
        }
    }

    fn switch_event_destroy(event: *mut *mut switch_event_t) = else (); {
        // SAFETY: the caller's cell; what it holds is given up.
        unsafe {
            if let Some(cell) = event.as_mut() {
                drop(Event::take(*cell));
                *cell = ptr::null_mut();
            }
        }
    }

    fn switch_event_fire_detailed(
        _file: *const c_char,
        _func: *const c_char,
        _line: c_int,
        event: *mut *mut switch_event_t,
        user_data: *mut c_void,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's cell; what it holds is given up.
        unsafe {
            let Some(cell) = event.as_mut() else { return FAILURE };
            let Some(fired) = Event::take(*cell) else { return FAILURE };
            *cell = ptr::null_mut();
            if !user_data.is_null() {
                (*fired.as_ptr()).event_user_data = user_data;
            }
            if let Some(core) = current() {
                core.events.fire(fired);
            }
        }
        SUCCESS
    }

    fn switch_event_add_header_string(
        event: *mut switch_event_t,
        stack: switch_stack_t,
        header_name: *const c_char,
        data: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's event and texts, which live.
        unsafe {
            let (Some(name), Some(data)) = (crate::text::borrow(header_name), crate::text::borrow(data)) else {
                return GENERR;
            };
            Event::with(event, |event| event.add_at(stack, name, data)).map_or(GENERR, |()| SUCCESS)
        }
    }

    fn switch_event_del_header_val(
        event: *mut switch_event_t,
        header_name: *const c_char,
        val: *const c_char,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's event and texts, which live.
        unsafe {
            let (name, value) = (text(header_name), crate::text::borrow(val));
            match Event::with(event, |event| event.remove(name, value.map(|value| &**value))) {
                Some(true) => SUCCESS,
                _ => FAILURE,
            }
        }
    }

    fn switch_event_get_header_ptr(
        event: *mut switch_event_t,
        header_name: *const c_char,
    ) -> *mut switch_event_header_t = else ptr::null_mut(); {
        // SAFETY: the caller's event and text, which live.
        unsafe {
            let name = text(header_name);
            Event::with(event, |event| event.header(name)).flatten().map_or(ptr::null_mut(), ptr::NonNull::as_ptr)
        }
    }

    fn switch_event_get_header_idx(
        event: *mut switch_event_t,
        header_name: *const c_char,
        idx: c_int,
    ) -> *mut c_char = else ptr::null_mut(); {
        // SAFETY: the caller's event and text, which live.
        unsafe {
            let name = text(header_name);
            let header = Event::with(event, |event| event.header(name)).flatten();
            match (header, usize::try_from(idx)) {
                (Some(header), Err(_)) => (*header.as_ptr()).value,
                (Some(header), Ok(at)) if idx < (*header.as_ptr()).idx => *(*header.as_ptr()).array.add(at),
                (None, _) if name == "_body" && !event.is_null() => (*event).body,
                _ => ptr::null_mut(),
            }
        }
    }

    fn switch_event_set_body(event: *mut switch_event_t, body: *const c_char) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's event and text, which live.
        unsafe {
            let body = crate::text::borrow(body);
            Event::with(event, |event| event.set_body(body.map(|body| &**body))).map_or(FAILURE, |()| SUCCESS)
        }
    }

    fn switch_event_set_priority(event: *mut switch_event_t, priority: switch_priority_t) -> switch_status_t = else FAILURE; {
        let name = match priority {
            SWITCH_PRIORITY_LOW => "LOW",
            SWITCH_PRIORITY_HIGH => "HIGH",
            _ => "NORMAL",
        };
        // SAFETY: the caller's event, which lives.
        unsafe {
            Event::with(event, |event| {
                event.set_priority(priority);
                event.add_at(SWITCH_STACK_TOP, b"priority", name.as_bytes());
            })
        };
        SUCCESS
    }

    fn switch_event_merge(event: *mut switch_event_t, tomerge: *mut switch_event_t) = else (); {
        if ptr::eq(event, tomerge) {
            return;
        }
        // SAFETY: the caller's events, which live and are two.
        unsafe {
            Event::with(event, |event| Event::with(tomerge, |from| event.merge(from)));
        }
    }

    fn switch_event_serialize(
        event: *mut switch_event_t,
        str_: *mut *mut c_char,
        encode: switch_bool_t,
    ) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's event and cell, which live.
        unsafe {
            match Event::with(event, |event| serial::lines(event, encode != FALSE)) {
                Some(lines) => hand_over(str_, &lines),
                None => FAILURE,
            }
        }
    }

    fn switch_event_serialize_json(event: *mut switch_event_t, str_: *mut *mut c_char) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's event and cell, which live.
        unsafe {
            match Event::with(event, |event| serial::json(event)) {
                Some(json) => hand_over(str_, &json),
                None => FAILURE,
            }
        }
    }

    fn switch_event_name(event: switch_event_types_t) -> *const c_char = else ptr::null(); {
        names::name(event).map_or(ptr::null(), std::ffi::CStr::as_ptr)
    }

    fn switch_name_event(name: *const c_char, type_: *mut switch_event_types_t) -> switch_status_t = else FAILURE; {
        // SAFETY: the caller's text and cell, which live.
        unsafe {
            match (names::find(text(name)), type_.as_mut()) {
                (Some(kind), Some(cell)) => {
                    *cell = kind;
                    SUCCESS
                }
                _ => FAILURE,
            }
        }
    }

    fn switch_event_bind_removable(
        _id: *const c_char,
        event: switch_event_types_t,
        subclass_name: *const c_char,
        callback: switch_event_callback_t,
        user_data: *mut c_void,
        node: *mut *mut switch_event_node_t,
    ) -> switch_status_t = else FAILURE; {
        let (Some(core), Some(callback)) = (current(), callback) else { return FAILURE };
        if event.0 > names::ALL.0 {
            return SWITCH_STATUS_MEMERR;
        }
        // SAFETY: the caller's text and cell, which live.
        unsafe {
            let subclass = crate::text::borrow(subclass_name).map(ToOwned::to_owned);
            let bound = core.events.bind(event, subclass, callback, user_data);
            if let Some(node) = node.as_mut() {
                *node = bound.cast();
            }
        }
        SUCCESS
    }

    fn switch_event_unbind(node: *mut *mut switch_event_node_t) -> switch_status_t = else FAILURE; {
        let Some(core) = current() else { return FAILURE };
        // SAFETY: the caller's cell, which lives.
        let Some(node) = (unsafe { node.as_mut() }) else { return FAILURE };
        let found = !node.is_null() && core.events.unbind(node.cast::<Node>());
        if found {
            *node = ptr::null_mut();
        }
        if found { SUCCESS } else { FAILURE }
    }
}
