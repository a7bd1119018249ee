//! What Python listens for on the bus: events of nodes, keys, messages.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::aio::socket::tap::{SocketTap, Taps};
use crate::aio::tap_queue::TapQueue;

/// What is asked for of some nodes.
pub(super) struct Asked {
    pub(super) id: u64,
    pub(super) nodes: Vec<String>,
    pub(super) taps: Taps,
    pub(super) count: AtomicU64,
    /// How often what is asked for has grown.
    pub(super) version: AtomicU64,
}

impl Asked {
    /// Adds a tap; the version of the wish that has it.
    pub(super) fn add(&self, tap: Arc<SocketTap>) -> u64 {
        self.taps.add(tap);
        // After the tap: who reads this version finds that.
        self.version.fetch_add(1, Ordering::AcqRel) + 1
    }

    /// An event has come.
    pub(super) fn offer(&self, text: &[u8]) {
        self.taps
            .offer(self.count.fetch_add(1, Ordering::Relaxed), text);
    }
}

pub(super) static ASKED: Mutex<Vec<Arc<Asked>>> = Mutex::new(Vec::new());

/// All that is asked for now.
pub(super) fn asked() -> Vec<Arc<Asked>> {
    ASKED.lock().clone()
}

/// Gives an event of the connection to all who wait for it.
pub(super) fn offer_to_all(text: &[u8]) {
    for one in asked() {
        one.offer(text);
    }
}

// Keys and messages

/// What is listened for.
#[derive(Clone, PartialEq, Eq)]
pub(super) enum What {
    Keys,
    /// A subject, and whose group is given each message once.
    Messages(Option<String>),
}

/// Keys or messages that come to the loop.
pub(super) struct Watch {
    pub(super) id: u64,
    pub(super) pattern: String,
    pub(super) what: What,
    pub(super) queue: TapQueue,
}

pub(super) static WATCHES: Mutex<Vec<Arc<Watch>>> = Mutex::new(Vec::new());
