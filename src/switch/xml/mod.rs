//! XML: configuration, and answers to lookups.

pub(crate) mod preflight;

use std::ffi::{CStr, CString, c_char, c_void};
use std::ptr::NonNull;

use bindings::{
    SWITCH_FALSE, SWITCH_TRUE, switch_event_t, switch_xml_bind_search_function_ret,
    switch_xml_binding_t, switch_xml_child, switch_xml_error, switch_xml_free, switch_xml_open_cfg,
    switch_xml_parse_section_string, switch_xml_parse_str_dynamic, switch_xml_t,
    switch_xml_toxml_ex, switch_xml_unbind_search_function,
};

use super::edge::guard;
use super::event::{Kind, OwnedEvent, View};
use super::text::{c_string_shown, copied, taken};
use super::{Detached, Status};

/// Why a text is no XML that the core may have.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// There is nothing in it.
    #[error("the text is empty")]
    Empty,
    /// A NUL: the core would stop reading there.
    #[error("the text has a NUL at position {0}")]
    Nul(usize),
    /// Too many levels for the core to free.
    #[error("elements lie more than {} deep in each other", preflight::MAX_DEPTH)]
    TooDeep,
    /// The core would read it for longer than a call can wait.
    #[error("so much of it lies side by side that the core would read for minutes")]
    TooCostly,
    /// An entity can expand without end (1.10.12 has no limit), attribute lists
    /// are rewritten in place, and UTF-16 is decoded without a look at its end.
    #[error("{0} is not taken")]
    Declaration(&'static str),
    /// What the core's parser says.
    #[error("{0}")]
    Syntax(String),
}

/// A tree of the core's, freed with it.
pub struct Xml(NonNull<bindings::switch_xml>);

impl Xml {
    /// Parses a text, which the tree then owns (`switch_xml_parse_str_dynamic`).
    ///
    /// # Errors
    /// See [`XmlError`].
    pub fn parse(text: &[u8]) -> Result<Self, XmlError> {
        if text.iter().all(u8::is_ascii_whitespace) {
            return Err(XmlError::Empty);
        }
        preflight::scan(text)?;
        let text = CString::new(text).map_err(|e| XmlError::Nul(e.nul_position()))?;
        // SAFETY: with TRUE the core parses a copy of its own and only reads ours.
        let tree = unsafe { switch_xml_parse_str_dynamic(text.as_ptr().cast_mut(), SWITCH_TRUE) };
        let tree = NonNull::new(tree).map(Self).ok_or(XmlError::Empty)?;
        // SAFETY: the tree lives; the text of the error is in it.
        let error = unsafe { copied(switch_xml_error(tree.0.as_ptr())) }.unwrap_or_default();
        if error.is_empty() {
            Ok(tree)
        } else {
            Err(XmlError::Syntax(
                String::from_utf8_lossy(&error).into_owned(),
            ))
        }
    }

    /// Takes a tree that the core has given to its caller; nothing for NULL.
    ///
    /// # Safety
    /// The tree is the caller's to free.
    pub(super) unsafe fn from_raw(tree: switch_xml_t) -> Option<Self> {
        NonNull::new(tree).map(Self)
    }

    /// The tree as text (`switch_xml_toxml`).
    #[must_use]
    pub fn text(&self) -> Vec<u8> {
        // SAFETY: the tree lives, and the core gives a string made with malloc.
        unsafe {
            taken(switch_xml_toxml_ex(
                self.0.as_ptr(),
                SWITCH_FALSE,
                SWITCH_TRUE,
            ))
        }
        .unwrap_or_default()
    }

    /// Gives the tree to the core, which frees it.
    #[must_use]
    pub fn into_raw(self) -> switch_xml_t {
        let ptr = self.0.as_ptr();
        std::mem::forget(self);
        ptr
    }
}

impl Drop for Xml {
    fn drop(&mut self) {
        // SAFETY: the tree is ours, and not used again.
        unsafe { switch_xml_free(self.0.as_ptr()) };
    }
}

/// An element of a configuration: its tag and its attributes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    /// "param", "hook" ...
    pub tag: String,
    attributes: Vec<(String, String)>,
}

impl Element {
    /// One with these attributes.
    #[must_use]
    pub fn new(tag: &str, attributes: &[(&str, &str)]) -> Self {
        let attributes = attributes
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        Self {
            tag: tag.to_owned(),
            attributes: attributes.collect(),
        }
    }

    /// The value of an attribute; "" where there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.attributes
            .iter()
            .find(|(n, _)| n == name)
            .map_or("", |(_, value)| value)
    }
}

/// The elements of a configuration's `<settings>`, in order
/// (`switch_xml_open_cfg`); none when there is no such configuration.
#[must_use]
pub fn settings(_: &Detached, name: &CStr) -> Option<Vec<Element>> {
    let mut node: switch_xml_t = std::ptr::null_mut();
    // SAFETY: the core reads the name, writes one pointer, and gives a tree to free.
    let root = unsafe { switch_xml_open_cfg(name.as_ptr(), &raw mut node, std::ptr::null_mut()) };
    let root = Xml(NonNull::new(root)?);
    let text =
        |bytes: Option<Vec<u8>>| String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned();
    let mut elements = Vec::new();
    // SAFETY: the nodes belong to the tree, which lives until the end of this
    // function; child takes NULL and gives it. Attributes are name and value in
    // turn, and end with NULL.
    unsafe {
        let settings = switch_xml_child(node, c"settings".as_ptr());
        // The first child, whatever its tag, and on from it in the order written.
        let mut next = settings.as_ref().map_or(std::ptr::null_mut(), |s| s.child);
        while let Some(element) = next.as_ref() {
            let mut attributes = Vec::new();
            let mut at = element.attr;
            while !at.is_null() && !(*at).is_null() {
                attributes.push((text(copied(*at)), text(copied(*at.add(1)))));
                at = at.add(2);
            }
            elements.push(Element {
                tag: text(copied(element.name)),
                attributes,
            });
            next = element.ordered;
        }
    }
    drop(root);
    Some(elements)
}

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
/// whoever looks up: it must not bind, unbind or reload.
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
        // SAFETY: the function is one for ever (the library stays mapped), the
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
