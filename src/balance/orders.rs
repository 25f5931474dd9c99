//! What the operator wants of backends, in the table.
//!
//! What that means for connections is [`proxy::orders`](crate::proxy::orders)'s.

use super::backend::{BackendId, Order};
use super::backends::Backends;
use crate::base::Time;

impl Backends {
    /// The operator has a word for it. Whether it was another one before.
    pub fn order(&mut self, id: BackendId, order: Order, now: Time) -> bool {
        let backend = self.get_mut(id);
        let before = std::mem::replace(&mut backend.order, order);
        if before == order {
            return false;
        }
        backend.ordered = now;
        if before == Order::Disable {
            backend.health.doubt(now);
        }
        self.returned(id, now);
        true
    }

    /// The operator gives it another share; 0: it drains. Whether it was another one before.
    pub fn set_weight(&mut self, id: BackendId, weight: u32, now: Time) -> bool {
        let backend = self.get_mut(id);
        let before = std::mem::replace(&mut backend.weight, weight);
        if (before == 0) != (weight == 0) {
            backend.ordered = now;
        }
        if before == 0 && weight > 0 {
            self.returned(id, now);
        }
        before != weight
    }
}
