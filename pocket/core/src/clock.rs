//! Virtual time: one clock for all of pocket.
//!
//! The clock stands still while a thread that it knows runs, and moves to the
//! next deadline when all of them wait in it. The thread that waits last makes
//! the move itself, and one waiter is woken at a time, so that what is due at
//! the same instant happens in a fixed order.
//!
//! It never falls behind real time for good: a script that spins until a call ends still sees it end. How far it may,
//! and what of real time counts, [`Following`] says.
//!
//! Whoever is woken counts from when it is woken, not from when it runs. What a
//! thread waits for is changed and told under the clock's lock
//! ([`Clock::raise_after`]): a change that others can see and that nobody has been
//! woken for would let the clock move in between.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

use crate::follow::{Following, GRACE};
use crate::presence::{self, Ticket};
use crate::pulse::{Passed, Pulse};

/// The least time between two looks of a parked thread at real time.
const LEAST_LOOK: Duration = Duration::from_millis(1);

/// How long a thread that the clock does not know is waited for after it left
/// a wait: it may be about to wait again, or to end, and nothing tells which.
const STRANGER_GRACE: Duration = Duration::from_millis(50);

/// Microseconds of the frame that media moves in.
pub(crate) const FRAME: i64 = 20_000;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);

thread_local! {
    static THREAD_ID: u64 = NEXT_ID.fetch_add(1, Ordering::Relaxed);
}

/// Something a thread waits for; raising it wakes all who wait.
#[derive(Debug)]
pub(crate) struct Signal {
    id: u64,
    generation: AtomicU64,
}

impl Signal {
    pub(crate) fn new() -> Self {
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            generation: AtomicU64::new(0),
        }
    }

    /// Taken before the condition is looked at: a raise in between is not lost.
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
}

/// Which of the waiters that are due at one instant goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rank {
    /// What the far end does: a digit due now is there when the call looks.
    FarEnd,
    /// Calls, commands, events.
    Call,
    /// For the thread that drives the switch: all that is due at its instant gets done.
    Driver,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Woken {
    /// The signal was raised.
    Signal,
    /// The deadline is reached.
    Deadline,
    /// The limit in real time is reached; the clock had no part in it.
    RealLimit,
}

/// What one wait is for.
#[derive(Clone, Copy)]
pub(crate) struct Wait<'a> {
    pub(crate) signal: Option<(&'a Signal, u64)>,
    pub(crate) deadline: Option<i64>,
    pub(crate) rank: Rank,
    pub(crate) real_limit: Option<Duration>,
}

impl<'a> Wait<'a> {
    pub(crate) fn until(deadline: i64) -> Self {
        Self {
            signal: None,
            deadline: Some(deadline),
            rank: Rank::Call,
            real_limit: None,
        }
    }

    pub(crate) fn on(signal: &'a Signal, generation: u64, deadline: Option<i64>) -> Self {
        Self {
            signal: Some((signal, generation)),
            deadline,
            rank: Rank::Call,
            real_limit: None,
        }
    }
}

struct Parked {
    deadline: Option<i64>,
    rank: Rank,
    signal: Option<u64>,
    condition: Arc<Condvar>,
    counted: bool,
    thread: u64,
    woken: Option<Woken>,
}

struct State {
    now: i64,
    /// Where real time and the clock were last known to agree.
    anchor: (i64, Passed),
    /// Threads that count and do not wait.
    running: usize,
    parked: HashMap<u64, Parked>,
    due: BTreeSet<(i64, Rank, u64)>,
    by_signal: HashMap<u64, Vec<u64>>,
    /// Strangers that just left a wait, and until when they are waited for.
    strangers: HashMap<u64, Instant>,
    next: u64,
}

/// The clock. Its times are microseconds since it was made.
pub(crate) struct Clock {
    id: u64,
    /// Microseconds since 1970 at the clock's zero.
    epoch: i64,
    follows: Following,
    state: Mutex<State>,
}

impl Clock {
    pub(crate) fn new(real_time: bool) -> Self {
        let epoch = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_micros()).unwrap_or(0));
        Self {
            id: NEXT_ID.fetch_add(1, Ordering::Relaxed),
            epoch,
            follows: Following::new(real_time),
            state: Mutex::new(State {
                now: 0,
                anchor: (0, Passed::default()),
                running: 0,
                parked: HashMap::new(),
                due: BTreeSet::new(),
                by_signal: HashMap::new(),
                strangers: HashMap::new(),
                next: 0,
            }),
        }
    }

    /// What counts as real time; nothing where the clock is the real one.
    pub(crate) fn pulse(&self) -> Option<&Arc<Pulse>> {
        self.follows.pulse()
    }

    /// Microseconds since the clock was made.
    pub(crate) fn now(&self) -> i64 {
        let mut state = self.state.lock();
        self.catch_up(&mut state);
        state.now
    }

    /// Microseconds since 1970, as the switch's own clock says.
    pub(crate) fn epoch_now(&self) -> i64 {
        self.epoch + self.now()
    }

    /// Counts the calling thread from now on.
    #[cfg(test)]
    pub(crate) fn join(self: &Arc<Self>) -> crate::presence::Presence {
        self.reserve().enter()
    }

    /// Counts the calling thread until [`Clock::leave_driver`], which need not
    /// be called on it.
    pub(crate) fn join_driver(&self) {
        self.state.lock().running += 1;
        presence::drive(self.id);
    }

    pub(crate) fn leave_driver(&self) {
        presence::drive_no_more(self.id);
        self.leave();
    }

    /// Whether the calling thread counts, and is the switch's or a script's: not
    /// that of the program that drives the switch.
    pub(crate) fn counts_here(&self) -> bool {
        presence::counted_by(self.id) && !presence::driven_by(self.id)
    }

    /// Counts a thread that is about to be started, so that the clock does not
    /// move in between.
    pub(crate) fn reserve(self: &Arc<Self>) -> Ticket {
        self.state.lock().running += 1;
        Ticket::new(Arc::clone(self))
    }

    /// Waits until the deadline, in frames or not: nothing else ends it.
    pub(crate) fn sleep_until(&self, deadline: i64) {
        self.wait(Wait::until(deadline));
    }

    pub(crate) fn sleep(&self, micros: i64) {
        let now = self.now();
        self.sleep_until(now + micros);
    }

    pub(crate) fn raise(&self, signal: &Signal) {
        self.raise_after(signal, || ());
    }

    /// Makes a change and wakes whoever waits for it, with nothing in between: a
    /// thread that the clock does not count may be held up after any step, and
    /// others that see the change rely on the wake-up.
    pub(crate) fn raise_after<R>(&self, signal: &Signal, change: impl FnOnce() -> R) -> R {
        let mut state = self.state.lock();
        let changed = change();
        raised(&mut state, signal);
        changed
    }

    /// Waits as `wait` says. A signal raised since its generation was taken
    /// ends the wait at once.
    pub(crate) fn wait(&self, wait: Wait<'_>) -> Woken {
        let mut state = self.state.lock();
        self.catch_up(&mut state);
        if let Some((signal, generation)) = wait.signal
            && signal.generation() != generation
        {
            return Woken::Signal;
        }
        if wait.deadline.is_some_and(|deadline| deadline <= state.now) {
            return Woken::Deadline;
        }
        self.park_until_woken(&mut state, &wait)
    }

    /// Lets all that are awake run until they wait, before what else is due at this instant: the
    /// order of two deeds of one instant is then the order in which others see them.
    pub(crate) fn give_way(&self, rank: Rank) {
        let mut state = self.state.lock();
        self.catch_up(&mut state);
        let wait = Wait {
            rank,
            ..Wait::until(state.now)
        };
        self.park_until_woken(&mut state, &wait);
    }

    fn park_until_woken(&self, state: &mut MutexGuard<'_, State>, wait: &Wait<'_>) -> Woken {
        let give_up = wait.real_limit.map(|limit| Instant::now() + limit);
        let counted = presence::counted_by(self.id);
        let (id, condition) = park(state, wait, counted, THREAD_ID.with(|id| *id));
        loop {
            self.move_on(state);
            if let Some(woken) = state.parked.get(&id).and_then(|parked| parked.woken) {
                state.parked.remove(&id);
                return woken;
            }
            match self.next_look(state, wait.deadline, give_up) {
                None => condition.wait(state),
                Some(until) => {
                    condition.wait_until(state, until);
                }
            }
            self.catch_up(state);
            if wait.deadline.is_some_and(|deadline| deadline <= state.now) {
                wake(state, id, Woken::Deadline);
            } else if give_up.is_some_and(|limit| Instant::now() >= limit) {
                wake(state, id, Woken::RealLimit);
            }
        }
    }

    /// When a parked thread must look at real time again, if ever.
    fn next_look(
        &self,
        state: &State,
        deadline: Option<i64>,
        give_up: Option<Instant>,
    ) -> Option<Instant> {
        let own = deadline.map(|deadline| {
            let ahead = u64::try_from(deadline - state.anchor.0).unwrap_or(0);
            let rest = self
                .follows
                .rest(state.anchor.1, Duration::from_micros(ahead));
            // A jump of the clock wakes only the thread that it is for: the others look again after the grace. While
            // the pulse stands still, they do not look without a pause.
            let rest = if self.follows.real_time {
                rest
            } else {
                rest.clamp(LEAST_LOOK, GRACE)
            };
            Instant::now() + rest
        });
        let stranger = if state.running == 0 && !state.due.is_empty() {
            state.strangers.values().min().copied()
        } else {
            None
        };
        [own, stranger, give_up].into_iter().flatten().min()
    }

    /// From now on the clock stands still for as long as a thread that it knows
    /// runs: one that a debugger has stopped computes, too.
    pub(crate) fn stand_still(&self) {
        self.follows.stand_still();
    }

    /// Follows real time from here on: what it took until now was nobody's work in the switch.
    pub(crate) fn follow_from_here(&self) {
        if !self.follows.real_time {
            let mut state = self.state.lock();
            state.anchor = (state.now, self.follows.now());
        }
    }

    /// Lets the clock follow real time, less the grace.
    fn catch_up(&self, state: &mut State) {
        let lag = self.follows.lag(state.anchor.1).as_micros();
        let floor = state.anchor.0 + i64::try_from(lag).unwrap_or(i64::MAX / 4);
        state.now = state.now.max(floor);
    }

    /// Moves to the next deadline when nobody runs, and wakes whose it is.
    fn move_on(&self, state: &mut State) {
        if state.running > 0 {
            return;
        }
        let Some(&(deadline, _, id)) = state.due.first() else {
            return;
        };
        if deadline > state.now {
            if self.follows.real_time {
                return;
            }
            if !state.strangers.is_empty() {
                let now = Instant::now();
                state.strangers.retain(|_, until| *until > now);
                if !state.strangers.is_empty() {
                    return;
                }
            }
            state.now = deadline;
            state.anchor = (deadline, self.follows.now());
        }
        wake(state, id, Woken::Deadline);
    }

    /// Which clock it is, for the threads that it counts.
    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// One thread less that counts.
    pub(crate) fn leave(&self) {
        let mut state = self.state.lock();
        state.running -= 1;
        self.move_on(&mut state);
    }
}

/// Enters a thread that waits.
fn park(state: &mut State, wait: &Wait<'_>, counted: bool, thread: u64) -> (u64, Arc<Condvar>) {
    let id = state.next;
    state.next += 1;
    let condition = Arc::new(Condvar::new());
    if counted {
        state.running -= 1;
    } else {
        state.strangers.remove(&thread);
    }
    if let Some(deadline) = wait.deadline {
        state.due.insert((deadline, wait.rank, id));
    }
    let signal = wait.signal.map(|(signal, _)| signal.id);
    if let Some(signal) = signal {
        state.by_signal.entry(signal).or_default().push(id);
    }
    state.parked.insert(
        id,
        Parked {
            deadline: wait.deadline,
            rank: wait.rank,
            signal,
            condition: Arc::clone(&condition),
            counted,
            thread,
            woken: None,
        },
    );
    (id, condition)
}

/// Wakes all who wait for the signal.
fn raised(state: &mut State, signal: &Signal) {
    signal.generation.fetch_add(1, Ordering::SeqCst);
    if let Some(waiters) = state.by_signal.remove(&signal.id) {
        for id in waiters {
            wake(state, id, Woken::Signal);
        }
    }
}

/// Marks a parked thread as woken. It counts as running from here, not from
/// when it gets to run: the clock must not move in between.
fn wake(state: &mut State, id: u64, why: Woken) {
    let Some(parked) = state.parked.get_mut(&id) else {
        return;
    };
    if parked.woken.is_some() {
        return;
    }
    parked.woken = Some(why);
    parked.condition.notify_one();
    let (deadline, rank, signal) = (parked.deadline, parked.rank, parked.signal);
    let (counted, thread) = (parked.counted, parked.thread);
    if counted {
        state.running += 1;
    } else {
        state
            .strangers
            .insert(thread, Instant::now() + STRANGER_GRACE);
    }
    if let Some(deadline) = deadline {
        state.due.remove(&(deadline, rank, id));
    }
    if let Some(signal) = signal
        && let Some(waiters) = state.by_signal.get_mut(&signal)
    {
        waiters.retain(|waiter| *waiter != id);
        if waiters.is_empty() {
            state.by_signal.remove(&signal);
        }
    }
}

#[cfg(test)]
#[path = "clock_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "clock_model.rs"]
mod model;
