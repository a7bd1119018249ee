//! Text to tree. Whatever the text, there is a tree; a faulty one says so.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ptr;

use bindings::switch_xml;
use bstr::{BString, ByteSlice, ByteVec};
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;

use super::tree::{self, Tree};
use crate::text::malloc_string;

/// A tag that is not closed yet.
pub(super) struct Open {
    pub(super) tag: *mut switch_xml,
    name: BString,
    pub(super) text: Vec<u8>,
    /// The last child, and the last of each name: where the next is linked.
    last: *mut switch_xml,
    last_of: HashMap<BString, *mut switch_xml>,
    last_first: *mut switch_xml,
}

impl Open {
    pub(super) fn new(tag: *mut switch_xml, name: BString) -> Self {
        Self {
            tag,
            name,
            text: Vec::new(),
            last: ptr::null_mut(),
            last_of: HashMap::new(),
            last_first: ptr::null_mut(),
        }
    }

    /// Links a child in document order, among those of its name, and among the
    /// first of each name.
    pub(super) fn adopt(&mut self, child: *mut switch_xml, name: &BString) {
        // SAFETY: all of these tags are new, live, and known to this parser only.
        unsafe {
            (*child).parent = self.tag;
            (*child).off = self.text.len();
            if self.last.is_null() {
                (*self.tag).child = child;
            } else {
                (*self.last).ordered = child;
            }
            self.last = child;
            if let Some(before) = self.last_of.insert(name.clone(), child) {
                (*before).next = child;
            } else {
                if !self.last_first.is_null() {
                    (*self.last_first).sibling = child;
                }
                self.last_first = child;
            }
        }
    }

    pub(super) fn close(self) {
        // SAFETY: the tag is live and has no text yet.
        unsafe { (*self.tag).txt = malloc_string(&self.text) };
    }
}

/// Parses `text`. The tree of a faulty text has an error, and what was read
/// before it.
pub(crate) fn parse(text: &[u8]) -> Tree {
    let text = widen(text);
    let mut parser = Parser {
        root: ptr::null_mut(),
        open: Vec::new(),
    };
    let mut reader = Reader::from_str(&text);
    reader.config_mut().check_end_names = false;
    reader.config_mut().allow_unmatched_ends = true;
    let fault = parser.run(&mut reader);
    let at = usize::try_from(reader.buffer_position())
        .unwrap_or(usize::MAX)
        .min(text.len());
    parser.finish(fault.map(|fault| {
        let line = text.as_bytes()[..at].find_iter(b"\n").count() + 1;
        format!("[error near line {line}]: {fault}")
    }))
}

struct Parser {
    root: *mut switch_xml,
    open: Vec<Open>,
}

impl Parser {
    fn run(&mut self, reader: &mut Reader<&[u8]>) -> Option<String> {
        loop {
            match reader.read_event() {
                Err(error) => return Some(error.to_string()),
                Ok(Event::Eof) => break,
                Ok(Event::Start(start)) => {
                    if let Err(fault) = self.start(&start) {
                        return Some(fault);
                    }
                }
                Ok(Event::Empty(start)) => {
                    if let Err(fault) = self.start(&start) {
                        return Some(fault);
                    }
                    self.close();
                }
                Ok(Event::End(end)) => {
                    let name = narrow(end.name().as_ref());
                    if self.open.last().is_none_or(|open| open.name != name) {
                        return Some(format!("unexpected closing tag </{name}>"));
                    }
                    self.close();
                }
                Ok(Event::Text(text)) => self.text(&narrow(&text)),
                Ok(Event::CData(text)) => self.text(&narrow(&text)),
                Ok(Event::GeneralRef(name)) => {
                    let mut text = Vec::new();
                    expand(&narrow(&name), &mut text);
                    self.text(&text);
                }
                Ok(Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::DocType(_)) => {}
            }
        }
        if let Some(open) = self.open.last() {
            return Some(format!("unclosed tag <{}>", open.name));
        }
        self.root.is_null().then(|| "root tag missing".to_owned())
    }

    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), String> {
        let name = narrow(start.name().as_ref());
        let mut attributes = Vec::new();
        for attribute in start.attributes().with_checks(false) {
            let attribute = attribute.map_err(|error| error.to_string())?;
            let mut value = Vec::with_capacity(attribute.value.len());
            unescape(&narrow(&attribute.value), &mut value);
            attributes.push((narrow(attribute.key.as_ref()), BString::from(value)));
        }
        let tag = match (self.open.last_mut(), self.root.is_null()) {
            (Some(parent), _) => {
                let tag = tree::new_tag(&name, &attributes);
                parent.adopt(tag, &name);
                tag
            }
            (None, true) => {
                self.root = tree::new_root(&name, &attributes);
                self.root
            }
            (None, false) => return Err("markup outside of root element".to_owned()),
        };
        self.open.push(Open::new(tag, name));
        Ok(())
    }

    fn text(&mut self, text: &[u8]) {
        if let Some(open) = self.open.last_mut() {
            open.text.push_str(text.replace("\r\n", "\n"));
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.pop() {
            open.close();
        }
    }

    fn finish(mut self, fault: Option<String>) -> Tree {
        while !self.open.is_empty() {
            self.close();
        }
        if self.root.is_null() {
            self.root = tree::new_root(b"", &[]);
            // SAFETY: just made.
            unsafe { (*self.root).txt = malloc_string(b"") };
        }
        if let Some(fault) = fault {
            // SAFETY: our own root.
            unsafe { tree::set_error(self.root, &fault) };
        }
        // SAFETY: a new root, which nobody else holds.
        unsafe { Tree::take(self.root) }.expect("the root was just made")
    }
}

/// Bytes that are no UTF-8 stand here, one character each: the parser takes
/// text, and the switch hands on whatever came.
const BYTES: u32 = 0x10_FE00;

fn widen(text: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = text.to_str() {
        return Cow::Borrowed(text);
    }
    let mut wide = String::with_capacity(text.len());
    for chunk in text.utf8_chunks() {
        wide.push_str(chunk.valid());
        wide.extend(
            chunk
                .invalid()
                .iter()
                .filter_map(|byte| char::from_u32(BYTES + u32::from(*byte))),
        );
    }
    Cow::Owned(wide)
}

/// Text as it came.
fn narrow(text: &str) -> BString {
    let byte_of = |character: char| {
        u32::from(character)
            .checked_sub(BYTES)
            .and_then(|byte| u8::try_from(byte).ok())
    };
    if !text.chars().any(|character| byte_of(character).is_some()) {
        return text.into();
    }
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.push_char(character),
        }
    }
    bytes.into()
}

/// Text with its entities in their place.
fn unescape(text: &[u8], out: &mut Vec<u8>) {
    let mut rest = text;
    while let Some(at) = rest.find_byte(b'&') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        match rest.find_byte(b';') {
            Some(end) if end < 32 => {
                expand(&rest[..end], out);
                rest = &rest[end + 1..];
            }
            _ => out.push(b'&'),
        }
    }
    out.push_str(rest);
}

/// What `&name;` stands for; an unknown one stays as it is written.
fn expand(name: &[u8], out: &mut Vec<u8>) {
    let number = name.strip_prefix(b"#").and_then(|number| {
        let number = std::str::from_utf8(number).ok()?;
        match number
            .strip_prefix('x')
            .or_else(|| number.strip_prefix('X'))
        {
            Some(hex) => u32::from_str_radix(hex, 16).ok(),
            None => number.parse().ok(),
        }
    });
    match (name, number.and_then(char::from_u32)) {
        (b"lt", _) => out.push(b'<'),
        (b"gt", _) => out.push(b'>'),
        (b"amp", _) => out.push(b'&'),
        (b"quot", _) => out.push(b'"'),
        (b"apos", _) => out.push(b'\''),
        (_, Some(character)) if character != '\0' => out.push_char(character),
        _ => {
            out.push(b'&');
            out.push_str(name);
            out.push(b';');
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use bstr::BStr;

    #[test]
    fn children_are_linked_in_order_by_name_and_by_first() {
        let tree = parse(b"<a><b n='1'/><c/><b n='2'>t&amp;&#65;</b></a>");
        assert!(tree.error().is_empty());
        let names: Vec<_> = tree
            .root()
            .children("b")
            .map(|b| b.attribute("n").map(BStr::to_string))
            .collect();
        assert_eq!(names, [Some("1".to_owned()), Some("2".to_owned())]);
        assert_eq!(
            tree.root().children("b").last().map(Node::text),
            Some(BStr::new("t&A"))
        );
        // SAFETY: the tree is live.
        let ordered = unsafe { (*(*tree.as_ptr()).child).ordered };
        // SAFETY: the document has two elements <b>, so the first has a sibling; it
        // lives as long as the tree.
        let name = unsafe { crate::text::borrow((*ordered).name) };
        assert_eq!(name, Some(BStr::new("c")));
    }

    use crate::xml::tree::Node;

    #[test]
    fn faults_are_told_with_their_line() {
        for (text, fault) in [
            (
                "<a>\n</b>",
                "[error near line 2]: unexpected closing tag </b>",
            ),
            ("<a><b></b>", "unclosed tag <a>"),
            ("", "root tag missing"),
            ("<a/><b/>", "markup outside of root element"),
        ] {
            let tree = parse(text.as_bytes());
            let error = tree.error().to_string_lossy();
            assert!(error.contains(fault), "{text}: {error}");
        }
        assert!(!parse(b"<a").error().is_empty());
    }

    #[test]
    fn what_is_not_ascii_and_unknown_entities_stay() {
        let tree = parse(b"<a v=\"\xff&x;\">&y;</a>");
        assert_eq!(tree.root().attribute("v"), Some(BStr::new(b"\xff&x;")));
        assert_eq!(tree.root().text(), "&y;");
    }

    #[test]
    fn a_deep_tree_is_freed_without_recursion() {
        let deep = [
            vec!["<a>"; 200_000].concat(),
            vec!["</a>"; 200_000].concat(),
        ]
        .concat();
        std::thread::Builder::new()
            .stack_size(240 * 1024)
            .spawn(move || assert!(parse(deep.as_bytes()).error().is_empty()))
            .expect("a thread")
            .join()
            .expect("no overflow");
    }
}
