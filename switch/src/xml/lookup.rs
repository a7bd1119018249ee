//! Answers to the core's XML lookups.

use std::ffi::{c_char, c_void};
use std::ptr::NonNull;

use bindings::{
    switch_event_t, switch_xml_bind_search_function_ret, switch_xml_binding_t,
    switch_xml_parse_section_string, switch_xml_t, switch_xml_unbind_search_function,
};

use super::Xml;
use crate::edge::guard;
use crate::event::{Kind, OwnedEvent, View};
use crate::text::{c_string_shown, copied};
use crate::{Detached, Status};

/// Kinds of lookup, as a set (`switch_xml_section_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sections(u32);

impl Sections {
    /// All kinds that there are.
    pub const ALL: Self = Self(
        bindings::SWITCH_XML_SECTION_CONFIG.0
            | bindings::SWITCH_XML_SECTION_DIRECTORY.0
            | bindings::SWITCH_XML_SECTION_DIALPLAN.0
            | bindings::SWITCH_XML_SECTION_LANGUAGES.0
            | bindings::SWITCH_XML_SECTION_CHATPLAN.0
            | bindings::SWITCH_XML_SECTION_CHANNELS.0,
    );

    /// The kinds that a text names: "dialplan|directory" (`switch_xml_parse_section_string`), or "all".
    #[must_use]
    pub fn named(names: &str) -> Self {
        if names.eq_ignore_ascii_case("all") {
            return Self::ALL;
        }
        // The core copies the text into 1024 bytes, whatever its length.
        if names.len() > 1000 {
            return Self(0);
        }
        let names = c_string_shown(names.as_bytes());
        // SAFETY: the core only reads the names.
        Self(unsafe { switch_xml_parse_section_string(names.as_ptr()) })
    }

    /// Is there any kind in it?
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Does it share a kind with the other?
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
}

/// Answers lookups; no answer lets the core ask the next.
///
/// It runs with the core's binding lock held for reading, on the thread of
/// the thread that looks up: it must not bind, unbind or reload.
pub type Lookup = fn(section: &str, params: OwnedEvent) -> Option<Xml>;

/// A bound lookup; it ends with [`Binding::end`].
pub struct Binding(NonNull<switch_xml_binding_t>);

// SAFETY: the binding is the core's, which locks for itself.
unsafe impl Send for Binding {}

impl Binding {
    /// Binds a lookup (`switch_xml_bind_search_function_ret`).
    ///
    /// # Errors
    /// The core's status.
    pub fn new(_: &Detached, sections: Sections, lookup: Lookup) -> Result<Self, Status> {
        let mut binding = std::ptr::null_mut();
        // SAFETY: the function is never unmapped (the library stays), the
        // user data is a function pointer, and the core writes one pointer.
        Status::check(unsafe {
            switch_xml_bind_search_function_ret(
                Some(on_lookup),
                sections.0,
                lookup as *mut c_void,
                &raw mut binding,
            )
        })?;
        NonNull::new(binding)
            .map(Self)
            .ok_or(Status(bindings::SWITCH_STATUS_MEMERR))
    }

    /// Unbinds it; waits until no lookup runs (`switch_xml_unbind_search_function`).
    pub fn end(self, _: &Detached) {
        let mut binding = self.0.as_ptr();
        // SAFETY: the binding is given back once.
        unsafe { switch_xml_unbind_search_function(&raw mut binding) };
    }
}

unsafe extern "C" fn on_lookup(
    section: *const c_char,
    tag_name: *const c_char,
    key_name: *const c_char,
    key_value: *const c_char,
    params: *mut switch_event_t,
    user_data: *mut c_void,
) -> switch_xml_t {
    guard(c"XML lookup", std::ptr::null_mut(), || {
        // SAFETY: new() put a Lookup there.
        let lookup = unsafe { std::mem::transmute::<*mut c_void, Lookup>(user_data) };
        // SAFETY: the core lends the event and the strings for this call.
        let (params, texts) = unsafe {
            (
                View::from_ptr(params),
                [section, tag_name, key_name, key_value].map(|t| copied(t).unwrap_or_default()),
            )
        };
        let params = match params {
            Some(params) => params.duplicate(),
            None => OwnedEvent::new(Kind::REQUEST_PARAMS, None),
        };
        let Ok(params) = params else {
            return std::ptr::null_mut();
        };
        for (name, text) in [c"section", c"tag_name", c"key_name", c"key_value"]
            .into_iter()
            .zip(&texts)
        {
            let _ = params.view().add_header(name, &c_string_shown(text));
        }
        let section = String::from_utf8_lossy(&texts[0]).into_owned();
        lookup(&section, params).map_or(std::ptr::null_mut(), Xml::into_raw)
    })
}
