//! The queue of a tap: events that were let through, until the loop comes for them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use freeswitch::event::consumer::{DROPPED_EVENTS, Depth};
use freeswitch::event::shared::Event;
use freeswitch::rate_limit::RateLimit;
use parking_lot::Mutex;
use pyo3::prelude::*;

use super::{event_loop, loop_queue};

/// What happens to an event when the queue is full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The oldest one goes.
    DropOldest,
    /// It goes itself.
    DropNewest,
}

/// A bounded queue that wakes the loop.
pub struct TapQueue {
    id: u64,
    limit: usize,
    policy: Policy,
    waiting: Mutex<Waiting>,
    dropped: AtomicU64,
    told: RateLimit,
}

#[derive(Default)]
struct Waiting {
    events: VecDeque<(u64, Arc<Event>)>,
    /// The loop has been told, and has not come yet.
    told: bool,
}

/// Events that the loop has not taken yet.
pub static QUEUED: Depth = Depth::new();
static NEXT: AtomicU64 = AtomicU64::new(1);

impl TapQueue {
    /// An empty one, for up to `limit` events.
    #[must_use]
    pub fn new(limit: usize, policy: Policy) -> Self {
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            limit: limit.max(1),
            policy,
            waiting: Mutex::default(),
            dropped: AtomicU64::new(0),
            told: RateLimit::new(),
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// How many events it had no room for.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Keeps an event; `sequence` is its number in the order that events are fired.
    /// On a thread that must not wait.
    pub fn push(&self, sequence: u64, event: Arc<Event>) {
        let gone = {
            let mut waiting = self.waiting.lock();
            let gone = if waiting.events.len() < self.limit {
                waiting.events.push_back((sequence, event));
                None
            } else if self.policy == Policy::DropNewest {
                Some(event)
            } else {
                waiting.events.push_back((sequence, event));
                waiting.events.pop_front().map(|(_, oldest)| oldest)
            };
            // Here, for who takes an event finds all counted that were dropped before it.
            if gone.is_some() {
                self.dropped.fetch_add(1, Ordering::Relaxed);
                DROPPED_EVENTS.fetch_add(1, Ordering::Relaxed);
            } else {
                QUEUED.add(1);
            }
            if !std::mem::replace(&mut waiting.told, true) {
                let id = self.id;
                loop_queue::post(move |py| {
                    event_loop::module(py)?
                        .call_method1("deliver", (id,))
                        .map(drop)
                });
            }
            gone
        };
        if gone.is_some()
            && let Some(dropped) = self.told.count()
        {
            let all = self.dropped();
            tracing::warn!(
                "MR0012 coroutines cannot keep up: {dropped} events dropped, {all} in all"
            );
        }
    }

    /// As [`Self::push`], behind all that wait.
    pub fn append(&self, event: Arc<Event>) {
        let last = self.waiting.lock().events.back().map(|(last, _)| *last);
        self.push(last.unwrap_or_default(), event);
    }

    /// Takes up to `most` events, in the order that they were fired as far as they
    /// are here. Where there were none, the next that comes tells the loop;
    /// before, the loop is to ask again: so it is told once of many.
    #[must_use]
    pub fn take(&self, most: usize) -> Vec<Arc<Event>> {
        let mut taken: Vec<_> = {
            let mut waiting = self.waiting.lock();
            let count = most.min(waiting.events.len());
            waiting.told = count > 0;
            waiting.events.drain(..count).collect()
        };
        QUEUED.add(-count_of(taken.len()));
        // Two threads that fire may have changed places between the number and the core's queue,
        // and two dispatch threads behind it.
        if !taken.is_sorted_by_key(|(sequence, _)| *sequence) {
            taken.sort_by_key(|(sequence, _)| *sequence);
        }
        taken.into_iter().map(|(_, event)| event).collect()
    }

    /// Are there events to be taken? Where there are none, the next that comes tells the loop.
    #[must_use]
    pub fn has_more(&self) -> bool {
        let mut waiting = self.waiting.lock();
        waiting.told = !waiting.events.is_empty();
        waiting.told
    }

    /// Forgets what is in it.
    pub fn clear(&self) {
        let old = std::mem::take(&mut self.waiting.lock().events);
        QUEUED.add(-count_of(old.len()));
    }
}

fn count_of(events: usize) -> i64 {
    i64::try_from(events).unwrap_or(i64::MAX)
}
