//! Whoever has the fewest requests in flight for its weight; of equals, whoever's turn it is.
//!
//! A knock-out tournament is kept standing: the champion is the next to be picked, and when one backend's load changes,
//! only its own matches are played again, ten of them among 1,000. The backends that take no work do not take part, or
//! they would win with nothing in flight. If the champion may not be picked, which is so when a request moves on, the
//! others are looked through.

use super::turn::{self, Turn};
use super::{Backend, Choice, Members, Policy};
use crate::config::MOST_WEIGHT;

/// The tournament: the winner of those at `2n` and `2n + 1` stands at `n`, the champion at 1, and the backends in the
/// second half.
#[derive(Debug, Default)]
pub struct LeastConnections {
    rounds: Vec<Player>,
    weights: Vec<u32>,
    /// Everybody's next turn.
    turns: Vec<Option<Turn>>,
    /// The latest turn that was taken.
    last: Option<Turn>,
    /// Who was picked; its matches are not yet played again, since most often its load is about to change anyway.
    picked: Option<usize>,
}

/// A backend that takes part. The least wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Player {
    /// What it has in flight over its weight, rounded: with weights up to 256, two that differ do so in the first 16
    /// binary places, so 17 tell all of them apart.
    load: u64,
    turn: Option<Turn>,
}

/// Loses to everybody.
const NOBODY: Player = Player { load: u64::MAX, turn: None };

impl Policy for LeastConnections {
    fn learn(&mut self, backends: Members<'_>) {
        if !super::same_weights(&mut self.weights, backends) {
            self.turns = turn::turns(&self.weights, self.last);
        }
        let half = backends.len().next_power_of_two();
        self.rounds.clear();
        self.rounds.resize(half * 2, NOBODY);
        for (row, backend) in backends.iter().enumerate() {
            self.rounds[half + row] = self.player(row, backend);
        }
        (1..half).rev().for_each(|at| self.play(at));
        self.picked = None;
    }

    fn heeds_load(&self) -> bool {
        true
    }

    fn moved(&mut self, row: usize, backends: Members<'_>) {
        if let Some(backend) = backends.get(row) {
            self.enter(row, self.player(row, backend));
        }
        self.picked = self.picked.filter(|&picked| picked != row);
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        if let Some(row) = self.picked {
            self.moved(row, choice.backends);
        }
        let may = |turn: &Turn| (choice.may)(turn.row as usize);
        let champion = self.rounds.get(1).and_then(|champion| champion.turn).filter(may);
        let turn = champion.or_else(|| self.look_through(choice))?;
        let row = turn.row as usize;
        if !choice.again {
            self.last = self.last.max(Some(turn));
            self.turns[row] = Some(turn.next());
            self.picked = Some(row);
        }
        Some(row)
    }
}

impl LeastConnections {
    /// How this backend takes part, if it does.
    fn player(&self, row: usize, backend: &Backend) -> Player {
        if backend.takes_work() { self.standing(row, backend) } else { NOBODY }
    }

    /// How it would stand if it took part. A turn that has gone by is lost: who was busy for long is not to be served
    /// again and again as soon as it is free.
    fn standing(&self, row: usize, backend: &Backend) -> Player {
        let Some(turn) = self.turns.get(row).copied().flatten() else { return NOBODY };
        let turn = self.last.map_or(turn, |last| turn.after(last));
        let load = (u64::from(backend.in_flight) << 17) / u64::from(backend.weight.clamp(1, MOST_WEIGHT));
        Player { load, turn: Some(turn) }
    }

    /// Puts a player in and plays its matches again.
    fn enter(&mut self, row: usize, player: Player) {
        let mut at = self.rounds.len() / 2 + row;
        let Some(place) = self.rounds.get_mut(at) else { return };
        *place = player;
        while at > 1 {
            at /= 2;
            self.play(at);
        }
    }

    fn play(&mut self, at: usize) {
        self.rounds[at] = self.rounds[2 * at].min(self.rounds[2 * at + 1]);
    }

    /// The turn of the best of all who may be picked, those that take no work included.
    fn look_through(&self, choice: &Choice<'_>) -> Option<Turn> {
        let rows = choice.backends.iter().enumerate().filter(|(row, _)| (choice.may)(*row));
        rows.map(|(row, backend)| self.standing(row, backend)).min()?.turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::backend::tests_support::{choice, weighted};

    fn next(policy: &mut LeastConnections, pool: &[Backend]) -> Option<usize> {
        policy.pick(&choice(pool, &|_| true))
    }

    #[test]
    fn the_fewest_for_its_weight_is_picked() {
        let mut pool = weighted(&[1, 2, 4]);
        let mut policy = LeastConnections::default();
        for (in_flight, meant) in [([1, 1, 3], 1), ([0, 1, 1], 0), ([3, 6, 11], 2), ([2, 4, 7], 2), ([1, 3, 5], 0)] {
            pool.iter_mut().zip(in_flight).for_each(|(backend, count)| backend.in_flight = count);
            policy.learn(Members::all(&pool));
            assert_eq!(next(&mut policy, &pool), Some(meant), "{in_flight:?}");
        }
    }

    #[test]
    fn equals_take_turns_by_weight() {
        let pool = weighted(&[1, 2]);
        let mut policy = LeastConnections::default();
        policy.learn(Members::all(&pool));
        let picked: Vec<_> = (0..6).filter_map(|_| next(&mut policy, &pool)).collect();
        assert_eq!(picked, [1, 0, 1, 1, 0, 1]);
    }

    /// However loads come and go, the tournament knows what counting anew would find.
    #[test]
    fn the_champion_is_the_least_of_all() {
        let mut rng = crate::base::Rng::new(7);
        for count in 1..20 {
            let weights: Vec<u32> = (0..count).map(|_| 1 + rng.below(4) as u32).collect();
            let mut pool = weighted(&weights);
            let mut policy = LeastConnections::default();
            policy.learn(Members::all(&pool));
            for _ in 0..200 {
                let row = next(&mut policy, &pool).unwrap();
                let load = |row: usize| f64::from(pool[row].in_flight) / f64::from(pool[row].weight);
                assert!((0..count).all(|other| load(row) <= load(other)));
                pool[row].in_flight += 1;
                policy.moved(row, Members::all(&pool));
                let done = rng.below(count as u64) as usize;
                pool[done].in_flight = pool[done].in_flight.saturating_sub(1);
                policy.moved(done, Members::all(&pool));
            }
        }
    }

    #[test]
    fn who_was_busy_for_long_is_not_served_again_and_again() {
        let mut pool = weighted(&[1, 1]);
        let mut policy = LeastConnections::default();
        pool[0].in_flight = 1;
        policy.learn(Members::all(&pool));
        (0..100).for_each(|_| assert_eq!(next(&mut policy, &pool), Some(1)));
        pool[0].in_flight = 0;
        policy.moved(0, Members::all(&pool));
        let picked: Vec<_> = (0..4).filter_map(|_| next(&mut policy, &pool)).collect();
        assert!(picked == [0, 1, 0, 1] || picked == [1, 0, 1, 0], "{picked:?}");
    }
}
