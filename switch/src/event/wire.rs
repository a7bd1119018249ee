//! An event as the event socket sends it (`event plain`): a header a line, its
//! value percent-encoded. It is kept as it came, and decoded where it is asked for.

use std::borrow::Cow;

use memchr::{memchr, memchr_iter, memmem};

use super::snapshot::Snapshot;
use super::{Kind, OwnedEvent};
use crate::Status;
use crate::text::c_string;

/// An event of another switch, to read.
pub struct WireEvent {
    text: Vec<u8>,
    /// Where the headers end.
    end: usize,
    /// Where the body begins, if there is one: it goes on to the end.
    body: Option<usize>,
}

/// How a header with several values begins, and what is between two of them.
const ARRAY: &[u8] = b"ARRAY::";
const BETWEEN: &[u8] = b"|:";
const NAME: &[u8] = b"Event-Name";
const SUBCLASS: &[u8] = b"Event-Subclass";
const LENGTH: &[u8] = b"Content-Length";

/// The value of a header among these lines, as it was sent.
#[must_use]
pub fn find<'a>(lines: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut at = 0;
    loop {
        let rest = &lines[at..];
        if rest.get(name.len()) == Some(&b':') && rest[..name.len()].eq_ignore_ascii_case(name) {
            let end = memchr(b'\n', rest).unwrap_or(rest.len());
            return Some(rest[name.len() + 1..end].trim_ascii());
        }
        at += memchr(b'\n', rest)? + 1;
    }
}

/// What `%41` and the like stand for. What is no such thing stays as it is.
#[must_use]
pub fn decode(sent: &[u8]) -> Cow<'_, [u8]> {
    let Some(first) = memchr(b'%', sent) else {
        return Cow::Borrowed(sent);
    };
    let mut decoded = Vec::with_capacity(sent.len());
    decoded.extend_from_slice(&sent[..first]);
    let mut rest = &sent[first..];
    while let Some((&byte, after)) = rest.split_first() {
        let digit = |at: usize| after.get(at).and_then(|&b| char::from(b).to_digit(16));
        if let (b'%', Some(high), Some(low)) = (byte, digit(0), digit(1)) {
            // Two digits are a byte.
            decoded.push((high * 16 + low) as u8);
            rest = &after[2..];
        } else {
            decoded.push(byte);
            rest = after;
        }
    }
    Cow::Owned(decoded)
}

/// As the switch encodes values: what is not plain becomes `%41` and the like.
#[must_use]
pub fn encode(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    // SWITCH_URL_UNSAFE.
    const UNSAFE: &[u8] = b"#%&+:;<=>?@[\\]^`{|}";
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_graphic() && !UNSAFE.contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
        }
    }
    text
}

/// An event as the event socket sends it, with headers of our own before its own.
#[must_use]
pub fn text_of(event: &Snapshot, ours: &[(&str, &[u8])]) -> Vec<u8> {
    let mut text = String::with_capacity(2048);
    let mut line = |name: &str, value: &[u8]| {
        text.push_str(name);
        text.push_str(": ");
        text.push_str(&encode(value));
        text.push('\n');
    };
    for (name, value) in ours {
        line(name, value);
    }
    for (name, values) in event.headers() {
        // How long the body is stands at the end.
        if name.eq_ignore_ascii_case(LENGTH) {
            continue;
        }
        let name = String::from_utf8_lossy(&name).into_owned();
        match &values[..] {
            [one] => line(&name, one),
            many => line(&name, &[ARRAY, &many.join(BETWEEN)].concat()),
        }
    }
    let body = event.body().unwrap_or_default();
    if !body.is_empty() {
        line("Content-Length", body.len().to_string().as_bytes());
    }
    text.push('\n');
    let mut text = text.into_bytes();
    text.extend_from_slice(body);
    text
}

fn lines(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut at = 0;
    let ends = memchr_iter(b'\n', text).chain(std::iter::once(text.len()));
    ends.filter_map(move |end| {
        let line = &text[at.min(end)..end];
        at = end + 1;
        let colon = memchr(b':', line)?;
        Some((&line[..colon], line[colon + 1..].trim_ascii()))
    })
}

/// Splits what was decoded: one value, unless it is an array.
fn split(value: Cow<'_, [u8]>) -> Vec<Vec<u8>> {
    let Some(mut rest) = value.strip_prefix(ARRAY) else {
        return vec![value.into_owned()];
    };
    let mut values = Vec::new();
    while let Some(at) = memmem::find(rest, BETWEEN) {
        values.push(rest[..at].to_vec());
        rest = &rest[at + BETWEEN.len()..];
    }
    values.push(rest.to_vec());
    values
}

impl WireEvent {
    /// Takes what was sent; nothing where it names no event.
    #[must_use]
    pub fn new(text: Vec<u8>) -> Option<Self> {
        let blank = memmem::find(&text, b"\n\n");
        let end = blank.unwrap_or(text.len());
        find(&text[..end], NAME).filter(|name| !name.is_empty())?;
        let body = blank.map(|at| at + 2).filter(|_| {
            let length = find(&text[..end], LENGTH);
            length.is_some_and(|length| length != b"0")
        });
        Some(Self { text, end, body })
    }

    fn head(&self) -> &[u8] {
        &self.text[..self.end]
    }

    /// Its name, as the switch that sent it has it.
    #[must_use]
    pub fn name(&self) -> Cow<'_, [u8]> {
        decode(find(self.head(), NAME).unwrap_or_default())
    }

    /// The value of a header; of an array, all its elements with what joins them.
    #[must_use]
    pub fn header(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        match find(self.head(), name) {
            Some(value) => Some(decode(value)),
            None if name == b"_body" => self.body().map(Cow::Borrowed),
            None => None,
        }
    }

    /// The values of a header, one unless it is an array; none if the header is missing.
    #[must_use]
    pub fn values(&self, name: &[u8]) -> Option<Vec<Vec<u8>>> {
        find(self.head(), name).map(|value| split(decode(value)))
    }

    /// All headers in order; the length of the body is none of the event's.
    #[must_use]
    pub fn headers(&self) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
        lines(self.head())
            .filter(|(name, _)| self.body.is_none() || !name.eq_ignore_ascii_case(LENGTH))
            .map(|(name, value)| (name.to_vec(), split(decode(value))))
            .collect()
    }

    /// The body, if there is one.
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.body.map(|at| &self.text[at..])
    }

    /// An event of this core's like it. A kind that it does not know is MESSAGE, as
    /// it is for `Event(name)`.
    ///
    /// # Errors
    /// The core's status.
    pub fn event(&self) -> Result<OwnedEvent, Status> {
        // No C string of the switch's that sent it has a NUL; what else does is cut.
        let text = |bytes: &[u8]| {
            let end = memchr(0, bytes).unwrap_or(bytes.len());
            c_string(&bytes[..end]).unwrap_or_default()
        };
        let kind = Kind::named(&text(&self.name())).unwrap_or(Kind::MESSAGE);
        let subclass = self.header(SUBCLASS).filter(|_| kind == Kind::CUSTOM);
        let subclass = subclass.map(|subclass| text(&subclass));
        let event = OwnedEvent::like(kind, subclass.as_deref(), 0, 0)?;
        let view = event.view();
        for (name, values) in self.headers() {
            if subclass.is_some() && name == SUBCLASS {
                continue;
            }
            match &values[..] {
                [one] => view.add_header(&text(&name), &text(one))?,
                many => many
                    .iter()
                    .try_for_each(|one| view.push_header(&text(&name), &text(one)))?,
            }
        }
        view.set_body(self.body().map(text).as_deref())?;
        Ok(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &[u8] = b"Event-Name: CUSTOM\nEvent-Subclass: conference%3A%3Amaintenance\n\
        Caller-Name: J%C3%BCrgen%20%FF100%25\nEmpty: \nvariable_list: ARRAY::a%7C%3Ab|:c\n\
        Content-Length: 6\n\n+OK a\n";

    #[test]
    fn headers_are_decoded_where_they_are_asked_for() {
        let event = WireEvent::new(SENT.to_vec()).unwrap();
        assert_eq!(&*event.name(), b"CUSTOM");
        let subclass = event.header(b"event-subclass").unwrap();
        assert_eq!(&*subclass, b"conference::maintenance");
        let name = event.header(b"Caller-Name").unwrap();
        assert_eq!(&*name, b"J\xc3\xbcrgen \xff100%");
        assert_eq!(event.header(b"Empty").as_deref(), Some(&b""[..]));
        assert_eq!(event.header(b"Caller"), None);
        assert_eq!(event.body(), Some(&b"+OK a\n"[..]));
        assert_eq!(event.header(b"_body").as_deref(), Some(&b"+OK a\n"[..]));
        let names: Vec<_> = event.headers().into_iter().map(|(name, _)| name).collect();
        assert_eq!(names.len(), 5);
        let values = event.values(b"variable_list").unwrap();
        assert_eq!(values, [b"a".to_vec(), b"b".to_vec(), b"c".to_vec()]);
    }

    #[test]
    fn what_names_no_event_is_none() {
        assert!(WireEvent::new(Vec::new()).is_none());
        assert!(WireEvent::new(b"Core-UUID: 1\n\n".to_vec()).is_none());
        assert!(WireEvent::new(b"Event-Name: \n\n".to_vec()).is_none());
        let bare = WireEvent::new(b"Event-Name: DTMF".to_vec()).unwrap();
        assert_eq!((&*bare.name(), bare.body()), (&b"DTMF"[..], None));
    }

    #[test]
    fn what_is_no_percent_code_stays() {
        for (sent, meant) in [
            (&b"%"[..], &b"%"[..]),
            (b"%4", b"%4"),
            (b"%zz%41", b"%zzA"),
            (b"a%%41", b"a%A"),
            (b"%e4%E4", b"\xe4\xe4"),
        ] {
            assert_eq!(&*decode(sent), meant);
        }
    }

    /// Every byte, encoded as the switch does and by a decoder of its own.
    #[test]
    fn every_byte_comes_back() {
        let bytes: Vec<u8> = (0..=255).collect();
        let sent: Vec<String> = bytes.iter().map(|b| format!("%{b:02X}")).collect();
        let sent = sent.concat();
        assert_eq!(&*decode(sent.as_bytes()), &bytes[..]);
    }

    #[test]
    fn it_becomes_an_event_of_the_cores() {
        let event = WireEvent::new(SENT.to_vec()).unwrap().event().unwrap();
        let view = event.view();
        assert_eq!(view.kind(), Kind::CUSTOM);
        let name = view.header(c"Caller-Name", None).unwrap();
        assert_eq!(name, b"J\xc3\xbcrgen \xff100%");
        assert_eq!(view.values(c"variable_list").unwrap().len(), 3);
        assert_eq!(view.body().unwrap(), b"+OK a\n");
    }
}
