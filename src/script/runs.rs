//! The runs of scripts: what they are, and what they are doing.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::Mutex;
use pyo3::prelude::*;

use crate::metrics::{Ending, Function};

/// How a script that waits in the switch can be woken.
pub type Breaker = Arc<dyn Fn() + Send + Sync>;

/// Gives the Python frame that the coroutine of the run with this number is at.
pub type FrameOf = fn(Python<'_>, u64) -> Option<Bound<'_, PyAny>>;

/// A call into the switch that a script waits in.
struct Waiting {
    what: &'static str,
    breaker: Option<Breaker>,
}

/// One run of a script's function.
pub struct Run {
    /// Its number, by which it can be ended.
    pub id: u64,
    /// How it came in: "application" ...
    pub way: &'static str,
    /// What runs.
    pub function: Arc<Function>,
    /// The call that it works for.
    pub uuid: Option<CString>,
    /// When it began, on a clock that nobody sets.
    pub begun: Instant,
    /// Python's number of its thread, 0 while it is on none: not begun, or returned.
    /// Changed with the interpreter held.
    pub thread: AtomicU64,
    /// Is it the innermost run on its thread? Changed and read with the
    /// interpreter held, so that an exception that is sent to the thread hits it.
    pub innermost: AtomicBool,
    /// Of a coroutine, which has no thread of its own: what finds its frame.
    frame_of: Mutex<Option<FrameOf>>,
    waiting: Mutex<Option<Waiting>>,
    /// Held while a breaker works.
    waking: Mutex<()>,
    killed: Mutex<Option<String>>,
    /// Set once; looked at without a lock.
    is_killed: AtomicBool,
}

/// In the order of their numbers.
static RUNS: Mutex<Vec<Arc<Run>>> = Mutex::new(Vec::new());
static NEXT: AtomicU64 = AtomicU64::new(1);

/// Scripts have had their time to end, since the module was loaded.
static TIME_OVER: AtomicBool = AtomicBool::new(false);

/// Have scripts had their time to end?
pub fn time_is_over() -> bool {
    TIME_OVER.load(Ordering::Acquire)
}

/// Says whether scripts have had their time to end.
pub fn set_time_over(over: bool) {
    TIME_OVER.store(over, Ordering::Release);
}

/// A run that is in the list until this goes.
pub struct Listed(Arc<Run>);

impl Listed {
    /// The run.
    #[must_use]
    pub fn run(&self) -> &Arc<Run> {
        &self.0
    }

    /// How its run ended, to be counted; `failed` says whether it failed.
    #[must_use]
    pub fn ending(&self, failed: bool) -> Ending {
        match (self.0.is_killed(), failed) {
            (true, _) => Ending::Killed,
            (false, true) => Ending::Failed,
            (false, false) => Ending::Done,
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        let mut runs = RUNS.lock();
        if let Ok(at) = place(&runs, self.0.id) {
            runs.remove(at);
        }
    }
}

/// Where a run is in the list, or would be.
fn place(runs: &[Arc<Run>], id: u64) -> Result<usize, usize> {
    runs.binary_search_by_key(&id, |run| run.id)
}

/// Gives a run its number.
#[must_use]
pub fn next_id() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Puts a run into the list.
#[must_use]
pub fn list(id: u64, way: &'static str, function: Arc<Function>, uuid: Option<CString>) -> Listed {
    let run = Arc::new(Run {
        id,
        way,
        function,
        uuid,
        begun: Instant::now(),
        thread: AtomicU64::new(0),
        innermost: AtomicBool::new(false),
        frame_of: Mutex::new(None),
        waiting: Mutex::new(None),
        waking: Mutex::default(),
        killed: Mutex::new(None),
        is_killed: AtomicBool::new(false),
    });
    let mut runs = RUNS.lock();
    let (Ok(at) | Err(at)) = place(&runs, id);
    runs.insert(at, run.clone());
    drop(runs);
    Listed(run)
}

/// All that run, in the order that they began.
#[must_use]
pub fn all() -> Vec<Arc<Run>> {
    RUNS.lock().clone()
}

/// The one with this number.
#[must_use]
pub fn find(id: u64) -> Option<Arc<Run>> {
    let runs = RUNS.lock();
    let at = place(&runs, id).ok()?;
    Some(runs[at].clone())
}

impl Run {
    /// Does it still run?
    #[must_use]
    pub fn goes_on(&self) -> bool {
        place(&RUNS.lock(), self.id).is_ok()
    }

    /// Waits in the switch from now on; nothing where it has been told to end,
    /// and should not begin to.
    #[must_use]
    pub fn begin_wait(&self, what: &'static str, breaker: Option<Breaker>) -> bool {
        *self.waiting.lock() = Some(Waiting { what, breaker });
        !self.is_killed.load(Ordering::SeqCst)
    }

    /// Says that a coroutine on the event loop runs for it, or no longer does.
    pub fn set_frame_of(&self, frame_of: Option<FrameOf>) {
        *self.frame_of.lock() = frame_of;
    }

    /// What finds its frame, where it is a coroutine.
    #[must_use]
    pub fn frame_of(&self) -> Option<FrameOf> {
        *self.frame_of.lock()
    }

    /// Is back from the switch.
    pub fn end_wait(&self) {
        let old = self.waiting.lock().take();
        drop(old);
        // A breaker that was under way is done now: what it did to the call can be taken back.
        drop(self.waking.lock());
    }

    /// The switch call that it waits in.
    #[must_use]
    pub fn waits_in(&self) -> Option<&'static str> {
        self.waiting.lock().as_ref().map(|w| w.what)
    }

    /// Notes that it is to end, with a reason for the log.
    pub fn condemn(&self, why: &str) {
        self.killed.lock().get_or_insert_with(|| why.to_owned());
        self.is_killed.store(true, Ordering::SeqCst);
    }

    /// Breaks the wait that it is in; false if it is in none that can be broken.
    pub fn wake(&self) -> bool {
        let _waking = self.waking.lock();
        let breaker = self.waiting.lock().as_ref().and_then(|w| w.breaker.clone());
        breaker.is_some_and(|breaker| {
            breaker();
            true
        })
    }

    /// Why it was told to end, if it was.
    #[must_use]
    pub fn killed(&self) -> Option<String> {
        self.killed.lock().clone()
    }

    /// Was it told to end?
    #[must_use]
    pub fn is_killed(&self) -> bool {
        self.is_killed.load(Ordering::SeqCst)
    }
}
