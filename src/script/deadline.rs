//! Deadlines of scripts (`script-timeout`).

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use freeswitch::edge::guard;
use parking_lot::{Condvar, Mutex};

use super::kill;
use super::kill::Outcome;
use super::runs::Run;
use crate::interp::aside::{Standing, aside};
use crate::interp::stack::SIZE;

type Deadlines = BTreeMap<(Instant, u64), Weak<Run>>;

static DEADLINES: Mutex<Deadlines> = Mutex::new(Deadlines::new());
static THREAD: Standing = Standing::new("mod_rust watchdog");
static CHANGED: Condvar = Condvar::new();

/// A deadline that is watched until this goes.
pub struct Watched((Instant, u64));

/// Begins to watch; as the module loads, when there are threads to be had.
///
/// # Errors
/// The system's.
pub fn begin() -> std::io::Result<()> {
    THREAD.start(SIZE, end_late_runs)
}

/// Has a script ended when its time is over.
#[must_use]
pub fn watch(run: &Arc<Run>, time: Duration) -> Watched {
    let key = (run.begun + time, run.id);
    DEADLINES.lock().insert(key, Arc::downgrade(run));
    THREAD.need(SIZE, end_late_runs);
    CHANGED.notify_one();
    Watched(key)
}

impl Drop for Watched {
    fn drop(&mut self) {
        DEADLINES.lock().remove(&self.0);
    }
}

fn end_late_runs() {
    let mut deadlines = DEADLINES.lock();
    loop {
        let next = deadlines
            .first_key_value()
            .map(|((when, id), run)| (*when, *id, run.clone()));
        match next {
            None => CHANGED.wait(&mut deadlines),
            Some((when, ..)) if when > Instant::now() => {
                CHANGED.wait_until(&mut deadlines, when);
            }
            Some((when, id, run)) => {
                deadlines.remove(&(when, id));
                drop(deadlines);
                if let Some(run) = run.upgrade() {
                    // One that does not end keeps only itself, not the others' deadlines.
                    let ended = aside("mod_rust deadline", move || {
                        guard(c"deadline", (), || end(&run));
                    });
                    drop(ended);
                }
                deadlines = DEADLINES.lock();
            }
        }
    }
}

fn end(run: &Arc<Run>) {
    let seconds = run.begun.elapsed().as_secs_f64();
    match kill::end(run, &format!("script-timeout reached after {seconds:.1} s")) {
        Outcome::Ended => {}
        Outcome::Blocked(place) => {
            tracing::error!(
                "MR0008 script {} ({}) has reached its script-timeout and is blocked in C at {place}",
                run.id,
                run.function.name
            );
        }
        Outcome::Refuses(place) => {
            tracing::error!(
                "MR0008 script {} ({}) has reached its script-timeout and swallows what ends it at {place}: let ScriptKilled and CancelledError through",
                run.id,
                run.function.name
            );
        }
    }
}
