//! Events: what they hold, how they are written out, who gets them.

use std::ffi::CStr;
use std::ptr::NonNull;

use bindings::{
    SWITCH_EVENT_CLONE, SWITCH_STACK_BOTTOM, switch_event, switch_event_header,
    switch_event_types_t, switch_priority_t, switch_stack_t,
};
use bstr::{BStr, BString};

mod arena;
pub(crate) mod dispatch;
mod header;
pub(crate) mod names;
mod raw;
pub(crate) mod serial;

/// An event, owned.
#[derive(Debug)]
pub(crate) struct Event(NonNull<switch_event>);

// SAFETY: the event owns all that it points to except the two user data
// pointers, which are only handed on.
unsafe impl Send for Event {}

impl Event {
    /// An event without the headers of delivery: a list of variables, or the
    /// beginning of a copy.
    pub(crate) fn plain(kind: switch_event_types_t) -> Self {
        // SAFETY: create never returns NULL.
        Self(unsafe { NonNull::new_unchecked(raw::create(kind)) })
    }

    /// As [`Event::plain`], for one that is told to others and then thrown away.
    pub(crate) fn to_tell(kind: switch_event_types_t) -> Self {
        // SAFETY: create_to_tell never returns NULL.
        Self(unsafe { NonNull::new_unchecked(raw::create_to_tell(kind)) })
    }

    /// Names the subclass, in its member and in its header.
    pub(crate) fn set_subclass(&mut self, subclass: &[u8]) {
        // SAFETY: the event is ours.
        unsafe { raw::set_subclass(self.as_ptr(), subclass) };
        self.remove(b"Event-Subclass", None);
        self.add("Event-Subclass", subclass);
    }

    /// Takes over an event that C owned.
    ///
    /// # Safety
    /// `event` was made here, is live, and nobody else uses it from now on.
    pub(crate) unsafe fn take(event: *mut switch_event) -> Option<Self> {
        NonNull::new(event).map(Self)
    }

    /// Hands the event to C.
    pub(crate) fn give(self) -> *mut switch_event {
        let event = self.0.as_ptr();
        std::mem::forget(self);
        event
    }

    pub(crate) fn as_ptr(&self) -> *mut switch_event {
        self.0.as_ptr()
    }

    /// Looks at an event that C owns, as one of ours.
    ///
    /// # Safety
    /// `event` is a live event made here; nobody else uses it while `look` runs.
    pub(crate) unsafe fn with<R>(
        event: *mut switch_event,
        look: impl FnOnce(&mut Self) -> R,
    ) -> Option<R> {
        let event = NonNull::new(event)?;
        let mut borrowed = std::mem::ManuallyDrop::new(Self(event));
        Some(look(&mut borrowed))
    }

    pub(crate) fn kind(&self) -> switch_event_types_t {
        // SAFETY: ours, live.
        unsafe { (*self.as_ptr()).event_id }
    }

    pub(crate) fn set_kind(&mut self, kind: switch_event_types_t) {
        // SAFETY: ours, live.
        unsafe { (*self.as_ptr()).event_id = kind };
    }

    pub(crate) fn name(&self) -> &'static CStr {
        names::name(self.kind()).unwrap_or(c"UNKNOWN")
    }

    pub(crate) fn subclass(&self) -> Option<&BStr> {
        // SAFETY: ours, live; the borrow keeps it from changing.
        unsafe { crate::text::borrow((*self.as_ptr()).subclass_name) }
    }

    pub(crate) fn set_priority(&mut self, priority: switch_priority_t) {
        // SAFETY: ours, live.
        unsafe { (*self.as_ptr()).priority = priority };
    }

    pub(crate) fn body(&self) -> Option<&BStr> {
        // SAFETY: ours, live; the borrow keeps it from changing.
        unsafe { raw::body(self.as_ptr()) }
    }

    pub(crate) fn set_body(&mut self, body: Option<&[u8]>) {
        // SAFETY: ours.
        unsafe { raw::set_body(self.as_ptr(), body) };
    }

    /// Adds at the end of the list.
    pub(crate) fn add(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.add_at(SWITCH_STACK_BOTTOM, name.as_ref(), value.as_ref());
    }

    pub(crate) fn add_at(&mut self, stack: switch_stack_t, name: &[u8], value: &[u8]) {
        // SAFETY: ours.
        unsafe { raw::add(self.as_ptr(), stack, name, value) };
    }

    /// For adding headers whose names begin with the same texts.
    pub(crate) fn with_prefix(&mut self, prefix: &[&str]) -> Prefixed<'_> {
        // Room for most names, so that it grows for few.
        let mut name = Vec::with_capacity(64);
        for text in prefix {
            name.extend_from_slice(text.as_bytes());
        }
        Prefixed {
            event: self,
            prefix: name.len(),
            name,
        }
    }

    pub(crate) fn remove(&mut self, name: &[u8], value: Option<&[u8]>) -> bool {
        // SAFETY: ours.
        unsafe { raw::remove(self.as_ptr(), name, value) }
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<&BStr> {
        let header = self.header(name)?;
        // SAFETY: in our list, which the borrow keeps from changing.
        Some(unsafe { header::value(header.as_ptr()) })
    }

    pub(crate) fn header(&self, name: &[u8]) -> Option<NonNull<switch_event_header>> {
        // SAFETY: ours, live.
        NonNull::new(unsafe { raw::find(self.as_ptr(), name) })
    }

    /// The first header of the list, for C to walk.
    pub(crate) fn first(&self) -> *mut switch_event_header {
        // SAFETY: ours, live.
        unsafe { (*self.as_ptr()).headers }
    }

    /// Name and values of each header; a plain header has `None` for values.
    pub(crate) fn headers(&self) -> impl Iterator<Item = (&BStr, &BStr, Option<Vec<BString>>)> {
        let mut at = self.first();
        std::iter::from_fn(move || {
            if at.is_null() {
                return None;
            }
            // SAFETY: `at` is a header of our list, which the borrow keeps.
            unsafe {
                let header = at;
                at = (*at).next;
                Some((
                    header::name(header),
                    header::value(header),
                    header::values(header),
                ))
            }
        })
    }

    /// The values of the headers whose names begin so, in any case.
    pub(crate) fn beginning_with(&self, prefix: &str) -> Vec<BString> {
        self.headers()
            .filter(|(name, _, _)| {
                name.get(..prefix.len())
                    .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
            })
            .map(|(_, value, _)| value.to_owned())
            .collect()
    }

    /// About how many bytes it takes.
    pub(crate) fn size(&self) -> usize {
        let headers = self.headers();
        size_of::<switch_event>()
            + self.body().map_or(0, |body| body.len())
            + headers
                .map(|(name, value, _)| size_of::<switch_event_header>() + name.len() + value.len())
                .sum::<usize>()
    }

    pub(crate) fn merge(&mut self, from: &Event) {
        // SAFETY: both live; the borrows keep them from being one.
        unsafe { raw::merge(self.as_ptr(), from.as_ptr()) };
    }

    pub(crate) fn duplicate(&self) -> Self {
        // SAFETY: live; duplicate never returns NULL.
        Self(unsafe { NonNull::new_unchecked(raw::duplicate(self.as_ptr())) })
    }

    /// One of the values of an array header.
    pub(crate) fn get_at(&self, name: &[u8], index: usize) -> Option<BString> {
        self.headers()
            .find(|(known, _, _)| known.eq_ignore_ascii_case(name))
            .and_then(|(_, _, values)| values?.into_iter().nth(index))
    }

    /// An event that only holds headers.
    pub(crate) fn list() -> Self {
        Self::plain(SWITCH_EVENT_CLONE)
    }
}

/// Adds headers whose names begin with the same text, which is written once. They are names of
/// headers or variables: with no index, and no NUL.
pub(crate) struct Prefixed<'a> {
    event: &'a mut Event,
    prefix: usize,
    name: Vec<u8>,
}

impl Prefixed<'_> {
    pub(crate) fn add(&mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) {
        self.name.truncate(self.prefix);
        self.name.extend_from_slice(name.as_ref());
        // SAFETY: the event is ours.
        unsafe {
            raw::add_named(
                self.event.as_ptr(),
                SWITCH_STACK_BOTTOM,
                &self.name,
                value.as_ref(),
            );
        }
    }

    pub(crate) fn add_number(&mut self, name: &str, number: i64) {
        // Most are times that have not come.
        if number == 0 {
            self.add(name, "0");
        } else {
            self.add(name, number.to_string());
        }
    }
}

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: owned, and not used after.
        unsafe { raw::destroy(self.as_ptr()) };
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
