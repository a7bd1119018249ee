//! Where commands write: the stream handle as C has it.

use std::ffi::c_void;

use bindings::{switch_console_stream_write, switch_status_t, switch_stream_handle};
use bstr::BString;

use crate::c::{FAILURE, SUCCESS};
use crate::event::Event;

/// The size that a stream starts with and grows by, as in the core.
const CHUNK: usize = 1024;

/// A stream of our own, with the standard functions.
pub(crate) struct Stream(Box<switch_stream_handle>);

impl Stream {
    pub(crate) fn new(event: Option<Event>) -> Self {
        // SAFETY: a zeroed block of CHUNK bytes, freed when the stream is.
        let data = unsafe { libc::calloc(1, CHUNK) };
        Self(Box::new(switch_stream_handle {
            read_function: None,
            write_function: Some(switch_console_stream_write),
            raw_write_function: Some(bindings::switch_console_stream_raw_write),
            data,
            end: data,
            data_size: CHUNK,
            data_len: 0,
            alloc_len: CHUNK,
            alloc_chunk: CHUNK,
            param_event: event.map_or(std::ptr::null_mut(), Event::give),
        }))
    }

    pub(crate) fn as_ptr(&mut self) -> *mut switch_stream_handle {
        &raw mut *self.0
    }

    /// What was written.
    pub(crate) fn text(&self) -> BString {
        if self.0.data.is_null() {
            return BString::default();
        }
        // SAFETY: raw_write keeps `data_len` bytes written in `data`.
        unsafe { std::slice::from_raw_parts(self.0.data.cast::<u8>(), self.0.data_len) }.into()
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        // SAFETY: `data` is malloc's; the event, if one is left, is ours.
        unsafe {
            libc::free(self.0.data);
            drop(Event::take(self.0.param_event));
        }
    }
}

/// Appends to a stream that has the standard functions.
///
/// # Safety
/// `stream` is a live standard stream that nobody else uses.
pub(crate) unsafe fn append(stream: *mut switch_stream_handle, text: &[u8]) -> switch_status_t {
    // SAFETY: the caller's; `data` is a malloc block of `data_size` bytes, and is
    // made larger before anything is written beyond it.
    unsafe {
        let handle = &mut *stream;
        let needed = handle.data_len + text.len() + 1;
        if needed > handle.data_size {
            let size = needed + handle.alloc_chunk.max(CHUNK);
            let data = libc::realloc(handle.data, size);
            if data.is_null() {
                return FAILURE;
            }
            handle.data = data;
            handle.data_size = size;
        }
        let end = handle.data.cast::<u8>().add(handle.data_len);
        std::ptr::copy_nonoverlapping(text.as_ptr(), end, text.len());
        handle.data_len += text.len();
        let end = end.add(text.len());
        end.write(0);
        handle.end = end.cast::<c_void>();
    }
    SUCCESS
}
