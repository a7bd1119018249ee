//! Queues of pointers, as the core's: waiting in one is a wait of the clock.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use bindings::switch_queue_t;
use parking_lot::Mutex;

use crate::clock::{Signal, Wait};
use crate::switch::{Core, current};

/// How often a thread that waits looks whether the switch closes.
const LOOK: Duration = Duration::from_millis(500);

/// Why nothing came out of a queue, or went in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// It is empty, or full.
    Again,
    /// Nothing came in time.
    TimedOut,
    /// It was ended.
    Ended,
    /// A waiting thread was woken.
    Interrupted,
}

/// A queue. What C holds is its address.
pub(crate) struct Queue {
    capacity: usize,
    items: Mutex<VecDeque<usize>>,
    ended: AtomicBool,
    /// How often those who wait were woken.
    interrupts: AtomicUsize,
    changed: Signal,
}

impl Queue {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            capacity,
            items: Mutex::default(),
            ended: AtomicBool::new(false),
            interrupts: AtomicUsize::new(0),
            changed: Signal::new(),
        }
    }

    /// # Safety
    /// `queue` is NULL or the address of a live queue.
    pub(crate) unsafe fn from_ptr<'a>(queue: *mut switch_queue_t) -> Option<&'a Self> {
        // SAFETY: the caller's.
        unsafe { queue.cast::<Self>().as_ref() }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.lock().len()
    }

    pub(crate) fn try_push(&self, item: usize) -> Result<(), Refusal> {
        if self.ended.load(Ordering::SeqCst) {
            return Err(Refusal::Ended);
        }
        let push = || {
            let mut items = self.items.lock();
            if items.len() >= self.capacity {
                return Err(Refusal::Again);
            }
            items.push_back(item);
            Ok(())
        };
        // A full queue means that whoever waits has been woken.
        match current() {
            Some(core) => core.clock.raise_after(&self.changed, push),
            None => push(),
        }
    }

    pub(crate) fn try_pop(&self) -> Result<usize, Refusal> {
        if self.ended.load(Ordering::SeqCst) {
            return Err(Refusal::Ended);
        }
        self.items.lock().pop_front().ok_or(Refusal::Again)
    }

    /// Waits for an item, that many microseconds or without a limit.
    pub(crate) fn pop(&self, limit: Option<i64>) -> Result<usize, Refusal> {
        let core = current();
        let deadline = core
            .as_ref()
            .and_then(|core| limit.map(|limit| core.clock.now().saturating_add(limit.max(0))));
        let interrupts = self.interrupts.load(Ordering::SeqCst);
        loop {
            let generation = self.changed.generation();
            if self.interrupts.load(Ordering::SeqCst) != interrupts {
                return Err(Refusal::Interrupted);
            }
            match self.try_pop() {
                Err(Refusal::Again) => {}
                done => return done,
            }
            let Some(core) = core.as_ref().filter(|core| !core.closing()) else {
                // Nothing comes any more, and nobody is there to wake whoever
                // waits.
                return Err(Refusal::Ended);
            };
            if deadline.is_some_and(|deadline| core.clock.now() >= deadline) {
                return Err(Refusal::TimedOut);
            }
            self.wait(core, generation, deadline);
        }
    }

    fn wait(&self, core: &Core, generation: u64, deadline: Option<i64>) {
        core.clock.wait(Wait {
            real_limit: Some(LOOK),
            ..Wait::on(&self.changed, generation, deadline)
        });
    }

    /// Lets everybody go who waits.
    pub(crate) fn interrupt_all(&self) {
        self.interrupts.fetch_add(1, Ordering::SeqCst);
        self.tell();
    }

    /// Lets everybody go who waits, and nobody in again.
    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::SeqCst);
        self.tell();
    }

    fn tell(&self) {
        if let Some(core) = current() {
            core.clock.raise(&self.changed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_queue_has_room_and_an_end() {
        let queue = Queue::new(1);
        assert_eq!(queue.try_pop(), Err(Refusal::Again));
        assert_eq!(queue.try_push(7), Ok(()));
        assert_eq!(queue.try_push(8), Err(Refusal::Again));
        assert_eq!((queue.len(), queue.try_pop()), (1, Ok(7)));
        queue.end();
        assert_eq!(queue.try_push(9), Err(Refusal::Ended));
        assert_eq!(queue.pop(None), Err(Refusal::Ended));
    }
}
