//! Events as text: the lines of the event socket, and JSON.

use bindings::{SWITCH_EVENT_CLONE, SWITCH_STACK_PUSH};
use bstr::{BStr, BString, ByteSlice, ByteVec};
use serde_json::Value;

use super::{Event, names};
use crate::text::url_encode;
use crate::xml::build::{Attributes, Builder};
use crate::xml::tree::Tree;

/// `Name: value` lines, then the body with its length, values percent-encoded
/// or in brackets.
pub(crate) fn lines(event: &Event, encode: bool) -> BString {
    let mut out = Vec::new();
    for (name, value, _) in event.headers() {
        out.push_str(name);
        out.push_str(": ");
        match (encode, value.is_empty()) {
            (true, true) => out.push_str("_undef_"),
            (true, false) => out.push_str(url_encode(value)),
            (false, _) => {
                out.push_byte(b'[');
                out.push_str(value);
                out.push_byte(b']');
            }
        }
        out.push_byte(b'\n');
    }
    match event.body() {
        Some(body) if !body.is_empty() => {
            out.push_str(format!("Content-Length: {}\n\n", body.len()));
            out.push_str(body);
        }
        _ => out.push_byte(b'\n'),
    }
    out.into()
}

/// One JSON object; a header with several values is an array. A name that occurs
/// twice is written twice, and bytes that are no UTF-8 go out as they are, as the
/// core does it.
pub(crate) fn json(event: &Event) -> BString {
    let mut out = vec![b'{'];
    for (name, value, values) in event.headers() {
        member(&mut out, name);
        match values {
            None => quote(&mut out, value),
            Some(values) => {
                out.push(b'[');
                for (at, value) in values.iter().enumerate() {
                    if at > 0 {
                        out.push(b',');
                    }
                    quote(&mut out, value);
                }
                out.push(b']');
            }
        }
    }
    if let Some(body) = event.body() {
        member(&mut out, b"Content-Length");
        quote(&mut out, body.len().to_string().as_bytes());
        member(&mut out, b"_body");
        quote(&mut out, body);
    }
    out.push(b'}');
    out.into()
}

/// The name of an object's next member.
fn member(out: &mut Vec<u8>, name: &[u8]) {
    if out.len() > 1 {
        out.push(b',');
    }
    quote(out, name);
    out.push(b':');
}

/// A text in quotes.
fn quote(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0..0x20 => out.push_str(format!("\\u{byte:04x}")),
            _ => out.push(*byte),
        }
    }
    out.push(b'"');
}

/// An event of one JSON object: texts are headers, arrays of texts headers with
/// several values, `_body` the body; all else is passed over. `None` for what is
/// no JSON.
pub(crate) fn from_json(text: &BStr) -> Option<Event> {
    let text = text.to_str_lossy();
    let value = serde_json::Deserializer::from_str(&text)
        .into_iter::<Value>()
        .next()?
        .ok()?;
    let mut event = Event::plain(SWITCH_EVENT_CLONE);
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            Value::String(body) if name.eq_ignore_ascii_case("_body") => {
                event.set_body(Some(body.as_bytes()));
            }
            Value::String(value) => {
                if name.eq_ignore_ascii_case("event-name") {
                    event.remove(name.as_bytes(), None);
                    if let Some(kind) = names::find(value.as_bytes()) {
                        event.set_kind(kind);
                    }
                }
                event.add(name, value);
            }
            Value::Array(values) => {
                for value in values.iter().filter_map(Value::as_str) {
                    event.add_at(SWITCH_STACK_PUSH, name.as_bytes(), value.as_bytes());
                }
            }
            _ => {}
        }
    }
    Some(event)
}

/// A tree: the headers, percent-encoded, and the body or the text in its place.
pub(crate) fn xml(event: &Event, body: Option<BString>) -> Tree {
    let mut tree = Builder::new("event", &Attributes::new());
    tree.nest("headers", &Attributes::new(), |headers| {
        for (name, value, values) in event.headers() {
            match values {
                None => headers.leaf(name, url_encode(value)),
                Some(values) => {
                    for value in values {
                        headers.leaf(name, url_encode(&value));
                    }
                }
            }
        }
    });
    let body = body
        .filter(|body| !body.is_empty())
        .or_else(|| event.body().map(ToOwned::to_owned))
        .unwrap_or_default();
    if !body.is_empty() {
        tree.leaf("Content-Length", body.len().to_string());
        tree.leaf("body", body);
    }
    tree.finish()
}
