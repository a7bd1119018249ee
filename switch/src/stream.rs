//! Streams: where an API command writes its reply.

use std::ffi::c_char;
use std::ptr::NonNull;
use std::sync::Arc;

use bindings::{
    switch_console_stream_raw_write, switch_console_stream_write, switch_stream_handle_t,
};
use parking_lot::Mutex;

use super::Status;
use super::event::shared::{Event, Loan as EventLoan};
use super::text::copied;

/// What the core's own streams grow by (`SWITCH_CMD_CHUNK_LEN`).
const CHUNK: usize = 1024;

/// A stream of our own that collects what is written (`SWITCH_STANDARD_STREAM`).
pub struct Collector(Box<switch_stream_handle_t>);

// SAFETY: a stream is plain memory with no thread of its own.
unsafe impl Send for Collector {}

impl Collector {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        // SAFETY: the memory is the core's to grow by realloc and ours to free.
        let data = unsafe { libc::calloc(1, CHUNK) };
        if data.is_null() {
            std::alloc::handle_alloc_error(std::alloc::Layout::new::<[u8; CHUNK]>());
        }
        Self(Box::new(switch_stream_handle_t {
            read_function: None,
            write_function: Some(switch_console_stream_write),
            raw_write_function: Some(switch_console_stream_raw_write),
            data,
            end: data,
            data_size: CHUNK,
            data_len: 0,
            alloc_len: CHUNK,
            alloc_chunk: CHUNK,
            param_event: std::ptr::null_mut(),
        }))
    }

    pub(super) fn as_ptr(&mut self) -> *mut switch_stream_handle_t {
        &raw mut *self.0
    }

    /// What was written so far.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        // SAFETY: the core keeps data_len bytes written within what it allocated.
        unsafe { std::slice::from_raw_parts(self.0.data.cast::<u8>(), self.0.data_len) }
    }
}

impl Default for Collector {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        // SAFETY: ours, grown by the core's realloc, and not used again.
        unsafe { libc::free(self.0.data) };
    }
}

enum Slot {
    Owned(Collector),
    Lent(NonNull<switch_stream_handle_t>),
    Gone,
}

/// A stream that many may hold, from any thread, until the loan ends.
pub struct Stream {
    slot: Mutex<Slot>,
    memory: bool,
}

// SAFETY: the pointer is used under the lock only, and the loan takes it too.
unsafe impl Send for Stream {}
// SAFETY: by reference, too, the pointer is used under the lock only.
unsafe impl Sync for Stream {}

impl Stream {
    /// A stream that only collects.
    #[must_use]
    pub fn collecting() -> Arc<Self> {
        Arc::new(Self {
            slot: Mutex::new(Slot::Owned(Collector::new())),
            memory: true,
        })
    }

    fn with<R>(&self, body: impl FnOnce(*mut switch_stream_handle_t) -> R) -> Option<R> {
        let mut slot = self.slot.lock();
        match &mut *slot {
            Slot::Owned(own) => Some(body(own.as_ptr())),
            Slot::Lent(ptr) => Some(body(ptr.as_ptr())),
            Slot::Gone => None,
        }
    }

    /// Does writing only fill memory? Elsewhere it may wait for a network.
    #[must_use]
    pub const fn is_memory(&self) -> bool {
        self.memory
    }

    /// Appends bytes (`raw_write_function`); nothing, once the loan is over. The
    /// text is never a format.
    #[inline]
    pub fn write(&self, bytes: &[u8]) -> Option<Result<(), Status>> {
        // SAFETY: the stream is alive under the lock.
        self.with(|ptr| unsafe { write(ptr, bytes) })
    }

    /// What was written so far, where the stream keeps it; nothing, once the
    /// loan is over.
    pub fn text(&self) -> Option<Vec<u8>> {
        self.with(|ptr| {
            // SAFETY: the stream is alive under the lock.
            let stream = unsafe { &*ptr };
            if !keeps_text(stream) {
                return Vec::new();
            }
            // SAFETY: streams with the console's writer keep text that ends with NUL.
            unsafe { copied(stream.data.cast()) }.unwrap_or_default()
        })
    }

    /// Does the stream keep text, and was nothing written to it so far?
    #[must_use]
    pub fn is_blank(&self) -> bool {
        let blank = self.with(|ptr| {
            // SAFETY: the stream is alive under the lock.
            let stream = unsafe { &*ptr };
            let text: *const c_char = stream.data.cast();
            // SAFETY: streams with the console's writer keep text that ends with NUL.
            keeps_text(stream) && (text.is_null() || unsafe { *text } == 0)
        });
        blank == Some(true)
    }

    /// What the stream has for the command to read (`read_function`), a piece;
    /// nothing, once the loan is over.
    pub fn read(&self) -> Option<Vec<u8>> {
        self.with(|ptr| {
            // SAFETY: the stream is alive under the lock.
            let Some(read) = (unsafe { (*ptr).read_function }) else {
                return Vec::new();
            };
            let mut len = 0;
            // SAFETY: the function is the stream's own; it gives len bytes.
            let data = unsafe { read(ptr, &raw mut len) };
            match usize::try_from(len) {
                Ok(len) if len > 0 && !data.is_null() => {
                    // SAFETY: the stream gave `len` bytes at `data`, and changes them
                    // at its next read at the earliest.
                    unsafe { std::slice::from_raw_parts(data, len) }.to_vec()
                }
                _ => Vec::new(),
            }
        })
    }
}

/// Only there does `data` hold text; elsewhere it is the owner's own structure.
fn keeps_text(stream: &switch_stream_handle_t) -> bool {
    stream.raw_write_function.is_some_and(|f| {
        std::ptr::fn_addr_eq(
            f,
            switch_console_stream_raw_write
                as unsafe extern "C" fn(*mut switch_stream_handle_t, *mut u8, usize) -> _,
        )
    })
}

/// # Safety
/// `ptr` is a live stream that no other thread uses.
unsafe fn write(ptr: *mut switch_stream_handle_t, bytes: &[u8]) -> Result<(), Status> {
    if bytes.is_empty() {
        return Ok(());
    }
    // SAFETY: the caller vouches for the stream.
    let Some(raw_write) = (unsafe { (*ptr).raw_write_function }) else {
        return Err(Status(bindings::SWITCH_STATUS_NOTIMPL));
    };
    // SAFETY: the function is the stream's own, and only reads the bytes.
    Status::check(unsafe { raw_write(ptr, bytes.as_ptr().cast_mut(), bytes.len()) })
}

/// Ends the loans of a stream and of its event when it goes.
pub struct Loan {
    stream: Arc<Stream>,
    event: Option<EventLoan>,
}

impl Drop for Loan {
    fn drop(&mut self) {
        *self.stream.slot.lock() = Slot::Gone;
        self.event = None;
    }
}

/// A reply that the core asks for: its stream, and the event of the request.
pub struct Request {
    /// Where the reply goes.
    pub stream: Arc<Stream>,
    /// `stream->param_event`, where the core made one.
    pub event: Option<Arc<Event>>,
    /// Ends both loans.
    pub loan: Loan,
}

impl Request {
    /// Takes what an API function was called with; nothing for NULL.
    ///
    /// # Safety
    /// The stream is alive, and this thread's alone, until the loan is dropped.
    #[must_use]
    pub unsafe fn from_ptr(ptr: *mut switch_stream_handle_t) -> Option<Self> {
        let ptr = NonNull::new(ptr)?;
        let stream = Arc::new(Stream {
            slot: Mutex::new(Slot::Lent(ptr)),
            // SAFETY: the caller vouches for the stream.
            memory: keeps_text(unsafe { ptr.as_ref() }),
        });
        // SAFETY: the caller vouches for the stream, whose event lives as long.
        let lent = unsafe { Event::lend((*ptr.as_ptr()).param_event) };
        let (event, event_loan) = lent.unzip();
        Some(Self {
            stream: stream.clone(),
            event,
            loan: Loan {
                stream,
                event: event_loan,
            },
        })
    }
}

/// Writes to a stream of the core's, without a loan: for replies of our own.
///
/// # Safety
/// `ptr` is NULL or a live stream that is this thread's alone.
pub unsafe fn reply(ptr: *mut switch_stream_handle_t, text: &[u8]) {
    if !ptr.is_null() {
        // A stream that refuses leaves nothing to tell it to.
        // SAFETY: the caller vouches for the stream.
        let _ = unsafe { write(ptr, text) };
    }
}
