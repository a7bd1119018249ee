//! Which worker gets the next call: each has its share, by its weight, of those that run and of those that come.

/// A worker that could take it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Able {
    /// Its share, beside those of the others; never 0.
    pub(super) weight: u64,
    /// How many calls it serves.
    pub(super) running: u64,
    /// How many it was offered, by its weight.
    pub(super) turn: f64,
}

/// Which of these: of those that have fewer calls than their share, the one whose turn it is.
///
/// With few calls at a time the turns alone say it: by weights of 90 and 10 every tenth goes to the
/// second. Whose calls last longer than the others' gets fewer.
pub(super) fn choose(able: &[Able]) -> Option<usize> {
    let running: u64 = able.iter().map(|one| one.running).sum();
    let weights: u64 = able.iter().map(|one| one.weight).sum();
    let shares = able.iter().enumerate();
    // With the next call there is one more than they have: somebody is below his share of that.
    let below = shares.filter(|(_, one)| {
        u128::from(one.running) * u128::from(weights)
            < u128::from(running + 1) * u128::from(one.weight)
    });
    let first = below.min_by(|(_, a), (_, b)| {
        let by_turn = a.turn.total_cmp(&b.turn);
        by_turn.then(b.weight.cmp(&a.weight))
    });
    first.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of so many calls each gets, of which so many run at a time.
    fn shares(weights: &[u64], calls: usize, at_once: usize) -> Vec<usize> {
        let mut able: Vec<_> = weights
            .iter()
            .map(|&weight| Able {
                weight,
                running: 0,
                turn: 0.0,
            })
            .collect();
        let (mut got, mut run) = (vec![0; weights.len()], std::collections::VecDeque::new());
        for _ in 0..calls {
            let at = choose(&able).unwrap();
            got[at] += 1;
            run.push_back(at);
            able[at].running += 1;
            able[at].turn += 1.0 / able[at].weight as f64;
            if run.len() > at_once {
                able[run.pop_front().unwrap()].running -= 1;
            }
        }
        got
    }

    #[test]
    fn shares_follow_the_weights_with_one_call_at_a_time_and_with_many() {
        for at_once in [0, 1, 5, 50, 400] {
            let got = shares(&[90, 10], 1000, at_once);
            assert!((95..=105).contains(&got[1]), "{at_once}: {got:?}");
            let got = shares(&[100, 100, 50], 1000, at_once);
            assert!((395..=405).contains(&got[0]), "{at_once}: {got:?}");
            assert!((195..=205).contains(&got[2]), "{at_once}: {got:?}");
        }
    }

    #[test]
    fn of_equals_the_one_with_fewer_calls_gets_it() {
        let one = |running, turn| Able {
            weight: 100,
            running,
            turn,
        };
        assert_eq!(choose(&[one(3, 0.0), one(2, 9.0)]), Some(1));
        assert_eq!(choose(&[one(2, 1.0), one(2, 0.0)]), Some(1));
        assert_eq!(choose(&[]), None);
    }
}
