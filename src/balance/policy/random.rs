//! By lot: over time each gets its share, in a short while anybody may get more. Nothing to keep, nothing to agree on.

use super::lot::Lots;
use super::{Choice, Members, Policy};
use crate::base::Rng;

/// The lots.
#[derive(Debug)]
pub struct Random(Lots);

impl Random {
    /// Everything that will be drawn is decided by `rng`.
    pub fn new(rng: Rng) -> Random {
        Random(Lots::new(rng))
    }
}

impl Policy for Random {
    fn learn(&mut self, backends: Members<'_>) {
        self.0.learn(backends);
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        self.0.draw(choice, None)
    }
}
