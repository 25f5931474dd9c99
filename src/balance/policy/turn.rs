//! Whose turn it is among backends of different weights, exactly and smoothly.
//!
//! Time goes round in laps. A backend of weight `w` has `w` turns in each lap, evenly spread, and backends of one weight
//! have theirs evenly between each other's: `m` of them together are like one of weight `mw`, whose turns come at
//! 1/2mw, 3/2mw, 5/2mw ... and go round among them. The earliest is next; of two at the same time, the lower row. Each
//! lap is like the one before, so that any stretch as long as the sum of all weights holds exactly `w` turns of each,
//! and nobody's come in a heap: weights 5, 1, 1 go a b a a a c a.

use crate::config::MOST_WEIGHT;
use std::collections::BTreeMap;

/// One turn of the backend in a row. The earliest is the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Turn {
    lap: u64,
    /// When in the lap, with 32 binary places. Rounded, which does no harm: a backend's own turns are further apart,
    /// and each lap is rounded alike.
    within: u32,
    pub(super) row: u32,
    /// What `within` was made of: parts of the pace, odd and below it.
    at: u64,
    /// Twice the weight of all backends of this weight together. Below 2^32.
    pace: u64,
    /// From one turn of this backend to its next. The pace is a multiple of it.
    step: u64,
}

/// For each row its first turn after this one. None for who has no weight and so no turn.
pub(super) fn turns(weights: &[u32], after: Option<Turn>) -> Vec<Option<Turn>> {
    let weights = || weights.iter().map(|&weight| u64::from(weight.min(MOST_WEIGHT)));
    let mut groups = BTreeMap::new();
    for weight in weights() {
        groups.entry(weight).or_insert((0, 1)).0 += 1;
    }
    let first = |(row, weight): (usize, u64)| {
        let (count, at) = groups.get_mut(&weight).filter(|_| weight > 0)?;
        let (pace, step) = (2 * *count * weight, 2 * *count);
        let turn = Turn { lap: 0, within: 0, row: row as u32, at: 0, pace, step }.at(*at);
        *at += 2;
        Some(after.map_or(turn, |other| turn.after(other)))
    };
    weights().enumerate().map(first).collect()
}

impl Turn {
    /// The same backend's next turn.
    pub(super) fn next(self) -> Turn {
        self.at(self.at + self.step)
    }

    /// This one if it comes after `other`, else the same backend's first that does.
    pub(super) fn after(self, other: Turn) -> Turn {
        if self > other {
            return self;
        }
        let first = self.at % self.step;
        let then = (u64::from(other.within) * self.pace) >> 32;
        let steps = then.saturating_sub(first) / self.step;
        let mut turn = Turn { lap: other.lap, ..self }.at(first + steps * self.step);
        while turn <= other {
            turn = turn.next(); // twice at most
        }
        turn
    }

    /// In this lap or the next.
    fn at(self, at: u64) -> Turn {
        let (lap, at) = if at < self.pace { (self.lap, at) } else { (self.lap + 1, at - self.pace) };
        Turn { lap, within: ((at << 32) / self.pace) as u32, at, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(weights: &[u32], row: usize, after: Option<Turn>) -> Turn {
        turns(weights, after)[row].unwrap()
    }

    #[test]
    fn after_is_the_first_of_all_turns_that_comes_later() {
        for weights in [[1, 1, 1], [3, 5, 5], [5, 3, 3], [256, 1, 1], [1, 256, 1], [6, 4, 9]] {
            for (row, other_row) in [(0, 1), (1, 0), (2, 0), (0, 2), (1, 1)] {
                let mut other = one(&weights, other_row, None);
                for _ in 0..50 {
                    let mut meant = one(&weights, row, None);
                    while meant <= other {
                        meant = meant.next();
                    }
                    assert_eq!(one(&weights, row, Some(other)), meant);
                    other = other.next();
                }
            }
        }
        assert_eq!(turns(&[0], None), [None]);
    }

    /// Between two turns of the heavy one there is never more than one of the many light ones.
    #[test]
    fn light_ones_do_not_come_in_a_heap() {
        let mut all: Vec<Turn> = turns(&[5, 1, 1, 1, 1, 1], None).into_iter().flatten().collect();
        let mut order = String::new();
        for _ in 0..20 {
            all.sort();
            order.push((b'a' + all[0].row as u8) as char);
            all[0] = all[0].next();
        }
        assert_eq!(order, "abacadaeafabacadaeaf");
    }
}
