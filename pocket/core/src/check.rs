//! Checks what a test asks for at once: whether it makes sense to the switch.

use bstr::ByteSlice;

use crate::cause;
use crate::xml::parse;

pub use crate::endpoint::cue::is_sound;

/// The names of all hangup causes.
pub fn causes() -> impl Iterator<Item = &'static str> {
    cause::names().filter_map(|name| name.to_str().ok())
}

/// What is wrong with extensions, contexts or a configuration, if something is.
#[must_use]
pub fn xml_error(text: &[u8]) -> Option<String> {
    let document = parse(&[b"<document>", text, b"</document>"].concat());
    let error = document.error().to_bytes();
    (!error.is_empty()).then(|| error.to_str_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faulty_xml_is_told_and_sound_one_is_not() {
        assert_eq!(
            xml_error(b"<extension name='a'><condition/></extension>"),
            None
        );
        assert!(xml_error(b"<extension><condition></extension>").is_some());
        assert!(xml_error(b"<extension").is_some());
    }

    #[test]
    fn causes_have_names() {
        assert!(causes().any(|name| name == "USER_BUSY"));
    }
}
