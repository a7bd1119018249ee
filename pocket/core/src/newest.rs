//! What is kept for whoever looks later: the newest, up to a number and up to so many bytes. A number alone is no bound:
//! a script logs megabytes in a line, and every event of a leg carries its variables.

use std::collections::VecDeque;

/// The newest of something; the very newest is kept, however large it is.
#[derive(Debug)]
pub(crate) struct Newest<T> {
    kept: VecDeque<(usize, T)>,
    bytes: usize,
    most: usize,
    most_bytes: usize,
}

impl<T> Newest<T> {
    /// Room for `most` of them, of `most_bytes` together.
    pub(crate) const fn new(most: usize, most_bytes: usize) -> Self {
        Self {
            kept: VecDeque::new(),
            bytes: 0,
            most,
            most_bytes,
        }
    }

    /// Keeps one of that size, and lets the oldest go for it.
    pub(crate) fn push(&mut self, size: usize, one: T) {
        self.kept.push_back((size, one));
        self.bytes += size;
        while self.kept.len() > 1
            && (self.kept.len() > self.most || self.bytes > self.most_bytes)
            && let Some((size, _)) = self.kept.pop_front()
        {
            self.bytes -= size;
        }
    }

    /// All of them, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.kept.iter().map(|(_, one)| one)
    }

    /// All of them, in order, which are not kept any longer.
    pub(crate) fn take(&mut self) -> Vec<T> {
        self.bytes = 0;
        self.kept.drain(..).map(|(_, one)| one).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_go_for_their_number_and_for_their_size() {
        let mut newest = Newest::new(3, 100);
        for one in 0..5 {
            newest.push(1, one);
        }
        assert_eq!(newest.take(), [2, 3, 4]);
        newest.push(60, 5);
        newest.push(30, 6);
        newest.push(30, 7);
        assert!(newest.iter().eq(&[6, 7]));
        assert_eq!(newest.take(), [6, 7]);
        newest.push(1, 8);
        newest.push(1000, 9);
        assert_eq!(newest.take(), [9]);
        assert_eq!(newest.take(), [0; 0]);
    }
}
