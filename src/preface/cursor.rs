//! A place in some bytes, and reads from there that cannot leave them: each gives all that was asked for, or nothing.

/// The bytes that are left. A read that fails moves nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor(bytes)
    }

    pub fn left(self) -> &'a [u8] {
        self.0
    }

    pub fn is_empty(self) -> bool {
        self.0.is_empty()
    }

    /// The next `count` bytes.
    pub fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.0.split_at_checked(count)?;
        self.0 = left;
        Some(taken)
    }

    /// The next `count` bytes, or as many as there are.
    pub fn up_to(&mut self, count: usize) -> &'a [u8] {
        self.take(count).unwrap_or_else(|| std::mem::take(&mut self.0))
    }

    /// The next `N` bytes, by value.
    pub fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (taken, left) = self.0.split_first_chunk()?;
        self.0 = left;
        Some(*taken)
    }

    /// A number of `N` bytes, the largest first; of the numbers there are, none has more than three.
    pub fn number<const N: usize>(&mut self) -> Option<usize> {
        let bytes: [u8; N] = self.array()?;
        Some(bytes.iter().fold(0, |number, &byte| number << 8 | usize::from(byte)))
    }

    /// A length of `N` bytes and so many bytes behind it: a vector of RFC 8446 3.4, a value of the PROXY protocol.
    pub fn vector<const N: usize>(&mut self) -> Option<Cursor<'a>> {
        let mut ahead = *self;
        let length = ahead.number::<N>()?;
        let taken = ahead.take(length)?;
        *self = ahead;
        Some(Cursor(taken))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_come_whole_or_not_at_all() {
        let mut cursor = Cursor::new(&[1, 0, 2, 0, 0, 3, 7]);
        assert_eq!(cursor.number::<1>(), Some(1));
        assert_eq!(cursor.number::<2>(), Some(2));
        assert_eq!(cursor.number::<3>(), Some(3));
        assert_eq!(cursor.take(2), None);
        assert_eq!(cursor.array::<2>(), None);
        assert_eq!(cursor.take(1), Some(&[7][..]));
        assert!(cursor.is_empty() && cursor.number::<1>().is_none());
        assert_eq!(cursor.take(0), Some(&[][..]));
    }

    #[test]
    fn a_vector_is_as_long_as_it_says() {
        let mut cursor = Cursor::new(&[2, 8, 9, 3, 1]);
        assert_eq!(cursor.vector::<1>().map(Cursor::left), Some(&[8, 9][..]));
        assert!(cursor.vector::<1>().is_none());
        assert_eq!(cursor.left(), [3, 1], "a read that failed moved");
        assert!(Cursor::new(&[0xff; 4]).vector::<3>().is_none());
        assert!(Cursor::new(&[]).vector::<2>().is_none());
    }
}
