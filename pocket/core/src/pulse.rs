//! The real time in which this process runs. A process that is stopped, or that gets no processor on
//! a busy machine, computes nothing: the clock leaves nearly all of that time out.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

/// Between two beats.
const BEAT: Duration = Duration::from_millis(100);

/// What counts of the time since the last beat: when more has gone by, the thread that beats did
/// not get to run.
const MOST: Duration = Duration::from_millis(250);

/// What the thread that beats needs, and some.
const STACK: usize = 64 * 1024;

struct Counted {
    time: Duration,
    /// When the time was counted last.
    at: Instant,
    /// The process in which a thread beats. Without one, as in a child that was forked, all real time counts.
    beats_in: Option<u32>,
}

impl Counted {
    fn time_at(&self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.at);
        let beats = self.beats_in == Some(std::process::id());
        self.time + if beats { passed.min(MOST) } else { passed }
    }

    fn count(&mut self, now: Instant) {
        self.time = self.time_at(now);
        self.at = now;
    }
}

/// The time, and what the thread that beats waits for.
pub(crate) struct Pulse {
    counted: Mutex<Counted>,
    ends: Condvar,
}

impl Pulse {
    pub(crate) fn new() -> Self {
        Self {
            counted: Mutex::new(Counted {
                time: Duration::ZERO,
                at: Instant::now(),
                beats_in: None,
            }),
            ends: Condvar::new(),
        }
    }

    /// The time since this was made, less what did not count.
    pub(crate) fn now(&self) -> Duration {
        self.counted.lock().time_at(Instant::now())
    }

    /// Starts the thread that beats, until [`Self::end`].
    ///
    /// # Errors
    /// The system gave none.
    pub(crate) fn start(self: &Arc<Self>) -> std::io::Result<JoinHandle<()>> {
        {
            let mut counted = self.counted.lock();
            counted.count(Instant::now());
            counted.beats_in = Some(std::process::id());
        }
        let pulse = Arc::clone(self);
        let thread = std::thread::Builder::new()
            .name("pocket pulse".to_owned())
            .stack_size(STACK)
            .spawn(move || pulse.beat());
        thread.inspect_err(|_| self.end())
    }

    fn beat(&self) {
        let mut counted = self.counted.lock();
        while counted.beats_in.is_some() {
            self.ends.wait_for(&mut counted, BEAT);
            counted.count(Instant::now());
        }
    }

    /// From here on all real time counts again.
    pub(crate) fn end(&self) {
        let mut counted = self.counted.lock();
        counted.count(Instant::now());
        counted.beats_in = None;
        self.ends.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_in_which_nothing_beats_hardly_counts() {
        let pulse = Pulse::new();
        let begin = pulse.counted.lock().at;
        let after = |seconds| begin + Duration::from_secs_f64(seconds);
        let mut counted = pulse.counted.lock();
        counted.beats_in = Some(std::process::id());
        counted.count(after(0.1));
        counted.count(after(0.3));
        assert_eq!(counted.time, Duration::from_millis(300));
        assert_eq!(counted.time_at(after(5.0)), Duration::from_millis(550));
        counted.count(after(6.0));
        counted.count(after(6.1));
        assert_eq!(counted.time, Duration::from_millis(650));
        // Of a child that was forked no thread beats.
        for beats_in in [None, Some(std::process::id() + 1)] {
            counted.beats_in = beats_in;
            assert_eq!(counted.time_at(after(9.1)), Duration::from_millis(3650));
        }
    }

    #[test]
    fn a_thread_beats_until_it_is_told_to_end() {
        let pulse = Arc::new(Pulse::new());
        let thread = pulse.start().expect("a thread");
        let until = Instant::now() + Duration::from_secs(20);
        while pulse.now() < MOST * 2 && Instant::now() < until {
            std::thread::yield_now();
        }
        assert!(pulse.now() >= MOST * 2);
        pulse.end();
        thread.join().expect("it ends");
    }
}
