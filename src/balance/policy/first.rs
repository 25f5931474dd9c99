//! The first that can take it: work is packed onto as few backends as can carry it, and the others stay free to sleep.
//!
//! Can take it: is fit and not full. Without a limit on what a backend may have in flight, that is simply the first fit
//! one, and the others are its reserve.

use super::{Choice, Policy};

/// Nothing to remember.
#[derive(Debug)]
pub struct First;

impl Policy for First {
    fn packs(&self) -> bool {
        true
    }

    fn pick(&mut self, choice: &Choice<'_>) -> Option<usize> {
        (0..choice.backends.len()).find(|&row| (choice.may)(row))
    }
}
