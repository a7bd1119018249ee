//! Text that crosses the C border: bytes without NUL, in no promised encoding.

use std::ffi::{CStr, CString, c_char};

use bstr::{BStr, BString, ByteSlice};

/// What C handed over, `None` for NULL.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string that lives and does not
/// change for `'a`.
pub(crate) unsafe fn borrow<'a>(text: *const c_char) -> Option<&'a BStr> {
    if text.is_null() {
        return None;
    }
    // SAFETY: not NULL, and the caller vouches for the rest.
    Some(BStr::new(unsafe { CStr::from_ptr(text) }.to_bytes()))
}

/// A C string of `text`, cut at its first NUL: C could not see further.
pub(crate) fn c_string(text: &[u8]) -> CString {
    let end = text.find_byte(0).unwrap_or(text.len());
    CString::new(&text[..end]).unwrap_or_default()
}

/// A copy that C may `free()`.
pub(crate) fn malloc_string(text: &[u8]) -> *mut c_char {
    let text = c_string(text);
    // SAFETY: strdup reads the NUL-terminated string that `text` owns.
    unsafe { libc::strdup(text.as_ptr()) }
}

/// What `switch_true` takes as true: yes, on, true, t, enabled, active, allow,
/// or a number other than 0.
pub(crate) fn is_true(text: &[u8]) -> bool {
    const WORDS: [&str; 7] = ["yes", "on", "true", "t", "enabled", "active", "allow"];
    WORDS
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word.as_bytes()))
        || (is_number(text) && number(text) != 0)
}

/// Whether all of it is a number, with a sign and a point allowed.
pub(crate) fn is_number(text: &[u8]) -> bool {
    let digits = text
        .strip_prefix(b"-")
        .or_else(|| text.strip_prefix(b"+"))
        .unwrap_or(text);
    !digits.is_empty()
        && digits
            .iter()
            .all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

/// The number that the text begins with, 0 for none: C's `atoi`.
pub(crate) fn number(text: &[u8]) -> i64 {
    let text = text.trim_ascii_start();
    let (negative, digits) = match text.first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let magnitude =
        digits
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .fold(0i64, |sum, byte| {
                sum.saturating_mul(10)
                    .saturating_add(i64::from(byte - b'0'))
            });
    if negative { -magnitude } else { magnitude }
}

/// A command line split at `delimiter` as `switch_separate_string` splits it:
/// single quotes hold an argument together, a backslash escapes, and what is
/// beyond `limit` stays in the last piece.
pub(crate) fn split(text: &[u8], delimiter: u8, limit: usize) -> Vec<BString> {
    let mut pieces = Vec::new();
    let mut piece = Vec::new();
    let mut quoted = false;
    let mut bytes = text.iter().copied().peekable();
    let blank = delimiter == b' ';
    if blank {
        while bytes.next_if_eq(&b' ').is_some() {}
    }
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' if matches!(bytes.peek(), Some(next) if *next == delimiter || *next == b'\'' || *next == b'\\') =>
            {
                piece.extend(bytes.next());
            }
            b'\'' => quoted = !quoted,
            byte if byte == delimiter && !quoted && pieces.len() + 1 < limit => {
                pieces.push(BString::from(std::mem::take(&mut piece)));
                if blank {
                    while bytes.next_if_eq(&b' ').is_some() {}
                    if bytes.peek().is_none() {
                        return pieces;
                    }
                }
            }
            byte => piece.push(byte),
        }
    }
    if !piece.is_empty() || !pieces.is_empty() || quoted {
        pieces.push(BString::from(piece));
    }
    pieces
}

/// Both halves around the first `delimiter`, the second empty without one.
pub(crate) fn cut(text: &[u8], delimiter: u8) -> (&BStr, &BStr) {
    match text.find_byte(delimiter) {
        Some(at) => (text[..at].as_bstr(), text[at + 1..].as_bstr()),
        None => (text.as_bstr(), BStr::new("")),
    }
}

/// Percent-encoded as the core serialises: what is encoded already stays.
pub(crate) fn url_encode(text: &[u8]) -> BString {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    const UNSAFE: &[u8] = b"\r\n #%&+:;<=>?@[\\]^`{|}\"";
    let mut encoded = Vec::with_capacity(text.len());
    for (at, &byte) in text.iter().enumerate() {
        let encoded_already = byte == b'%'
            && text
                .get(at + 1..at + 3)
                .is_some_and(|pair| pair.iter().all(|c| HEX.contains(c)));
        if !encoded_already && (!(b' '..=b'~').contains(&byte) || UNSAFE.contains(&byte)) {
            encoded.extend([
                b'%',
                HEX[usize::from(byte >> 4)],
                HEX[usize::from(byte & 15)],
            ]);
        } else {
            encoded.push(byte);
        }
    }
    encoded.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_the_core_does() {
        assert_eq!(split(b"a b  c", b' ', 10), ["a", "b", "c"]);
        assert_eq!(split(b"a 'b c' d", b' ', 10), ["a", "b c", "d"]);
        assert_eq!(split(b"uuid var a b c", b' ', 3), ["uuid", "var", "a b c"]);
        assert_eq!(split(b"a=", b'=', 2), ["a", ""]);
        assert!(split(b"", b' ', 4).is_empty());
    }

    #[test]
    fn truth_is_words_and_numbers() {
        assert!(is_true(b"TRUE") && is_true(b"1") && is_true(b"enabled"));
        assert!(!is_true(b"0") && !is_true(b"") && !is_true(b"maybe"));
    }

    #[test]
    fn text_for_c_ends_at_its_first_nul() {
        assert_eq!(c_string(b"a\0b").as_bytes(), b"a");
    }
}
