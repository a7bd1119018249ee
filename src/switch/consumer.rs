//! A queue of events that a script reads at its own pace.

use std::ffi::{CStr, c_void};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use bindings::{
    switch_queue_create, switch_queue_interrupt_all, switch_queue_pop, switch_queue_pop_timeout,
    switch_queue_size, switch_queue_t, switch_queue_term, switch_queue_trypop,
    switch_queue_trypush,
};
use parking_lot::Mutex;

use super::event::{Kind, View};
use super::flat::Flat;
use super::pool::Pool;
use super::seldom::Seldom;
use super::shared_event::Event;
use super::subscription::Subscription;
use super::{Detached, Status};

/// Events that were dropped because nobody took them in time, in all.
pub static DROPPED_EVENTS: AtomicU64 = AtomicU64::new(0);

/// How many events wait in a kind of queue.
#[derive(Debug, Default)]
pub struct Depth(AtomicI64);

impl Depth {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicI64::new(0))
    }

    /// So many more, or fewer.
    pub fn add(&self, count: i64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// Now.
    #[must_use]
    pub fn get(&self) -> u64 {
        u64::try_from(self.0.load(Ordering::Relaxed)).unwrap_or(0)
    }
}

/// Events in consumers that nobody has taken yet.
pub static QUEUED: Depth = Depth::new();

/// How long to wait for an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Patience {
    /// Take what is there.
    None,
    /// Wait so long.
    For(Duration),
    /// Wait until there is one, or the consumer is closed.
    Endless,
}

/// The queue itself, in the core's own kind, so that who waits in it waits in
/// the switch.
struct Queue {
    queue: *mut switch_queue_t,
    closed: AtomicBool,
    dropped: AtomicU64,
    told: Seldom,
    /// What the queue lies in; freed with it.
    _pool: Pool,
}

// SAFETY: the core's queues lock for themselves; the pointer is good as long as
// the pool, which this keeps.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    fn new(length: u32) -> Result<Self, Status> {
        let pool = Pool::new()?;
        let mut queue = std::ptr::null_mut();
        // SAFETY: the pool lives, and the core writes one pointer.
        Status::check(unsafe { switch_queue_create(&raw mut queue, length, pool.as_ptr()) })?;
        Ok(Self {
            queue,
            closed: AtomicBool::new(false),
            dropped: AtomicU64::new(0),
            told: Seldom::new(),
            _pool: pool,
        })
    }

    /// Takes an event; when there is no room the oldest goes. Runs on a dispatch
    /// thread.
    fn push(&self, event: Arc<Event>) {
        let event = Arc::into_raw(event).cast_mut();
        loop {
            if self.closed.load(Ordering::Acquire) {
                break;
            }
            // SAFETY: the queue lives; it only keeps the pointer.
            if Status::check(unsafe { switch_queue_trypush(self.queue, event.cast()) }).is_ok() {
                QUEUED.add(1);
                return;
            }
            if self.try_pop().is_some() {
                self.count_drop();
            }
        }
        // SAFETY: nobody took it.
        drop(unsafe { Arc::from_raw(event) });
    }

    fn count_drop(&self) {
        let all = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
        DROPPED_EVENTS.fetch_add(1, Ordering::Relaxed);
        if let Some(dropped) = self.told.count() {
            tracing::warn!(
                "MR0012 an event consumer cannot keep up: {dropped} events dropped, {all} in all"
            );
        }
    }

    fn taken(status: bindings::switch_status_t, event: *mut c_void) -> Option<Arc<Event>> {
        Status::check(status).ok()?;
        QUEUED.add(-1);
        // SAFETY: push() put an event of ours there, for one to take.
        (!event.is_null()).then(|| unsafe { Arc::from_raw(event.cast::<Event>()) })
    }

    fn try_pop(&self) -> Option<Arc<Event>> {
        let mut event = std::ptr::null_mut();
        // SAFETY: the queue lives, and the core writes one pointer.
        let status = unsafe { switch_queue_trypop(self.queue, &raw mut event) };
        Self::taken(status, event)
    }

    fn pop(&self, patience: Patience) -> Option<Arc<Event>> {
        let mut event = std::ptr::null_mut();
        // SAFETY: as above.
        let status = unsafe {
            match patience {
                Patience::None => return self.try_pop(),
                Patience::For(time) => {
                    let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
                    switch_queue_pop_timeout(self.queue, &raw mut event, micros)
                }
                Patience::Endless => switch_queue_pop(self.queue, &raw mut event),
            }
        };
        Self::taken(status, event)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        while self.try_pop().is_some() {}
    }
}

/// Subscriptions, and the queue that they fill.
pub struct Consumer {
    queue: Arc<Queue>,
    subscriptions: Mutex<Vec<Subscription>>,
}

impl Consumer {
    /// One that holds at most so many events.
    ///
    /// # Errors
    /// The core's status.
    pub fn new(length: u32) -> Result<Self, Status> {
        Ok(Self {
            queue: Arc::new(Queue::new(length.max(1))?),
            subscriptions: Mutex::default(),
        })
    }

    /// Subscribes to a kind of event, and of `CUSTOM` to one subclass.
    ///
    /// # Errors
    /// The core's status.
    pub fn bind(&self, held: &Detached, kind: Kind, subclass: Option<&CStr>) -> Result<(), Status> {
        let queue = self.queue.clone();
        let receive = move |event: View<'_>| {
            if let Some(copy) = Flat::of(event) {
                queue.push(Event::flat(copy));
            }
        };
        let subscription = Subscription::new(held, kind, subclass, receive)?;
        self.subscriptions.lock().push(subscription);
        Ok(())
    }

    /// The oldest event.
    #[must_use]
    pub fn pop(&self, _: &Detached, patience: Patience) -> Option<Arc<Event>> {
        if self.is_closed() {
            return None;
        }
        self.queue.pop(patience)
    }

    /// How many events wait.
    #[must_use]
    pub fn len(&self) -> u32 {
        // SAFETY: the queue lives.
        unsafe { switch_queue_size(self.queue.queue) }
    }

    /// Does none wait?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many were dropped because nobody read in time.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.queue.dropped.load(Ordering::Relaxed)
    }

    /// Is it closed?
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.queue.closed.load(Ordering::Acquire)
    }

    /// Wakes who waits, with nothing.
    pub fn interrupt(&self) {
        // SAFETY: the queue lives.
        unsafe { switch_queue_interrupt_all(self.queue.queue) };
    }

    /// Ends the subscriptions, throws away what waits, and wakes who waits.
    pub fn close(&self, held: &Detached) {
        if self.queue.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let subscriptions = std::mem::take(&mut *self.subscriptions.lock());
        for subscription in subscriptions {
            subscription.end(held);
        }
        while self.queue.try_pop().is_some() {}
        // Whoever comes to wait after this is not kept, unlike after an interrupt.
        // SAFETY: the queue lives.
        unsafe { switch_queue_term(self.queue.queue) };
    }
}
