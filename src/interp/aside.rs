//! Threads of the module's own, and what happens where none can be had.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;

use super::stack::SIZE;

/// Runs something on a thread of its own, or here and now if no thread can be
/// started: for what must be done, though it may keep its caller.
pub fn aside(name: &str, body: impl FnOnce() + Send + 'static) -> Option<JoinHandle<()>> {
    let body = Arc::new(Mutex::new(Some(body)));
    let theirs = body.clone();
    let run = move || {
        let body = theirs.lock().take();
        if let Some(body) = body {
            body();
        }
    };
    match thread::Builder::new()
        .name(name.to_owned())
        .stack_size(SIZE)
        .spawn(run)
    {
        Ok(thread) => Some(thread),
        Err(error) => {
            freeswitch::once_a_second!(times => {
                tracing::warn!("MR0017 {name}: no thread could be started: {error} ({times} times since the last such line); another thread does the work");
            });
            let body = body.lock().take();
            if let Some(body) = body {
                body();
            }
            None
        }
    }
}

/// A thread that is to be there while the module is: started as it loads, and by
/// whoever needs it where that has failed.
pub struct Standing {
    name: &'static str,
    starts: AtomicBool,
}

impl Standing {
    /// Not there yet.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            starts: AtomicBool::new(false),
        }
    }

    /// Starts it, where it is not there; `run` does not return.
    ///
    /// # Errors
    /// The system's: there is no thread. The next who asks tries again.
    pub fn start(&self, size: usize, run: fn()) -> std::io::Result<()> {
        if self.starts.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let started = thread::Builder::new()
            .name(self.name.to_owned())
            .stack_size(size)
            .spawn(run);
        if started.is_err() {
            self.starts.store(false, Ordering::Release);
        }
        started.map(drop)
    }

    /// As [`Self::start`], for callers that cannot do without: an error if there is none.
    pub fn need(&self, size: usize, run: fn()) {
        if let Err(error) = self.start(size, run) {
            let name = self.name;
            freeswitch::once_a_second!(times => {
                tracing::error!("MR0017 {name}: no thread could be started: {error} ({times} times since the last such line); it is tried again");
            });
        }
    }
}
