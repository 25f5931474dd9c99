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

use super::{Choice, Members, Policy};
use crate::balance::key::{hash, mix};
use crate::config::MOST_WEIGHT;

/// Who takes part.
#[derive(Debug, Default)]
pub struct Rendezvous {
    /// By row: what the name hashes to, and the weight.
    seats: Vec<(u64, u32)>,
    /// All weights are equal: what was drawn can be compared as it is.
    even: bool,
}

impl Policy for Rendezvous {
    fn learn(&mut self, backends: Members<'_>) {
        if self.seats.len() != backends.len() {
            self.seats = backends.iter().map(|backend| (hash(backend.name.bytes()), 0)).collect();
        }
        for (seat, backend) in self.seats.iter_mut().zip(backends.iter()) {
            seat.1 = backend.weight.min(MOST_WEIGHT);
        }
        self.even = super::is_even(backends);
    }

    fn heeds_load(&self) -> bool {
        true
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let highest = |may: &dyn Fn(usize) -> bool| match self.even {
            true => self.highest(choice.key, may),
            false => self.soonest(choice.key, may),
        };
        let room = highest(&|row| (choice.may)(row) && !choice.is_full(row));
        room.or_else(|| highest(choice.may))
    }
}

impl Rendezvous {
    /// Who of those that may draws the highest number. Whether it may is asked last, since few come so far.
    fn highest(&self, key: u64, may: &dyn Fn(usize) -> bool) -> Option<usize> {
        let (mut most, mut best) = (0, None);
        for (row, (seed, _)) in self.seats.iter().enumerate() {
            let number = mix(key ^ seed);
            if number >= most && may(row) {
                (most, best) = (number, Some(row));
            }
        }
        best
    }

    /// The same with weights, where the number is a time to wait. Of equals the higher number, so that nothing changes
    /// when weights that were equal no longer are.
    fn soonest(&self, key: u64, may: &dyn Fn(usize) -> bool) -> Option<usize> {
        let (mut least, mut best) = ((u64::MAX, 1, 0), None);
        for (row, &(seed, weight)) in self.seats.iter().enumerate() {
            let number = mix(key ^ seed);
            let wait = wait(number);
            let (mine, others) = (wait * least.1, least.0.saturating_mul(u64::from(weight)));
            if (mine < others || mine == others && number > least.2) && may(row) {
                (least, best) = ((wait, u64::from(weight), number), Some(row));
            }
        }
        best
    }
}

/// How far below 64 the binary logarithm of `number` is, with 32 binary places. Never 0, and so small that a product
/// with a weight fits.
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
