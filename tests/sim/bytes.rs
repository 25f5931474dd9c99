//! Every byte of every stream is a function of the stream and the position, so that any byte that is lost, doubled,
//! moved or delivered to a stranger is seen at once. The first eight say which stream it is.

use evenkeel::base::Rng;

/// Bytes of the number at the head of each stream.
pub const NAME: u64 = 8;

/// Writes what `stream` has from position `from` on.
pub fn fill(stream: u64, from: u64, into: &mut [u8]) {
    let mut word = (u64::MAX, [0; 8]);
    for (position, byte) in (from..).zip(into) {
        let place = position / 8;
        if word.0 != place {
            word = (place, word_at(stream, place).to_le_bytes());
        }
        *byte = word.1[(position % 8) as usize];
    }
}

fn word_at(stream: u64, place: u64) -> u64 {
    match place {
        0 => stream,
        place => Rng::new(stream.wrapping_mul(0xff51_afd7_ed55_8ccd) ^ place).bits(),
    }
}

/// Whether `bytes` are what `stream` has from position `from` on; if not, the first wrong position.
pub fn check(stream: u64, from: u64, bytes: &[u8]) -> Result<(), u64> {
    let mut right = vec![0; bytes.len()];
    fill(stream, from, &mut right);
    match right.iter().zip(bytes).position(|(right, byte)| right != byte) {
        Some(at) => Err(from + at as u64),
        None => Ok(()),
    }
}

/// A piece of a stream as a vector.
pub fn piece(stream: u64, from: u64, count: u64) -> Vec<u8> {
    let mut bytes = vec![0; count as usize];
    fill(stream, from, &mut bytes);
    bytes
}

/// The stream that says its number in its first bytes.
pub fn name_of(head: &[u8]) -> Option<u64> {
    let name = head.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*name))
}
