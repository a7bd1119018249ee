//! The switch's clock as the event loop tells it: it never goes back.
//!
//! A switch that is opened in a process after another one begins at the real time, which
//! the time of the one before may have been ahead of. What is due at a time of the loop,
//! and what counts from 0, would wait for minutes then.

use parking_lot::Mutex;
use pyo3::prelude::*;

/// The switch's time at the zero, and the latest that was told.
struct LoopClock {
    zero: Option<i64>,
    last: i64,
}

impl LoopClock {
    const fn new() -> Self {
        Self {
            zero: None,
            last: 0,
        }
    }

    /// Microseconds since the zero, where the switch's time is `now`.
    fn at(&mut self, now: i64) -> i64 {
        let zero = *self.zero.get_or_insert(now);
        if now - zero < self.last {
            // It goes on from where it was.
            self.zero = Some(now - self.last);
        } else {
            self.last = now - zero;
        }
        self.last
    }
}

/// The switch's clock, in seconds from when it was first asked for; it never goes back.
#[pyfunction]
pub fn clock() -> f64 {
    static CLOCK: Mutex<LoopClock> = Mutex::new(LoopClock::new());
    let since = CLOCK.lock().at(freeswitch::core::now_micros());
    #[expect(clippy::cast_precision_loss, reason = "exact for three centuries")]
    let micros = since as f64;
    micros / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_goes_on_where_the_switch_s_goes_back() {
        let mut clock = LoopClock::new();
        let told = [1000, 1500, 200, 210, 1600].map(|now| clock.at(now));
        assert_eq!(told, [0, 500, 500, 510, 1900]);
    }
}
