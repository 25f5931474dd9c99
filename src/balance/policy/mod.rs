//! How one of several fit backends is chosen: a trait, and one file per policy.
//!
//! A new policy is one file here and one line in [`Backends::new`](super::Backends::new). Policies keep no counters of
//! their own beyond what the choice itself needs: what is in flight stands with the backend.

mod round_robin;

pub use round_robin::RoundRobin;

use super::Backend;

/// What a policy chooses from.
pub struct Choice<'a> {
    /// The pool's backends.
    pub backends: &'a [Backend],
    /// Whether the one in this row may be chosen.
    pub may: &'a dyn Fn(usize) -> bool,
    /// The request tried another backend before: the choice must not count in the rotation.
    pub again: bool,
}

/// A way to choose.
pub trait Policy {
    /// The row of the chosen backend; none if none may be chosen.
    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize>;
}
