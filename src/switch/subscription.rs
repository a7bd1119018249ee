//! Subscriptions to events, for the module's own needs.

use std::ffi::{CStr, c_void};
use std::ptr::NonNull;

use bindings::{
    switch_event_bind_removable, switch_event_node_t, switch_event_t, switch_event_unbind,
};

use super::event::{Kind, View};
use super::{Detached, Status};
use crate::edge::guard;

/// What an event is given to. It runs on a dispatch thread under the core's
/// event lock: it must be quick, and must not touch Python.
pub type Receiver = fn(View<'_>);

/// A subscription; it ends with [`Subscription::end`].
pub struct Subscription(NonNull<switch_event_node_t>);

// SAFETY: the node is the core's, which locks for itself.
unsafe impl Send for Subscription {}

impl Subscription {
    /// Subscribes (`switch_event_bind_removable`). Waits for the core's event
    /// lock, which dispatch holds while receivers run.
    ///
    /// # Errors
    /// The core's status.
    pub fn new(_: &Detached, kind: Kind, receiver: Receiver) -> Result<Self, Status> {
        let mut node = std::ptr::null_mut();
        // SAFETY: the strings are constants, the callback is one for ever (the
        // library stays mapped), and the user data is a function pointer.
        Status::check(unsafe {
            switch_event_bind_removable(
                c"mod_rust".as_ptr(),
                kind.0,
                std::ptr::null(),
                Some(on_event),
                receiver as *mut c_void,
                &raw mut node,
            )
        })?;
        NonNull::new(node)
            .map(Self)
            .ok_or(Status(bindings::SWITCH_STATUS_MEMERR))
    }

    /// Ends it (`switch_event_unbind`): when this returns, the receiver runs no more.
    pub fn end(self, _: &Detached) {
        let mut node = self.0.as_ptr();
        // SAFETY: the node came from bind and is given back once.
        unsafe { switch_event_unbind(&raw mut node) };
    }
}

unsafe extern "C" fn on_event(event: *mut switch_event_t) {
    const WHAT: &CStr = c"event callback";
    guard(WHAT, (), || {
        // SAFETY: the core lends the event for this call.
        let Some(view) = (unsafe { View::from_ptr(event) }) else {
            return;
        };
        // SAFETY: as above.
        let data = unsafe { (*event).bind_user_data };
        // SAFETY: new() put a Receiver there.
        let receiver = unsafe { std::mem::transmute::<*mut c_void, Receiver>(data) };
        receiver(view);
    });
}
