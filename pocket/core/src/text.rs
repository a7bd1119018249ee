//! Text that crosses the C border: bytes without NUL, in no promised encoding.

use std::alloc::Layout;
use std::ffi::{CStr, CString, c_char, c_void};

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
    CString::new(visible(text)).unwrap_or_default()
}

/// What C can see of a text: what is in front of its first NUL.
pub(crate) fn visible(text: &[u8]) -> &[u8] {
    &text[..text.find_byte(0).unwrap_or(text.len())]
}

/// A copy that C may `free()`.
pub(crate) fn malloc_string(text: &[u8]) -> *mut c_char {
    let text = visible(text);
    // SAFETY: a block of the text and its NUL, filled to its end.
    unsafe {
        let copy = allocate(text.len() + 1).cast::<u8>();
        copy.copy_from_nonoverlapping(text.as_ptr(), text.len());
        copy.add(text.len()).write(0);
        copy.cast()
    }
}

/// Memory that C may `free()`; no memory ends the process, as everywhere in Rust.
pub(crate) fn allocate(size: usize) -> *mut c_void {
    // SAFETY: malloc takes any size.
    let block = unsafe { libc::malloc(size) };
    if block.is_null() {
        let layout = Layout::from_size_align(size, align_of::<usize>());
        std::alloc::handle_alloc_error(layout.unwrap_or(Layout::new::<usize>()));
    }
    block
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
/// single quotes hold a piece together, a backslash escapes, `^^:` in front names
/// another delimiter, and what is beyond `limit` stays in the last piece.
pub(crate) fn split(text: &[u8], delimiter: u8, limit: usize) -> Vec<BString> {
    let (text, delimiter) = match text {
        [b'^', b'^', other, rest @ ..] if !rest.is_empty() => (rest, *other),
        text => (text, delimiter),
    };
    let blank = delimiter == b' ';
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() && pieces.len() < limit {
        let end = if pieces.len() + 1 == limit {
            rest.len()
        } else {
            end_of_piece(rest, delimiter)
        };
        pieces.push(unquote(&rest[..end], (!blank).then_some(delimiter)));
        rest = rest.get(end + 1..).unwrap_or_default();
        if blank {
            rest = trim_blanks(rest);
        }
    }
    pieces
}

fn trim_blanks(text: &[u8]) -> &[u8] {
    let blanks = text.iter().take_while(|byte| **byte == b' ').count();
    &text[blanks..]
}

/// Where the next delimiter is that is neither quoted nor escaped. A quote that
/// none closes is a character, but between blanks.
fn end_of_piece(text: &[u8], delimiter: u8) -> usize {
    let blank = delimiter == b' ';
    let mut at = if blank {
        text.len() - trim_blanks(text).len()
    } else {
        0
    };
    let mut quoted = false;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 1,
            b'\'' if blank || quoted || text[at + 1..].contains(&b'\'') => quoted = !quoted,
            byte if byte == delimiter && !quoted => return at,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// A piece without its quotes, its escapes, and the blanks around it.
fn unquote(text: &[u8], delimiter: Option<u8>) -> BString {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = trim_blanks(text);
    let mut quoted = false;
    let mut end = 0;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'\\'
            && let Some(&next) = after.first()
            && let Some(meant) = unescape(next, delimiter)
        {
            out.push(meant);
            rest = &after[1..];
            end = out.len();
        } else if byte == b'\'' && (quoted || after.contains(&b'\'')) {
            quoted = !quoted;
            if quoted {
                end = out.len();
            }
        } else {
            out.push(byte);
            if byte != b' ' || quoted {
                end = out.len();
            }
        }
    }
    // As in the core, what has no end keeps its blanks.
    if end > 0 || text.contains(&b'\'') {
        out.truncate(end);
    }
    out.into()
}

/// What an escaped byte means; `None` when the backslash is one itself.
fn unescape(byte: u8, delimiter: Option<u8>) -> Option<u8> {
    match byte {
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        b't' => Some(b'\t'),
        b's' => Some(b' '),
        b'\'' | b'"' | b'\\' => Some(byte),
        byte => (Some(byte) == delimiter).then_some(byte),
    }
}

/// Both halves around the first `delimiter`, the second empty without one.
pub(crate) fn cut(text: &[u8], delimiter: u8) -> (&BStr, &BStr) {
    match text.find_byte(delimiter) {
        Some(at) => (text[..at].as_bstr(), text[at + 1..].as_bstr()),
        None => (text.as_bstr(), BStr::new("")),
    }
}

/// Whether text is like a pattern, in any case: `*` stands for anything, `?` for one byte.
pub(crate) fn is_like(pattern: &[u8], text: &[u8]) -> bool {
    let (mut at, mut from) = (0, 0);
    // Where the last star stands, and how much of the text it stands for so far.
    let mut star: Option<(usize, usize)> = None;
    while from < text.len() {
        match pattern.get(at) {
            Some(b'*') => {
                star = Some((at, from));
                at += 1;
            }
            Some(byte) if *byte == b'?' || byte.eq_ignore_ascii_case(&text[from]) => {
                at += 1;
                from += 1;
            }
            _ => match &mut star {
                Some((begin, taken)) => {
                    *taken += 1;
                    (at, from) = (*begin + 1, *taken);
                }
                None => return false,
            },
        }
    }
    pattern[at..].iter().all(|byte| *byte == b'*')
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

/// The opposite: `%2F` becomes a slash, what is no number stays.
pub(crate) fn url_decode(text: &[u8]) -> BString {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let number = after
            .get(..2)
            .filter(|_| byte == b'%')
            .and_then(|pair| u8::from_str_radix(pair.to_str().ok()?, 16).ok());
        match number {
            Some(number) if after[0] != b'+' => {
                decoded.push(number);
                rest = &after[2..];
            }
            _ => {
                decoded.push(byte);
                rest = after;
            }
        }
    }
    decoded.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_as_the_core_does() {
        assert_eq!(split(b"a b  c", b' ', 10), ["a", "b", "c"]);
        assert_eq!(split(b"a 'b c' d", b' ', 10), ["a", "b c", "d"]);
        assert_eq!(split(b"uuid var a b c", b' ', 3), ["uuid", "var", "a b c"]);
        assert_eq!(split(b"a=", b'=', 2), ["a"]);
        assert_eq!(split(b"a,,b ,", b',', 9), ["a", "", "b"]);
        assert_eq!(split(b"u v it's here", b' ', 3), ["u", "v", "it's here"]);
        assert_eq!(split(b"it's,ours", b',', 9), ["it's", "ours"]);
        assert_eq!(split(b"'a,b',c\\,d", b',', 9), ["a,b", "c,d"]);
        assert_eq!(split(br"a\sb\n\q '' 'c '", b' ', 9), ["a b\n\\q", "", "c "]);
        assert_eq!(split(b"^^:a b:c", b' ', 9), ["a b", "c"]);
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
