//! The bus: a NATS server that switches and workers share.
//!
//! One thread with a tokio runtime has the connection (`link`). It never attaches
//! to Python, and nobody waits for it: what it is to do lies in two bounded queues,
//! one for what coroutines ask for (`task`, carried out by `job`), one for events that other
//! nodes have asked for (`publisher`). Events of other nodes come by `asker`, keys and
//! messages by `listen`. Records go by the disk (`spool`), which a thread of its own writes to.
//! `remote` hears what workers say that serve calls, and `outgoing` sends what they are told;
//! `forget` takes away what they have kept of calls that are over.
//! A message that is too long for a server goes in parts (`long`);
//! `pulse` notices a connection that stays open and carries nothing, `twins` notices another switch of this one's name.

pub mod setting;

#[cfg(feature = "nats")]
mod asked;
#[cfg(feature = "nats")]
mod asker;
#[cfg(feature = "nats")]
mod call_records;
#[cfg(feature = "nats")]
pub mod counters;
#[cfg(feature = "nats")]
mod forget;
#[cfg(feature = "nats")]
mod job;
#[cfg(feature = "nats")]
mod kv;
#[cfg(feature = "nats")]
mod link;
#[cfg(feature = "nats")]
mod listen;
#[cfg(feature = "nats")]
mod long;
#[cfg(feature = "nats")]
pub mod outgoing;
#[cfg(feature = "nats")]
mod publisher;
#[cfg(feature = "nats")]
mod pulse;
#[cfg(feature = "nats")]
pub mod py_bus;
#[cfg(feature = "nats")]
pub mod records;
#[cfg(feature = "nats")]
mod remote;
#[cfg(feature = "nats")]
mod shared;
#[cfg(feature = "nats")]
mod spool;
#[cfg(feature = "nats")]
mod subjects;
#[cfg(feature = "nats")]
mod task;
#[cfg(feature = "nats")]
mod twins;
#[cfg(feature = "nats")]
mod work;

#[cfg(feature = "nats")]
pub use link::{end, set};
#[cfg(feature = "nats")]
pub use shared::{State, state};

#[cfg(not(feature = "nats"))]
mod absent {
    use freeswitch::Detached;

    use super::setting::Setting;

    /// Says that there is no bus, where one is asked for.
    pub fn set(_: &Detached, setting: Option<&Setting>) {
        if setting.is_some() {
            tracing::error!(
                "MR0023 there is no bus: this mod_rust was built without the cargo feature nats"
            );
        }
    }

    /// There is nothing to end.
    pub fn end(_: &Detached) {}
}

/// What the switch says to workers: there is nobody.
#[cfg(not(feature = "nats"))]
pub mod outgoing {
    use std::time::{Duration, Instant};

    /// Nothing is sent.
    pub fn send(subject: String, data: Vec<u8>) {
        drop((subject, data));
    }

    /// There is no such key.
    pub fn forget(key: String, _: std::ops::RangeInclusive<u64>) {
        drop(key);
    }

    /// There is no node.
    #[must_use]
    pub fn node() -> Option<String> {
        None
    }

    /// There is none.
    #[must_use]
    pub fn is_up() -> bool {
        false
    }

    /// No server is.
    #[must_use]
    pub fn connected_since() -> Option<Instant> {
        None
    }

    /// Nothing is.
    #[must_use]
    pub fn is_heard_until(_: Instant, _: Duration) -> bool {
        false
    }
}

#[cfg(not(feature = "nats"))]
pub use absent::{end, set};
