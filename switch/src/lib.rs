//! FreeSWITCH's C API, made safe, for modules that it loads. There is no Python in it.
//!
//! Raw pointers of the core stay in here. What can wait takes a [`Detached`]
//! token, so that no path can hold an interpreter's lock while it does.

#[cfg(test)]
extern crate pocket_core as _;

pub mod api;
pub mod call_log;
pub mod causes;
pub mod chat;
pub mod completion;
pub mod core;
pub mod database;
pub mod edge;
pub mod event;
pub mod guard;
pub mod log;
pub mod media;
pub mod module;
pub mod rate_limit;
pub mod session;
pub mod stream;
pub mod sync;
pub mod text;
pub mod verb;
pub mod xml;

use std::marker::PhantomData;

use bindings::switch_status_t;

/// Proof that this thread does not hold Python's interpreter lock.
///
/// A function that takes it may wait: for media, for a core lock, for another
/// call. What runs Python makes one where it detaches (mod_rust in `interp::detach`);
/// threads that have never been attached make their own. It is of its thread: it
/// can neither be sent to another nor be shared with one.
pub struct Detached(PhantomData<*mut ()>);

impl Detached {
    /// Makes the token.
    ///
    /// # Safety
    /// The calling thread must not be attached to the interpreter, and must not
    /// attach while the token lives, but through what takes the token into account
    /// (mod_rust's `interp::attach`).
    #[inline]
    #[must_use]
    pub unsafe fn new() -> Self {
        Self(PhantomData)
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
    #[inline]
    pub fn check(status: switch_status_t) -> Result<(), Self> {
        if status == bindings::SWITCH_STATUS_SUCCESS {
            Ok(())
        } else {
            Err(Self(status))
        }
    }
}
