//! How one of several fit backends is chosen: a trait, and one file per policy.
//!
//! A new policy is one file here, one line in [`of`] and its name in the configuration. Policies keep no counters of
//! their own beyond what the choice itself needs: what is in flight stands with the backend.
//!
//! What a pick costs with its `begin` and `end`, in nanoseconds, in pools of which all are fit; measured on an AMD EPYC
//! by `cargo run --release --example policies`:
//!
//! | policy | 10 backends | 1,000 | grows with their number |
//! |---|---|---|---|
//! | `round-robin`, `first` | 14 | 14 | not |
//! | `round-robin` with weights | | 62 | as its logarithm: a heap |
//! | `least-connections` | 75 | 220 to 390 | as its logarithm: a tournament |
//! | `random` | 20 | 30 | as its logarithm: a search |
//! | `two-choices` | 31 | 49 | as its logarithm: two searches |
//! | `maglev` | 22 | 23 | not; a new table is made in 3 ms when weights change |
//! | `rendezvous` | 58 | 1,750 | evenly, by its nature; with weights 8,000 |
//!
//! Who takes no work costs most of them nothing: they look at the whole pool once when that changes. `round-robin` and
//! `first` pass such rows over one by one, and so does the pick of a request that has tried other backends before.

mod first;
mod least_connections;
mod lot;
mod maglev;
mod random;
mod rendezvous;
mod round_robin;
mod turn;
mod two_choices;

use super::{Backend, Members};
use crate::base::Rng;
use crate::config::PolicyName;

/// The policy of this name. What it leaves to chance, `rng` decides.
pub fn of(name: PolicyName, rng: Rng) -> Box<dyn Policy> {
    match name {
        PolicyName::RoundRobin => Box::new(round_robin::RoundRobin::default()),
        PolicyName::LeastConnections => Box::new(least_connections::LeastConnections::default()),
        PolicyName::TwoChoices => Box::new(two_choices::TwoChoices::new(rng)),
        PolicyName::Random => Box::new(random::Random::new(rng)),
        PolicyName::Rendezvous => Box::new(rendezvous::Rendezvous::default()),
        PolicyName::Maglev => Box::new(maglev::Maglev::default()),
        PolicyName::First => Box::new(first::First),
    }
}

/// A way to choose.
pub trait Policy {
    /// Tells of the pool's backends: at first, and whenever more of them may have changed than what is in flight. They
    /// stay in their rows.
    fn learn(&mut self, backends: Members<'_>) {
        let _ = backends;
    }

    /// Whether [`Policy::moved`] is to be called, and [`Choice::load`] kept.
    fn heeds_load(&self) -> bool {
        false
    }

    /// Whether it gives everything to one as long as that one can take it, so that all is its due.
    fn packs(&self) -> bool {
        false
    }

    /// The backend in this row has one more or one fewer in flight.
    fn moved(&mut self, row: usize, backends: Members<'_>) {
        let _ = (row, backends);
    }

    /// The row of the chosen backend; none if none may be chosen.
    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize>;
}

/// What a policy chooses from.
pub struct Choice<'a> {
    /// The pool's backends.
    pub backends: Members<'a>,
    /// Whether the one in this row may be chosen.
    pub may: &'a dyn Fn(usize) -> bool,
    /// The request tried another backend before: the choice must not count in the rotation.
    pub again: bool,
    /// What the request is known by, to the policies that hash.
    pub key: u64,
    /// What all that take work have to carry, if the policy heeds it.
    pub load: Load,
}

/// What the backends that take work carry together.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Load {
    /// What they have in flight.
    pub in_flight: u64,
    /// Their weights.
    pub weight: u64,
}

impl Load {
    /// Counted anew.
    pub fn of(backends: Members<'_>) -> Load {
        let working = || backends.iter().filter(|backend| backend.takes_work());
        let in_flight = working().map(|backend| u64::from(backend.in_flight)).sum();
        Load { in_flight, weight: working().map(|backend| u64::from(backend.weight)).sum() }
    }

    /// No backend may have more in flight than this share, in percent, of what would be its due if all were loaded
    /// evenly ("Consistent Hashing with Bounded Loads", Mirrokni, Thorup, Zadimoghaddam, 2016), rounded up.
    pub const BOUND: u64 = 125;

    /// How much a backend of this weight may have in flight, the request to be placed included.
    pub fn most(&self, weight: u32) -> u64 {
        let due = (self.in_flight + 1) * u64::from(weight) * Load::BOUND;
        due.div_ceil((self.weight * 100).max(1)) // at least one, since something is to be placed
    }
}

impl Choice<'_> {
    /// Whether a backend carries as much as [`Load::BOUND`] allows.
    fn is_full(&self, row: usize) -> bool {
        let full = |backend: &Backend| u64::from(backend.in_flight) >= self.load.most(backend.weight);
        self.load.weight > 0 && self.backends.get(row).is_some_and(full)
    }
}

/// Whether everybody's weight is as it was; what it is now is noted.
fn same_weights(known: &mut Vec<u32>, backends: Members<'_>) -> bool {
    let weights = || backends.iter().map(|backend| backend.weight);
    let same = known.iter().copied().eq(weights());
    if !same {
        *known = weights().collect();
    }
    same
}

/// Whether all that have a weight have the same.
fn is_even(backends: Members<'_>) -> bool {
    let mut weights = backends.iter().map(|backend| backend.weight).filter(|&weight| weight > 0);
    let first = weights.next();
    weights.all(|weight| Some(weight) == first)
}
