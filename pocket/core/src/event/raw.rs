//! Operations on events that lie in memory as C has them. A module reads and
//! links through these members itself, so this is the only representation.

use std::ffi::c_int;
use std::ptr;

use bindings::{
    SWITCH_EVENT_CHANNEL_DATA, SWITCH_EVENT_MESSAGE, SWITCH_EVENT_REQUEST_PARAMS,
    SWITCH_PRIORITY_NORMAL, SWITCH_STACK_BOTTOM, SWITCH_STACK_PUSH, SWITCH_STACK_TOP,
    SWITCH_STACK_UNSHIFT, switch_event, switch_event_types_t, switch_stack_t,
};
use bstr::{BStr, BString, ByteSlice};

use super::arena::Arena;
use super::header::{self, Header};
use crate::text::{self, malloc_string};

const SUBCLASS: &[u8] = b"Event-Subclass";

/// A name occurs once: a second value takes the place of the first.
const UNIQUE_HEADERS: c_int = 1;
/// The core refuses an index beyond it.
const LAST_INDEX: i64 = 4000;

/// An event, and the memory of its headers: without an arena each has its own.
#[repr(C)]
struct Owned {
    event: switch_event,
    arena: Option<Arena>,
}

/// The arena of an event.
///
/// # Safety
/// `event` comes from [`create`], is live, and nobody else uses it.
unsafe fn arena<'a>(event: *mut switch_event) -> Option<&'a mut Arena> {
    // SAFETY: `create` has made it as the first member of an `Owned`.
    unsafe { (*event.cast::<Owned>()).arena.as_mut() }
}

/// A new event without the headers of delivery.
pub(super) fn create(kind: switch_event_types_t) -> *mut switch_event {
    owned(kind, None)
}

/// As [`create`], for one that is told to others and then thrown away: what is removed from it
/// takes memory until then.
pub(super) fn create_to_tell(kind: switch_event_types_t) -> *mut switch_event {
    owned(kind, Some(Arena::new()))
}

fn owned(kind: switch_event_types_t, arena: Option<Arena>) -> *mut switch_event {
    let unique = kind == SWITCH_EVENT_REQUEST_PARAMS
        || kind == SWITCH_EVENT_CHANNEL_DATA
        || kind == SWITCH_EVENT_MESSAGE;
    let event = switch_event {
        event_id: kind,
        priority: SWITCH_PRIORITY_NORMAL,
        owner: ptr::null_mut(),
        subclass_name: ptr::null_mut(),
        headers: ptr::null_mut(),
        last_header: ptr::null_mut(),
        body: ptr::null_mut(),
        bind_user_data: ptr::null_mut(),
        event_user_data: ptr::null_mut(),
        key: 0,
        next: ptr::null_mut(),
        flags: if unique { UNIQUE_HEADERS } else { 0 },
    };
    Box::into_raw(Box::new(Owned { event, arena })).cast()
}

/// # Safety
/// `event` comes from [`create`] and nobody uses it any more.
pub(super) unsafe fn destroy(event: *mut switch_event) {
    // SAFETY: made by Box::into_raw in `owned`, given up by the caller.
    let owned = unsafe { Box::from_raw(event.cast::<Owned>()) };
    let (event, is_in_arena) = (&owned.event, owned.arena.is_some());
    let mut next = event.headers;
    while !next.is_null() {
        // SAFETY: each header of the list is live and is freed once.
        unsafe {
            let header = next;
            next = (*header).next;
            header::free(header, is_in_arena);
        }
    }
    // SAFETY: from malloc or NULL.
    unsafe {
        libc::free(event.body.cast());
        libc::free(event.subclass_name.cast());
    }
}

/// # Safety
/// `event` is live; its list does not change while the result is used.
pub(super) unsafe fn find(event: *const switch_event, name: &[u8]) -> *mut Header {
    let hash = header::hash(name);
    // SAFETY: the list of a live event ends in NULL and holds live headers.
    unsafe {
        let mut at = (*event).headers;
        while !at.is_null() && !header::is_named(at, name, hash) {
            at = (*at).next;
        }
        at
    }
}

/// # Safety
/// `event` is live and nobody else uses it.
pub(super) unsafe fn set_body(event: *mut switch_event, body: Option<&[u8]>) {
    // SAFETY: the body is from malloc or NULL, and is ours to replace.
    unsafe {
        libc::free((*event).body.cast());
        (*event).body = body.map_or(ptr::null_mut(), malloc_string);
    }
}

/// # Safety
/// As for [`set_body`].
pub(super) unsafe fn set_subclass(event: *mut switch_event, subclass: &[u8]) {
    // SAFETY: as the body's.
    unsafe {
        libc::free((*event).subclass_name.cast());
        (*event).subclass_name = malloc_string(subclass);
    }
}

/// Takes out the headers of that name, only those of `value` when one is given;
/// says whether there were any.
///
/// # Safety
/// As for [`set_body`].
pub(super) unsafe fn remove(event: *mut switch_event, name: &[u8], value: Option<&[u8]>) -> bool {
    let mut found = false;
    let hash = header::hash(name);
    // SAFETY: the list is ours; each header is read before it is freed, and the
    // links and the last header are kept right.
    unsafe {
        let mut before: *mut Header = ptr::null_mut();
        let mut at = (*event).headers;
        while !at.is_null() {
            let next = (*at).next;
            let hit = header::is_named(at, name, hash)
                && value.is_none_or(|value| value.is_empty() || header::value(at) == value);
            if hit {
                if before.is_null() {
                    (*event).headers = next;
                } else {
                    (*before).next = next;
                }
                if next.is_null() {
                    (*event).last_header = before;
                }
                header::free(at, arena(event).is_some());
                found = true;
            } else {
                before = at;
            }
            at = next;
        }
    }
    found
}

/// # Safety
/// `header` is not linked; the event is ours.
unsafe fn link(event: *mut switch_event, header: *mut Header, top: bool) {
    // SAFETY: as the caller says; the list stays NULL-terminated.
    unsafe {
        if top {
            (*header).next = (*event).headers;
            (*event).headers = header;
            if (*event).last_header.is_null() {
                (*event).last_header = header;
            }
        } else {
            if (*event).last_header.is_null() {
                (*event).headers = header;
            } else {
                (*(*event).last_header).next = header;
            }
            (*event).last_header = header;
        }
    }
}

/// Adds a header as the core does: an empty value removes, `name[3]` sets one
/// value of an array, PUSH and UNSHIFT grow one, `ARRAY::a|:b` is taken apart.
///
/// # Safety
/// As for [`set_body`].
pub(super) unsafe fn add(
    event: *mut switch_event,
    stack: switch_stack_t,
    name: &[u8],
    value: &[u8],
) {
    if name == b"_body" {
        // SAFETY: as this function's own.
        unsafe { set_body(event, Some(value)) };
    }
    // SAFETY: the event is ours for all of this.
    unsafe {
        // C sees no name behind its first NUL.
        match name.find_byteset(b"[\0") {
            Some(at) if name[at] == b'[' => {
                let index = text::number(&name[at + 1..]);
                let top = stack.0 & SWITCH_STACK_TOP.0 != 0;
                set_indexed(event, &name[..at], index, value, top);
            }
            Some(at) => add_named(event, stack, &name[..at], value),
            None => add_named(event, stack, name, value),
        }
    }
}

/// As [`add`], by a name that is one: with no index, and no NUL.
///
/// # Safety
/// As for [`set_body`].
pub(super) unsafe fn add_named(
    event: *mut switch_event,
    stack: switch_stack_t,
    name: &[u8],
    value: &[u8],
) {
    let push = stack.0 & SWITCH_STACK_PUSH.0 != 0;
    let unshift = stack.0 & SWITCH_STACK_UNSHIFT.0 != 0;
    let top = stack.0 & SWITCH_STACK_TOP.0 != 0;
    // SAFETY: the event is ours for all of this.
    unsafe {
        if push || unshift {
            let existing = find(event, name);
            if !existing.is_null() {
                let mut values = header::values(existing)
                    .unwrap_or_else(|| vec![header::value(existing).to_owned()]);
                values.insert(if push { values.len() } else { 0 }, BString::from(value));
                return header::set_values(existing, &values);
            }
        }
        if value.is_empty() {
            remove(event, name, None);
            return;
        }
        if (*event).flags & UNIQUE_HEADERS != 0 {
            remove(event, name, None);
        }
        if let Some(pieces) = header::pieces(value) {
            for piece in pieces {
                add_named(event, SWITCH_STACK_PUSH, name, piece);
            }
            return;
        }
        let header = if push || unshift {
            let header = header::new(name, None, arena(event));
            header::set_values(header, &[BString::from(value)]);
            header
        } else {
            header::new(name, Some(value), arena(event))
        };
        link(event, header, top);
    }
}

/// # Safety
/// As for [`set_body`].
unsafe fn set_indexed(event: *mut switch_event, name: &[u8], index: i64, value: &[u8], top: bool) {
    let Ok(at) = usize::try_from(index) else {
        return;
    };
    if index > LAST_INDEX {
        return;
    }
    // SAFETY: the event is ours.
    unsafe {
        let existing = find(event, name);
        let header = if existing.is_null() {
            header::new(name, None, arena(event))
        } else {
            existing
        };
        let mut values = header::values(header).unwrap_or_default();
        if values.len() <= at {
            values.resize(at + 1, BString::default());
        }
        values[at] = BString::from(value);
        header::set_values(header, &values);
        if existing.is_null() {
            link(event, header, top);
        }
    }
}

/// Adds all headers of `from`; arrays are appended to.
///
/// # Safety
/// `into` is ours, `from` another event that does not change.
pub(super) unsafe fn merge(into: *mut switch_event, from: *const switch_event) {
    // SAFETY: the caller's.
    unsafe { add_all(into, from, None) }
}

/// As [`merge`], but for the header of one name.
///
/// # Safety
/// As there.
unsafe fn add_all(into: *mut switch_event, from: *const switch_event, but: Option<&[u8]>) {
    // SAFETY: both are live, and not the same.
    unsafe {
        let mut at = (*from).headers;
        while !at.is_null() {
            let name = header::name(at);
            match header::values(at) {
                _ if but.is_some_and(|but| name == but) => {}
                None => add(into, SWITCH_STACK_BOTTOM, name, header::value(at)),
                Some(values) => {
                    for value in values {
                        add(into, SWITCH_STACK_PUSH, name, &value);
                    }
                }
            }
            at = (*at).next;
        }
    }
}

/// # Safety
/// `event` is live and does not change during the call.
pub(super) unsafe fn duplicate(event: *const switch_event) -> *mut switch_event {
    // SAFETY: the copy is ours, the original is read.
    unsafe {
        let copy = create((*event).event_id);
        (*copy).flags = (*event).flags;
        (*copy).event_user_data = (*event).event_user_data;
        (*copy).bind_user_data = (*event).bind_user_data;
        (*copy).key = (*event).key;
        if let Some(subclass) = text::borrow((*event).subclass_name) {
            // The core puts it in front of all others.
            set_subclass(copy, subclass);
            add(copy, SWITCH_STACK_BOTTOM, SUBCLASS, subclass);
            add_all(copy, event, Some(SUBCLASS));
        } else {
            add_all(copy, event, None);
        }
        if let Some(body) = text::borrow((*event).body) {
            set_body(copy, Some(body));
        }
        copy
    }
}

/// # Safety
/// `event` is live and does not change for `'a`.
pub(super) unsafe fn body<'a>(event: *const switch_event) -> Option<&'a BStr> {
    // SAFETY: as the caller says; a body is NUL-terminated.
    unsafe { text::borrow((*event).body) }
}
