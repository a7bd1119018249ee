//! Log lines that a flood must not multiply.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::SystemTime;

/// How often something happened since it was last logged.
pub struct RateLimit {
    since: AtomicU64,
    second: AtomicI64,
}

impl Default for RateLimit {
    fn default() -> Self {
        Self::new()
    }
}

impl RateLimit {
    /// Nothing has happened yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            since: AtomicU64::new(0),
            second: AtomicI64::new(i64::MIN),
        }
    }

    /// Counts one; gives the count where nothing was logged in this second yet.
    pub fn count(&self) -> Option<u64> {
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

/// Runs the block at most once a second; `$count` is how often it was reached since.
#[macro_export]
macro_rules! once_a_second {
    ($count:ident => $block:block) => {{
        static SELDOM: $crate::rate_limit::RateLimit = $crate::rate_limit::RateLimit::new();
        if let Some($count) = SELDOM.count() {
            $block
        }
    }};
}
