//! Headers of an event as they lie in memory: a C list that modules read.

use std::ffi::{CStr, c_char, c_ulong};
use std::ptr;

use bindings::switch_event_header;
use bstr::{BStr, BString, ByteSlice};

use crate::text::malloc_string;

/// What stands in front of a value that joins several.
pub(super) const ARRAY: &[u8] = b"ARRAY::";
/// What stands between the values of one header.
pub(super) const BETWEEN: &[u8] = b"|:";

/// One header, owned by the list that it is linked into.
pub(super) type Header = switch_event_header;

/// The hash that the core keeps beside each name, case aside.
fn hash(name: &[u8]) -> c_ulong {
    name.iter().fold(0, |hash: c_ulong, byte| {
        hash.wrapping_mul(33)
            .wrapping_add(c_ulong::from(byte.to_ascii_lowercase()))
    })
}

/// A new header without a value, not linked.
pub(super) fn new(name: &[u8]) -> *mut Header {
    Box::into_raw(Box::new(Header {
        name: malloc_string(name),
        value: ptr::null_mut(),
        array: ptr::null_mut(),
        idx: 0,
        hash: hash(name),
        next: ptr::null_mut(),
    }))
}

/// Frees a header and all that it owns.
///
/// # Safety
/// `header` comes from [`new`], is in no list any more, and nobody reads it.
pub(super) unsafe fn free(header: *mut Header) {
    // SAFETY: made by Box::into_raw in `new`, and given up by the caller.
    let header = unsafe { Box::from_raw(header) };
    for at in 0..usize::try_from(header.idx).unwrap_or(0) {
        // SAFETY: `array` holds `idx` strings from strdup.
        unsafe { libc::free((*header.array.add(at)).cast()) };
    }
    // SAFETY: all three come from malloc, or are NULL, which free() takes.
    unsafe {
        libc::free(header.array.cast());
        libc::free(header.name.cast());
        libc::free(header.value.cast());
    }
}

/// # Safety
/// `header` is live and does not change for `'a`.
pub(super) unsafe fn name<'a>(header: *const Header) -> &'a BStr {
    // SAFETY: a header always has a name, NUL-terminated.
    BStr::new(unsafe { CStr::from_ptr((*header).name) }.to_bytes())
}

/// # Safety
/// As for [`name`].
pub(super) unsafe fn value<'a>(header: *const Header) -> &'a BStr {
    // SAFETY: the header is live; a value that is there is NUL-terminated.
    unsafe { crate::text::borrow((*header).value) }.unwrap_or_default()
}

/// The values of an array header, `None` of a plain one.
///
/// # Safety
/// As for [`name`].
pub(super) unsafe fn values(header: *const Header) -> Option<Vec<BString>> {
    // SAFETY: the header is live.
    let (array, count) = unsafe { ((*header).array, usize::try_from((*header).idx).unwrap_or(0)) };
    if count == 0 {
        return None;
    }
    let values = (0..count).map(|at| {
        // SAFETY: `array` holds `idx` strings, each NUL-terminated.
        unsafe { crate::text::borrow(*array.add(at)) }
            .unwrap_or_default()
            .to_owned()
    });
    Some(values.collect())
}

/// Puts a plain value in the place of what was there.
///
/// # Safety
/// `header` is live and nobody else reads it.
pub(super) unsafe fn set_value(header: *mut Header, value: &[u8]) {
    // SAFETY: the value is NULL or from malloc; the header is ours to change.
    unsafe {
        libc::free((*header).value.cast());
        (*header).value = malloc_string(value);
    }
}

/// Writes `values` as the array, and as the joined value beside it.
///
/// # Safety
/// As for [`set_value`].
pub(super) unsafe fn set_values(header: *mut Header, values: &[BString]) {
    let size = values.len() * size_of::<*mut c_char>();
    // SAFETY: a new block, filled to its end below; the old array holds `idx`
    // strings of malloc, which are freed once each.
    unsafe {
        for at in 0..usize::try_from((*header).idx).unwrap_or(0) {
            libc::free((*(*header).array.add(at)).cast());
        }
        libc::free((*header).array.cast());
        let array: *mut *mut c_char = libc::malloc(size.max(1)).cast();
        for (at, value) in values.iter().enumerate() {
            array.add(at).write(malloc_string(value));
        }
        (*header).array = array;
        (*header).idx = i32::try_from(values.len()).unwrap_or(i32::MAX);
    }
    let mut joined = if values.len() > 1 {
        ARRAY.to_vec()
    } else {
        Vec::new()
    };
    joined.extend_from_slice(&bstr::join(BETWEEN, values));
    // SAFETY: as this function's own.
    unsafe { set_value(header, &joined) };
}

/// The pieces of a value written as `ARRAY::a|:b`.
pub(super) fn pieces(value: &[u8]) -> Option<Vec<&BStr>> {
    let joined = value
        .strip_prefix(ARRAY)
        .filter(|joined| !joined.is_empty())?;
    Some(joined.split_str(BETWEEN).map(BStr::new).collect())
}
