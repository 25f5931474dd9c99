//! Backends that are full: they have as much under way as they may, and are passed over until something of it ends.
//!
//! A full backend is as fit as it was, and its weight counts as before: nothing here is a judgement of it. Whether a
//! request that finds no room waits is [`queue`](super::queue)'s and its exchange's.

use super::backend::{Backend, BackendId};
use super::backends::Backends;
use super::members::Members;
use super::pool::PoolId;

/// What a request can hope for of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outlook {
    /// Somebody could take it now.
    Room,
    /// Somebody could if it were not full.
    Busy,
    /// There is nobody, full or not.
    Nobody,
}

/// Backends of a pool that take work, and how many of them are not full.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Room {
    fit: u32,
    open: u32,
}

impl Room {
    pub(super) fn of(backends: Members<'_>) -> Room {
        let fit = backends.iter().filter(|backend| backend.takes_work());
        let open = fit.clone().filter(|backend| !backend.is_full()).count() as u32;
        Room { fit: fit.count() as u32, open }
    }
}

impl Backends {
    /// What a request can hope for, for which these were tried in vain.
    pub fn outlook(&self, pool: PoolId, tried: &[BackendId]) -> Outlook {
        let left = || self.pool(pool).members().filter(|id| !tried.contains(id)).map(|id| self.get(id));
        let fit = left().any(Backend::takes_work);
        let may = left().filter(|backend| if fit { backend.takes_work() } else { backend.may_work() });
        may.fold(Outlook::Nobody, |outlook, backend| match outlook {
            Outlook::Nobody | Outlook::Busy if backend.is_full() => Outlook::Busy,
            _ => Outlook::Room,
        })
    }

    /// Whether all that take work are full, so that it matters to nobody what was tried.
    #[inline]
    pub(super) fn is_busy(&self, pool: PoolId) -> bool {
        let Room { fit, open } = self.pool(pool).room;
        open == 0 && fit > 0
    }

    /// Whether a request of this pool may have a place since somebody last looked, cheaply.
    pub fn may_serve(&mut self, pool: PoolId) -> bool {
        if self.pool(pool).stale {
            self.look_anew(pool);
        }
        !self.is_busy(pool)
    }

    /// A backend that was full is not, or another changed in more than what is in flight, since somebody last asked.
    pub fn take_relief(&mut self) -> bool {
        std::mem::take(&mut self.relief)
    }

    /// Somebody is to look.
    pub fn relieve(&mut self) {
        self.relief = true;
    }

    /// Whether there is relief to take.
    #[inline]
    pub fn has_relief(&self) -> bool {
        self.relief
    }

    /// It has just become full.
    #[cold]
    pub(super) fn filled(&mut self, id: BackendId) {
        self.room_of(id, |open| open.saturating_sub(1));
    }

    /// It is full no longer.
    #[cold]
    pub(super) fn emptied(&mut self, id: BackendId) {
        self.room_of(id, |open| open + 1);
        self.relief = true;
    }

    fn room_of(&mut self, id: BackendId, change: fn(u32) -> u32) {
        let backend = &self.table[id.0 as usize];
        let pool = &mut self.pools[usize::from(backend.pool.0)];
        if backend.takes_work() && !pool.stale {
            pool.room.open = change(pool.room.open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::{Order, Wanted};
    use crate::base::Time;
    use crate::config::{self, PolicyName};
    use proptest::prelude::*;

    fn table(policy: PolicyName, weights: &[u32], most: u32) -> Backends {
        let backend = |(port, &weight): (u16, &u32)| {
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
            config::Backend { name: address.to_string(), address: address.into(), weight }
        };
        let backends = (8080..).zip(weights).map(backend).collect();
        let pool = config::Pool { policy, backends, max_inflight: Some(most), ..config::Pool::default() };
        Backends::new(&[pool], 7)
    }

    const POOL: PoolId = PoolId(0);

    #[test]
    fn a_backend_that_is_full_is_as_healthy_as_before() {
        let mut backends = table(PolicyName::RoundRobin, &[1], 1);
        let id = backends.pick(POOL, &Wanted::default()).unwrap();
        backends.begin(id);
        assert!(backends.get(id).takes_work() && backends.get(id).is_up());
        assert_eq!(backends.pick(POOL, &Wanted::default()), None);
        assert_eq!(backends.outlook(POOL, &[]), Outlook::Busy);
        assert_eq!(backends.outlook(POOL, &[id]), Outlook::Nobody);
        backends.end(id);
        assert_eq!(backends.outlook(POOL, &[]), Outlook::Room);
    }

    #[test]
    fn who_is_down_is_no_way_out_while_a_fit_one_is_full() {
        let mut backends = table(PolicyName::First, &[1, 1], 1);
        let (fit, down) = (BackendId(0), BackendId(1));
        for _ in 0..3 {
            backends.get_mut(down).health.fail(
                Time(0),
                &crate::balance::Cause {
                    step: crate::balance::health::Step::Connect,
                    what: String::new(),
                    took: std::time::Duration::ZERO,
                },
            );
        }
        assert!(!backends.get(down).takes_work());
        backends.begin(fit);
        assert_eq!(backends.pick(POOL, &Wanted::default()), None);
        assert_eq!(backends.pick(POOL, &Wanted { tried: &[fit], ..Wanted::default() }), Some(down));
    }

    proptest! {
        /// Whatever the policy: nobody gets more than it may, and while there is room somebody is picked.
        #[test]
        fn no_policy_fills_a_backend_beyond_its_room(
            which in 0..PolicyName::ALL.len(),
            weights in prop::collection::vec(1..4u32, 1..6),
            most in 1..4u32,
            deeds in prop::collection::vec((0..8u8, any::<prop::sample::Index>(), any::<u64>()), 0..200),
        ) {
            let mut backends = table(PolicyName::ALL[which].1, &weights, most);
            let mut under_way: Vec<BackendId> = Vec::new();
            for (deed, index, key) in deeds {
                match deed {
                    0..5 => {
                        let picked = backends.pick(POOL, &Wanted { key, ..Wanted::default() });
                        prop_assert_eq!(picked.is_some(), backends.outlook(POOL, &[]) == Outlook::Room);
                        if let Some(id) = picked {
                            backends.begin(id);
                            under_way.push(id);
                        }
                    }
                    5 | 6 if !under_way.is_empty() => {
                        let id = under_way.swap_remove(index.index(under_way.len()));
                        let full = backends.get(id).is_full();
                        backends.take_relief();
                        backends.end(id);
                        prop_assert_eq!(backends.has_relief(), full);
                    }
                    7 => {
                        let id = BackendId(index.index(weights.len()) as u32);
                        let order = if key % 2 == 0 { Order::Drain } else { Order::Serve };
                        backends.order(id, order, Time(0));
                    }
                    _ => {}
                }
                for (_, backend) in backends.iter() {
                    prop_assert!(backend.in_flight <= most);
                }
                let fit = backends.iter().any(|(_, backend)| backend.takes_work());
                if fit {
                    prop_assert_eq!(backends.may_serve(POOL), backends.outlook(POOL, &[]) == Outlook::Room);
                }
            }
        }
    }
}
