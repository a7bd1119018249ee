//! Programs outside that serve calls: which names each serves, and whether it is still there.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use freeswitch::core;
use freeswitch::edge::guard;
use parking_lot::{Condvar, Mutex};

use super::calls;
use crate::interp::aside::Standing;
use crate::interp::stack::SIZE;

/// How often a program says that it is there, in its own words `beat`.
pub const BEAT: Duration = Duration::from_secs(1);
/// After how long without one it is taken for dead.
pub const PATIENCE: Duration = Duration::from_secs(4);

static WORKERS: Mutex<Option<HashMap<String, Worker>>> = Mutex::new(None);
static CHANGED: Condvar = Condvar::new();
static THREAD: Standing = Standing::new("mod_rust outside");

struct Worker {
    names: Arc<BTreeSet<String>>,
    last: Instant,
}

/// A program serves these names from now on.
pub fn serve(worker: &str, names: impl Iterator<Item = String>) {
    let mut workers = WORKERS.lock();
    workers.get_or_insert_default().insert(
        worker.to_owned(),
        Worker {
            names: Arc::new(names.collect()),
            last: Instant::now(),
        },
    );
    drop(workers);
    THREAD.need(SIZE, run);
    CHANGED.notify_one();
}

/// A program is still there; false where it was given up.
pub fn beat(worker: &str) -> bool {
    let mut workers = WORKERS.lock();
    let found = workers.as_mut().and_then(|all| all.get_mut(worker));
    found.is_some_and(|worker| {
        worker.last = Instant::now();
        true
    })
}

/// Is this one there?
#[must_use]
pub fn is_there(worker: &str) -> bool {
    let workers = WORKERS.lock();
    workers.as_ref().is_some_and(|all| all.contains_key(worker))
}

/// Does any serve this name?
#[must_use]
pub fn serves(name: &str) -> bool {
    let workers = WORKERS.lock();
    let all = workers.iter().flat_map(HashMap::values);
    all.into_iter().any(|worker| worker.names.contains(name))
}

/// A program serves no more calls, and has left those that it had.
pub fn leave(worker: &str) {
    if let Some(all) = WORKERS.lock().as_mut() {
        all.remove(worker);
    }
    calls::give_up(worker, "the program that served it has ended");
}

/// Gives up those that say nothing any more, and their calls.
fn run() {
    let mut workers = WORKERS.lock();
    loop {
        if workers.as_ref().is_none_or(HashMap::is_empty) {
            CHANGED.wait(&mut workers);
            continue;
        }
        CHANGED.wait_for(&mut workers, BEAT);
        let Some(all) = workers.as_mut() else {
            continue;
        };
        let dead: Vec<String> = all
            .iter()
            .filter(|(_, worker)| worker.last.elapsed() > PATIENCE)
            .map(|(name, _)| name.clone())
            .collect();
        for worker in &dead {
            all.remove(worker);
        }
        drop(workers);
        guard(c"outside", (), || {
            for worker in dead {
                // The switch may end while this looks.
                let Some(_inside) = core::inside() else {
                    return;
                };
                let seconds = PATIENCE.as_secs();
                let why = format!("the program that served it has said nothing for {seconds} s");
                calls::give_up(&worker, &why);
            }
        });
        workers = WORKERS.lock();
    }
}
