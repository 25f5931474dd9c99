//! One after the other, exactly: over any full cycle each fit backend is chosen as often as its weight says.
//!
//! One order for the whole pool and not one per worker or connection, which is why rotations elsewhere drift. A request
//! that has to move on takes the next fit backend but leaves the order alone, so a failing backend does not shift
//! everybody else's turn. While all weights are equal, the order is a number that grows by one; else see
//! [`turn`](super::turn).

use super::turn::{self, Turn};
use super::{Choice, Members, Policy};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// The row whose turn it is, or everybody's next turn.
#[derive(Debug, Default)]
pub struct RoundRobin {
    /// While all weights are equal.
    row: usize,
    weights: Vec<u32>,
    /// Empty while all weights are equal.
    turns: BinaryHeap<Reverse<Turn>>,
    /// The turn that was taken last.
    last: Option<Turn>,
}

impl Policy for RoundRobin {
    fn learn(&mut self, backends: Members<'_>) {
        if super::same_weights(&mut self.weights, backends) {
            return;
        }
        self.turns = match super::is_even(backends) {
            true => BinaryHeap::new(),
            false => turn::turns(&self.weights, self.last).into_iter().flatten().map(Reverse).collect(),
        };
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        if !self.turns.is_empty() {
            return self.pick_weighted(choice);
        }
        let count = choice.backends.len();
        let first = if self.row < count { self.row } else { 0 };
        let picked = (first..count).chain(0..first).find(|&row| (choice.may)(row))?;
        if !choice.again {
            self.row = picked + 1;
        }
        Some(picked)
    }
}

impl RoundRobin {
    /// Who is passed over has lost this turn, not saved it up: or it would have a heap of them once it is back.
    fn pick_weighted(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let mut passed = Vec::new();
        let picked = loop {
            match self.turns.pop() {
                Some(Reverse(turn)) if !(choice.may)(turn.row as usize) => passed.push(turn),
                other => break other.map(|Reverse(turn)| turn),
            }
        };
        match picked {
            Some(turn) if !choice.again => {
                self.turns.push(Reverse(turn.next()));
                self.turns.extend(passed.into_iter().map(|lost| Reverse(lost.after(turn))));
                self.last = picked;
            }
            _ => self.turns.extend(passed.into_iter().chain(picked).map(Reverse)),
        }
        picked.map(|turn| turn.row as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::backend::tests_support::{choice, table, weighted};

    fn picks(policy: &mut RoundRobin, count: usize, may: &dyn Fn(usize) -> bool, again: bool) -> Vec<usize> {
        let pool = table(3);
        (0..count).filter_map(|_| policy.pick(&Choice { again, ..choice(&pool, may) })).collect()
    }

    #[test]
    fn goes_round_and_skips_who_may_not() {
        let mut policy = RoundRobin::default();
        assert_eq!(picks(&mut policy, 5, &|_| true, false), [0, 1, 2, 0, 1]);
        assert_eq!(picks(&mut policy, 3, &|row| row != 2, false), [0, 1, 0]);
        assert!(picks(&mut policy, 3, &|_| false, false).is_empty());
    }

    #[test]
    fn moving_on_leaves_the_rotation_alone() {
        let mut policy = RoundRobin::default();
        assert_eq!(picks(&mut policy, 1, &|_| true, false), [0]);
        assert_eq!(picks(&mut policy, 2, &|row| row != 0, true), [1, 1]);
        assert_eq!(picks(&mut policy, 2, &|_| true, false), [1, 2]);
    }

    #[test]
    fn weights_are_spread_smoothly() {
        let mut policy = RoundRobin::default();
        policy.learn(Members::all(&weighted(&[5, 1, 1])));
        assert_eq!(picks(&mut policy, 7, &|_| true, false), [0, 1, 0, 0, 0, 2, 0]);
        assert_eq!(picks(&mut policy, 2, &|row| row != 0, true), [1, 1]);
        assert_eq!(picks(&mut policy, 4, &|row| row != 0, false), [1, 2, 1, 2]);
        assert!(picks(&mut policy, 1, &|_| false, false).is_empty());
    }

    #[test]
    fn a_changed_weight_counts_from_now_on_and_nobody_catches_up() {
        let mut policy = RoundRobin::default();
        policy.learn(Members::all(&weighted(&[1, 2, 1])));
        picks(&mut policy, 4_001, &|_| true, false);
        policy.learn(Members::all(&weighted(&[1, 2, 4])));
        let picked = picks(&mut policy, 14, &|_| true, false);
        let count = |row| picked.iter().filter(|&&it| it == row).count();
        assert_eq!([count(0), count(1), count(2)], [2, 4, 8]);
    }
}
