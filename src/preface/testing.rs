//! What holds for whatever is read here, whichever reader it is.

use super::Refusal;
use crate::base::Rng;
use std::fmt::Debug;

/// Bytes that are nearly one of `seeds`, fewer than `changes` of them another, so many times: no panic, and no word taken
/// back.
#[track_caller]
pub fn takes_no_word_back<T: PartialEq + Debug>(
    (mut rng, rounds): (Rng, usize),
    (seeds, changes): (&[&[u8]], u64),
    read: fn(&[u8]) -> Result<Option<T>, Refusal>,
) {
    for round in 0..rounds {
        let mut bytes = seeds[round % seeds.len()].to_vec();
        for _ in 0..rng.below(changes) {
            let at = rng.below(bytes.len() as u64) as usize;
            bytes[at] = rng.bits() as u8;
        }
        let mut said = Ok(None);
        for end in 0..=bytes.len() {
            let now = read(&bytes[..end]);
            assert!(said == Ok(None) || now == said, "{said:?}, then {now:?}: {}", bytes.escape_ascii());
            said = now;
        }
    }
}
