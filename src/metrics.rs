//! Counters: calls, errors and how long they took, per way in and per function.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parking_lot::RwLock;

/// Buckets by powers of two of a microsecond: the last holds all above half an hour.
const BUCKETS: usize = 32;

/// What is counted of one way in, or of one function.
#[derive(Debug, Default)]
pub struct Counters {
    calls: AtomicU64,
    errors: AtomicU64,
    killed: AtomicU64,
    micros: AtomicU64,
    buckets: [AtomicU64; BUCKETS],
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It returned.
    Done,
    /// It failed.
    Failed,
    /// It was ended.
    Killed,
}

impl Counters {
    /// All at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            calls: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            killed: AtomicU64::new(0),
            micros: AtomicU64::new(0),
            buckets: [const { AtomicU64::new(0) }; BUCKETS],
        }
    }

    /// Counts one run.
    pub fn count(&self, took: Duration, ending: Ending) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.micros.fetch_add(micros, Ordering::Relaxed);
        let bucket = (u64::BITS - micros.leading_zeros()) as usize;
        self.buckets[bucket.min(BUCKETS - 1)].fetch_add(1, Ordering::Relaxed);
        match ending {
            Ending::Done => {}
            Ending::Failed => drop(self.errors.fetch_add(1, Ordering::Relaxed)),
            Ending::Killed => drop(self.killed.fetch_add(1, Ordering::Relaxed)),
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn read(&self) -> Reading {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Reading {
            calls: get(&self.calls),
            errors: get(&self.errors),
            killed: get(&self.killed),
            micros: get(&self.micros),
            buckets: std::array::from_fn(|i| get(&self.buckets[i])),
        }
    }
}

/// A look at counters.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Runs that have ended.
    pub calls: u64,
    /// Those that failed.
    pub errors: u64,
    /// Those that were ended.
    pub killed: u64,
    /// Their time in all, in microseconds.
    pub micros: u64,
    buckets: [u64; BUCKETS],
}

impl Reading {
    /// Adds another's counts.
    fn add(&mut self, other: &Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.killed += other.killed;
        self.micros += other.micros;
        for (mine, theirs) in self.buckets.iter_mut().zip(other.buckets) {
            *mine += theirs;
        }
    }

    /// How many took less than this power of two of a microsecond.
    #[must_use]
    pub fn below(&self, power: u32) -> u64 {
        let buckets = self.buckets.iter().enumerate();
        buckets
            .filter(|(bucket, _)| u32::try_from(*bucket).is_ok_and(|bucket| bucket <= power))
            .map(|(_, count)| count)
            .sum()
    }

    /// A time in microseconds that this share of the runs did not exceed; exact
    /// to a factor of two.
    #[must_use]
    pub fn quantile(&self, share: f64) -> u64 {
        let all: u64 = self.buckets.iter().sum();
        if all == 0 {
            return 0;
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank among runs: the last digit does not matter"
        )]
        let rank = ((all as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return 1u64
                    .checked_shl(u32::try_from(bucket).unwrap_or(0))
                    .unwrap_or(u64::MAX);
            }
        }
        u64::MAX
    }
}

/// A function of a script, and what is counted of it.
#[derive(Debug)]
pub struct Function {
    /// `module::function`.
    pub name: String,
    module: String,
    function: String,
    /// Kept over reloads, once it was found.
    pub counters: Counters,
    is_kept: bool,
}

impl Function {
    /// Counts a run that has ended, unless there is no such function: whoever
    /// calls by names that he makes up fills no memory.
    pub fn count(&self, took: Duration, ending: Ending) {
        if self.is_kept {
            self.counters.count(took, ending);
        } else if let Some(kept) = find(&FUNCTIONS.read(), &self.module, &self.function) {
            kept.counters.count(took, ending);
        }
    }
}

/// Functions by module and name.
type Functions = BTreeMap<String, BTreeMap<String, Arc<Function>>>;

static FUNCTIONS: RwLock<Functions> = RwLock::new(BTreeMap::new());

fn find<'a>(all: &'a Functions, module: &str, function: &str) -> Option<&'a Arc<Function>> {
    all.get(module)?.get(function)
}

fn made(module: &str, function: &str, is_kept: bool) -> Arc<Function> {
    let name = match function {
        "" => module.to_owned(),
        function => format!("{module}::{function}"),
    };
    Arc::new(Function {
        name,
        module: module.to_owned(),
        function: function.to_owned(),
        counters: Counters::new(),
        is_kept,
    })
}

/// The function of this module with this name, which may be empty, whether there
/// is one or not.
#[must_use]
pub fn function(module: &str, function: &str) -> Arc<Function> {
    let known = find(&FUNCTIONS.read(), module, function).cloned();
    known.unwrap_or_else(|| made(module, function, false))
}

/// There is such a function: it is counted from now on.
pub fn keep(function: &Function) {
    if function.is_kept {
        return;
    }
    let (module, name) = (&function.module, &function.function);
    let mut all = FUNCTIONS.write();
    if find(&all, module, name).is_none() {
        let functions = all.entry(module.clone()).or_default();
        functions.insert(name.clone(), made(module, name, true));
    }
}

/// All functions that have been called, by name.
#[must_use]
pub fn functions() -> Vec<(String, Reading)> {
    let all = FUNCTIONS.read();
    let functions = all.values().flat_map(BTreeMap::values);
    functions
        .map(|function| (function.name.clone(), function.counters.read()))
        .collect()
}

/// The same by module: its functions together.
#[must_use]
pub fn modules(functions: &[(String, Reading)]) -> Vec<(String, Reading)> {
    let mut modules: BTreeMap<&str, Reading> = BTreeMap::new();
    for (name, reading) in functions {
        let module = name.split("::").next().unwrap_or(name);
        match modules.get_mut(module) {
            Some(all) => all.add(reading),
            None => drop(modules.insert(module, reading.clone())),
        }
    }
    let owned = modules.into_iter().map(|(name, r)| (name.to_owned(), r));
    owned.collect()
}

/// A number of the module's own that only grows.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// A counter at zero.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// One more.
    pub fn add(&self) {
        self.add_many(1);
    }

    /// So many more.
    pub fn add_many(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    /// So far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How long entries waited for the interpreter lock.
pub static LOCK: Counters = Counters::new();
/// Scripts that were loaded again because a file had changed, or by command.
pub static RELOADS: Count = Count::new();
/// Those that failed to load, so that the old one stayed.
pub static FAILED_RELOADS: Count = Count::new();
/// Commands that the switch has refused to apps, and jobs of theirs that failed.
pub static REFUSED: Count = Count::new();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_right_to_a_factor_of_two() {
        let counters = Counters::default();
        for ms in 1..=100 {
            counters.count(Duration::from_millis(ms), Ending::Done);
        }
        let reading = counters.read();
        assert_eq!(reading.calls, 100);
        let median = reading.quantile(0.5);
        assert!((50_000..=100_000).contains(&median), "{median}");
        assert!(reading.quantile(0.99) >= 99_000);
        assert_eq!(Counters::default().read().quantile(0.5), 0);
    }

    #[test]
    fn names_that_somebody_makes_up_fill_no_memory() {
        let made_up = function("made_up", "fsapi");
        made_up.count(Duration::from_millis(1), Ending::Failed);
        assert_eq!(made_up.name, "made_up::fsapi");
        assert!(functions().iter().all(|(name, _)| *name != made_up.name));
    }

    #[test]
    fn a_function_is_counted_from_its_first_run() {
        let first = function("there", "fsapi");
        keep(&first);
        first.count(Duration::from_millis(1), Ending::Done);
        let second = function("there", "fsapi");
        second.count(Duration::from_millis(1), Ending::Done);
        let seen = functions();
        let (_, reading) = seen.iter().find(|(name, _)| *name == first.name).unwrap();
        assert_eq!(reading.calls, 2);
    }
}
