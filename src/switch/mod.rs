//! FreeSWITCH, safe, and with no Python in it.
//!
//! Raw pointers of the core stay in here. What can wait takes a [`Detached`]
//! token, so that no path can hold the interpreter while it does.

pub mod api;
pub mod bell;
pub mod bridge;
pub mod cause;
pub mod channel;
pub mod chat;
pub mod completion;
pub mod consumer;
pub mod core;
pub mod database;
pub mod digits;
pub mod event;
pub mod extension;
pub mod flat;
pub mod guard;
pub mod handle;
pub mod home;
pub mod input;
pub mod ivr;
pub mod log;
pub mod menu;
pub mod module;
pub mod originate;
pub mod playback;
mod pool;
pub mod queue;
pub(crate) mod seldom;
pub mod session;
pub mod shared_event;
pub mod speech;
pub mod stream;
pub mod subscription;
pub mod text;
pub mod thread;
pub mod trace;
pub mod xml;
mod xml_scan;

pub(crate) use seldom::once_a_second;

use bindings::switch_status_t;

/// Proof that this thread does not hold Python's interpreter lock.
///
/// A function that takes it may wait: for media, for a core lock, for another
/// call. Python code gets one from `python::wait`, threads that have never been
/// attached make their own.
pub struct Detached(());

impl Detached {
    /// Makes the token.
    ///
    /// # Safety
    /// The calling thread must not be attached to the interpreter, and must not
    /// attach while the token lives, but through `interp::enter`.
    #[must_use]
    pub unsafe fn new() -> Self {
        Self(())
    }
}

/// A status of the core other than success.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the core answered with status {}", .0.0)]
pub struct Status(pub switch_status_t);

impl Status {
    /// Turns a status into a result, in this one place.
    ///
    /// # Errors
    /// Whatever is not `SWITCH_STATUS_SUCCESS`.
    pub fn check(status: switch_status_t) -> Result<(), Self> {
        if status == bindings::SWITCH_STATUS_SUCCESS {
            Ok(())
        } else {
            Err(Self(status))
        }
    }
}
