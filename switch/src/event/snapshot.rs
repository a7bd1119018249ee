//! A copy of an event in two pieces of memory. The core's own copy takes three
//! for each header, on a dispatch thread that everybody shares, and most copies
//! are looked at once and thrown away.

use std::ffi::{CStr, c_char};
use std::slice;

use parking_lot::Mutex;

use super::{Kind, OwnedEvent, View, elements, headers};
use crate::Status;
use crate::text::lent;

/// Where a text lies; the NUL behind it is not counted.
#[derive(Clone, Copy)]
struct Span {
    start: u32,
    length: u32,
}

struct Header {
    name: Span,
    /// Of an array, what the core joins its elements to.
    value: Span,
    /// How many elements, of an array; they lie behind the value.
    elements: u32,
}

/// An event that is only read.
pub struct Snapshot {
    kind: Kind,
    /// What a CUSTOM event was made with; its header is one among the others.
    subclass: Option<Span>,
    flags: i32,
    key: u64,
    headers: Vec<Header>,
    body: Option<Span>,
    texts: Vec<u8>,
}

/// Memory of copies that are gone, for the next: where events are many, dispatch
/// threads and who frees them would meet in the allocator.
static SPARE: Mutex<Vec<(Vec<Header>, Vec<u8>)>> = Mutex::new(Vec::new());
const SPARES: usize = 256;
/// What a larger one had, in bytes, is not kept.
const ORDINARY: usize = 8192;

impl Drop for Snapshot {
    fn drop(&mut self) {
        let (mut headers, mut texts) = (
            std::mem::take(&mut self.headers),
            std::mem::take(&mut self.texts),
        );
        if texts.capacity() <= ORDINARY && headers.capacity() * size_of::<Header>() <= ORDINARY {
            headers.clear();
            texts.clear();
            let mut spare = SPARE.lock();
            if spare.len() < SPARES {
                spare.push((headers, texts));
            }
        }
    }
}

/// Where texts go, one after the other.
#[derive(Default)]
struct Plan {
    size: usize,
}

impl Plan {
    fn add(&mut self, length: usize) -> Span {
        // `of` sees to it that all of it is less than 4 GiB.
        let short = |size| u32::try_from(size).unwrap_or(u32::MAX);
        let span = Span {
            start: short(self.size),
            length: short(length),
        };
        self.size += length + 1;
        span
    }

    /// # Safety
    /// A string or NULL.
    unsafe fn text(&mut self, text: *const c_char) -> Span {
        // SAFETY: as the caller says.
        self.add(unsafe { lent(text) }.unwrap_or(c"").count_bytes())
    }
}

/// Copies a text to where it was planned to be, which is the end.
///
/// # Safety
/// It is what was planned.
unsafe fn put(texts: &mut Vec<u8>, span: Span, text: *const c_char) {
    if text.is_null() {
        texts.push(0);
        return;
    }
    // SAFETY: so long it was when it was planned, with its NUL behind it, and nobody changes it.
    let bytes = unsafe { slice::from_raw_parts(text.cast::<u8>(), span.length as usize + 1) };
    texts.extend_from_slice(bytes);
}

impl Snapshot {
    /// Copies an event; nothing where it has 4 GiB or more.
    #[must_use]
    pub fn of(event: View<'_>) -> Option<Self> {
        let raw = event.raw();
        let (mut planned, mut texts) = SPARE.lock().pop().unwrap_or_default();
        let mut plan = Plan::default();
        planned.reserve_exact(headers(raw).count());
        for header in headers(raw) {
            // SAFETY: a header's name and value end with NUL.
            let (name, value) = unsafe { (plan.text(header.name), plan.text(header.value)) };
            let each = elements(header).map(|text| plan.add(text.count_bytes()));
            let elements = u32::try_from(each.count()).unwrap_or(0);
            planned.push(Header {
                name,
                value,
                elements,
            });
        }
        // SAFETY: subclass and body are texts of the event, which end with NUL; NULL is
        // left out.
        let mut other = |text: *mut c_char| (!text.is_null()).then(|| unsafe { plan.text(text) });
        let (subclass, body) = (other(raw.subclass_name), other(raw.body));
        u32::try_from(plan.size).ok()?;

        texts.reserve_exact(plan.size);
        for (header, planned) in headers(raw).zip(&planned) {
            // SAFETY: planned above, in this order.
            unsafe {
                put(&mut texts, planned.name, header.name);
                put(&mut texts, planned.value, header.value);
            }
            elements(header).for_each(|text| texts.extend_from_slice(text.to_bytes_with_nul()));
        }
        for (span, text) in [(subclass, raw.subclass_name), (body, raw.body)] {
            if let Some(span) = span {
                // SAFETY: planned above, from this text: the span is as long as the
                // text with its NUL.
                unsafe { put(&mut texts, span, text) };
            }
        }
        Some(Self {
            kind: event.kind(),
            subclass,
            flags: raw.flags,
            key: raw.key,
            headers: planned,
            body,
            texts,
        })
    }

    /// What kind of event it is.
    #[inline]
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The value of a header, as [`View::header`] gives it.
    #[must_use]
    pub fn header(&self, name: &CStr) -> Option<&[u8]> {
        match self.find(name) {
            Some(header) => Some(self.bytes(header.value)),
            None if name == c"_body" => self.body(),
            None => None,
        }
    }

    /// The values of a header, one unless it is an array; none if the header is missing.
    #[must_use]
    pub fn values(&self, name: &CStr) -> Option<Vec<Vec<u8>>> {
        self.find(name).map(|header| self.values_of(header))
    }

    /// All headers in order: name, and the values, one unless it is an array.
    #[must_use]
    pub fn headers(&self) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
        let pair = |header: &Header| (self.bytes(header.name).to_vec(), self.values_of(header));
        self.headers.iter().map(pair).collect()
    }

    /// The body, if there is one.
    #[inline]
    #[must_use]
    pub fn body(&self) -> Option<&[u8]> {
        self.body.map(|span| self.bytes(span))
    }

    /// An event of the core's like it, as `switch_event_dup` makes one.
    ///
    /// # Errors
    /// The core's status.
    pub fn event(&self) -> Result<OwnedEvent, Status> {
        let subclass = self.subclass.map(|span| self.text(span));
        let event = OwnedEvent::like(self.kind, subclass, self.flags, self.key)?;
        let view = event.view();
        for header in &self.headers {
            let name = self.text(header.name);
            if subclass.is_some() && name == c"Event-Subclass" {
                continue;
            }
            if header.elements == 0 {
                view.add_header(name, self.text(header.value))?;
            }
            for element in self.elements(header) {
                view.push_header(name, element)?;
            }
        }
        view.set_body(self.body.map(|span| self.text(span)))?;
        Ok(event)
    }

    fn find(&self, name: &CStr) -> Option<&Header> {
        let name = name.to_bytes();
        self.headers.iter().find(|header| {
            header.name.length as usize == name.len()
                && self.bytes(header.name).eq_ignore_ascii_case(name)
        })
    }

    fn values_of(&self, header: &Header) -> Vec<Vec<u8>> {
        if header.elements == 0 {
            return vec![self.bytes(header.value).to_vec()];
        }
        let elements = self.elements(header);
        elements.map(|text| text.to_bytes().to_vec()).collect()
    }

    fn elements(&self, header: &Header) -> impl Iterator<Item = &CStr> {
        let mut at = (header.value.start + header.value.length) as usize + 1;
        (0..header.elements).map(move |_| {
            let text = until_nul(&self.texts[at..]);
            at += text.count_bytes() + 1;
            text
        })
    }

    fn bytes(&self, span: Span) -> &[u8] {
        &self.texts[span.start as usize..][..span.length as usize]
    }

    fn text(&self, span: Span) -> &CStr {
        until_nul(&self.texts[span.start as usize..])
    }
}

fn until_nul(bytes: &[u8]) -> &CStr {
    CStr::from_bytes_until_nul(bytes).unwrap_or(c"")
}
