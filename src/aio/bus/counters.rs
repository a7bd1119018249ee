//! What is counted of the bus, for `pystat` and `/metrics`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::Count;

/// Times that a server was connected to.
pub static CONNECTIONS: Count = Count::new();
/// What coroutines have asked the bus for.
pub static REQUESTS: Count = Count::new();
/// Those that had no answer, or were refused.
pub static FAILED: Count = Count::new();
/// Events that were given to the server.
pub static PUBLISHED: Count = Count::new();
/// Events of other nodes that came.
pub static RECEIVED: Count = Count::new();
/// Events that were not sent: the queue was full.
pub static DROPPED: Count = Count::new();
/// Messages that were none of ours.
pub static STRANGE: Count = Count::new();

/// A depth that goes up and down.
#[derive(Debug, Default)]
pub struct Depth(AtomicU64);

impl Depth {
    /// Empty.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One more.
    pub fn enter(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// One less.
    pub fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    /// How many there are.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Requests of coroutines that have not ended.
pub static QUEUED_REQUESTS: Depth = Depth::new();
/// Events that wait to be sent.
pub static QUEUED_EVENTS: Depth = Depth::new();
