//! What must be true of any input: one file per fuzz target, each with `check(bytes)`, which panics when it is not.
//!
//! The same code judges in two places: the targets of cargo-fuzz, which invent inputs, and `tests/fuzz_corpus.rs`, which
//! runs the inputs kept in `corpus/` on every `cargo test`. [`strict`] is the second opinion: a reader of HTTP/1.1 written
//! from the RFCs that shares no line with the balancer.

#![allow(dead_code)] // each target uses its own part

pub mod chunks;
pub mod client_hello;
pub mod configuration;
pub mod proxy_protocol;
pub mod request_head;
pub mod response_head;
pub mod session;
pub mod stream;
pub mod strict;

/// Some places to cut `length` bytes at: all of them while that is cheap, then a few that the input itself decides.
fn cuts(input: &[u8]) -> Vec<usize> {
    const ALL: usize = 48;
    let length = input.len();
    if length <= ALL {
        return (1..length).collect();
    }
    let mut state = input.iter().fold(length as u64, |sum, &byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    let mut next = || {
        state = state.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        1 + (state >> 33) as usize % (length - 1)
    };
    (0..8).map(|_| next()).collect()
}

/// What is said of bytes that come one after the other: `open` for a while, then one thing for ever.
fn said_once<T: PartialEq + std::fmt::Debug>(input: &[u8], open: &T, read: impl Fn(&[u8]) -> T) {
    const EACH: usize = 300;
    let last = read(input);
    let mut first = None;
    let mut ends: Vec<usize> = (0..input.len().min(EACH)).chain(cuts(input)).collect();
    ends.sort_unstable();
    for end in ends {
        let now = read(&input[..end]);
        if first.is_none() && now != *open {
            first = Some(end);
        }
        let expected = if first.is_some() { &last } else { open };
        assert_eq!(now, *expected, "{end} bytes of {}", text(input));
    }
}

/// Bytes for a message about them.
fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}
