//! The backends of one pool, as its policy sees them: rows 0, 1, 2 ..., wherever in the table they stand.
//!
//! Rows of the table are for life, so that whoever holds a [`BackendId`](super::BackendId) need not hear of a reload;
//! a pool that is given other backends is given another list of them.

use super::Backend;

/// The backends of one pool, in its order.
#[derive(Debug, Clone, Copy)]
pub struct Members<'a> {
    table: &'a [Backend],
    rows: &'a [u32],
}

impl<'a> Members<'a> {
    pub(super) fn new(table: &'a [Backend], rows: &'a [u32]) -> Members<'a> {
        Members { table, rows }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The one in this row of the pool.
    #[inline]
    pub fn get(&self, row: usize) -> Option<&'a Backend> {
        self.table.get(*self.rows.get(row)? as usize)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a Backend> + Clone + use<'a> {
        let table = self.table;
        self.rows.iter().map(move |&row| &table[row as usize])
    }
}

#[cfg(test)]
impl<'a> Members<'a> {
    /// A pool of all in a table.
    pub(crate) fn all(table: &'a [Backend]) -> Members<'a> {
        const ROWS: [u32; 4096] = {
            let mut rows = [0; 4096];
            let mut row = 0;
            while row < rows.len() {
                rows[row] = row as u32;
                row += 1;
            }
            rows
        };
        static ALL: [u32; 4096] = ROWS;
        Members { table, rows: &ALL[..table.len()] }
    }
}
