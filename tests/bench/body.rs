//! The bytes of every body. Each follows from its place, so that what is lost, doubled or swapped on the way is seen by
//! looking at two bytes of every piece: the costs of looking must not hide what is measured.

/// After so many bytes the pattern begins again. A prime, so that no loss of whole buffers or pages goes unseen.
const TURN: usize = 251;

/// The longest piece that is handed out at once.
const PIECE: usize = 256 * 1024;

/// A stock of it.
pub struct Pattern(Vec<u8>);

impl Pattern {
    /// All that is ever needed.
    pub fn new() -> Pattern {
        Pattern((0..PIECE + TURN).map(|place| byte_at(place as u64)).collect())
    }

    /// What stands at `offset`, as much as is in stock and not beyond `left`.
    pub fn at(&self, offset: u64, left: u64) -> &[u8] {
        let start = (offset % TURN as u64) as usize;
        let length = left.min(PIECE as u64) as usize;
        &self.0[start..start + length]
    }
}

/// The byte at a place.
fn byte_at(offset: u64) -> u8 {
    (offset % TURN as u64) as u8
}

/// Whether this can be what stands at `offset`: its first and its last byte tell.
pub fn fits(offset: u64, piece: &[u8]) -> bool {
    let (Some(first), Some(last)) = (piece.first(), piece.last()) else { return true };
    *first == byte_at(offset) && *last == byte_at(offset + piece.len() as u64 - 1)
}
