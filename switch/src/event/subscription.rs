//! Subscriptions to events.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use bindings::{
    switch_event_bind_removable, switch_event_node_t, switch_event_t, switch_event_unbind,
};

use super::{Kind, View};
use crate::edge::guard;
use crate::text::pointer;
use crate::{Detached, Status};

/// What an event is given to. It runs on dispatch threads, several at once,
/// under the core's event lock: it must be quick, and must not touch Python.
type Receiver = Box<dyn Fn(View<'_>) + Send + Sync>;

/// A subscription; it ends with [`Subscription::end`].
#[must_use = "a subscription that is dropped never ends"]
pub struct Subscription {
    node: NonNull<switch_event_node_t>,
    receiver: NonNull<Receiver>,
}

// SAFETY: the node is the core's, which locks for itself, and the receiver is Send.
unsafe impl Send for Subscription {}

impl Subscription {
    /// Subscribes (`switch_event_bind_removable`). Waits for the core's event
    /// lock, which dispatch holds while receivers run.
    ///
    /// # Errors
    /// The core's status.
    pub fn new(
        _: &Detached,
        kind: Kind,
        subclass: Option<&CStr>,
        receiver: impl Fn(View<'_>) + Send + Sync + 'static,
    ) -> Result<Self, Status> {
        let receiver: NonNull<Receiver> =
            NonNull::from(Box::leak(Box::new(Box::new(receiver) as Receiver)));
        let mut node = std::ptr::null_mut();
        // SAFETY: the strings end with NUL, the callback is never unmapped (the
        // library stays mapped), and the receiver is freed after unbinding only.
        let status = unsafe {
            switch_event_bind_removable(
                c"mod_rust".as_ptr(),
                kind.0,
                pointer(subclass),
                Some(on_event),
                receiver.as_ptr().cast::<c_void>(),
                &raw mut node,
            )
        };
        match (Status::check(status), NonNull::new(node)) {
            (Ok(()), Some(node)) => Ok(Self { node, receiver }),
            (outcome, _) => {
                // SAFETY: the core did not take it.
                drop(unsafe { Box::from_raw(receiver.as_ptr()) });
                Err(outcome
                    .err()
                    .unwrap_or(Status(bindings::SWITCH_STATUS_MEMERR)))
            }
        }
    }

    /// Ends it (`switch_event_unbind`): when this returns, the receiver runs no more.
    pub fn end(self, _: &Detached) {
        let mut node = self.node.as_ptr();
        // SAFETY: the node came from bind and is given back once. Unbinding takes
        // the event lock for writing, so no dispatch is in the receiver then.
        unsafe {
            switch_event_unbind(&raw mut node);
            drop(Box::from_raw(self.receiver.as_ptr()));
        }
    }
}

unsafe extern "C" fn on_event(event: *mut switch_event_t) {
    guard(c"event callback", (), || {
        // SAFETY: the core lends the event for this call.
        let Some(view) = (unsafe { View::from_ptr(event) }) else {
            return;
        };
        // SAFETY: new() put the receiver there, which lives until it is unbound.
        let receiver = unsafe { &*(*event).bind_user_data.cast::<Receiver>() };
        receiver(view);
    });
}
