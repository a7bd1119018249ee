//! The XML tree as it lies in memory. Modules walk its members themselves.

use std::ffi::{CStr, CString, c_char};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use bindings::{SWITCH_FALSE, SWITCH_TRUE, switch_xml};
use bstr::{BStr, BString, ByteVec};
use parking_lot::Mutex;

use crate::text::{borrow, malloc_string};

/// A root tag: the tag, then what only a root has. C knows of the first member.
#[repr(C)]
pub(crate) struct Root {
    xml: switch_xml,
    error: CString,
}

/// Guards the count of holders of every root, as one lock does in the core.
static HOLDERS: Mutex<()> = Mutex::new(());

fn blank(name: &[u8], attributes: &[(BString, BString)]) -> switch_xml {
    switch_xml {
        name: malloc_string(name),
        attr: attribute_block(attributes),
        txt: ptr::null_mut(),
        free_path: ptr::null_mut(),
        off: 0,
        next: ptr::null_mut(),
        sibling: ptr::null_mut(),
        ordered: ptr::null_mut(),
        child: ptr::null_mut(),
        parent: ptr::null_mut(),
        flags: 0,
        is_switch_xml_root_t: SWITCH_FALSE,
        refs: 0,
        open: ptr::null(),
        close: ptr::null(),
    }
}

/// Name, value, name, value, NULL.
fn attribute_block(attributes: &[(BString, BString)]) -> *mut *mut c_char {
    let slots = attributes.len() * 2 + 1;
    // SAFETY: a new zeroed block of `slots` pointers, written within its bounds;
    // the zero at its end is the NULL.
    unsafe {
        let block: *mut *mut c_char = libc::calloc(slots, size_of::<*mut c_char>()).cast();
        for (at, (name, value)) in attributes.iter().enumerate() {
            block.add(at * 2).write(malloc_string(name));
            block.add(at * 2 + 1).write(malloc_string(value));
        }
        block
    }
}

/// A root without anything, for the parser to fill.
pub(super) fn new_root(name: &[u8], attributes: &[(BString, BString)]) -> *mut switch_xml {
    let mut xml = blank(name, attributes);
    xml.is_switch_xml_root_t = SWITCH_TRUE;
    Box::into_raw(Box::new(Root {
        xml,
        error: CString::default(),
    }))
    .cast()
}

pub(super) fn new_tag(name: &[u8], attributes: &[(BString, BString)]) -> *mut switch_xml {
    Box::into_raw(Box::new(blank(name, attributes)))
}

/// # Safety
/// `root` comes from [`new_root`] and nobody else uses it.
pub(super) unsafe fn set_error(root: *mut switch_xml, error: &str) {
    // SAFETY: a root is a Root, and is ours.
    unsafe { (*root.cast::<Root>()).error = crate::text::c_string(error.as_bytes()) };
}

/// The error of the tree that `xml` is in, empty when there is none.
///
/// # Safety
/// `xml` is a live tag made here.
pub(crate) unsafe fn error<'a>(mut xml: *const switch_xml) -> &'a CStr {
    // SAFETY: parents of a live tag are live, and the topmost is a Root.
    unsafe {
        while !(*xml).parent.is_null() {
            xml = (*xml).parent;
        }
        if (*xml).is_switch_xml_root_t == SWITCH_TRUE {
            (*xml.cast::<Root>()).error.as_c_str()
        } else {
            c""
        }
    }
}

/// Counts one holder more of a root.
///
/// # Safety
/// `root` is a live root.
pub(super) unsafe fn hold(root: *mut switch_xml) {
    let _holders = HOLDERS.lock();
    // SAFETY: live; the count is only touched under the lock.
    unsafe { (*root).refs += 1 };
}

/// Gives the tree up: freed when nobody else holds it. Nothing is done for a
/// tag that is no root, where the core would free part of a tree.
///
/// # Safety
/// `xml` is NULL or a live tag made here; the caller does not use it any more.
pub(crate) unsafe fn free(xml: *mut switch_xml) {
    if xml.is_null() {
        return;
    }
    // SAFETY: live; the count is only touched under the lock.
    unsafe {
        if (*xml).is_switch_xml_root_t != SWITCH_TRUE {
            return;
        }
        let _holders = HOLDERS.lock();
        if (*xml).refs > 0 {
            (*xml).refs -= 1;
            if (*xml).refs > 0 {
                return;
            }
        }
    }
    let mut open = vec![xml];
    while let Some(tag) = open.pop() {
        // SAFETY: each tag of the tree is reached once, by `ordered` from the
        // first child, and freed after its links were read.
        unsafe {
            let mut child = (*tag).child;
            while !child.is_null() {
                open.push(child);
                child = (*child).ordered;
            }
            libc::free((*tag).name.cast());
            libc::free((*tag).txt.cast());
            let mut attribute = (*tag).attr;
            while !(*attribute).is_null() {
                libc::free((*attribute).cast());
                attribute = attribute.add(1);
            }
            libc::free((*tag).attr.cast());
            if (*tag).is_switch_xml_root_t == SWITCH_TRUE {
                drop(Box::from_raw(tag.cast::<Root>()));
            } else {
                drop(Box::from_raw(tag));
            }
        }
    }
}

/// # Safety
/// `xml` is NULL or a live tag made here.
pub(crate) unsafe fn child(xml: *const switch_xml, name: &[u8]) -> *mut switch_xml {
    if xml.is_null() {
        return ptr::null_mut();
    }
    // SAFETY: the children of a live tag are live; siblings are the first of
    // their name each.
    unsafe {
        let mut at = (*xml).child;
        while !at.is_null() && borrow((*at).name).unwrap_or_default() != name {
            at = (*at).sibling;
        }
        at
    }
}

/// # Safety
/// `xml` is NULL or a live tag made here.
pub(crate) unsafe fn attribute(xml: *const switch_xml, name: &[u8]) -> *const c_char {
    if xml.is_null() {
        return ptr::null();
    }
    // SAFETY: attributes are pairs up to a NULL.
    unsafe {
        let mut at = (*xml).attr;
        while !(*at).is_null() {
            if borrow(*at).unwrap_or_default() == name {
                return *at.add(1);
            }
            at = at.add(2);
        }
    }
    ptr::null()
}

/// A tree that is given up when this is dropped.
pub(crate) struct Tree(NonNull<switch_xml>);

// SAFETY: a tree is not changed once it is parsed, and its count has a lock.
unsafe impl Send for Tree {}
// SAFETY: what shares a tree reads it; giving up a reference counts down under the
// lock.
unsafe impl Sync for Tree {}

impl Tree {
    /// Takes over one hold of a root.
    ///
    /// # Safety
    /// `root` is NULL or a live root, and the caller's hold goes with it.
    pub(crate) unsafe fn take(root: *mut switch_xml) -> Option<Self> {
        NonNull::new(root).map(Self)
    }

    /// Hands the hold to C.
    pub(crate) fn give(self) -> *mut switch_xml {
        let root = self.0.as_ptr();
        std::mem::forget(self);
        root
    }

    pub(crate) fn as_ptr(&self) -> *mut switch_xml {
        self.0.as_ptr()
    }

    pub(crate) fn error(&self) -> &CStr {
        // SAFETY: live as long as self.
        unsafe { error(self.as_ptr()) }
    }

    pub(crate) fn root(&self) -> Node<'_> {
        self.node(self.0)
    }

    /// A tag that was found in this tree.
    pub(super) fn node(&self, tag: NonNull<switch_xml>) -> Node<'_> {
        Node {
            tag,
            tree: PhantomData,
        }
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // SAFETY: our hold, not used after.
        unsafe { free(self.as_ptr()) };
    }
}

/// A tag of a tree that is there.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    tag: NonNull<switch_xml>,
    tree: PhantomData<&'a Tree>,
}

impl<'a> Node<'a> {
    fn of(tag: *mut switch_xml) -> Option<Self> {
        NonNull::new(tag).map(|tag| Self {
            tag,
            tree: PhantomData,
        })
    }

    fn as_ptr(self) -> *mut switch_xml {
        self.tag.as_ptr()
    }

    /// Whether both are the same tag.
    pub(crate) fn is(self, other: Self) -> bool {
        self.tag == other.tag
    }

    pub(super) fn tag(self) -> NonNull<switch_xml> {
        self.tag
    }

    pub(crate) fn attribute(self, name: &str) -> Option<&'a BStr> {
        // SAFETY: live for 'a, and not changed.
        unsafe { borrow(attribute(self.as_ptr(), name.as_bytes())) }
    }

    /// The names of all attributes, in order.
    pub(crate) fn attribute_names(self) -> impl Iterator<Item = &'a BStr> + use<'a> {
        // SAFETY: live for 'a, and not changed.
        let mut at = unsafe { (*self.as_ptr()).attr };
        std::iter::from_fn(move || {
            // SAFETY: attributes are pairs up to a NULL, live for 'a.
            unsafe {
                let name = borrow(*at)?;
                at = at.add(2);
                Some(name)
            }
        })
    }

    pub(crate) fn text(self) -> &'a BStr {
        // SAFETY: live for 'a, and not changed.
        unsafe { borrow((*self.as_ptr()).txt) }.unwrap_or_default()
    }

    /// The first child of that name.
    pub(crate) fn child(self, name: &str) -> Option<Self> {
        // SAFETY: live for 'a.
        Self::of(unsafe { child(self.as_ptr(), name.as_bytes()) })
    }

    /// All children of that name, in order.
    pub(crate) fn children(self, name: &str) -> impl Iterator<Item = Node<'a>> + use<'a> {
        let mut next = self.child(name);
        std::iter::from_fn(move || {
            let node = next?;
            // SAFETY: live for 'a.
            next = Self::of(unsafe { (*node.as_ptr()).next });
            Some(node)
        })
    }

    /// The child of that name whose attribute has that value, case aside. As
    /// in the core the node itself when something is not given.
    pub(crate) fn find(
        self,
        name: Option<&str>,
        attribute: Option<&str>,
        value: Option<&BStr>,
    ) -> Option<Self> {
        let (Some(name), Some(attribute), Some(value)) = (name, attribute, value) else {
            return Some(self);
        };
        self.children(name).find(|node| {
            node.attribute(attribute)
                .is_some_and(|own| own.eq_ignore_ascii_case(value))
        })
    }
}

/// Text for use inside XML.
pub(crate) fn escape(text: &[u8]) -> BString {
    let mut escaped = Vec::with_capacity(text.len());
    for &byte in text {
        match byte {
            b'&' => escaped.push_str("&amp;"),
            b'<' => escaped.push_str("&lt;"),
            b'>' => escaped.push_str("&gt;"),
            b'"' => escaped.push_str("&quot;"),
            byte => escaped.push(byte),
        }
    }
    escaped.into()
}
