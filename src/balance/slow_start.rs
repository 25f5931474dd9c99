//! Slow start: who returns gets a share that grows from nothing to its own, evenly over a span.
//!
//! No weight changes for it, or the tables of the policies that hash would be made anew all the time. Instead a backend
//! that is warming is, for some picks, as if it took no work. For which:
//!
//! - Where requests have keys, they come home one after the other, each once and for good: a key is let in when the
//!   share has grown beyond the place that a hash gives it.
//! - Else by credit. Each pick in the pool earns it the part that is its due by now, its share of the pool's weight
//!   times how warm it is, and being picked costs a whole one. So its share is right even with policies that would fall
//!   upon the one that has nothing in flight; letting picks in by lot would not do that. Where `first` has it, all picks
//!   are its due.
//!
//! If nobody else fits, it is picked all the same. Whatever the policy, who warms costs the others no turn.

use super::key;
use super::{Backend, Members, Wanted};
use crate::base::Time;
use std::time::Duration;

/// Who of a pool's backends is warming. Most often nobody.
#[derive(Debug)]
pub struct SlowStart {
    /// None: nobody ever is.
    span: Option<Duration>,
    warming: Vec<Warming>,
    /// All picks are the due of each.
    packs: bool,
    /// Requests have keys.
    keyed: bool,
    /// The weight of all that take work.
    weight: u64,
}

/// A backend that has returned and is not yet warm.
#[derive(Debug, Clone)]
struct Warming {
    row: usize,
    since: Time,
    span: Duration,
    weight: u64,
    /// In parts of a pick: see [`Warming::earn`].
    credit: u64,
}

/// How warm a backend is when it is warm.
const WARM: u64 = 1 << 16;

/// More picks are not saved up: about as many as make up for the chance with which a policy comes by.
const MOST_SAVED: u64 = 8;

impl SlowStart {
    /// Whoever returns warms for so long, if a span is given. The policy gives all to one, or goes by keys.
    pub fn new(span: Option<Duration>, packs: bool, keyed: bool) -> SlowStart {
        SlowStart { span, warming: Vec::new(), packs, keyed, weight: 0 }
    }

    /// Whether nobody is warming.
    pub fn is_idle(&self) -> bool {
        self.warming.is_empty()
    }

    /// The backend in this row was excluded and takes work again. The pool is to be learnt before the next pick.
    pub fn returned(&mut self, row: usize, since: Time) {
        let Some(span) = self.span else { return };
        self.warming.retain(|one| one.row != row);
        self.warming.push(Warming { row, since, span, weight: 0, credit: 0 });
    }

    /// The pool has changed in more than what is in flight.
    pub fn learn(&mut self, backends: Members<'_>) {
        if self.is_idle() {
            return;
        }
        let weight = |backend: &Backend| u64::from(backend.weight);
        self.weight = backends.iter().filter(|backend| backend.takes_work()).map(weight).sum();
        for one in &mut self.warming {
            one.weight = backends.get(one.row).filter(|backend| backend.takes_work()).map_or(0, weight);
        }
    }

    /// A pick takes place: the rows of those that are not warm enough for it.
    pub fn cold(&mut self, wanted: &Wanted<'_>) -> Vec<usize> {
        self.warming.retain(|one| !one.is_over(wanted.now));
        let (price, packs) = (self.price(), self.packs);
        if !wanted.again {
            self.warming.iter_mut().for_each(|one| one.earn(if packs { 1 } else { one.weight }, price, wanted.now));
        }
        let lets_in = |one: &Warming| match self.keyed {
            true => one.lets_in(wanted.key, wanted.now),
            false => one.credit >= price,
        };
        self.warming.iter().filter(|one| !lets_in(one)).map(|one| one.row).collect()
    }

    /// The weight of those that are warming. It does not count in what bounds the load of the others, who carry it, or
    /// every key would be sent on to those.
    pub fn weight(&self) -> u64 {
        self.warming.iter().map(|one| one.weight).sum()
    }

    /// The backend in this row was picked.
    pub fn picked(&mut self, row: usize) {
        let price = self.price();
        if let Some(one) = self.warming.iter_mut().find(|one| one.row == row) {
            one.credit = one.credit.saturating_sub(price);
        }
    }

    /// What a pick costs, in parts.
    fn price(&self) -> u64 {
        if self.packs { WARM } else { self.weight.max(1) * WARM }
    }
}

impl Warming {
    /// How warm it is: up to [`WARM`].
    fn warmth(&self, now: Time) -> u64 {
        let (past, span) = ((now - self.since).as_nanos(), self.span.as_nanos().max(1));
        u64::try_from((past * u128::from(WARM) / span).min(u128::from(WARM))).unwrap_or(WARM)
    }

    fn is_over(&self, now: Time) -> bool {
        now - self.since >= self.span
    }

    /// A pick takes place in its pool, of which so much is its due.
    fn earn(&mut self, due: u64, price: u64, now: Time) {
        self.credit = (self.credit + self.warmth(now) * due).min(price * MOST_SAVED);
    }

    /// Whether this key has come home. Not by the hash that tells where home is, or all keys of one place would come at
    /// one time.
    fn lets_in(&self, request: u64, now: Time) -> bool {
        key::mix(!request) >> 48 < self.warmth(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::backend::tests_support::weighted;

    fn at(milliseconds: u64) -> Time {
        Time(0) + Duration::from_millis(milliseconds)
    }

    /// The first of a pool of these weights has returned after a second and warms for one.
    fn warming(weights: &[u32], packs: bool, keyed: bool) -> SlowStart {
        let mut slow = SlowStart::new(Some(Duration::from_secs(1)), packs, keyed);
        slow.returned(0, at(1000));
        slow.learn(Members::all(&weighted(weights)));
        slow
    }

    /// How many of 400 picks it is warm enough for, if it is picked whenever it is.
    fn had(slow: &mut SlowStart, moment: u64) -> usize {
        slow.warming.iter_mut().for_each(|one| one.credit = 0);
        let wanted = Wanted { now: at(moment), ..Wanted::default() };
        let had = (0..400).filter(|_| {
            let warm = slow.cold(&wanted).is_empty();
            if warm {
                slow.picked(0);
            }
            warm
        });
        had.count()
    }

    #[test]
    fn picks_are_let_in_as_it_warms() {
        for (moment, quarter, half, all) in [(1000, 0, 0, 0), (1250, 25, 50, 100), (1500, 50, 100, 200)] {
            assert_eq!(had(&mut warming(&[1, 1, 1, 1], false, false), moment), quarter);
            assert_eq!(had(&mut warming(&[3, 1, 2], false, false), moment), half);
            assert_eq!(had(&mut warming(&[1, 1, 1, 1], true, false), moment), all, "who packs gives all to one");
        }
        let mut slow = warming(&[1, 1], false, false);
        assert!(!slow.is_idle());
        assert_eq!(had(&mut slow, 2000), 400);
        assert!(slow.is_idle());
        let mut never = SlowStart::new(None, false, false);
        never.returned(0, at(0));
        assert!(never.is_idle());
    }

    #[test]
    fn keys_come_home_one_after_the_other_and_stay() {
        let mut slow = warming(&[1, 1], false, true);
        let mut home: Vec<u64> = Vec::new();
        for moment in (1000..2000).step_by(50) {
            let warm = |&number: &u64| {
                slow.cold(&Wanted { key: key::mix(number), now: at(moment), ..Wanted::default() }).is_empty()
            };
            let now: Vec<u64> = (0..1000).filter(warm).collect();
            assert!(now.len().abs_diff(moment as usize - 1000) < 50, "{} at {moment}", now.len());
            assert!(home.iter().all(|key| now.contains(key)));
            home = now;
        }
    }
}
