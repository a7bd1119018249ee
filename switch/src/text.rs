//! Text on its way to and from C.
//!
//! The core's strings are bytes that end with NUL: what SIP brought need not be
//! UTF-8. They stay bytes here; a binding decides how they become its strings.

use std::ffi::{CStr, CString, c_char, c_void};

/// Text that C cannot carry: it has a NUL inside.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a NUL at position {0}")]
pub struct Nul(pub usize);

/// A C string of these bytes.
///
/// # Errors
/// [`Nul`], when there is one inside.
pub fn c_string(bytes: impl Into<Vec<u8>>) -> Result<CString, Nul> {
    CString::new(bytes).map_err(|e| Nul(e.nul_position()))
}

/// A C string of these bytes with every NUL shown as `\0`; for logs, where text
/// is better bent than lost.
#[must_use]
pub fn c_string_shown(bytes: &[u8]) -> CString {
    if let Ok(text) = CString::new(bytes) {
        text
    } else {
        let mut shown = Vec::with_capacity(bytes.len() + 8);
        for &b in bytes {
            if b == 0 {
                shown.extend_from_slice(b"\\0");
            } else {
                shown.push(b);
            }
        }
        CString::new(shown).unwrap_or_default()
    }
}

/// The bytes of a C string, or nothing for NULL.
///
/// # Safety
/// `text` is NULL or points to a string that ends with NUL and stays unchanged
/// while this runs.
pub(super) unsafe fn copied(text: *const c_char) -> Option<Vec<u8>> {
    // SAFETY: as the caller says.
    unsafe { lent(text) }.map(|text| text.to_bytes().to_vec())
}

/// A string of the core's; nothing for NULL.
///
/// # Safety
/// As [`copied`], for as long as the caller uses it.
pub(super) unsafe fn lent<'a>(text: *const c_char) -> Option<&'a CStr> {
    // SAFETY: not NULL, and the caller vouches for the rest.
    (!text.is_null()).then(|| unsafe { CStr::from_ptr(text) })
}

/// Takes a string that the core allocated with malloc for its caller.
///
/// # Safety
/// As [`copied`], and `text` is the caller's to free.
pub(super) unsafe fn taken(text: *mut c_char) -> Option<Vec<u8>> {
    // SAFETY: the caller vouches for the string.
    let bytes = unsafe { copied(text) };
    // SAFETY: it came from malloc, is ours, and is not used again; free takes NULL.
    unsafe { libc::free(text.cast::<c_void>()) };
    bytes
}

/// The pointer that the core takes for text or for none.
pub(super) fn pointer(text: Option<&CStr>) -> *const c_char {
    text.map_or(std::ptr::null(), CStr::as_ptr)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_nul_inside_is_refused_with_its_place() {
        assert_eq!(c_string(*b"ab\0c"), Err(Nul(2)));
    }

    #[test]
    fn logs_show_a_nul() {
        assert_eq!(c_string_shown(b"a\0b").as_bytes(), b"a\\0b");
    }
}
