//! Drawing a backend by lot, each with a chance as large as its weight.
//!
//! Those that take no work have no lot. Another that may not be picked is drawn again, which leaves the chances of the
//! rest as they should be; if that happens too often, the lots of those that may are counted out.

use super::{Choice, Members};
use crate::base::Rng;

/// The lots and the hand that draws.
#[derive(Debug)]
pub(super) struct Lots {
    rng: Rng,
    /// By row: all lots up to and with its own.
    upto: Vec<u64>,
}

/// So often a lot is drawn before they are counted out.
const DRAWS: usize = 8;

impl Lots {
    pub(super) fn new(rng: Rng) -> Lots {
        Lots { rng, upto: Vec::new() }
    }

    /// Hands out the lots anew.
    pub(super) fn learn(&mut self, backends: Members<'_>) {
        self.upto.clear();
        let lots = backends.iter().map(|backend| if backend.takes_work() { u64::from(backend.weight) } else { 0 });
        self.upto.extend(lots.scan(0, |sum, lots| {
            *sum += lots;
            Some(*sum)
        }));
    }

    /// One of those that may be picked, but not this one.
    pub(super) fn draw(&mut self, choice: &Choice<'_>, other_than: Option<usize>) -> Option<usize> {
        let may = |row: usize| Some(row) != other_than && (choice.may)(row);
        let all = self.upto.last().copied().unwrap_or(0);
        let draws = if all > 0 { DRAWS } else { 0 };
        for _ in 0..draws {
            let lot = self.rng.below(all);
            let row = self.upto.partition_point(|&upto| upto <= lot);
            if may(row) {
                return Some(row);
            }
        }
        self.count_out(choice, &may)
    }

    fn count_out(&mut self, choice: &Choice<'_>, may: &dyn Fn(usize) -> bool) -> Option<usize> {
        let rows = || choice.backends.iter().enumerate().filter(|(row, _)| may(*row));
        let mut lot = self.rng.below(rows().map(|(_, backend)| u64::from(backend.weight)).sum());
        rows().find_map(|(row, backend)| {
            let hit = lot < u64::from(backend.weight);
            lot = lot.saturating_sub(u64::from(backend.weight));
            hit.then_some(row)
        })
    }
}
