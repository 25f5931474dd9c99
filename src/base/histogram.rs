//! How long things took, in buckets: fixed bounds, a counter for each, and the sum.
//!
//! Nothing is estimated and nothing decays: two readings can be subtracted, which is how Prometheus reads them. Bounds are
//! decimal, so that the ones that people promise each other (a quarter of a second, ten milliseconds) are among them. No
//! two are closer than a factor of two, so the highest bit of a number leaves two buckets to choose from, and noting it
//! costs one compare.

use std::time::Duration;

const fn micros(count: u64) -> u64 {
    count * 1_000
}

const fn millis(count: u64) -> u64 {
    count * 1_000_000
}

/// For requests: from a hit next door to what hardly anybody waits for.
pub static REQUESTS: Scale = Scale::new(&[
    micros(100),
    micros(250),
    micros(500),
    millis(1),
    micros(2_500),
    millis(5),
    millis(10),
    millis(25),
    millis(50),
    millis(100),
    millis(250),
    millis(500),
    millis(1_000),
    millis(2_500),
    millis(5_000),
    millis(10_000),
    millis(30_000),
]);

/// For turns of the loop: what is above a few milliseconds, everybody feels.
pub static TURNS: Scale = Scale::new(&[
    micros(10),
    micros(25),
    micros(50),
    micros(100),
    micros(250),
    micros(500),
    millis(1),
    micros(2_500),
    millis(10),
    millis(50),
    millis(250),
]);

/// More bounds than this a scale does not have. A power of two, so that a masked number is a place.
const MOST: usize = 32;

/// The bounds of a histogram, in nanoseconds.
#[derive(Debug)]
pub struct Scale {
    count: usize,
    /// Those behind the last are above everything.
    upper: [u64; MOST],
    /// By the highest bit of a number: the first bound that it may not exceed.
    first: [u8; 64],
}

impl Scale {
    /// With these bounds, each twice the one before it or more.
    pub const fn new(bounds: &[u64]) -> Scale {
        assert!(bounds.len() < MOST);
        let (mut upper, mut first) = ([u64::MAX; MOST], [0; 64]);
        let (mut row, mut octave) = (0, 1);
        while row < bounds.len() {
            assert!(row == 0 || bounds[row] >= 2 * bounds[row - 1]);
            upper[row] = bounds[row];
            row += 1;
        }
        while octave < 64 {
            first[octave] = first[octave - 1];
            while upper[first[octave] as usize] < 1 << octave {
                first[octave] += 1;
            }
            octave += 1;
        }
        Scale { count: bounds.len(), upper, first }
    }

    /// They.
    pub fn bounds(&self) -> &[u64] {
        &self.upper[..self.count]
    }
}

/// See the [module](self).
#[derive(Debug, Clone)]
pub struct Histogram {
    scale: &'static Scale,
    /// One for each bound, and one for what is above all of them.
    counts: [u64; MOST],
    /// In nanoseconds. A thousand requests that wait for each other fill 64 bits in half a year.
    sum: u128,
}

impl Histogram {
    /// An empty one. A value stands in the bucket of the first of these bounds that it does not exceed.
    pub fn new(scale: &'static Scale) -> Histogram {
        Histogram { scale, counts: [0; MOST], sum: 0 }
    }

    /// Something took so many nanoseconds.
    #[inline]
    pub fn note(&mut self, nanoseconds: u64) {
        let octave = (nanoseconds | 1).ilog2() as usize;
        let first = usize::from(self.scale.first[octave]) % MOST;
        let bucket = first + usize::from(nanoseconds > self.scale.upper[first]);
        self.counts[bucket % MOST] += 1;
        self.sum += u128::from(nanoseconds);
    }

    /// How often something was noted.
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// How long all of it took.
    pub fn sum(&self) -> Duration {
        Duration::new(
            u64::try_from(self.sum / 1_000_000_000).unwrap_or(u64::MAX),
            (self.sum % 1_000_000_000) as u32, // less than a second
        )
    }

    /// Each bucket by itself: its upper bound in nanoseconds, none for the last, and its count.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<u64>, u64)> {
        let bounds = self.scale.upper.iter().copied().take(self.scale.count).map(Some).chain([None]);
        bounds.zip(self.counts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_bound_belongs_to_its_bucket() {
        let mut histogram = Histogram::new(&TURNS);
        [0, 10_000, 10_001, 250_000_000, 250_000_001, u64::MAX].into_iter().for_each(|value| histogram.note(value));
        let found: Vec<_> = histogram.buckets().filter(|(_, count)| *count > 0).collect();
        let (first, second, last) = (Some(10_000), Some(25_000), Some(250_000_000));
        assert_eq!(found, [(first, 2), (second, 1), (last, 1), (None, 2)]);
    }

    proptest! {
        #[test]
        fn nothing_is_lost(values in prop::collection::vec((any::<u64>(), 0..64u32), 0..50)) {
            let values: Vec<u64> = values.into_iter().map(|(value, bits)| value >> bits).collect(); // of every size
            let mut histogram = Histogram::new(&REQUESTS);
            values.iter().for_each(|&value| histogram.note(value));
            prop_assert_eq!(histogram.count(), values.len() as u64);
            let sum: u128 = values.iter().map(|&value| u128::from(value)).sum();
            prop_assert_eq!(histogram.sum().as_nanos(), sum);
            let below = |bound: u64| values.iter().filter(|&&value| value <= bound).count() as u64;
            let mut so_far = 0;
            for (bound, count) in histogram.buckets() {
                so_far += count;
                prop_assert_eq!(so_far, below(bound.unwrap_or(u64::MAX)));
            }
        }
    }
}
