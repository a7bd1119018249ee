//! Deadlines of scripts (`script-timeout`).

use std::collections::BTreeMap;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::kill::{self, Outcome};
use super::running::Script;
use super::stack::SIZE;

type Deadlines = BTreeMap<(Instant, u64), Weak<Script>>;

static DEADLINES: Mutex<Option<Deadlines>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();

/// A deadline that is watched until this goes.
pub struct Watched((Instant, u64));

/// Has a script ended when its time is over.
#[must_use]
pub fn watch(script: &Arc<Script>, time: Duration) -> Watched {
    let key = (script.begun + time, script.id);
    let mut deadlines = DEADLINES.lock();
    if deadlines.is_none() {
        let started = thread::Builder::new()
            .name("mod_rust watchdog".into())
            .stack_size(SIZE)
            .spawn(run);
        if let Err(error) = started {
            tracing::error!("script-timeout is not kept: no thread: {error}");
        }
    }
    deadlines
        .get_or_insert_default()
        .insert(key, Arc::downgrade(script));
    CHANGED.notify_one();
    Watched(key)
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(deadlines) = &mut *DEADLINES.lock() {
            deadlines.remove(&self.0);
        }
    }
}

fn run() {
    let mut deadlines = DEADLINES.lock();
    loop {
        let next = deadlines
            .as_ref()
            .and_then(|all| all.first_key_value())
            .map(|((when, id), script)| (*when, *id, script.clone()));
        match next {
            None => CHANGED.wait(&mut deadlines),
            Some((when, ..)) if when > Instant::now() => {
                CHANGED.wait_until(&mut deadlines, when);
            }
            Some((when, id, script)) => {
                if let Some(all) = &mut *deadlines {
                    all.remove(&(when, id));
                }
                drop(deadlines);
                if let Some(script) = script.upgrade() {
                    // One that does not end keeps only itself, not the others' deadlines.
                    let ended = thread::Builder::new()
                        .stack_size(SIZE)
                        .spawn(move || end(&script));
                    drop(ended);
                }
                deadlines = DEADLINES.lock();
            }
        }
    }
}

fn end(script: &Arc<Script>) {
    let seconds = script.begun.elapsed().as_secs_f64();
    match kill::end(script, &format!("its time is over ({seconds:.1} s)")) {
        Outcome::Ended => {}
        Outcome::Blocked(place) => {
            tracing::error!(
                "MR0008 script {} ({}) is over its time and blocked in C at {place}",
                script.id,
                script.function.name
            );
        }
        Outcome::Refuses(place) => {
            tracing::error!(
                "MR0008 script {} ({}) is over its time and refuses to end at {place}",
                script.id,
                script.function.name
            );
        }
    }
}
