//! Headers of an event as they lie in memory: a C list that modules read.

use std::ffi::{CStr, c_char, c_ulong};
use std::ptr;

use bindings::switch_event_header;
use bstr::{BStr, BString, ByteSlice};

use super::arena::Arena;
use crate::text::{self, malloc_string};

/// What stands in front of a value that joins several.
pub(super) const ARRAY: &[u8] = b"ARRAY::";
/// What stands between the values of one header.
pub(super) const BETWEEN: &[u8] = b"|:";

/// One header, owned by the list that it is linked into.
pub(super) type Header = switch_event_header;

/// The hash that the core keeps beside each name, case aside.
pub(super) fn hash(name: &[u8]) -> c_ulong {
    // Four bytes at a time, so that each does not wait for the multiplication before it.
    const POWERS: [c_ulong; 4] = [33 * 33 * 33, 33 * 33, 33, 1];
    let value = |byte: u8| c_ulong::from(byte.to_ascii_lowercase());
    let (fours, rest) = name.as_chunks::<4>();
    let begun = fours.iter().fold(0, |hash: c_ulong, four| {
        let own = four
            .iter()
            .zip(POWERS)
            .map(|(byte, power)| value(*byte) * power);
        hash.wrapping_mul(33 * POWERS[0])
            .wrapping_add(own.sum::<c_ulong>())
    });
    rest.iter().fold(begun, |hash: c_ulong, byte| {
        hash.wrapping_mul(33).wrapping_add(value(*byte))
    })
}

/// A new header, not linked, of a name without NUL. The name lies behind it, in one block of
/// memory, and so does the value that it is made with: an event of a leg has a hundred headers. A
/// value that comes later has a block of its own.
///
/// One of an arena has no hash: its event is read once by most, and looked up in by few.
pub(super) fn new(name: &[u8], value: Option<&[u8]>, arena: Option<&mut Arena>) -> *mut Header {
    debug_assert!(!name.contains(&0), "a name of C ends with its first NUL");
    let value = value.map(text::visible);
    let size = size_of::<Header>() + name.len() + 1 + value.map_or(0, |value| value.len() + 1);
    let (header, hash): (*mut Header, _) = match arena {
        Some(arena) => (arena.take(size).cast(), 0),
        None => (text::allocate(size).cast(), hash(name)),
    };
    // SAFETY: the block holds the header and both texts with their NULs, and all of it
    // is written; malloc's alignment and the arena's are enough for the header.
    unsafe {
        let at = header.add(1).cast::<u8>();
        let put = |at: *mut u8, text: &[u8]| {
            at.copy_from_nonoverlapping(text.as_ptr(), text.len());
            at.add(text.len()).write(0);
        };
        put(at, name);
        let value = value.map(|value| {
            let behind = at.add(name.len() + 1);
            put(behind, value);
            behind
        });
        header.write(Header {
            name: at.cast(),
            value: value.map_or(ptr::null_mut(), <*mut u8>::cast),
            array: ptr::null_mut(),
            idx: 0,
            hash,
            next: ptr::null_mut(),
        });
    }
    header
}

/// Frees a header's value, where that has a block of its own.
///
/// # Safety
/// `header` is live; its value is read no more.
unsafe fn free_value(header: *mut Header) {
    // SAFETY: the name is NUL-terminated, and a value of the header's block lies
    // behind it; another one is from malloc, or NULL, which free() takes.
    unsafe {
        let behind = (*header).name.add(name(header).len() + 1);
        if (*header).value != behind {
            libc::free((*header).value.cast());
        }
    }
}

/// Frees a header and all that it owns; its own block only where that is not an arena's.
///
/// # Safety
/// `header` comes from [`new`], is in no list any more, and nobody reads it.
pub(super) unsafe fn free(header: *mut Header, is_in_arena: bool) {
    // SAFETY: `array` holds `idx` strings from malloc, and is from malloc or NULL; the
    // header's block was made by `new`, and is given up by the caller.
    unsafe {
        // Hardly any has one.
        if !(*header).array.is_null() {
            for at in 0..usize::try_from((*header).idx).unwrap_or(0) {
                libc::free((*(*header).array.add(at)).cast());
            }
            libc::free((*header).array.cast());
        }
        free_value(header);
        if !is_in_arena {
            libc::free(header.cast());
        }
    }
}

/// Whether a header has this name, whose hash is `hash`. As in the core, one that has no hash
/// is compared by its name alone.
///
/// # Safety
/// `header` is live.
pub(super) unsafe fn is_named(header: *const Header, wanted: &[u8], hash: c_ulong) -> bool {
    // SAFETY: live.
    unsafe {
        let known = (*header).hash;
        (known == hash || known == 0) && is_text((*header).name, wanted)
    }
}

/// Whether a text of C is this one, case aside; most differ in their first bytes.
///
/// # Safety
/// `text` ends with NUL.
unsafe fn is_text(text: *const c_char, wanted: &[u8]) -> bool {
    // SAFETY: a byte is read only behind others that are not the NUL: `wanted` has none there, or
    // the comparison is over.
    let byte = |at: usize| unsafe { text.cast::<u8>().add(at).read() };
    wanted
        .iter()
        .enumerate()
        .all(|(at, wanted)| byte(at) != 0 && byte(at).eq_ignore_ascii_case(wanted))
        && byte(wanted.len()) == 0
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
    unsafe { text::borrow((*header).value) }.unwrap_or_default()
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
        unsafe { text::borrow(*array.add(at)) }
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
    // SAFETY: the header is ours to change.
    unsafe {
        free_value(header);
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
