//! Events, owned or lent by the core for the length of a callback.

pub mod consumer;
pub mod shared;
pub mod snapshot;
pub mod subscription;
pub mod wire;

use std::ffi::{CStr, c_char, c_int, c_ulong};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::OnceLock;

use super::text::{copied, lent, pointer, taken};
use super::xml::Xml;
use super::{Detached, Status};
use bindings::{
    SWITCH_STACK_BOTTOM, SWITCH_STACK_PUSH, SWITCH_TRUE, switch_event_add_header_string,
    switch_event_create_json, switch_event_create_subclass_detailed, switch_event_del_header_val,
    switch_event_destroy, switch_event_dup, switch_event_fire_detailed,
    switch_event_get_header_idx, switch_event_get_header_ptr, switch_event_header_t,
    switch_event_merge, switch_event_name, switch_event_serialize, switch_event_serialize_json,
    switch_event_set_body, switch_event_set_priority, switch_event_t, switch_event_types_t,
    switch_event_xmlize, switch_name_event, switch_priority_t, switch_status_t,
};

/// What kind of event (`switch_event_types_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub(super) switch_event_types_t);

impl Kind {
    /// `CUSTOM`, which carries a subclass.
    pub const CUSTOM: Self = Self(bindings::SWITCH_EVENT_CUSTOM);
    /// `MESSAGE`, what `mod_python` makes of a kind that the core does not know.
    pub const MESSAGE: Self = Self(bindings::SWITCH_EVENT_MESSAGE);
    /// `COMMAND`, which tells a session what to do.
    pub const COMMAND: Self = Self(bindings::SWITCH_EVENT_COMMAND);
    /// `REQUEST_PARAMS`, what an XML lookup is asked with.
    pub const REQUEST_PARAMS: Self = Self(bindings::SWITCH_EVENT_REQUEST_PARAMS);
    /// `CHANNEL_HANGUP_COMPLETE`, at a leg's end.
    pub const CHANNEL_HANGUP_COMPLETE: Self = Self(bindings::SWITCH_EVENT_CHANNEL_HANGUP_COMPLETE);
    /// `CHANNEL_EXECUTE`, before an application runs.
    pub const CHANNEL_EXECUTE: Self = Self(bindings::SWITCH_EVENT_CHANNEL_EXECUTE);
    /// `CHANNEL_EXECUTE_COMPLETE`, after it.
    pub const CHANNEL_EXECUTE_COMPLETE: Self =
        Self(bindings::SWITCH_EVENT_CHANNEL_EXECUTE_COMPLETE);
    /// `MODULE_LOAD`, fired for each interface of a module that was loaded.
    pub const MODULE_LOAD: Self = Self(bindings::SWITCH_EVENT_MODULE_LOAD);
    /// `RELOADXML`: the XML was read again.
    pub const RELOADXML: Self = Self(bindings::SWITCH_EVENT_RELOADXML);
    /// `SHUTDOWN`: the core has begun to end.
    pub const SHUTDOWN: Self = Self(bindings::SWITCH_EVENT_SHUTDOWN);

    /// The kind with this name, `SWITCH_EVENT_` before it or not, in any case
    /// (`switch_name_event`).
    #[must_use]
    pub fn named(name: &CStr) -> Option<Self> {
        let mut kind = switch_event_types_t(0);
        // SAFETY: the core reads the name and writes one number.
        let status = unsafe { switch_name_event(name.as_ptr(), &raw mut kind) };
        Status::check(status).ok().map(|()| Self(kind))
    }

    /// Every kind (`SWITCH_EVENT_ALL`, whose number differs between versions).
    #[must_use]
    pub fn all() -> Self {
        static ALL: OnceLock<u32> = OnceLock::new();
        let number = ALL.get_or_init(|| Self::named(c"ALL").map_or(u32::MAX, Self::number));
        Self(switch_event_types_t(*number))
    }

    /// The kinds that there are, one by one.
    pub fn each() -> impl Iterator<Item = Self> {
        (0..Self::all().number()).map(|number| Self(switch_event_types_t(number)))
    }

    /// The core's number of it.
    #[inline]
    #[must_use]
    pub fn number(self) -> u32 {
        self.0.0
    }

    /// Its name (`switch_event_name`).
    #[must_use]
    pub fn name(self) -> String {
        // SAFETY: kinds come from the core, whose table has a name for each.
        let name = unsafe { copied(switch_event_name(self.0)) };
        String::from_utf8_lossy(&name.unwrap_or_default()).into_owned()
    }
}

/// How urgent an event is to those that queue it (`switch_priority_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// As most.
    Normal,
    /// After others.
    Low,
    /// Before others.
    High,
}

/// An event of our own, freed with it.
pub struct OwnedEvent(NonNull<switch_event_t>);

// SAFETY: an event is plain memory with no thread of its own.
unsafe impl Send for OwnedEvent {}

impl OwnedEvent {
    /// A new event, with the headers that the core gives every one.
    ///
    /// # Errors
    /// The core's status: a subclass on a kind that has none, say.
    pub fn new(kind: Kind, subclass: Option<&CStr>) -> Result<Self, Status> {
        let mut event = std::ptr::null_mut();
        // SAFETY: the core writes one pointer, and copies the subclass.
        Status::check(unsafe {
            switch_event_create_subclass_detailed(
                c"mod_rust".as_ptr(),
                c"event".as_ptr(),
                line!() as c_int,
                &raw mut event,
                kind.0,
                pointer(subclass),
            )
        })?;
        NonNull::new(event)
            .map(Self)
            .ok_or(Status(bindings::SWITCH_STATUS_MEMERR))
    }

    /// An event that is no more than its headers, of which it has none.
    ///
    /// # Errors
    /// The core's status.
    pub fn bare() -> Result<Self, Status> {
        Self::like(Kind(bindings::SWITCH_EVENT_CLONE), None, 0, 0)
    }

    /// An event of any kind without the headers that new ones have, as
    /// `switch_event_dup` begins its copies.
    ///
    /// # Errors
    /// The core's status.
    pub(super) fn like(
        kind: Kind,
        subclass: Option<&CStr>,
        flags: c_int,
        key: c_ulong,
    ) -> Result<Self, Status> {
        let event = Self::new(Kind(bindings::SWITCH_EVENT_CLONE), subclass)?;
        // SAFETY: ours alone.
        let raw = unsafe { &mut *event.0.as_ptr() };
        (raw.event_id, raw.flags, raw.key) = (kind.0, flags, key);
        Ok(event)
    }

    /// An event that a JSON object describes (`switch_event_create_json`).
    ///
    /// # Errors
    /// The core's status: it is no JSON, or no event.
    pub fn from_json(json: &CStr) -> Result<Self, Status> {
        let mut event = std::ptr::null_mut();
        // SAFETY: the core reads the text and writes one pointer.
        Status::check(unsafe { switch_event_create_json(&raw mut event, json.as_ptr()) })?;
        NonNull::new(event)
            .map(Self)
            .ok_or(Status(bindings::SWITCH_STATUS_MEMERR))
    }

    /// Takes an event that the core has given away; nothing for NULL.
    ///
    /// # Safety
    /// The event is the caller's to free.
    pub(super) unsafe fn from_raw(event: *mut switch_event_t) -> Option<Self> {
        NonNull::new(event).map(Self)
    }

    /// Gives it to the core.
    pub(super) fn into_raw(self) -> *mut switch_event_t {
        let event = self.0.as_ptr();
        std::mem::forget(self);
        event
    }

    pub(super) fn as_ptr(&mut self) -> *mut switch_event_t {
        self.0.as_ptr()
    }

    /// A look at it.
    #[inline]
    #[must_use]
    pub fn view(&self) -> View<'_> {
        View {
            ptr: self.0,
            life: PhantomData,
        }
    }

    /// Sends it to every subscriber (`switch_event_fire`). Where the core's
    /// queue is full this waits for room.
    ///
    /// # Errors
    /// The core's status; the event is freed either way.
    pub fn fire(self, _: &Detached) -> Result<(), Status> {
        self.give(|event| {
            // SAFETY: the event is ours to give away.
            unsafe {
                switch_event_fire_detailed(
                    c"mod_rust".as_ptr(),
                    c"fire".as_ptr(),
                    line!() as c_int,
                    event,
                    std::ptr::null_mut(),
                )
            }
        })
    }

    /// Gives it to a function of the core's that owns it, and has made the pointer
    /// NULL, where it succeeds.
    pub(super) fn give(
        self,
        take: impl FnOnce(*mut *mut switch_event_t) -> switch_status_t,
    ) -> Result<(), Status> {
        let mut event = self.into_raw();
        let taken = Status::check(take(&raw mut event));
        // SAFETY: what the core left is ours; NULL is nothing.
        drop(unsafe { Self::from_raw(event) });
        taken
    }
}

impl Drop for OwnedEvent {
    fn drop(&mut self) {
        let mut event = self.0.as_ptr();
        // SAFETY: ours, and not used again.
        unsafe { switch_event_destroy(&raw mut event) };
    }
}

/// An event that is good for as long as `'a`.
#[derive(Clone, Copy)]
pub struct View<'a> {
    ptr: NonNull<switch_event_t>,
    life: PhantomData<&'a switch_event_t>,
}

impl View<'_> {
    /// # Safety
    /// The event stays alive, and is used by this thread alone, over the lifetime.
    pub(super) unsafe fn from_ptr(ptr: *mut switch_event_t) -> Option<Self> {
        NonNull::new(ptr).map(|ptr| Self {
            ptr,
            life: PhantomData,
        })
    }

    /// What kind of event it is.
    #[inline]
    #[must_use]
    pub fn kind(self) -> Kind {
        // SAFETY: the event lives.
        Kind(unsafe { self.ptr.as_ref() }.event_id)
    }

    /// The value of a header; of an array the element `idx`, the joined text
    /// where it is none (`switch_event_get_header_idx`).
    #[must_use]
    pub fn header(self, name: &CStr, idx: Option<u16>) -> Option<Vec<u8>> {
        let idx = idx.map_or(-1, c_int::from);
        // SAFETY: the event lives, and the value stays while it is copied.
        unsafe {
            copied(switch_event_get_header_idx(
                self.ptr.as_ptr(),
                name.as_ptr(),
                idx,
            ))
        }
    }

    /// Has a header this value? Nothing is copied.
    #[must_use]
    pub fn header_is(self, name: &CStr, value: &[u8]) -> bool {
        // SAFETY: the event lives, and the value stays while it is looked at.
        unsafe {
            let found = switch_event_get_header_idx(self.ptr.as_ptr(), name.as_ptr(), -1);
            !found.is_null() && CStr::from_ptr(found).to_bytes() == value
        }
    }

    /// Is it of this subclass?
    #[must_use]
    pub fn subclass_is(self, subclass: &CStr) -> bool {
        // SAFETY: it ends with NUL, and lives with the event.
        let own = unsafe { lent(self.raw().subclass_name) };
        own == Some(subclass)
    }

    /// Adds a header after the others (`switch_event_add_header_string`).
    ///
    /// # Errors
    /// The core's status.
    pub fn add_header(self, name: &CStr, value: &CStr) -> Result<(), Status> {
        self.add(SWITCH_STACK_BOTTOM, name, value)
    }

    /// Adds a header whose value is empty, which the core takes for none to add.
    ///
    /// # Errors
    /// The core's status.
    pub(super) fn add_empty(self, name: &CStr) -> Result<(), Status> {
        self.add_header(name, c"-")?;
        // SAFETY: the event lives, and the value of a header that was added is one
        // string of the event's own, which ends a byte earlier then.
        unsafe {
            if let Some(header) =
                switch_event_get_header_ptr(self.ptr.as_ptr(), name.as_ptr()).as_mut()
                && let Some(first) = header.value.as_mut()
            {
                *first = 0;
            }
        }
        Ok(())
    }

    /// Adds an element to the array that a header is, or makes it one.
    ///
    /// # Errors
    /// The core's status.
    pub fn push_header(self, name: &CStr, value: &CStr) -> Result<(), Status> {
        self.add(SWITCH_STACK_PUSH, name, value)
    }

    fn add(self, stack: bindings::switch_stack_t, name: &CStr, value: &CStr) -> Result<(), Status> {
        // SAFETY: the event lives, and the core copies both strings.
        Status::check(unsafe {
            switch_event_add_header_string(self.ptr.as_ptr(), stack, name.as_ptr(), value.as_ptr())
        })
    }

    /// Removes every header with this name (`switch_event_del_header`).
    ///
    /// # Errors
    /// The core's status: there was none.
    pub fn del_header(self, name: &CStr) -> Result<(), Status> {
        // SAFETY: the event lives; NULL means any value.
        Status::check(unsafe {
            switch_event_del_header_val(self.ptr.as_ptr(), name.as_ptr(), std::ptr::null())
        })
    }

    /// The values of a header, one unless it is an array; none if the header is missing.
    #[must_use]
    pub fn values(self, name: &CStr) -> Option<Vec<Vec<u8>>> {
        // SAFETY: the event lives.
        let header =
            unsafe { switch_event_get_header_ptr(self.ptr.as_ptr(), name.as_ptr()).as_ref() };
        header.map(values_of)
    }

    /// All headers in order: name, and the values, one unless it is an array.
    #[must_use]
    pub fn headers(self) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
        let pair = |header: &switch_event_header_t| {
            // SAFETY: a header's name ends with NUL.
            let name = unsafe { copied(header.name) }.unwrap_or_default();
            (name, values_of(header))
        };
        headers(self.raw()).map(pair).collect()
    }

    /// The body, if there is one.
    #[must_use]
    pub fn body(self) -> Option<Vec<u8>> {
        // SAFETY: the event lives, and its body ends with NUL.
        unsafe { copied(self.ptr.as_ref().body) }
    }

    /// Sets the body (`switch_event_set_body`).
    ///
    /// # Errors
    /// The core's status.
    pub fn set_body(self, body: Option<&CStr>) -> Result<(), Status> {
        // SAFETY: the event lives, and the core copies the body.
        Status::check(unsafe { switch_event_set_body(self.ptr.as_ptr(), pointer(body)) })
    }

    /// Sets the priority (`switch_event_set_priority`).
    pub fn set_priority(self, priority: Priority) {
        let priority = match priority {
            Priority::Normal => bindings::SWITCH_PRIORITY_NORMAL,
            Priority::Low => bindings::SWITCH_PRIORITY_LOW,
            Priority::High => bindings::SWITCH_PRIORITY_HIGH,
        };
        // SAFETY: the event lives.
        unsafe { switch_event_set_priority(self.ptr.as_ptr(), switch_priority_t(priority.0)) };
    }

    /// Adds the headers and the body of another (`switch_event_merge`).
    pub fn merge(self, other: View<'_>) {
        // SAFETY: both events live.
        unsafe { switch_event_merge(self.ptr.as_ptr(), other.ptr.as_ptr()) };
    }

    /// As text: a `Name: value` a line, values URL-encoded, an empty line and the
    /// body (`switch_event_serialize`).
    #[must_use]
    pub fn serialize(self) -> Vec<u8> {
        let mut text: *mut c_char = std::ptr::null_mut();
        // SAFETY: the core gives a string made with malloc.
        unsafe {
            switch_event_serialize(self.ptr.as_ptr(), &raw mut text, SWITCH_TRUE);
            taken(text)
        }
        .unwrap_or_default()
    }

    /// As a JSON object (`switch_event_serialize_json`).
    #[must_use]
    pub fn serialize_json(self) -> Vec<u8> {
        let mut text: *mut c_char = std::ptr::null_mut();
        // SAFETY: the core gives a string made with malloc.
        unsafe {
            switch_event_serialize_json(self.ptr.as_ptr(), &raw mut text);
            taken(text)
        }
        .unwrap_or_default()
    }

    /// As XML text (`switch_event_xmlize`).
    #[must_use]
    pub fn serialize_xml(self) -> Vec<u8> {
        // SAFETY: the event lives, and without a format the core adds no more; the
        // tree is ours.
        let tree =
            unsafe { Xml::from_raw(switch_event_xmlize(self.ptr.as_ptr(), std::ptr::null())) };
        tree.map(|xml| xml.text()).unwrap_or_default()
    }

    pub(super) fn as_ptr(self) -> *mut switch_event_t {
        self.ptr.as_ptr()
    }

    pub(super) fn raw(&self) -> &switch_event_t {
        // SAFETY: the event lives for as long as the view, which nobody keeps.
        unsafe { self.ptr.as_ref() }
    }

    /// A copy of our own (`switch_event_dup`).
    ///
    /// # Errors
    /// The core's status.
    pub fn duplicate(self) -> Result<OwnedEvent, Status> {
        let mut copy = std::ptr::null_mut();
        // SAFETY: the event lives, and the core writes one pointer.
        Status::check(unsafe { switch_event_dup(&raw mut copy, self.ptr.as_ptr()) })?;
        NonNull::new(copy)
            .map(OwnedEvent)
            .ok_or(Status(bindings::SWITCH_STATUS_MEMERR))
    }
}

/// The headers of an event, in order.
pub(super) fn headers(event: &switch_event_t) -> impl Iterator<Item = &switch_event_header_t> {
    // SAFETY: the list is the event's own, and nobody changes it while it is read.
    std::iter::successors(unsafe { event.headers.as_ref() }, |header| unsafe {
        header.next.as_ref()
    })
}

/// The elements of an array; none of other headers.
pub(super) fn elements(header: &switch_event_header_t) -> impl ExactSizeIterator<Item = &CStr> {
    let count = if header.array.is_null() {
        0
    } else {
        header.idx
    };
    // SAFETY: an array has idx elements, each a string that lives with it.
    (0..usize::try_from(count).unwrap_or(0))
        .map(|i| unsafe { lent(*header.array.add(i)) }.unwrap_or(c""))
}

fn values_of(header: &switch_event_header_t) -> Vec<Vec<u8>> {
    let elements = elements(header);
    if elements.len() > 0 {
        return elements.map(|text| text.to_bytes().to_vec()).collect();
    }
    // SAFETY: a header's value ends with NUL.
    vec![unsafe { copied(header.value) }.unwrap_or_default()]
}
