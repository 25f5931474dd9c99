//! Where does this body end? The most dangerous question of the protocol, answered once.
//!
//! Here are the two fields that may answer it and nothing else; [`super::head`] puts the answers together, since it
//! knows the version and the status. Next: [`super::chunked`], which takes one of the four kinds apart.

use super::Malformed;
use super::words::list;

/// Where a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// After so many bytes, possibly 0.
    Length(u64),
    /// After the last chunk and the trailer section.
    Chunked,
    /// When the sender closes: responses only.
    UntilClose,
}

impl Framing {
    /// The length, if that is what ends it.
    pub fn length(self) -> Option<u64> {
        match self {
            Framing::Length(length) => Some(length),
            _ => None,
        }
    }
}

/// What `Transfer-Encoding` said, all its fields together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Coding {
    #[default]
    Absent,
    Chunked,
    /// Codings that exist, with chunked last or nowhere: refused as a thing we do not offer.
    Unsupported,
    /// Anything else: refused as nonsense.
    Bad,
}

impl Coding {
    /// One more field. Only the single word is safe: implementations differ on lists, parameters and repetitions, and
    /// a difference is a way to smuggle (RFC 9112 6.1, 11.2).
    pub(super) fn and(self, value: &[u8]) -> Coding {
        match self {
            Coding::Absent if value.eq_ignore_ascii_case(b"chunked") => Coding::Chunked,
            Coding::Absent if all_exist(value) => Coding::Unsupported,
            _ => Coding::Bad,
        }
    }
}

/// Whether this is a list of registered codings, with or without `chunked` behind them.
fn all_exist(value: &[u8]) -> bool {
    const EXIST: [&str; 5] = ["gzip", "x-gzip", "deflate", "compress", "x-compress"];
    let exists = |coding: &[u8]| EXIST.iter().any(|e| coding.eq_ignore_ascii_case(e.as_bytes()));
    let mut codings = list(value).rev().peekable();
    codings.next_if(|last| last.eq_ignore_ascii_case(b"chunked"));
    codings.peek().is_some() && codings.all(exists)
}

/// The longest body there is. Beyond it numbers overflow somewhere, and where differs.
const LONGEST: u64 = i64::MAX as u64;

/// RFC 9110 8.6: `1*DIGIT`, nothing else. No sign, no space, no list.
pub(super) fn length(value: &[u8]) -> Result<u64, Malformed> {
    match digits(value) {
        Some(number) if number <= LONGEST => Ok(number),
        _ => Err(Malformed::Length),
    }
}

/// A plain decimal number; none when it is none or too large.
pub(super) fn digits(value: &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for byte in value {
        let digit = u64::from(byte.wrapping_sub(b'0'));
        if digit > 9 {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(digit)?;
    }
    (!value.is_empty()).then_some(number)
}
