//! An answer that a worker was told, and may not have heard.

use std::time::{Duration, Instant};

use serde_json::Value;

/// The pause after an answer was said again: the first one, and the longest. Each is twice the one before.
const FIRST: Duration = Duration::from_secs(1);
const MOST: Duration = Duration::from_secs(8);

/// An answer, and when it may be said again. The pauses grow: a long answer may still be on its way
/// to a slow worker, and each copy makes that worker slower.
pub struct Said {
    answer: Value,
    due: Instant,
    pause: Duration,
}

impl Said {
    /// It is said now.
    pub fn new(answer: Value, now: Instant) -> Self {
        Self {
            answer,
            due: now,
            pause: FIRST,
        }
    }

    /// The answer, where it is time to say it again.
    pub fn again(&mut self, now: Instant) -> Option<Value> {
        if now < self.due {
            return None;
        }
        self.due = now + self.pause;
        self.pause = (self.pause * 2).min(MOST);
        Some(self.answer.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_said_again_ever_later() {
        let begun = Instant::now();
        let mut said = Said::new(Value::Null, begun);
        let at: Vec<u64> = (0..400)
            .map(|step| step * 100)
            .filter(|&millis| said.again(begun + Duration::from_millis(millis)).is_some())
            .collect();
        assert_eq!(at, [0, 1000, 3000, 7000, 15_000, 23_000, 31_000, 39_000]);
    }
}
