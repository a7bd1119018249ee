//! What happens at a time, on a thread of its own: the far end's deeds.
//!
//! Whoever is awake runs until it waits before the next deed, also of the same instant: a digit
//! that is sent just before the hangup is read, as it is on a line.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use parking_lot::Mutex;

use crate::clock::{Clock, Rank, Signal, Wait};

type Action = Box<dyn FnOnce() + Send>;

pub(crate) struct Timers {
    clock: Arc<Clock>,
    actions: Mutex<BTreeMap<(i64, u64), Action>>,
    next: AtomicU64,
    changed: Signal,
    closed: AtomicBool,
}

impl Timers {
    pub(crate) fn new(clock: Arc<Clock>) -> Self {
        Self {
            clock,
            actions: Mutex::default(),
            next: AtomicU64::new(0),
            changed: Signal::new(),
            closed: AtomicBool::new(false),
        }
    }

    /// Does `action` at that time; what is due at the same time goes in the
    /// order in which it was asked for.
    pub(crate) fn at(&self, time: i64, action: impl FnOnce() + Send + 'static) {
        let order = self.next.fetch_add(1, Ordering::Relaxed);
        self.actions.lock().insert((time, order), Box::new(action));
        self.clock.raise(&self.changed);
    }

    /// The thread: runs until the timers are closed.
    pub(crate) fn run(&self) {
        while !self.closed.load(Ordering::SeqCst) {
            let generation = self.changed.generation();
            let first = self.actions.lock().first_key_value().map(|(key, _)| *key);
            match first {
                Some((time, _)) if time <= self.clock.now() => {
                    self.clock.give_way(Rank::FarEnd);
                    let action = self.actions.lock().pop_first().map(|(_, action)| action);
                    if let Some(action) = action
                        && let Err(payload) = catch_unwind(AssertUnwindSafe(action))
                    {
                        crate::edge::report("a timer", &*payload);
                    }
                }
                next => {
                    self.clock.wait(Wait {
                        rank: Rank::FarEnd,
                        ..Wait::on(&self.changed, generation, next.map(|(time, _)| time))
                    });
                }
            }
        }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.actions.lock().clear();
        self.clock.raise(&self.changed);
    }
}
