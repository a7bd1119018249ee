//! The real time in which this process runs. A process that is stopped, or that gets no processor on
//! a busy machine, computes nothing: the clock leaves nearly all of that time out.
//!
//! A process that gets a tenth of a processor runs, and computes ten times as long: where the system took the
//! processor from it, what it used is counted besides ([`Passed::served`]).

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};

/// Between two beats.
const BEAT: Duration = Duration::from_millis(100);

/// What counts of the time since the last beat: when more has gone by, the thread that beats did
/// not get to run.
const MOST: Duration = Duration::from_millis(250);

/// What the thread that beats needs, and some.
const STACK: usize = 64 * 1024;

/// What went by since a pulse was made.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Passed {
    /// Real time, less what did not count.
    pub(crate) real: Duration,
    /// The same, but of time in which the processor was taken from this process, what it used. It may go back by what
    /// counts of one beat, where it is seen only after that beat that it was taken.
    pub(crate) served: Duration,
}

/// What the process has had of the machine.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    processor: Duration,
    /// How often the processor was taken from a thread that went on.
    preemptions: i64,
}

impl Usage {
    fn now() -> Self {
        // SAFETY: an rusage is plain integers, for which all zero is a value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the struct is this function's own and lives over the call, which writes nothing else.
        unsafe { libc::getrusage(libc::RUSAGE_SELF, &raw mut usage) };
        let micros = |time: libc::timeval| time.tv_sec * 1_000_000 + time.tv_usec;
        let used = micros(usage.ru_utime) + micros(usage.ru_stime);
        Self {
            processor: Duration::from_micros(u64::try_from(used).unwrap_or(0)),
            preemptions: usage.ru_nivcsw,
        }
    }
}

struct Counted {
    passed: Passed,
    /// When the time was counted last, and what had been used by then.
    at: Instant,
    usage: Usage,
    /// Between the last two beats the processor was taken from a thread that went on: by another process, or by
    /// another thread of this one.
    is_starved: bool,
    /// The process in which a thread beats. Without one, as in a child that was forked, all real time counts.
    beats_in: Option<u32>,
}

impl Counted {
    fn beats(&self) -> bool {
        self.beats_in == Some(std::process::id())
    }

    /// The real time since it was counted last, less what does not count.
    fn since(&self, now: Instant) -> Duration {
        let passed = now.saturating_duration_since(self.at);
        if self.beats() {
            passed.min(MOST)
        } else {
            passed
        }
    }

    fn passed_at(&self, now: Instant) -> Passed {
        let since = self.since(now);
        // What was used is seen with the next beat.
        let served = if self.is_starved && self.beats() {
            Duration::ZERO
        } else {
            since
        };
        Passed {
            real: self.passed.real + since,
            served: self.passed.served + served,
        }
    }

    fn count(&mut self, now: Instant, usage: Usage) {
        let since = self.since(now);
        self.is_starved = self.beats() && usage.preemptions > self.usage.preemptions;
        let used = usage.processor.saturating_sub(self.usage.processor);
        self.passed.real += since;
        self.passed.served += if self.is_starved {
            used.min(since)
        } else {
            since
        };
        self.at = now;
        self.usage = usage;
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
                passed: Passed::default(),
                at: Instant::now(),
                usage: Usage::default(),
                is_starved: false,
                beats_in: None,
            }),
            ends: Condvar::new(),
        }
    }

    /// What went by since this was made.
    pub(crate) fn now(&self) -> Passed {
        self.counted.lock().passed_at(Instant::now())
    }

    /// Starts the thread that beats, until [`Self::end`].
    ///
    /// # Errors
    /// The system gave none.
    pub(crate) fn start(self: &Arc<Self>) -> std::io::Result<JoinHandle<()>> {
        let usage = Usage::now();
        {
            let mut counted = self.counted.lock();
            counted.count(Instant::now(), usage);
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
            // On its way back from the system a thread may have to wait for a processor: the clock is not to wait with it.
            let usage = MutexGuard::unlocked(&mut counted, Usage::now);
            counted.count(Instant::now(), usage);
        }
    }

    /// From here on all real time counts again.
    pub(crate) fn end(&self) {
        let usage = Usage::now();
        let mut counted = self.counted.lock();
        counted.count(Instant::now(), usage);
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
        let idle = Usage::default();
        counted.count(after(0.1), idle);
        counted.count(after(0.3), idle);
        assert_eq!(counted.passed.real, Duration::from_millis(300));
        let later = counted.passed_at(after(5.0));
        assert_eq!(later.real, Duration::from_millis(550));
        counted.count(after(6.0), idle);
        counted.count(after(6.1), idle);
        assert_eq!(counted.passed.real, Duration::from_millis(650));
        assert_eq!(counted.passed.served, counted.passed.real);
        // Of a child that was forked no thread beats.
        for beats_in in [None, Some(std::process::id() + 1)] {
            counted.beats_in = beats_in;
            let later = counted.passed_at(after(9.1));
            assert_eq!(later.real, Duration::from_millis(3650));
        }
    }

    #[test]
    fn where_others_have_the_processor_what_was_used_counts() {
        let pulse = Pulse::new();
        let begin = pulse.counted.lock().at;
        let after = |millis| begin + Duration::from_millis(millis);
        let usage = |millis, preemptions| Usage {
            processor: Duration::from_millis(millis),
            preemptions,
        };
        let mut counted = pulse.counted.lock();
        counted.beats_in = Some(std::process::id());
        let mut served = |at, usage| {
            counted.count(after(at), usage);
            let by_now = counted.passed.served.as_millis();
            let later = counted.passed_at(after(at + 50)).served.as_millis();
            (by_now, later - by_now)
        };
        // It sleeps, or has a processor for itself.
        assert_eq!(served(100, usage(0, 0)), (100, 50));
        assert_eq!(served(200, usage(100, 0)), (200, 50));
        // It computes, and has it for a part of the time.
        assert_eq!(served(300, usage(110, 3)), (210, 0));
        assert_eq!(served(400, usage(120, 4)), (220, 0));
        // With two threads it may use more than there was.
        assert_eq!(served(500, usage(300, 5)), (320, 0));
        assert_eq!(served(600, usage(300, 5)), (420, 50));
        assert_eq!(counted.passed.real, Duration::from_millis(600));
    }

    #[test]
    fn a_thread_beats_until_it_is_told_to_end() {
        let pulse = Arc::new(Pulse::new());
        let thread = pulse.start().expect("a thread");
        let until = Instant::now() + Duration::from_secs(20);
        while pulse.now().real < MOST * 2 && Instant::now() < until {
            std::thread::yield_now();
        }
        assert!(pulse.now().real >= MOST * 2);
        pulse.end();
        thread.join().expect("it ends");
    }
}
