//! How far the clock may fall behind real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::pulse::{Passed, Pulse};

/// How far the clock may fall behind real time while a thread computes.
///
/// Of time in which the processor is taken from the process, what it uses counts.
pub(crate) const GRACE: Duration = Duration::from_secs(1);

/// How far it may fall behind real time in all: a script that waits for what comes with time
/// goes on, however busy the machine is.
const BUSY_GRACE: Duration = Duration::from_secs(5);

/// The same where it is not to follow real time at all: years.
const NO_REAL_TIME: Duration = Duration::from_secs(1 << 30);

/// What a clock follows.
pub(crate) struct Following {
    /// It is the real clock.
    pub(crate) real_time: bool,
    /// See [`Self::stand_still`].
    stands_still: AtomicBool,
    pulse: Arc<Pulse>,
}

impl Following {
    pub(crate) fn new(real_time: bool) -> Self {
        Self {
            real_time,
            stands_still: AtomicBool::new(false),
            pulse: Arc::new(Pulse::new()),
        }
    }

    /// What counts as real time; nothing where the clock is the real one.
    pub(crate) fn pulse(&self) -> Option<&Arc<Pulse>> {
        (!self.real_time).then_some(&self.pulse)
    }

    /// What went by until now.
    pub(crate) fn now(&self) -> Passed {
        self.pulse.now()
    }

    /// From now on real time is not followed.
    pub(crate) fn stand_still(&self) {
        self.stands_still.store(true, Ordering::Relaxed);
    }

    /// What may have gone by before the clock follows, which agreed with real time at `anchor`.
    fn allowed(&self, anchor: Passed) -> Passed {
        let (grace, busy_grace) = if self.real_time {
            (Duration::ZERO, Duration::ZERO)
        } else if self.stands_still.load(Ordering::Relaxed) {
            (NO_REAL_TIME, NO_REAL_TIME)
        } else {
            (GRACE, BUSY_GRACE)
        };
        Passed {
            served: anchor.served + grace,
            real: anchor.real + busy_grace,
        }
    }

    /// How far the clock is to be ahead of where it was at `anchor`, at least.
    pub(crate) fn lag(&self, anchor: Passed) -> Duration {
        self.lag_at(self.now(), anchor)
    }

    fn lag_at(&self, now: Passed, anchor: Passed) -> Duration {
        let allowed = self.allowed(anchor);
        let served = now.served.saturating_sub(allowed.served);
        let real = now.real.saturating_sub(allowed.real);
        served.max(real)
    }

    /// The least real time until it is to be so far ahead.
    pub(crate) fn rest(&self, anchor: Passed, lag: Duration) -> Duration {
        self.rest_at(self.now(), anchor, lag)
    }

    fn rest_at(&self, now: Passed, anchor: Passed, lag: Duration) -> Duration {
        let allowed = self.allowed(anchor);
        let served = (allowed.served + lag).saturating_sub(now.served);
        let real = (allowed.real + lag).saturating_sub(now.real);
        served.min(real)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How far the clock follows, and how long it does not yet, after the process was served and real time went by for
    /// so many milliseconds.
    fn followed(follows: &Following, served: u64, real: u64) -> (u128, u128) {
        let anchor = Passed {
            served: Duration::from_secs(7),
            real: Duration::from_secs(9),
        };
        let now = Passed {
            served: anchor.served + Duration::from_millis(served),
            real: anchor.real + Duration::from_millis(real),
        };
        let lag = follows.lag_at(now, anchor);
        let rest = follows.rest_at(now, anchor, Duration::ZERO);
        (lag.as_millis(), rest.as_millis())
    }

    #[test]
    fn it_follows_what_was_served_a_second_behind_and_real_time_five() {
        let follows = Following::new(false);
        assert_eq!(followed(&follows, 250, 250), (0, 750));
        assert_eq!(followed(&follows, 2_500, 2_500), (1_500, 0));
        // Others have the processor.
        assert_eq!(followed(&follows, 500, 4_000), (0, 500));
        assert_eq!(followed(&follows, 250, 4_750), (0, 250));
        assert_eq!(followed(&follows, 500, 6_500), (1_500, 0));
        assert_eq!(followed(&follows, 3_000, 6_500), (2_000, 0));
    }

    #[test]
    fn a_real_clock_is_never_behind_and_one_that_stands_still_always() {
        assert_eq!(followed(&Following::new(true), 2_000, 2_000), (2_000, 0));
        let still = Following::new(false);
        still.stand_still();
        assert_eq!(followed(&still, 1_000_000, 1_000_000).0, 0);
    }
}
