//! Tree to text, laid out as the core lays it out.

use bindings::switch_xml;
use bstr::{BString, ByteVec};

use crate::text::borrow;

const INDENT: &str = "  ";

/// The text of the tag and all in it.
///
/// # Safety
/// `xml` is NULL or a live tag made here.
pub(crate) unsafe fn write(xml: *const switch_xml, header: bool, ascii: bool) -> BString {
    let mut out = Vec::new();
    if header {
        out.push_str("<?xml version=\"1.0\"?>\n");
    }
    if !xml.is_null() {
        // SAFETY: the caller's.
        unsafe { tag(xml, 0, ascii, &mut out) };
    }
    out.into()
}

/// One tag, and what is in it: as deep as the tree, and trees that are written
/// are those of events and calls, which are a few tags deep.
///
/// # Safety
/// `xml` is a live tag.
unsafe fn tag(xml: *const switch_xml, depth: usize, ascii: bool, out: &mut Vec<u8>) {
    if out.last() == Some(&b'>') {
        out.push(b'\n');
    }
    out.push_str(INDENT.repeat(depth));
    // SAFETY: the members of a live tag are live, and children are its own.
    unsafe {
        let name = borrow((*xml).name).unwrap_or_default();
        out.push(b'<');
        out.push_str(name);
        let mut attribute = (*xml).attr;
        while !(*attribute).is_null() {
            out.push(b' ');
            out.push_str(borrow(*attribute).unwrap_or_default());
            out.push_str("=\"");
            let value = borrow(*attribute.add(1)).unwrap_or_default();
            encode(value, true, ascii, out);
            out.push(b'"');
            attribute = attribute.add(2);
        }
        let text = borrow((*xml).txt).unwrap_or_default();
        // A tag that was given no text at all closes itself; one that a parser
        // has seen always has some, if only an empty one.
        if (*xml).child.is_null() && (*xml).txt.is_null() {
            out.push_str("/>\n");
            return;
        }
        out.push(b'>');
        let mut written = 0;
        let mut child = (*xml).child;
        while !child.is_null() {
            let end = (*child).off.clamp(written, text.len());
            encode(&text[written..end], false, ascii, out);
            written = end;
            tag(child, depth + 1, ascii, out);
            child = (*child).ordered;
        }
        encode(&text[written..], false, ascii, out);
        if out.last() == Some(&b'\n') {
            out.push_str(INDENT.repeat(depth));
        }
        out.push_str("</");
        out.push_str(name);
        out.push_str(">\n");
    }
}

/// Text with what XML cannot hold written as references; with `ascii` also what
/// is beyond ASCII.
fn encode(text: &[u8], attribute: bool, ascii: bool, out: &mut Vec<u8>) {
    if ascii && let Ok(text) = std::str::from_utf8(text) {
        for character in text.chars() {
            if character.is_ascii() {
                byte(character as u8, attribute, out);
            } else {
                out.push_str(format!("&#x{:X};", u32::from(character)));
            }
        }
        return;
    }
    for &one in text {
        byte(one, attribute, out);
    }
}

fn byte(byte: u8, attribute: bool, out: &mut Vec<u8>) {
    match byte {
        b'&' => out.push_str("&amp;"),
        b'<' => out.push_str("&lt;"),
        b'>' => out.push_str("&gt;"),
        b'"' if attribute => out.push_str("&quot;"),
        b'\n' if attribute => out.push_str("&#xA;"),
        b'\t' if attribute => out.push_str("&#x9;"),
        b'\r' => out.push_str("&#xD;"),
        byte => out.push(byte),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::build::{Attributes, Builder};
    use crate::xml::parse;

    #[test]
    fn a_tree_is_written_and_read_again() {
        let mut builder = Builder::new("cdr", &vec![("core-uuid".into(), "a\"b".into())]);
        builder.nest("variables", &Attributes::new(), |inside| {
            inside.leaf("name", "a & <b>");
            inside.leaf("empty", "");
        });
        let tree = builder.finish();
        // SAFETY: our own tree.
        let text = unsafe { write(tree.as_ptr(), true, false) };
        assert_eq!(
            text,
            "<?xml version=\"1.0\"?>\n<cdr core-uuid=\"a&quot;b\">\n  <variables>\n    \
             <name>a &amp; &lt;b&gt;</name>\n    <empty></empty>\n  </variables>\n</cdr>\n"
        );
        let again = parse(&text);
        assert!(again.error().is_empty());
        let name = again
            .root()
            .child("variables")
            .and_then(|tag| tag.child("name"))
            .expect("there");
        assert_eq!(name.text(), "a & <b>");
    }

    #[test]
    fn text_beyond_ascii_can_be_written_as_references() {
        let mut builder = Builder::new("a", &Attributes::new());
        builder.leaf("b", "é");
        let tree = builder.finish();
        // SAFETY: our own tree.
        let text = unsafe { write(tree.as_ptr(), false, true) };
        assert_eq!(text, "<a>\n  <b>&#xE9;</b>\n</a>\n");
    }
}
