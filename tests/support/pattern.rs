//! Bytes that know their place: a stream in which a lost, doubled, moved or foreign byte is noticed where it happens.
//!
//! Stronger than a checksum and cheaper: the stream repeats a pseudo-random block of prime length, so that checking is
//! comparing, and a shift by any buffer size shows.

use std::io::{self, Read, Write};

const PERIOD: usize = 65_521; // the largest prime below 64 KiB: no buffer size divides it

/// A position in the stream that a seed stands for.
pub struct Pattern {
    block: Vec<u8>,
    /// How many bytes were given out or checked.
    pub offset: u64,
}

impl Pattern {
    /// The stream of `seed`, from its beginning.
    pub fn new(seed: u64) -> Pattern {
        let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut next = || {
            state ^= state << 13; // xorshift64
            state ^= state >> 7;
            state ^= state << 17;
            (state >> 24) as u8
        };
        Pattern { block: (0..PERIOD).map(|_| next()).collect(), offset: 0 }
    }

    /// The first `length` bytes of the stream of `seed`.
    pub fn bytes(seed: u64, length: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(length);
        Pattern::new(seed).write(length as u64, &mut bytes).unwrap();
        bytes
    }

    /// Writes the next `length` bytes.
    pub fn write(&mut self, length: u64, to: &mut impl Write) -> io::Result<()> {
        let end = self.offset + length;
        while self.offset < end {
            let piece = self.ahead(end - self.offset);
            to.write_all(piece)?;
            self.offset += piece.len() as u64;
        }
        Ok(())
    }

    /// Checks that `bytes` are the next ones.
    #[track_caller]
    pub fn check(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let piece = self.ahead(bytes.len() as u64);
            let (now, rest) = bytes.split_at(piece.len());
            if now != piece {
                let at = now.iter().zip(piece).take_while(|(a, b)| a == b).count();
                panic!("the stream is broken at byte {}", self.offset + at as u64);
            }
            self.offset += now.len() as u64;
            bytes = rest;
        }
    }

    /// Reads `from` to its end and checks that all of it is the rest of `length` bytes.
    #[track_caller]
    pub fn check_to_end(&mut self, from: &mut impl Read, length: u64) {
        let mut buffer = vec![0; 256 * 1024];
        loop {
            match from.read(&mut buffer).expect("reading a stream to its end") {
                0 => break,
                count => self.check(&buffer[..count]),
            }
        }
        assert_eq!(self.offset, length, "bytes of the stream that arrived");
    }

    /// At most `most` next bytes, without going on.
    fn ahead(&self, most: u64) -> &[u8] {
        let from = (self.offset % PERIOD as u64) as usize;
        let piece = &self.block[from..];
        &piece[..piece.len().min(usize::try_from(most).unwrap_or(usize::MAX))]
    }
}
