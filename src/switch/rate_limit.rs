//! Log lines that a flood must not multiply.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::SystemTime;

/// How often something happened since it was last told of.
pub(crate) struct RateLimit {
    since: AtomicU64,
    second: AtomicI64,
}

impl RateLimit {
    pub(crate) const fn new() -> Self {
        Self {
            since: AtomicU64::new(0),
            second: AtomicI64::new(i64::MIN),
        }
    }

    /// Counts one; gives the count where this second has not been told of yet.
    pub(crate) fn count(&self) -> Option<u64> {
        self.since.fetch_add(1, Ordering::Relaxed);
        let now = if super::core::running() {
            super::core::now_micros() / 1_000_000
        } else {
            // The core's clock stands still.
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(0, |since| since.as_secs().cast_signed())
        };
        let told = self.second.swap(now, Ordering::Relaxed);
        (told != now).then(|| self.since.swap(0, Ordering::Relaxed))
    }
}

/// Runs the block at most once a second, with how often it was come to since.
macro_rules! once_a_second {
    ($count:ident => $block:block) => {{
        static SELDOM: $crate::switch::rate_limit::RateLimit =
            $crate::switch::rate_limit::RateLimit::new();
        if let Some($count) = SELDOM.count() {
            $block
        }
    }};
}

pub(crate) use once_a_second;
