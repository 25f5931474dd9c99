//! Maglev hashing: the request's key is a place in a table, and the backend written there has it.
//!
//! The table is filled by the backends in turn, each following its own list of places ("Maglev: A Fast and Reliable
//! Software Network Load Balancer", Eisenbud and others, 2016, section 3.4), in rounds in which a backend of half the
//! weight comes half as often. It is a function of names and weights alone, not of their order or of the past, so any
//! number of balancers have the same.
//!
//! Health does not rebuild it: who finds an unfit backend goes on to other places, and after some to the rendezvous of
//! all that are fit. So the failure of a backend moves its own keys and no other, and they scatter over all that stay;
//! a new table, as when the configuration changes, moves a few of the others' keys as well. Backends that carry more
//! than their share, see [`Load::BOUND`](super::Load::BOUND), are passed over in the same way.

use super::rendezvous::Rendezvous;
use super::{Choice, Members, Policy};
use crate::balance::key::{hash, mix};

/// The table.
#[derive(Debug, Default)]
pub struct Maglev {
    /// Rows by place.
    table: Vec<u32>,
    /// What it was made of.
    weights: Vec<u32>,
    others: Rendezvous,
}

/// Places in the table: prime, so that every step from 1 up goes through all of them. Shares are even to 1 % for up to
/// about 650 backends.
pub const PLACES: u64 = 65_537;

/// So many places are looked at before the rendezvous.
const LOOKS: u64 = 8;

impl Policy for Maglev {
    fn learn(&mut self, backends: Members<'_>) {
        self.others.learn(backends);
        if !super::same_weights(&mut self.weights, backends) {
            self.table = table(backends);
        }
    }

    fn heeds_load(&self) -> bool {
        true
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let looks = (0..LOOKS).filter_map(|look| self.table.get(place(choice.key, look)));
        let mut rows = looks.map(|&row| row as usize);
        let room = rows.find(|&row| (choice.may)(row) && !choice.is_full(row));
        room.or_else(|| self.others.pick(choice))
    }
}

/// The place of a key, and those where to look next.
fn place(key: u64, look: u64) -> usize {
    let key = if look == 0 { key } else { mix(key.wrapping_add(look)) };
    (key % PLACES) as usize
}

/// A backend on its way through the table.
struct Walker {
    row: u32,
    weight: u64,
    place: u64,
    step: u64,
    /// Rounds it has come by, times its weight.
    due: u64,
}

/// Who is in which place; empty if nobody has a weight.
fn table(backends: Members<'_>) -> Vec<u32> {
    const NOBODY: u32 = u32::MAX;
    let mut walkers = walkers(backends);
    let most = walkers.iter().map(|walker| walker.weight).max().unwrap_or(0);
    let mut table = vec![NOBODY; if most > 0 { PLACES as usize } else { 0 }];
    let mut left = table.len();
    while left > 0 {
        for walker in &mut walkers {
            walker.due += walker.weight;
            if walker.due < most || left == 0 {
                continue;
            }
            walker.due -= most;
            while table[walker.place as usize] != NOBODY {
                walker.place = (walker.place + walker.step) % PLACES;
            }
            table[walker.place as usize] = walker.row;
            left -= 1;
        }
    }
    table
}

/// Sorted by name, since whoever comes first takes the place: the order of a file must not matter.
fn weight(backends: Members<'_>, row: usize) -> u32 {
    backends.get(row).map_or(0, |backend| backend.weight)
}

fn name(backends: Members<'_>, row: usize) -> &str {
    backends.get(row).map_or("", |backend| &backend.name)
}

fn walkers(backends: Members<'_>) -> Vec<Walker> {
    let mut rows: Vec<usize> = (0..backends.len()).filter(|&row| weight(backends, row) > 0).collect();
    rows.sort_unstable_by_key(|&row| name(backends, row));
    let walker = |row: usize| {
        let seed = hash(name(backends, row).bytes());
        let (place, step) = (seed % PLACES, 1 + mix(seed) % (PLACES - 1));
        Walker { row: row as u32, weight: u64::from(weight(backends, row)), place, step, due: 0 }
    };
    rows.into_iter().map(walker).collect()
}
