//! Event hooks of python.conf: `<hook event="..." subclass="..." script="..."/>`.
//!
//! The core calls receivers under its event lock, where nobody may wait: an
//! event is copied into the hook's queue there, and a thread of the hook's own
//! runs the script, in the order of the queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread;

use freeswitch::Detached;
use freeswitch::event::consumer::{DROPPED_EVENTS, Depth};
use freeswitch::event::shared;
use freeswitch::event::snapshot::Snapshot;
use freeswitch::event::subscription::Subscription;
use freeswitch::event::{Kind, View};
use freeswitch::text::c_string;
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
    let (queue, inbox) = sync_channel(QUEUE);
    let server = Arc::new(Server {
        line: hook.line.clone(),
        inbox: Mutex::new(Some(inbox)),
        runs: AtomicBool::new(false),
    });
    server.start();
    let receiver = move |event: View<'_>| {
        pass_on(event, &server.line, &queue);
        if !server.runs.load(Ordering::Acquire) {
            server.start();
        }
    };
    match Subscription::new(held, kind, subclass.as_deref(), receiver) {
        Ok(subscription) => Some(Bound { hook, subscription }),
        Err(status) => {
            tracing::error!(
                "MR0011 hook {}: its event could not be bound: {status}",
                hook.line
            );
            None
        }
    }
}

/// The thread of a hook, which ends with the queue.
struct Server {
    line: String,
    /// What the thread takes with it.
    inbox: Mutex<Option<Receiver<Arc<shared::Event>>>>,
    runs: AtomicBool,
}

impl Server {
    /// Starts the thread; where there is none, the next event tries again, and its
    /// script comes to those before it then.
    fn start(self: &Arc<Self>) {
        if self.runs.swap(true, Ordering::AcqRel) {
            return;
        }
        let this = self.clone();
        let started = thread::Builder::new()
            .name("mod_rust hook".into())
            .stack_size(SIZE)
            .spawn(move || {
                let inbox = this.inbox.lock().take();
                let line = this.line.clone();
                // The queue must end when nobody is subscribed any more.
                drop(this);
                if let Some(inbox) = inbox {
                    serve(&line, &inbox);
                }
            });
        if let Err(error) = started {
            self.runs.store(false, Ordering::Release);
            freeswitch::once_a_second!(times => {
                tracing::error!(
                    "MR0017 hook {}: no thread could be started: {error} ({times} times since the last such line); \
                     it is tried again with the next event",
                    self.line
                );
            });
        }
    }
}

/// Events for hooks whose script has not come to them yet.
pub static QUEUED: Depth = Depth::new();

/// Runs on a dispatch thread.
fn pass_on(event: View<'_>, line: &str, queue: &SyncSender<Arc<shared::Event>>) {
    let Some(copy) = Snapshot::of(event) else {
        return;
    };
    // Counted before it is there: who takes it counts it off.
    QUEUED.add(1);
    let sent = queue.try_send(shared::Event::flat(copy));
    if sent.is_err() {
        QUEUED.add(-1);
    }
    if let Err(TrySendError::Full(_)) = sent {
        DROPPED_EVENTS.fetch_add(1, Ordering::Relaxed);
        freeswitch::once_a_second!(dropped => {
            tracing::warn!("MR0012 hook {line} cannot keep up: {dropped} events of hooks dropped since the last such line");
        });
    }
}

fn serve(line: &str, inbox: &Receiver<Arc<shared::Event>>) {
    scheduling::step_down();
    for event in inbox {
        QUEUED.add(-1);
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
