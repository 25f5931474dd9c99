//! The better of two: two backends are drawn by lot, and the one with fewer requests in flight for its weight is picked.
//!
//! Nearly as even as asking everybody ("The Power of Two Choices in Randomized Load Balancing", Mitzenmacher, 1996),
//! and better where several balancers send to the same backends: they do not all run to the one that was idle a moment
//! ago. No latency takes part: a backend that answers slowly has more in flight, which says the same, and one that
//! fails fast does not look good by it for longer than it takes health to notice. Whoever has a lot is drawn sooner or
//! later, so none starves.

use super::lot::Lots;
use super::{Backend, Choice, Members, Policy};
use crate::base::Rng;

/// The lots.
#[derive(Debug)]
pub struct TwoChoices(Lots);

impl TwoChoices {
    /// Everything that will be drawn is decided by `rng`.
    pub fn new(rng: Rng) -> TwoChoices {
        TwoChoices(Lots::new(rng))
    }
}

impl Policy for TwoChoices {
    fn learn(&mut self, backends: Members<'_>) {
        self.0.learn(backends);
    }

    /// Of equals the first drawn, so that an idle pool shares by weight.
    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        let one = self.0.draw(choice, None)?;
        match self.0.draw(choice, Some(one)) {
            Some(two) if is_less_loaded(choice.backends.get(two)?, choice.backends.get(one)?) => Some(two),
            _ => Some(one),
        }
    }
}

fn is_less_loaded(this: &Backend, that: &Backend) -> bool {
    let load = |one: &Backend, two: &Backend| u64::from(one.in_flight) * u64::from(two.weight);
    load(this, that) < load(that, this)
}
