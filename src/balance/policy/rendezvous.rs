//! Rendezvous hashing: every backend draws a number from the request's key and its own name, and the highest has it.
//!
//! Any number of balancers agree without a word, whatever the order in which they know the backends. When a backend
//! goes away, only its own keys move, and they scatter evenly over all others; none moves between two that stay. That
//! holds for health, too: who is unfit is as if it were not there. The price is a number for each backend at each pick;
//! [`maglev`](super::maglev) pays less in pools of hundreds.
//!
//! With weights, the number is a waiting time: the logarithm of what was drawn, divided by the weight ("Weighted
//! distributed hash tables", Schindelhauer, Schomaker, 2005). The logarithm is made of whole numbers, since those
//! of the processor's or the C library's making differ between machines. Its error is 0.1 % of a share at most.
//!
//! Backends that carry more than their share, see [`Load::BOUND`](super::Load::BOUND), are passed over, so that one hot
//! key cannot drown a backend.

use super::{Backend, Choice, Policy};
use crate::balance::key::{hash, mix};
use std::cmp::Ordering;

/// What the names of the backends hash to.
#[derive(Debug, Default)]
pub struct Rendezvous {
    seeds: Vec<u64>,
    /// All weights are equal: numbers can be compared as they were drawn.
    even: bool,
}

/// What a backend has drawn. The greatest wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Draw {
    number: u64,
    /// The lower, the better.
    wait: u64,
    weight: u32,
}

impl Ord for Draw {
    fn cmp(&self, other: &Draw) -> Ordering {
        let wait = |one: &Draw, two: &Draw| u128::from(one.wait) * u128::from(two.weight);
        wait(other, self).cmp(&wait(self, other)).then(self.number.cmp(&other.number))
    }
}

impl PartialOrd for Draw {
    fn partial_cmp(&self, other: &Draw) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Policy for Rendezvous {
    fn learn(&mut self, backends: &[Backend]) {
        if self.seeds.len() != backends.len() {
            self.seeds = backends.iter().map(|backend| hash(backend.name.bytes())).collect();
        }
        self.even = super::is_even(backends);
    }

    fn heeds_load(&self) -> bool {
        true
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let room = self.highest(choice, &|row| !choice.is_full(row));
        room.or_else(|| self.highest(choice, &|_| true))
    }
}

impl Rendezvous {
    /// Who draws the highest of those that may be picked and `also` may. They are asked last, since few come so far.
    pub(super) fn highest(&self, choice: &Choice<'_>, also: &dyn Fn(usize) -> bool) -> Option<usize> {
        let mut best: Option<(Draw, usize)> = None;
        for (row, (seed, backend)) in self.seeds.iter().zip(choice.backends).enumerate() {
            let number = mix(choice.key ^ seed);
            let draw = match self.even {
                true => Draw { number, wait: 0, weight: 1 },
                false => Draw { number, wait: wait(number), weight: backend.weight },
            };
            if best.is_none_or(|(best, _)| draw > best) && (choice.may)(row) && also(row) {
                best = Some((draw, row));
            }
        }
        best.map(|(_, row)| row)
    }
}

/// How far below 64 the binary logarithm of `number` is, with 32 binary places. Never 0.
fn wait(number: u64) -> u64 {
    let number = number.max(1);
    let zeros = number.leading_zeros();
    let digits = number << zeros; // the first is 1
    let (at, rest) = ((digits >> 55) as usize & 255, (digits >> 23) & 0xffff_ffff);
    let (from, to) = (LOG[at], LOG[at + 1]);
    let log = (u64::from(63 - zeros) << 32) + from + (((to - from) * rest) >> 32);
    (64 << 32) - log
}

/// The binary logarithms of 1, 1 + 1/256 ... 2, with 32 binary places.
const LOG: [u64; 257] = {
    let mut all = [1 << 32; 257];
    let mut at = 0;
    while at < 256 {
        all[at] = log(256 + at as u64);
        at += 1;
    }
    all
};

/// Of `number / 256`, which is from 1 to below 2: each squaring brings one binary place to light.
const fn log(number: u64) -> u64 {
    let (mut x, mut log, mut place) = (number << 23, 0, 32);
    while place > 0 {
        x = (x * x) >> 31;
        place -= 1;
        if x >> 32 == 1 {
            x >>= 1;
            log |= 1 << place;
        }
    }
    log
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logarithm_is_one_and_never_turns_back() {
        let mut rng = crate::base::Rng::new(3);
        let mut numbers: Vec<u64> = (0..100_000).map(|_| rng.bits() >> rng.below(64)).collect();
        numbers.extend([1, 2, 3, u64::MAX, u64::MAX - 1, 1 << 63, (1 << 63) - 1]);
        numbers.sort_unstable();
        for pair in numbers.windows(2) {
            assert!(wait(pair[0]) >= wait(pair[1]) && wait(pair[1]) > 0);
        }
        for number in numbers.into_iter().filter(|&number| number > 0) {
            let meant = 64.0 - (number as f64).log2();
            let error = (wait(number) as f64 / (1u64 << 32) as f64 - meant).abs();
            assert!(error <= meant * 0.001 + 1e-8, "{number}: {error}");
        }
    }
}
