//! Text of a verb: what C takes, and how it is serialised.

use std::ffi::{CStr, CString};
use std::fmt;
use std::ops::Deref;

use serde::de::{Error, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Bytes without a NUL, as the core takes them.
///
/// Serialised it is a string, or, where it is no UTF-8, an array of its bytes: SIP brings such text,
/// and it goes back as it came.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Text(CString);

impl Text {
    /// As the core takes it.
    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        &self.0
    }
}

impl Deref for Text {
    type Target = CStr;

    fn deref(&self) -> &CStr {
        &self.0
    }
}

impl From<CString> for Text {
    fn from(text: CString) -> Self {
        Self(text)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(out)
    }
}

impl Serialize for Text {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize(self.0.to_bytes(), serializer)
    }
}

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = deserialize(deserializer)?;
        CString::new(bytes).map(Self).map_err(|error| {
            let at = error.nul_position();
            let text = error.into_vec();
            let text = String::from_utf8_lossy(&text);
            D::Error::custom(format_args!("{text:?} has a NUL at position {at}"))
        })
    }
}

/// Takes text that must not be empty.
pub(super) fn not_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Text, D::Error> {
    let text = Text::deserialize(deserializer)?;
    if text.is_empty() {
        return Err(D::Error::invalid_value(
            Unexpected::Str(""),
            &"text that is not empty",
        ));
    }
    Ok(text)
}

/// Serialises bytes as a string, or as an array where they are no UTF-8.
pub(super) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    match std::str::from_utf8(bytes) {
        Ok(text) => serializer.serialize_str(text),
        Err(_) => serializer.collect_seq(bytes),
    }
}

/// Takes what [`serialize`] gives.
pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    struct Bytes;

    impl<'de> Visitor<'de> for Bytes {
        type Value = Vec<u8>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("text, or an array of its bytes")
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<Vec<u8>, E> {
            Ok(text.as_bytes().to_vec())
        }

        fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
            Ok(bytes.to_vec())
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut bytes: A) -> Result<Vec<u8>, A::Error> {
            let mut taken = Vec::new();
            while let Some(byte) = bytes.next_element()? {
                taken.push(byte);
            }
            Ok(taken)
        }
    }

    deserializer.deserialize_any(Bytes)
}
