//! Every byte of every stream is a function of the stream and the position, so that any byte that is lost, doubled,
//! moved or delivered to a stranger is seen at once. The first eight say which stream it is.

use evenkeel::base::Rng;

/// Bytes of the number at the head of each stream.
pub const NAME: u64 = 8;

/// What somebody has still to write.
#[derive(Debug, Default)]
pub struct Outbox {
    bytes: Vec<u8>,
    written: usize,
}

impl std::ops::Deref for Outbox {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[self.written..]
    }
}

impl Outbox {
    pub fn say(&mut self, words: impl AsRef<[u8]>) {
        self.bytes.extend_from_slice(words.as_ref());
    }

    /// `count` bytes were written.
    pub fn advance(&mut self, count: usize) {
        self.written += count;
        if self.is_empty() {
            self.bytes.clear();
            self.written = 0;
        }
    }

    /// Keeps what is still to write of the first `count` bytes.
    pub fn truncate(&mut self, count: usize) {
        self.bytes.truncate(self.written + count);
    }
}

/// Writes what `stream` has from position `from` on.
pub fn fill(stream: u64, from: u64, into: &mut [u8]) {
    let (mut place, skip) = (from / 8, (from % 8) as usize);
    let (first, rest) = into.split_at_mut(into.len().min((8 - skip) % 8));
    first.copy_from_slice(&word_at(stream, place).to_le_bytes()[skip..][..first.len()]);
    place += u64::from(skip > 0);
    for word in rest.chunks_mut(8) {
        word.copy_from_slice(&word_at(stream, place).to_le_bytes()[..word.len()]);
        place += 1;
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
    let mut right = [0; 512];
    for (index, part) in bytes.chunks(right.len()).enumerate() {
        let from = from + (index * right.len()) as u64;
        fill(stream, from, &mut right[..part.len()]);
        if right[..part.len()] != *part
            && let Some(at) = right.iter().zip(part).position(|(right, byte)| right != byte)
        {
            return Err(from + at as u64);
        }
    }
    Ok(())
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

#[test]
fn any_piece_is_a_part_of_the_whole() {
    let whole = piece(77, 0, 100);
    for from in 0..40 {
        for count in 0..40 {
            assert_eq!(piece(77, from, count), whole[from as usize..(from + count) as usize]);
        }
    }
}
