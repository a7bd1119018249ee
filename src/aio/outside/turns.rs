//! The order of what a worker on the bus asks of a call. A message may be lost, come twice, or
//! overtake another: each has a number, which counts from 1, and is carried out once, in its turn.

use std::collections::VecDeque;

/// How many answers are kept for those who ask again.
const KEPT: usize = 64;

/// What was carried out.
#[derive(Default)]
pub struct Turns {
    done: u64,
    replies: VecDeque<(u64, String)>,
}

impl Turns {
    /// Does what has this number, and gives the reply: the one that was kept, where that was done
    /// before; nothing, where something is missing before it.
    pub fn take(&mut self, number: u64, work: impl FnOnce() -> String) -> Option<String> {
        if number > self.done + 1 {
            return None;
        }
        if number <= self.done {
            let kept = self.replies.iter().find(|(kept, _)| *kept == number);
            return Some(kept.map_or_else(|| "+OK".to_owned(), |(_, reply)| reply.clone()));
        }
        let reply = work();
        self.done = number;
        keep(&mut self.replies, number, reply.clone());
        Some(reply)
    }
}

/// Keeps the last ones.
pub fn keep<T>(kept: &mut VecDeque<(u64, T)>, number: u64, what: T) {
    if kept.len() == KEPT {
        kept.pop_front();
    }
    kept.push_back((number, what));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_done_once_and_in_its_turn() {
        let mut turns = Turns::default();
        let mut done = Vec::new();
        for number in [1, 1, 3, 2, 2, 3, 1] {
            let reply = turns.take(number, || {
                done.push(number);
                format!("+OK {number}")
            });
            let is_early = number == 3 && done.len() < 2;
            assert_eq!(reply, (!is_early).then(|| format!("+OK {number}")));
        }
        assert_eq!(done, [1, 2, 3]);
    }

    #[test]
    fn what_is_kept_has_an_end() {
        let mut turns = Turns::default();
        for number in 1..=1000 {
            turns.take(number, || number.to_string());
        }
        assert_eq!(turns.replies.len(), KEPT);
        assert_eq!(turns.take(1000, String::new), Some("1000".to_owned()));
        assert_eq!(turns.take(1, String::new), Some("+OK".to_owned()));
    }
}
