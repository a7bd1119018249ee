//! Events as text: the lines of the event socket, and JSON.

use bstr::{BString, ByteVec};
use serde_json::{Map, Value};

use super::Event;
use crate::text::url_encode;

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
