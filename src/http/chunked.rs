//! The chunked coding (RFC 9112 7.1): taken apart in place, and put together.
//!
//! The grammar is narrow on purpose: hexadecimal digits, at most sixteen, then CRLF or an extension; nothing of a
//! chunk's dress goes on, since what we send is chunked anew. An extension is read with its quotes, so that nobody
//! can disagree with us about where it ends, and dropped. Next: `trailer.rs`.

use super::{Limits, Malformed, trailer};
use crate::base::digits::hex;

/// Where a chunked body is: the decoder's state.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chunked {
    number: u64, // the size so far; bytes of data to come; in the trailer section: bytes looked at
    count: u16,  // digits of the size; then bytes of the extension
    phase: Phase,
}

/// The step of the grammar that the next byte belongs to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    #[default]
    Size,
    Extension,
    Quoted,
    Escaped,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    Trailer,
    Done,
}

/// What one call of [`Chunked::decode`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decoded {
    /// So many bytes from the front were eaten.
    pub consumed: usize,
    /// The payload among them now stands in so many bytes at the front.
    pub produced: usize,
    /// The body is complete.
    pub done: bool,
}

/// Sixteen digits hold any `u64`, leading zeros included.
const MOST_DIGITS: u16 = 16;

/// The longest extension; signed chunks of object stores need about 90 bytes.
const LONGEST_EXTENSION: u16 = 1024;

impl Chunked {
    /// At the start of a body.
    pub fn new() -> Chunked {
        Chunked::default()
    }

    /// Decodes in place: of the bytes held, `consumed` from the front were eaten, and the payload among them now
    /// stands at `bytes[..produced]`; `bytes[consumed..]` are untouched and come again, at the front, next time.
    ///
    /// A trailer section is eaten only when it is whole; what of it may go on is appended to `trailers`, as lines. It
    /// may be as large as a head. After `done` nothing is eaten.
    pub fn decode(&mut self, bytes: &mut [u8], limits: &Limits, trailers: &mut Vec<u8>) -> Result<Decoded, Malformed> {
        let (mut consumed, mut produced) = (0, 0);
        while consumed < bytes.len() {
            match self.phase {
                Phase::Data => {
                    let size = self.take_data(bytes.len() - consumed);
                    if consumed != produced {
                        bytes.copy_within(consumed..consumed + size, produced);
                    }
                    (consumed, produced) = (consumed + size, produced + size);
                }
                Phase::Trailer => match self.take_trailer(&bytes[consumed..], limits, trailers)? {
                    0 => break,
                    size => consumed += size,
                },
                Phase::Done => break,
                _ => {
                    self.step(bytes[consumed])?;
                    consumed += 1;
                }
            }
        }
        let done = self.phase == Phase::Done;
        Ok(Decoded { consumed, produced, done })
    }

    /// How many bytes of data come before the next of the coding itself.
    pub fn data_to_come(&self) -> u64 {
        if self.phase == Phase::Data { self.number } else { 0 }
    }

    /// So many of them went another way.
    pub fn skip(&mut self, count: usize) {
        self.take_data(count);
    }

    /// Of `held` bytes of data, how many are this chunk's.
    fn take_data(&mut self, held: usize) -> usize {
        let size = usize::try_from(self.number).unwrap_or(usize::MAX).min(held);
        self.number -= size as u64;
        if self.number == 0 {
            self.phase = Phase::DataCr;
        }
        size
    }

    /// One byte of what stands between the data.
    fn step(&mut self, byte: u8) -> Result<(), Malformed> {
        self.phase = match (self.phase, byte) {
            (Phase::Size, b'\r' | b';') if self.count > 0 => {
                self.count = 0;
                if byte == b'\r' { Phase::SizeLf } else { Phase::Extension }
            }
            (Phase::Size, digit) => self.digit(digit)?,
            (Phase::SizeLf, b'\n') if self.number == 0 => Phase::Trailer,
            (Phase::SizeLf, b'\n') => Phase::Data,
            (Phase::SizeLf, _) => return Err(Malformed::BareCr),
            (Phase::DataCr, b'\r') => Phase::DataLf,
            (Phase::DataLf, b'\n') => Phase::Size,
            (Phase::DataCr | Phase::DataLf, _) => return Err(Malformed::ChunkEnd),
            (extension, byte) => self.extension(extension, byte)?,
        };
        Ok(())
    }

    /// RFC 9112 7.1 `chunk-size`, with room for no more than a body may have.
    fn digit(&mut self, byte: u8) -> Result<Phase, Malformed> {
        let digit = char::from(byte).to_digit(16).ok_or(Malformed::ChunkSize)?;
        self.count += 1;
        if self.count > MOST_DIGITS || self.number > i64::MAX as u64 >> 4 {
            return Err(Malformed::ChunkSize);
        }
        self.number = self.number << 4 | u64::from(digit);
        Ok(Phase::Size)
    }

    /// RFC 9112 7.1.1. A quoted string must end before its line does.
    fn extension(&mut self, phase: Phase, byte: u8) -> Result<Phase, Malformed> {
        self.count += 1;
        let printable = byte == b'\t' || byte >= b' ' && byte != 0x7f;
        match (phase, byte) {
            _ if self.count > LONGEST_EXTENSION => Err(Malformed::ChunkExtension),
            (Phase::Extension, b'\r') => {
                self.count = 0;
                Ok(Phase::SizeLf)
            }
            _ if !printable => Err(Malformed::ChunkExtension),
            (Phase::Extension, b'"') => Ok(Phase::Quoted),
            (Phase::Quoted, b'"') => Ok(Phase::Extension),
            (Phase::Quoted, b'\\') => Ok(Phase::Escaped),
            (Phase::Escaped, _) => Ok(Phase::Quoted),
            (same, _) => Ok(same),
        }
    }

    /// How many bytes the trailer section has; 0 while it is not whole.
    fn take_trailer(&mut self, bytes: &[u8], limits: &Limits, trailers: &mut Vec<u8>) -> Result<usize, Malformed> {
        let seen = usize::try_from(self.number).unwrap_or(usize::MAX);
        let window = &bytes[..bytes.len().min(limits.head)];
        match trailer::end(window, seen)? {
            Some(size) => {
                trailer::keep(&window[..size], limits, trailers)?;
                self.phase = Phase::Done;
                Ok(size)
            }
            None if window.len() >= limits.head => Err(Malformed::HeadTooLarge),
            None => {
                self.number = window.len() as u64;
                Ok(0)
            }
        }
    }
}

/// Writes what goes before `len` bytes of data, for example `1f\r\n`; behind the data comes CRLF. A chunk of no bytes
/// would end the body, so nothing is written for it.
pub fn chunk_head(len: usize, out: &mut Vec<u8>) {
    if len > 0 {
        hex(len as u128, len.ilog2() as usize / 4 + 1, out);
        out.extend_from_slice(b"\r\n");
    }
}

/// Writes what ends the body: the last chunk, the trailer lines and the empty line.
pub fn last_chunk(trailers: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"0\r\n");
    out.extend_from_slice(trailers);
    out.extend_from_slice(b"\r\n");
}
