//! Programs outside that serve calls: which names each serves, and whether it is still there.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use freeswitch::core;
use freeswitch::edge::guard;
use parking_lot::{Condvar, Mutex};
use serde::Deserialize;

use super::calls;
use super::choice::{self, Able};
use super::message::Way;
use crate::aio::bus::outgoing;
use crate::interp::aside::Standing;
use crate::interp::stack::SIZE;

/// How often a program says by the event socket that it is there, in its own words `beat`.
pub const BEAT: Duration = Duration::from_secs(1);
/// After how long without one it is taken for dead.
pub const PATIENCE: Duration = Duration::from_secs(4);
/// The same on the bus, where a worker says so every 0.4 s: three may be missed.
const BUS_PATIENCE: Duration = Duration::from_millis(1250);
/// How often a worker on the bus says so that does not tell, in seconds.
const BUS_BEAT: f64 = 0.4;
/// How often it is looked for workers on the bus that say nothing.
const LOOK: Duration = Duration::from_millis(100);
/// A look that comes so much later than it should says that this process stood still: what workers
/// said meanwhile may not have been read yet.
const STALL: Duration = Duration::from_millis(300);
/// While the bus is away nobody can say anything; for so long nobody is taken for dead.
const AWAY: Duration = Duration::from_secs(10);
/// The share of a worker that says none, and the largest.
const WEIGHT: u64 = 100;
const HEAVIEST: u64 = 1000;
/// What workers on the bus and this switch speak.
const PROTOCOL: u64 = 1;

static WORKERS: LazyLock<Mutex<HashMap<String, Worker>>> = LazyLock::new(Mutex::default);
static CHANGED: Condvar = Condvar::new();
static THREAD: Standing = Standing::new("mod_rust outside");
/// Since when workers on the bus are listened to.
static LISTENS: Mutex<Option<Instant>> = Mutex::new(None);

/// How long a worker on the bus may say nothing, in microseconds; 0 for [`BUS_PATIENCE`].
static PATIENCE_US: AtomicU64 = AtomicU64::new(0);

fn bus_patience() -> Duration {
    match PATIENCE_US.load(Ordering::Relaxed) {
        0 => BUS_PATIENCE,
        micros => Duration::from_micros(micros),
    }
}

struct Worker {
    way: Way,
    names: Arc<BTreeSet<String>>,
    last: Instant,
    terms: Terms,
    /// How many calls it has said that it serves, and how many it was offered since.
    running: u64,
    offered: u64,
    /// How many of each name it was offered, by its weight.
    turns: HashMap<String, f64>,
}

/// Which calls a worker takes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Terms {
    /// None any more.
    drains: bool,
    /// Its share, beside those of others; with 0 none.
    weight: u64,
    /// None of these names, of which its version was withdrawn.
    withdrawn: BTreeSet<String>,
}

impl Terms {
    fn of_socket() -> Self {
        Self {
            drains: false,
            weight: WEIGHT,
            withdrawn: BTreeSet::new(),
        }
    }
}

impl Worker {
    fn takes(&self, name: &str) -> bool {
        let terms = &self.terms;
        let is_open = !terms.drains && terms.weight > 0 && !terms.withdrawn.contains(name);
        is_open && self.names.contains(name)
    }

    fn patience(&self) -> Duration {
        match self.way {
            Way::Socket => PATIENCE,
            Way::Bus => bus_patience(),
        }
    }
}

/// What a worker on the bus says of itself.
#[derive(Deserialize)]
struct Beat {
    node: String,
    kind: String,
    #[serde(default)]
    protocol: u64,
    #[serde(default)]
    apps: BTreeSet<String>,
    #[serde(default)]
    running: u64,
    #[serde(default)]
    drains: bool,
    #[serde(default = "weight")]
    weight: u64,
    #[serde(default)]
    withdrawn: BTreeSet<String>,
    /// It has ended in order.
    #[serde(default)]
    leaves: bool,
    /// How often it says that it is there, in seconds.
    #[serde(default = "bus_beat")]
    beat: f64,
}

fn bus_beat() -> f64 {
    BUS_BEAT
}

fn weight() -> u64 {
    WEIGHT
}

/// A program serves these names from now on, by the event socket.
pub fn serve(worker: &str, names: impl Iterator<Item = String>) {
    put(
        worker,
        Worker {
            way: Way::Socket,
            names: Arc::new(names.collect()),
            last: Instant::now(),
            terms: Terms::of_socket(),
            running: 0,
            offered: 0,
            turns: HashMap::new(),
        },
    );
}

fn put(name: &str, worker: Worker) {
    WORKERS.lock().insert(name.to_owned(), worker);
    THREAD.need(SIZE, run);
    CHANGED.notify_one();
}

/// Workers on the bus are heard from now on, and may say nothing for so long.
pub fn listens(patience: Option<Duration>) {
    let micros = patience.map_or(0, |patience| patience.as_micros());
    PATIENCE_US.store(u64::try_from(micros).unwrap_or(0), Ordering::Relaxed);
    *LISTENS.lock() = Some(Instant::now());
}

/// Has every worker on the bus that is there had the time to say so?
#[must_use]
pub fn are_known() -> bool {
    // What they said while there was no connection was heard by nobody.
    let since = LISTENS.lock().zip(outgoing::connected_since());
    since.is_some_and(|(listens, connected)| listens.max(connected).elapsed() > bus_patience())
}

/// Somebody on the bus says that it is there; false where that is no such message.
#[must_use]
pub fn heard(text: &[u8]) -> bool {
    let Ok(beat) = serde_json::from_slice::<Beat>(text) else {
        return false;
    };
    if beat.kind != "worker" {
        return true;
    }
    if beat.protocol != PROTOCOL {
        let (name, protocol) = (&beat.node, beat.protocol);
        freeswitch::once_a_second!(times => {
            tracing::warn!("MR0025 worker {name} speaks protocol {protocol}, and this switch {PROTOCOL}: it gets no calls ({times} times since the last such line)");
        });
        return true;
    }
    if beat.leaves {
        leave(&beat.node);
        return true;
    }
    let terms = Terms {
        drains: beat.drains,
        weight: beat.weight.min(HEAVIEST),
        withdrawn: beat.withdrawn,
    };
    let mut workers = WORKERS.lock();
    if let Some(worker) = workers.get_mut(&beat.node)
        && *worker.names == beat.apps
    {
        worker.last = Instant::now();
        worker.running = beat.running;
        worker.offered = 0;
        if worker.terms != terms {
            // It begins where the others are: it makes up for nothing.
            worker.turns.clear();
            worker.terms = terms;
        }
        return true;
    }
    drop(workers);
    tell_of_beat(&beat.node, beat.beat);
    let worker = Worker {
        way: Way::Bus,
        names: Arc::new(beat.apps),
        last: Instant::now(),
        terms,
        running: beat.running,
        offered: 0,
        turns: HashMap::new(),
    };
    put(&beat.node, worker);
    true
}

/// A worker that has too little room to be late is said once, as it comes.
fn tell_of_beat(name: &str, beat: f64) {
    let patience = bus_patience().as_secs_f64();
    if beat * 3.0 > patience {
        tracing::warn!(
            "MR0025 worker {name} says every {beat} s that it is there, and bus-worker-patience is {patience} s, less than three \
             times that: a word that comes late may cost it its calls"
        );
    }
}

/// A program is still there; false where it was given up.
pub fn beat(worker: &str) -> bool {
    let mut workers = WORKERS.lock();
    workers.get_mut(worker).is_some_and(|worker| {
        worker.last = Instant::now();
        true
    })
}

/// Is this one there?
#[must_use]
pub fn is_there(worker: &str) -> bool {
    way_of(worker).is_some()
}

/// How this one is reached, where it is there.
#[must_use]
pub fn way_of(worker: &str) -> Option<Way> {
    let workers = WORKERS.lock();
    workers.get(worker).map(|worker| worker.way)
}

/// Does any serve this name, but for one?
#[must_use]
pub fn serves(name: &str, way: Way, but: Option<&str>) -> bool {
    let workers = WORKERS.lock();
    workers
        .iter()
        .any(|(worker, is)| is.way == way && but != Some(worker) && is.takes(name))
}

/// The worker on the bus that gets the next call of this name, and is none of these.
#[must_use]
pub fn choose(name: &str, without: &BTreeSet<String>) -> Option<String> {
    let mut workers = WORKERS.lock();
    let able = workers.iter_mut().filter(|(worker, is)| {
        is.way == Way::Bus
            && is.last.elapsed() < bus_patience()
            && is.takes(name)
            && !without.contains(*worker)
    });
    let mut able: Vec<_> = able.collect();
    let turns = able.iter().filter_map(|(_, is)| is.turns.get(name));
    // Where one begins that was offered none yet.
    let begin = turns.copied().reduce(f64::min).unwrap_or(0.0);
    let shares: Vec<_> = able
        .iter_mut()
        .map(|(_, is)| Able {
            weight: is.terms.weight,
            running: is.running + is.offered,
            turn: *is.turns.entry(name.to_owned()).or_insert(begin),
        })
        .collect();
    let at = choice::choose(&shares)?;
    let (chosen, worker) = &mut able[at];
    // Until it says itself how many it has.
    worker.offered += 1;
    let turn = shares[at].turn + (worker.terms.weight as f64).recip();
    worker.turns.insert(name.to_owned(), turn);
    Some((*chosen).clone())
}

/// A program serves no more calls, and has left those that it had.
pub fn leave(worker: &str) {
    let was_there = WORKERS.lock().remove(worker);
    if was_there.is_some() {
        calls::give_up(worker, "the program that served it has ended");
    }
}

/// What is known of the time that went by without a look.
struct Looks {
    last: Instant,
    away: Option<Instant>,
}

impl Looks {
    /// How much longer workers on the bus have, since they could not be heard.
    fn lost(&mut self, tick: Duration) -> Duration {
        let gone = self.last.elapsed();
        self.last = Instant::now();
        if outgoing::is_up() {
            // They are heard again: they have their time from now on.
            let was_away = self.away.take().is_some();
            let stalled = gone > tick + STALL;
            return if was_away || stalled {
                gone.max(bus_patience())
            } else {
                Duration::ZERO
            };
        }
        let away = *self.away.get_or_insert_with(Instant::now);
        if away.elapsed() < AWAY {
            gone
        } else {
            Duration::ZERO
        }
    }
}

/// Gives up those that say nothing any more, and their calls.
fn run() {
    let mut workers = WORKERS.lock();
    let mut looks = Looks {
        last: Instant::now(),
        away: None,
    };
    loop {
        if workers.is_empty() {
            CHANGED.wait(&mut workers);
            looks.last = Instant::now();
            continue;
        }
        let has_bus = workers.values().any(|worker| worker.way == Way::Bus);
        let tick = if has_bus { LOOK } else { BEAT };
        CHANGED.wait_for(&mut workers, tick);
        if has_bus {
            let now = Instant::now();
            let lost = looks.lost(tick);
            let on_bus = workers.values_mut().filter(|worker| worker.way == Way::Bus);
            for worker in on_bus {
                worker.last = (worker.last + lost).min(now);
            }
        }
        let dead: Vec<(String, Duration)> = workers
            .iter()
            .filter(|(_, worker)| worker.last.elapsed() > worker.patience())
            .map(|(name, worker)| (name.clone(), worker.patience()))
            .collect();
        for (worker, _) in &dead {
            workers.remove(worker);
        }
        drop(workers);
        guard(c"outside", (), || {
            // The switch may end while this looks.
            let Some(_inside) = core::inside() else {
                return;
            };
            calls::tell_of_ends();
            for (worker, patience) in dead {
                let seconds = patience.as_secs_f64();
                let why = format!("the program that served it has said nothing for {seconds} s");
                calls::give_up(&worker, &why);
            }
        });
        workers = WORKERS.lock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_beat_is_none() {
        for text in [
            &b""[..],
            b"{}",
            b"[1]",
            b"\xff",
            br#"{"node": 1, "kind": "worker"}"#,
        ] {
            assert!(!heard(text));
        }
        assert!(heard(br#"{"node": "a", "kind": "switch", "pid": 1}"#));
        assert!(heard(br#"{"node": "a", "kind": "worker", "protocol": 2}"#));
        assert!(!is_there("a"));
    }
}
