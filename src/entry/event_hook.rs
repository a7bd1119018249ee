//! Event hooks of python.conf: `<hook event="..." subclass="..." script="..."/>`.
//!
//! The core calls receivers under its event lock, where nobody may wait: an
//! event is copied into the hook's queue there, and a thread of the hook's own
//! runs the script, in the order of the queue.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use freeswitch::event::consumer::{DROPPED_EVENTS, Depth};
use freeswitch::event::shared;
use freeswitch::event::snapshot::Snapshot;
use freeswitch::event::subscription::Subscription;
use freeswitch::event::{Kind, View};
use freeswitch::sync::thread;
use freeswitch::sync::wakeup::Wakeup;
use freeswitch::text::c_string;
use freeswitch::{Detached, Status};
use parking_lot::Mutex;
use pyo3::prelude::*;

use super::request::Request;
use crate::interp::convert::str_of;
use crate::interp::scheduling;
use crate::interp::stack::SIZE;
use crate::python::event::Event;
use crate::script::entry_point;

/// How many events may wait for a hook's script.
const QUEUE: usize = 10_000;
/// How soon a thread looks again that cannot wait.
const MOMENT: Duration = Duration::from_millis(1);

/// A hook as it is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hook {
    /// The kind of event.
    pub event: String,
    /// Its subclass, of `CUSTOM`.
    pub subclass: Option<String>,
    /// The command line of the script.
    pub line: String,
}

/// A hook that is bound; its thread ends with the queue.
struct Bound {
    hook: Hook,
    subscription: Subscription,
}

static BOUND: Mutex<Vec<Bound>> = Mutex::new(Vec::new());

/// Makes these the hooks that are bound; those that were stay as they are, with
/// what waits for them. Not from within a receiver: it waits for them.
pub fn set(held: &Detached, wanted: Vec<Hook>) {
    let old = std::mem::take(&mut *BOUND.lock());
    let (kept, ended): (Vec<_>, Vec<_>) = old.into_iter().partition(|b| wanted.contains(&b.hook));
    for bound in ended {
        bound.subscription.end(held);
    }
    let mut bound = kept;
    for hook in wanted {
        if !bound.iter().any(|b| b.hook == hook) {
            bound.extend(bind(held, hook));
        }
    }
    *BOUND.lock() = bound;
}

fn bind(held: &Detached, hook: Hook) -> Option<Bound> {
    let name = c_string(hook.event.as_bytes()).ok()?;
    let Some(kind) = Kind::named(&name) else {
        tracing::warn!(
            "MR0011 python.conf: hook: there is no event '{}'",
            hook.event
        );
        return None;
    };
    let subclass = hook
        .subclass
        .as_ref()
        .and_then(|s| c_string(s.as_bytes()).ok());
    let inbox = match Inbox::new() {
        Ok(inbox) => Arc::new(inbox),
        Err(status) => {
            not_bound(&hook.line, status);
            return None;
        }
    };
    let server = Server {
        line: hook.line.clone(),
        inbox,
        runs: AtomicBool::new(false),
    };
    server.start();
    let receiver = move |event: View<'_>| {
        server.pass_on(event);
        if !server.runs.load(Ordering::Acquire) {
            server.start();
        }
    };
    match Subscription::new(held, kind, subclass.as_deref(), receiver) {
        Ok(subscription) => Some(Bound { hook, subscription }),
        Err(status) => {
            not_bound(&hook.line, status);
            None
        }
    }
}

fn not_bound(line: &str, status: Status) {
    tracing::error!("MR0011 hook {line}: its event could not be bound: {status}");
}

/// Events for hooks whose script has not come to them yet.
pub static QUEUED: Depth = Depth::new();

/// The events that wait for one hook's script.
struct Inbox {
    events: Mutex<VecDeque<Arc<shared::Event>>>,
    /// No more will come.
    ended: AtomicBool,
    /// Rung with each event, and at the end. Who waits in it waits in the switch: pocket's clock
    /// does not move while an event waits for its script, or the script is at work.
    wakeup: Wakeup,
}

impl Inbox {
    fn new() -> Result<Self, Status> {
        Ok(Self {
            events: Mutex::default(),
            ended: AtomicBool::new(false),
            wakeup: Wakeup::new()?,
        })
    }

    /// Puts an event in; false where there is no room.
    fn put(&self, event: Arc<shared::Event>) -> bool {
        {
            let mut events = self.events.lock();
            if events.len() >= QUEUE {
                return false;
            }
            events.push_back(event);
            QUEUED.add(1);
        }
        self.wakeup.ring();
        true
    }

    /// The oldest event, which is waited for; nothing when no more will come.
    fn take(&self, held: &Detached) -> Option<Arc<shared::Event>> {
        loop {
            // Asked first: what is put in before the end is found after it.
            let ended = self.ended.load(Ordering::Acquire);
            if let Some(event) = self.events.lock().pop_front() {
                QUEUED.add(-1);
                return Some(event);
            }
            if ended {
                return None;
            }
            if !self.wakeup.wait(held, None) {
                // The switch closes, where nobody waits any more; the end comes soon.
                std::thread::sleep(MOMENT);
            }
        }
    }

    fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.wakeup.ring();
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        // Those that no thread has come for.
        for _ in self.events.get_mut() {
            QUEUED.add(-1);
        }
    }
}

/// What fills the inbox of a hook, and starts the thread that empties it.
struct Server {
    line: String,
    inbox: Arc<Inbox>,
    runs: AtomicBool,
}

impl Server {
    /// Starts the thread; where there is none, the next event tries again, and its
    /// script comes to those before it then.
    fn start(&self) {
        if self.runs.swap(true, Ordering::AcqRel) {
            return;
        }
        let (line, inbox) = (self.line.clone(), self.inbox.clone());
        if let Err(status) = thread::start_with(SIZE, move |held| serve(held, &line, &inbox)) {
            self.runs.store(false, Ordering::Release);
            freeswitch::once_a_second!(times => {
                tracing::error!(
                    "MR0017 hook {}: no thread could be started: {status} ({times} times since the last such line); \
                     it is tried again with the next event",
                    self.line
                );
            });
        }
    }

    /// Runs on a dispatch thread.
    fn pass_on(&self, event: View<'_>) {
        let Some(copy) = Snapshot::of(event) else {
            return;
        };
        if !self.inbox.put(shared::Event::flat(copy)) {
            DROPPED_EVENTS.fetch_add(1, Ordering::Relaxed);
            freeswitch::once_a_second!(dropped => {
                tracing::warn!(
                    "MR0012 hook {} cannot keep up: {dropped} events of hooks dropped since the last such line",
                    self.line
                );
            });
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Nobody is subscribed any more: the thread goes when it has come to all that is there.
        self.inbox.end();
    }
}

fn serve(held: &Detached, line: &str, inbox: &Inbox) {
    scheduling::step_down();
    while let Some(event) = inbox.take(held) {
        // What went wrong is in the log.
        let _ = Request::new(&entry_point::HOOK, line.as_bytes()).run(
            |py, arguments| {
                let event = Py::new(py, Event::show(event))?.into_any();
                Ok([event, str_of(py, arguments).unbind()])
            },
            |_| Ok(()),
        );
    }
}
