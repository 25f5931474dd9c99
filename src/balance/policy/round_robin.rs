//! One after the other, exactly: over any full cycle each fit backend is chosen once.
//!
//! One counter for the whole pool and not one per worker or connection, which is why rotations elsewhere drift. A
//! request that has to move on takes the next fit backend but leaves the counter alone, so a failing backend does not
//! shift everybody else's turn.

use super::{Choice, Policy};

/// The row whose turn it is.
#[derive(Debug, Default)]
pub struct RoundRobin {
    turn: usize,
}

impl Policy for RoundRobin {
    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let count = choice.backends.len();
        let first = if self.turn < count { self.turn } else { 0 };
        let picked = (first..count).chain(0..first).find(|&row| (choice.may)(row))?;
        if !choice.again {
            self.turn = picked + 1;
        }
        Some(picked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(policy: &mut RoundRobin, count: usize, may: &dyn Fn(usize) -> bool, again: bool) -> Vec<usize> {
        let pool = crate::balance::backends::tests_support::table(3);
        (0..count).filter_map(|_| policy.pick(&Choice { backends: &pool, may, again })).collect()
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
}
