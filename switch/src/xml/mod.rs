//! XML: trees, and the configuration.

pub mod lookup;
mod preflight;

pub use preflight::XmlError;

use std::ffi::{CStr, CString};
use std::ptr::NonNull;

use bindings::{
    SWITCH_FALSE, SWITCH_TRUE, switch_xml_child, switch_xml_error, switch_xml_free,
    switch_xml_open_cfg, switch_xml_parse_str_dynamic, switch_xml_t, switch_xml_toxml_ex,
};

use super::Detached;
use super::text::{copied, taken};

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

    /// The value of an attribute; "" if it is missing.
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
