//! What coroutines ask the bus for, and how they get their answer.

use std::ops::RangeInclusive;
use std::time::Duration;

use async_nats::HeaderMap;
use freeswitch::edge;
use pyo3::prelude::*;
use pyo3::types::PyBytes;

use super::counters::{FAILED, QUEUED_REQUESTS, REQUESTS};
use crate::aio::loop_queue;

/// On what a put depends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum On {
    Anything,
    /// There is no such key.
    Absent,
    /// It is at this revision.
    Revision(u64),
}

/// What is left under a name; of one id the server takes one.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) name: String,
    pub(super) id: String,
    pub(super) data: Vec<u8>,
}

/// What is to be done.
#[derive(Debug)]
pub(super) enum Task {
    Get {
        key: String,
    },
    Put {
        key: String,
        value: Vec<u8>,
        ttl: Option<u64>,
        on: On,
    },
    Delete {
        key: String,
        revision: Option<u64>,
    },
    Keys {
        pattern: String,
    },
    /// A message to the subscribers.
    Publish {
        subject: String,
        data: Vec<u8>,
    },
    /// A message that is answered.
    Request {
        subject: String,
        data: Vec<u8>,
    },
    /// Work, for one to take.
    Offer {
        queue: String,
        data: Vec<u8>,
        id: Option<String>,
    },
    /// The next piece of work.
    Take {
        queue: String,
        lease: Duration,
    },
    /// A record of a program that has no switch.
    Record(Piece),
    /// The next record for a reader.
    Read {
        name: String,
        reader: String,
        lease: Duration,
    },
}

/// How it went.
#[derive(Debug)]
pub(super) enum Outcome {
    /// A revision, or how often a piece of work was given out.
    Done(u64),
    Found {
        data: Vec<u8>,
        number: u64,
        reply: String,
    },
    Nothing,
    /// There is such a key, or it has changed.
    Conflict(String),
    /// Nobody listens to the subject.
    Nobody,
    /// No answer by the deadline.
    Late(String),
    Failed(String),
}

/// Whom the loop gives the answer to. One that is dropped has none.
pub(super) struct Ticket(Option<u64>);

impl Ticket {
    pub(super) fn new(number: u64) -> Self {
        REQUESTS.add();
        QUEUED_REQUESTS.add(1);
        Self(Some(number))
    }

    pub(super) fn settle(mut self, outcome: Outcome) {
        if let Some(number) = self.0.take() {
            post(number, outcome);
        }
    }

    /// It is refused where it was asked for: nobody waits.
    pub(super) fn refuse(mut self) {
        self.0.take();
        FAILED.add();
        QUEUED_REQUESTS.add(-1);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(number) = self.0.take() {
            post(number, Outcome::Failed("the bus was closed".to_owned()));
        }
    }
}

fn post(number: u64, outcome: Outcome) {
    QUEUED_REQUESTS.add(-1);
    if !matches!(
        outcome,
        Outcome::Done(_) | Outcome::Found { .. } | Outcome::Nothing | Outcome::Conflict(_)
    ) {
        FAILED.add();
    }
    if edge::is_forked() {
        return;
    }
    loop_queue::post(move |py| {
        let none = || (String::new(), py.None());
        let (kind, count, (text, data)) = match outcome {
            Outcome::Done(count) => ("done", count, none()),
            Outcome::Found {
                data,
                number,
                reply,
            } => (
                "found",
                number,
                (reply, PyBytes::new(py, &data).into_any().unbind()),
            ),
            Outcome::Nothing => ("nothing", 0, none()),
            Outcome::Conflict(why) => ("conflict", 0, (why, py.None())),
            Outcome::Nobody => ("nobody", 0, none()),
            Outcome::Late(why) => ("late", 0, (why, py.None())),
            Outcome::Failed(why) => ("failed", 0, (why, py.None())),
        };
        py.import("freeswitch._bus")?
            .call_method1("settle", (number, kind, count, text, data))
            .map(drop)
    });
}

/// A key to be taken away, where what is under it was put by a holder of these epochs.
#[derive(Debug)]
pub(super) struct Forgotten {
    pub(super) key: String,
    pub(super) epochs: RangeInclusive<u64>,
}

/// A message that nobody waits for.
pub(super) struct Outgoing {
    pub(super) subject: String,
    pub(super) headers: HeaderMap,
    pub(super) data: Vec<u8>,
}

/// One thing to do, for whom, and by when.
pub(super) struct Job {
    pub(super) task: Task,
    pub(super) ticket: Ticket,
    pub(super) until: tokio::time::Instant,
    pub(super) patience: Duration,
}
