//! Events that many may hold, of whatever origin.

use std::borrow::Cow;
use std::ffi::CStr;
use std::ptr::NonNull;
use std::sync::Arc;
use std::thread::{self, ThreadId};

use bindings::switch_event_t;
use parking_lot::Mutex;

use super::snapshot::Snapshot;
use super::wire::WireEvent;
use super::{OwnedEvent, View};

enum Slot {
    /// Becomes `Owned` as soon as somebody wants more than to read it.
    Snapshot(Snapshot),
    /// As `Flat`.
    Wire(WireEvent),
    Owned(OwnedEvent),
    /// With the thread that the loan ends on.
    Lent(NonNull<switch_event_t>, ThreadId),
    Gone,
}

/// An event that many may hold, from any thread: its own, or lent by the core
/// until the loan ends.
pub struct Event(Mutex<Slot>);

// SAFETY: the pointer is used under the lock only, and the loan, which ends
// before the core takes the event back, takes the same lock.
unsafe impl Send for Event {}
// SAFETY: all uses of the pointer by reference take the lock, so only one thread reads
// at a time.
unsafe impl Sync for Event {}

/// An event to read.
pub enum Reading<'a> {
    /// In the core's form.
    Core(View<'a>),
    /// In one piece.
    Snapshot(&'a Snapshot),
    /// As another switch has sent it.
    Wire(&'a WireEvent),
}

impl Reading<'_> {
    /// The name of its kind: another switch may have kinds that this core has not.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Core(view) => view.kind().name(),
            Self::Snapshot(flat) => flat.kind().name(),
            Self::Wire(wire) => String::from_utf8_lossy(&wire.name()).into_owned(),
        }
    }

    /// The value of a header; of an array, what the core joins its elements to.
    #[must_use]
    pub fn header(&self, name: &CStr) -> Option<Vec<u8>> {
        match self {
            Self::Core(view) => view.header(name, None),
            Self::Snapshot(flat) => flat.header(name).map(<[u8]>::to_vec),
            Self::Wire(wire) => wire.header(name.to_bytes()).map(Cow::into_owned),
        }
    }

    /// The values of a header, one unless it is an array; none if the header is missing.
    #[must_use]
    pub fn values(&self, name: &CStr) -> Option<Vec<Vec<u8>>> {
        match self {
            Self::Core(view) => view.values(name),
            Self::Snapshot(flat) => flat.values(name),
            Self::Wire(wire) => wire.values(name.to_bytes()),
        }
    }

    /// All headers in order: name, and the values, one unless it is an array.
    #[must_use]
    pub fn headers(&self) -> Vec<(Vec<u8>, Vec<Vec<u8>>)> {
        match self {
            Self::Core(view) => view.headers(),
            Self::Snapshot(flat) => flat.headers(),
            Self::Wire(wire) => wire.headers(),
        }
    }

    /// The body, if there is one.
    #[must_use]
    pub fn body(&self) -> Option<Vec<u8>> {
        match self {
            Self::Core(view) => view.body(),
            Self::Snapshot(flat) => flat.body().map(<[u8]>::to_vec),
            Self::Wire(wire) => wire.body().map(<[u8]>::to_vec),
        }
    }
}

impl Slot {
    fn pointer(&mut self) -> Option<NonNull<switch_event_t>> {
        let own = match self {
            Self::Snapshot(flat) => Some(flat.event().ok()?),
            Self::Wire(wire) => Some(wire.event().ok()?),
            _ => None,
        };
        if let Some(own) = own {
            *self = Self::Owned(own);
        }
        match self {
            Self::Owned(event) => NonNull::new(event.as_ptr()),
            Self::Lent(ptr, _) => Some(*ptr),
            Self::Snapshot(_) | Self::Wire(_) | Self::Gone => None,
        }
    }
}

impl Event {
    fn new(slot: Slot) -> Arc<Self> {
        Arc::new(Self(Mutex::new(slot)))
    }

    /// Shares an event of our own.
    #[inline]
    #[must_use]
    pub fn owned(event: OwnedEvent) -> Arc<Self> {
        Self::new(Slot::Owned(event))
    }

    /// Shares a copy.
    #[inline]
    #[must_use]
    pub fn flat(event: Snapshot) -> Arc<Self> {
        Self::new(Slot::Snapshot(event))
    }

    /// Shares an event of another switch.
    #[inline]
    #[must_use]
    pub fn wire(event: WireEvent) -> Arc<Self> {
        Self::new(Slot::Wire(event))
    }

    /// Shares an event of the core's until the loan is dropped; nothing for NULL.
    ///
    /// # Safety
    /// The event stays alive, and nobody else uses it, until then.
    #[must_use]
    pub unsafe fn lend(ptr: *mut switch_event_t) -> Option<(Arc<Self>, Loan)> {
        let event = Self::new(Slot::Lent(NonNull::new(ptr)?, thread::current().id()));
        Some((event.clone(), Loan(event)))
    }

    /// Reads the event; nothing, once the loan is over.
    pub fn read<R>(&self, body: impl FnOnce(Reading<'_>) -> R) -> Option<R> {
        let mut slot = self.0.lock();
        match &*slot {
            Slot::Snapshot(flat) => return Some(body(Reading::Snapshot(flat))),
            Slot::Wire(wire) => return Some(body(Reading::Wire(wire))),
            _ => {}
        }
        // SAFETY: the event lives as long as the slot is locked.
        let view = unsafe { View::from_ptr(slot.pointer()?.as_ptr()) }?;
        Some(body(Reading::Core(view)))
    }

    /// Uses the event; nothing, once the loan is over.
    pub fn with<R>(&self, body: impl FnOnce(View<'_>) -> R) -> Option<R> {
        let mut slot = self.0.lock();
        // SAFETY: the event lives as long as the slot is locked.
        unsafe { View::from_ptr(slot.pointer()?.as_ptr()) }.map(body)
    }

    /// Uses the event for something that can wait: nobody else has it during that time,
    /// and to them it is gone. On a thread that the loan can end without, on a
    /// copy. Nothing, once the loan is over.
    pub fn with_taken<R>(&self, body: impl FnOnce(View<'_>) -> R) -> Option<R> {
        let mut taken = {
            let mut slot = self.0.lock();
            match *slot {
                Slot::Lent(ptr, owner) if owner != thread::current().id() => {
                    // SAFETY: the loan does not end while the slot is locked.
                    let copy = unsafe { View::from_ptr(ptr.as_ptr()) }?.duplicate();
                    drop(slot);
                    return copy.ok().map(|copy| body(copy.view()));
                }
                _ => std::mem::replace(&mut *slot, Slot::Gone),
            }
        };
        let ptr = taken.pointer()?;
        // SAFETY: the event lives as long as it is taken.
        let result = unsafe { View::from_ptr(ptr.as_ptr()) }.map(body);
        *self.0.lock() = taken;
        result
    }

    /// Is it lent by the core, or was it?
    #[must_use]
    pub fn is_lent(&self) -> bool {
        matches!(*self.0.lock(), Slot::Lent(..) | Slot::Gone)
    }
}

/// Ends a loan when it goes.
pub struct Loan(Arc<Event>);

impl Drop for Loan {
    fn drop(&mut self) {
        *self.0.0.lock() = Slot::Gone;
    }
}
