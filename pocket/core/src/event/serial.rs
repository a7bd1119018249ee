//! Events as text: the lines of the event socket, and JSON.

use bindings::{SWITCH_EVENT_CLONE, SWITCH_STACK_PUSH};
use bstr::{BStr, BString, ByteSlice, ByteVec};
use serde_json::{Map, Value};

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

/// One JSON object; a header with several values is an array. Of a name that
/// occurs twice the last wins, where the core writes both.
pub(crate) fn json(event: &Event) -> String {
    let mut object = Map::new();
    let text = |bytes: &[u8]| Value::String(String::from_utf8_lossy(bytes).into_owned());
    for (name, value, values) in event.headers() {
        let value = match values {
            None => text(value),
            Some(values) => Value::Array(values.iter().map(|value| text(value)).collect()),
        };
        object.insert(name.to_string(), value);
    }
    if let Some(body) = event.body() {
        object.insert(
            "Content-Length".to_owned(),
            Value::String(body.len().to_string()),
        );
        object.insert("_body".to_owned(), text(body));
    }
    Value::Object(object).to_string()
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
