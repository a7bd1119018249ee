//! A tree that is made tag by tag. Names are taken as they are: what is built of
//! headers need not be well-formed when it is written out, as in the core.

use bindings::switch_xml;
use bstr::BString;

use super::parse::Open;
use super::tree::{self, Tree};

/// Name and value of each attribute.
pub(crate) type Attributes = Vec<(BString, BString)>;

/// A tree that grows.
pub(crate) struct Builder {
    root: *mut switch_xml,
    open: Vec<Open>,
}

impl Builder {
    pub(crate) fn new(name: &str, attributes: &Attributes) -> Self {
        let root = tree::new_root(name.as_bytes(), attributes);
        Self {
            root,
            open: vec![Open::new(root, name.into())],
        }
    }

    /// A tag with children, inside those that are open.
    pub(crate) fn nest(
        &mut self,
        name: impl AsRef<[u8]>,
        attributes: &Attributes,
        inside: impl FnOnce(&mut Self),
    ) {
        let name = BString::from(name.as_ref());
        let tag = tree::new_tag(&name, attributes);
        if let Some(parent) = self.open.last_mut() {
            parent.adopt(tag, &name);
        }
        self.open.push(Open::new(tag, name));
        inside(self);
        if let Some(open) = self.open.pop() {
            open.close();
        }
    }

    /// A tag with text.
    pub(crate) fn leaf(&mut self, name: impl AsRef<[u8]>, text: impl AsRef<[u8]>) {
        self.nest(name, &Attributes::new(), |this| {
            if let Some(open) = this.open.last_mut() {
                open.text.extend_from_slice(text.as_ref());
            }
        });
    }

    pub(crate) fn finish(mut self) -> Tree {
        while let Some(open) = self.open.pop() {
            open.close();
        }
        // SAFETY: a new root, which nobody else holds.
        unsafe { Tree::take(self.root) }.expect("a root is never NULL")
    }
}
