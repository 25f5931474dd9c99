//! Buffers that are lent, not owned (law 5).
//!
//! A connection borrows a buffer from the [`Lender`] while bytes are in flight and gives it back when the last one
//! left. Ten thousand idle connections hold none. The lender keeps returned buffers for the next borrower, last in,
//! first out, since that one is still warm in the cache.

/// A fixed piece of memory with a window of bytes in it: written at the end, consumed at the front.
#[derive(Debug)]
pub struct Buffer {
    memory: Box<[u8]>,
    start: usize,
    end: usize, // invariant: start <= end <= memory.len()
}

impl Buffer {
    /// An empty buffer with room for `size` bytes.
    pub fn new(size: usize) -> Buffer {
        Buffer { memory: vec![0; size].into_boxed_slice(), start: 0, end: 0 }
    }

    /// How much it can hold.
    pub fn size(&self) -> usize {
        self.memory.len()
    }

    /// The bytes held.
    pub fn bytes(&self) -> &[u8] {
        &self.memory[self.start..self.end]
    }

    /// The bytes held, to be changed in place.
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.end]
    }

    /// How many bytes are held.
    pub fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether no byte is held.
    pub fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Room for more bytes, behind those held. Call [`Buffer::filled`] with how many were written there.
    pub fn room(&mut self) -> &mut [u8] {
        &mut self.memory[self.end..]
    }

    /// `count` bytes were written into [`Buffer::room`].
    pub fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.memory.len());
    }

    /// Drops `count` bytes from the front.
    pub fn consume(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        }
    }

    /// Keeps the first `count` bytes and drops those behind them.
    pub fn truncate(&mut self, count: usize) {
        self.end = self.end.min(self.start + count);
    }

    /// Moves the bytes held to the front of the memory, so that all free room lies behind them.
    pub fn make_room(&mut self) {
        if self.start > 0 {
            self.memory.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
    }

    /// Appends what fits of `bytes`; says how many did.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        let count = bytes.len().min(self.memory.len() - self.end);
        self.memory[self.end..self.end + count].copy_from_slice(&bytes[..count]);
        self.end += count;
        count
    }
}

/// Keeps the free buffers of one loop and counts those out on loan.
#[derive(Debug)]
pub struct Lender {
    size: usize,
    buffers: Shelf<Buffer>,
    scraps: Shelf<Vec<u8>>,
    lent: usize,
}

/// A piece of writing larger than this is not kept: one long answer must not pin its memory for ever.
const LARGEST_SCRAP: usize = 64 * 1024;

impl Lender {
    /// A lender of buffers with room for `size` bytes each.
    pub fn new(size: usize) -> Lender {
        Lender { size, buffers: Shelf::default(), scraps: Shelf::default(), lent: 0 }
    }

    /// Buffers lent from now on have so much room; those out on loan are freed when they come back.
    pub fn resize(&mut self, size: usize) {
        if self.size != size {
            (self.size, self.buffers) = (size, Shelf::default());
        }
    }

    /// The room in each buffer, in bytes.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Buffers and scraps out on loan now.
    pub fn lent(&self) -> usize {
        self.lent
    }

    /// Lends an empty buffer to read into.
    pub fn lend(&mut self) -> Buffer {
        self.lent += 1;
        self.buffers.take().unwrap_or_else(|| Buffer::new(self.size))
    }

    /// Takes a buffer back, with whatever is still in it.
    pub fn give_back(&mut self, mut buffer: Buffer) {
        self.lent -= 1;
        buffer.consume(buffer.len());
        if buffer.size() == self.size {
            self.buffers.put(buffer);
        }
    }

    /// Lends an empty, growing piece of memory to write a head or an answer into.
    pub fn lend_scrap(&mut self) -> Vec<u8> {
        self.lent += 1;
        self.scraps.take().unwrap_or_else(|| Vec::with_capacity(1024))
    }

    /// Takes a scrap back.
    pub fn give_back_scrap(&mut self, mut scrap: Vec<u8>) {
        self.lent -= 1;
        if scrap.capacity() <= LARGEST_SCRAP {
            scrap.clear();
            self.scraps.put(scrap);
        }
    }

    /// Frees half of what nobody borrowed since the last call, so that a crowd's memory goes when the crowd has gone.
    /// Whether there is more to free.
    pub fn trim(&mut self) -> bool {
        self.buffers.trim() | self.scraps.trim()
    }
}

/// Free pieces of memory, kept for the next borrower.
#[derive(Debug)]
pub struct Shelf<T> {
    kept: Vec<T>,
    /// How few there were at the least since the last trim: so many were not needed.
    fewest: usize,
}

impl<T> Default for Shelf<T> {
    fn default() -> Shelf<T> {
        Shelf { kept: Vec::new(), fewest: 0 }
    }
}

impl<T> Shelf<T> {
    /// The piece that was put there last: it is still warm in the cache.
    pub fn take(&mut self) -> Option<T> {
        let piece = self.kept.pop();
        self.fewest = self.fewest.min(self.kept.len());
        piece
    }

    /// Puts a piece there.
    pub fn put(&mut self, piece: T) {
        self.kept.push(piece);
    }

    /// Frees half of those that nobody took since the last call. Whether some are left.
    pub fn trim(&mut self) -> bool {
        self.kept.drain(..self.fewest.div_ceil(2)); // the coldest
        self.kept.shrink_to(2 * self.kept.len());
        self.fewest = self.kept.len();
        !self.kept.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_slides_and_starts_over_when_empty() {
        let mut buffer = Buffer::new(8);
        assert_eq!(buffer.append(b"abcdef"), 6);
        buffer.consume(4);
        assert_eq!(buffer.bytes(), b"ef");
        assert_eq!(buffer.room().len(), 2);
        buffer.make_room();
        assert_eq!(buffer.bytes(), b"ef");
        assert_eq!(buffer.room().len(), 6);
        buffer.consume(99);
        assert!(buffer.is_empty());
        assert_eq!(buffer.room().len(), 8);
    }

    #[test]
    fn what_is_lent_is_counted_and_comes_back_empty() {
        let mut lender = Lender::new(4);
        let mut buffer = lender.lend();
        buffer.append(b"xy");
        assert_eq!(lender.lent(), 1);
        lender.give_back(buffer);
        assert_eq!((lender.lent(), lender.lend().len()), (0, 0));
    }

    #[test]
    fn what_nobody_needs_any_more_is_freed_by_halves() {
        let mut lender = Lender::new(4);
        let crowd: Vec<_> = (0..8).map(|_| lender.lend()).collect();
        crowd.into_iter().for_each(|buffer| lender.give_back(buffer));
        let left: Vec<_> = (0..5).map(|_| (lender.trim(), lender.buffers.kept.len()).1).collect();
        assert_eq!(left, [8, 4, 2, 1, 0]);
    }
}
