//! A function of a script that is loaded, and whether it still is what its files
//! say.

use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use pyo3::prelude::*;

use super::file_stamp::{FileFacts, Stamp};
use super::key::ScriptRef;
use super::python_half::{module, shown};
use super::signature::{call_with, takes};

/// How often the files of a script are looked at.
const LOOK_EVERY_MS: u64 = 50;

/// Counts how often the configuration has said which scripts may be named.
static CONFIGURED: AtomicU64 = AtomicU64::new(0);
/// Counts the scripts that were loaded, by whatever import.
static LOADS: AtomicU64 = AtomicU64::new(0);

/// Has every script looked at again before it is called: which ones may be named
/// from outside has changed.
pub fn check_again() {
    CONFIGURED.fetch_add(1, Ordering::AcqRel);
}

/// A script was loaded; for `freeswitch._scripts`. One that runs may have imported
/// it just now, and is made of one file more.
#[pyfunction]
pub fn script_loaded() {
    LOADS.fetch_add(1, Ordering::AcqRel);
}

/// How things were before a script was loaded: what has changed meanwhile is
/// looked at again.
pub(crate) struct Before {
    configured: u64,
    loads: u64,
}

impl Before {
    pub(crate) fn now() -> Self {
        Self {
            configured: CONFIGURED.load(Ordering::Acquire),
            loads: LOADS.load(Ordering::Acquire),
        }
    }
}

/// A function of a script, ready to be called.
pub struct LoadedFunction {
    function: Py<PyAny>,
    /// How many positional arguments it takes at most.
    takes: usize,
    /// How many the way in gives.
    pub(crate) documented: usize,
    /// Makes a coroutine when it is called.
    is_async: bool,
    stamps: Mutex<Vec<Stamp>>,
    looked: AtomicU64,
    /// Under which configuration it was found that it may be called.
    configured: AtomicU64,
    /// How many scripts had been loaded when its files were listed.
    listed: AtomicU64,
}

impl LoadedFunction {
    pub(crate) fn new(
        function: &Bound<'_, PyAny>,
        documented: usize,
        is_async: bool,
        files: Vec<FileFacts>,
        before: &Before,
    ) -> PyResult<Self> {
        Ok(Self {
            takes: takes(function, documented)?,
            is_async,
            documented,
            function: function.clone().unbind(),
            stamps: Mutex::new(files.into_iter().map(Stamp::from).collect()),
            looked: AtomicU64::new(coarse_ms()),
            configured: AtomicU64::new(before.configured),
            listed: AtomicU64::new(before.loads),
        })
    }

    /// When it is and when the files were looked at, where it is time to look again.
    fn due(&self) -> Option<(u64, u64)> {
        let (now, looked) = (coarse_ms(), self.looked.load(Ordering::Relaxed));
        (now.saturating_sub(looked) >= LOOK_EVERY_MS).then_some((now, looked))
    }

    pub(crate) fn stale(&self) -> bool {
        let Some((now, looked)) = self.due() else {
            return false;
        };
        // Of many calls at once one looks.
        let mine = self
            .looked
            .compare_exchange(looked, now, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        mine && self.differs()
    }

    /// As [`Self::stale`], for a caller that leaves the loading to the next one.
    pub(crate) fn changed(&self) -> bool {
        let Some((now, _)) = self.due() else {
            return false;
        };
        let changed = self.differs();
        if !changed {
            self.looked.store(now, Ordering::Relaxed);
        }
        changed
    }

    fn differs(&self) -> bool {
        !self.stamps.lock().iter().all(Stamp::holds)
    }

    pub(crate) fn is_unchecked(&self) -> bool {
        self.configured.load(Ordering::Acquire) != CONFIGURED.load(Ordering::Acquire)
    }

    /// May it still be called?
    pub(crate) fn check(&self, py: Python<'_>, wanted: &ScriptRef<'_>) -> PyResult<()> {
        let configured = CONFIGURED.load(Ordering::Acquire);
        module(py)?.call_method1("check", (wanted.module, shown(py, wanted.folder)))?;
        self.configured.store(configured, Ordering::Release);
        Ok(())
    }

    pub(crate) fn is_unlisted(&self) -> bool {
        self.listed.load(Ordering::Acquire) != LOADS.load(Ordering::Acquire)
    }

    /// Adds the files of what the script has imported since they were listed: an
    /// `import` in a function is carried out when the function is called.
    pub(crate) fn list_files(&self, py: Python<'_>, wanted: &ScriptRef<'_>) -> PyResult<()> {
        let loads = LOADS.load(Ordering::Acquire);
        let names = (wanted.module, shown(py, wanted.folder));
        let files: Vec<FileFacts> = module(py)?.call_method1("files", names)?.extract()?;
        let mut stamps = self.stamps.lock();
        for file in files.into_iter().map(Stamp::from) {
            // Those that are known stay as they are: maybe they were tried, and
            // failed to load.
            if !stamps.iter().any(|known| known.is_of(&file)) {
                stamps.push(file);
            }
        }
        self.listed.store(loads, Ordering::Release);
        Ok(())
    }

    /// The files as they are.
    pub(crate) fn files(&self) -> Vec<Stamp> {
        let mut files: Vec<_> = self.stamps.lock().iter().map(Stamp::now).collect();
        files.sort();
        files
    }

    /// Takes the files as they were: they were tried, and failed to load.
    pub(crate) fn accept_files(&self, tried: Vec<Stamp>) {
        *self.stamps.lock() = tried;
    }

    /// Is it an `async def`?
    #[must_use]
    pub fn is_async(&self) -> bool {
        self.is_async
    }

    /// Calls it with as many of the documented arguments as it takes.
    ///
    /// # Errors
    /// What it raises.
    pub fn call<'py>(
        &self,
        py: Python<'py>,
        arguments: &[Py<PyAny>],
    ) -> PyResult<Bound<'py, PyAny>> {
        call_with(self.function.bind(py), self.takes, arguments)
    }
}

fn coarse_ms() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the kernel writes one timespec.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut now) };
    now.tv_sec.unsigned_abs() * 1000 + now.tv_nsec.unsigned_abs() / 1_000_000
}
