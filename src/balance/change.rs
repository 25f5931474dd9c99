//! The tables while the configuration changes: what is the same stays as it is, with all that is known of it; what is
//! new starts unproven; what is gone finishes what it has.
//!
//! Rows are for life: nobody who holds an id has to hear of a change. A backend that is gone keeps its row until the
//! next change finds that nobody speaks of it any more ([`Backends::forget_gone`]). A pool that is gone keeps its row for
//! ever, and has it again should one of its name return; what was on its way there is still served by its backends.
//! What is closed, probed and told for all this is [`proxy::reload`](crate::proxy::reload)'s.

use super::backend::{Backend, BackendId, Order};
use super::backends::Backends;
use super::ejection::Ejection;
use super::pool::{Pool, PoolId, hash_of};
use crate::base::{Rng, Time};
use crate::config;
use std::collections::BTreeSet;

/// What became of a pool's backends.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Changed {
    /// They are new.
    pub added: Vec<BackendId>,
    /// They get no new work, and are to be forgotten.
    pub removed: Vec<BackendId>,
    /// They have another weight.
    pub reweighed: Vec<BackendId>,
    /// They are probed in another way, and what is kept open to them is of no use any more.
    pub asked_otherwise: Vec<BackendId>,
    /// Their ejection is over, since its terms have changed.
    pub released: Vec<BackendId>,
}

impl Changed {
    /// Probes of these under way are of no use any more.
    pub fn gone(&self) -> impl Iterator<Item = BackendId> {
        self.removed.iter().chain(&self.asked_otherwise).copied()
    }
}

/// Who is still spoken of by what is under way.
#[derive(Debug, Default)]
pub struct Mentioned {
    /// Backends.
    pub backends: BTreeSet<BackendId>,
    /// Pools.
    pub pools: BTreeSet<PoolId>,
}

impl Backends {
    /// The row of the pool of this name that is in use.
    pub fn find_pool(&self, name: &str) -> Option<PoolId> {
        let row = self.pools.iter().position(|pool| !pool.gone && pool.name == name)?;
        Some(PoolId(row as u16))
    }

    /// A pool that was not there, or is there again.
    pub fn add_pool(&mut self, from: &config::Pool, now: Time) -> (PoolId, Changed) {
        let again = |pool: &Pool| pool.gone && pool.name == from.name;
        let row = self.pools.iter().position(again).unwrap_or(self.pools.len());
        let id = PoolId(row as u16);
        let added: Vec<BackendId> = from.backends.iter().map(|backend| self.add_row(backend, id, from, now)).collect();
        let members = added.iter().map(|id| id.0).collect();
        let pool = Pool::new(from, &self.table, members, Rng::new(self.rng.bits()));
        let removed = match self.pools.get_mut(row) {
            Some(before) => std::mem::replace(before, pool).members,
            None => {
                self.pools.push(pool);
                Vec::new()
            }
        };
        let removed: Vec<BackendId> = removed.into_iter().map(BackendId).collect();
        removed.iter().for_each(|&id| self.depart(id, now));
        self.seat(id);
        self.relief = true; // somebody may wait for one that is back
        (id, Changed { added, removed, ..Changed::default() })
    }

    /// A pool is asked for otherwise than it `was`. What an operator has ordered meanwhile stays, but for a weight that
    /// the configuration changes.
    pub fn change_pool(&mut self, id: PoolId, was: &config::Pool, is: &config::Pool, now: Time) -> Changed {
        let before = self.pool(id).members.clone();
        let (mut changed, weights) = self.change_members(id, was, is, now);
        let elsewhere = self.change_terms(id, was, is, before != self.pool(id).members);
        for (backend, weight) in weights {
            if self.set_weight(backend, weight, now) {
                changed.reweighed.push(backend);
            }
        }
        for backend in self.pool(id).members().collect::<Vec<_>>() {
            let fresh = changed.added.contains(&backend);
            if self.change_backend(backend, was, is, now) {
                changed.released.push(backend);
            }
            if elsewhere && !fresh {
                changed.asked_otherwise.push(backend);
            }
            if fresh {
                self.returned(backend, now); // there are others, so it can take its time
            }
        }
        self.relief = true;
        changed
    }

    /// A pool is gone: nobody new is led there, and it is not probed. Who is under way there may still be served.
    pub fn remove_pool(&mut self, id: PoolId) {
        let pool = &mut self.pools[usize::from(id.0)];
        (pool.gone, pool.probing.kind) = (true, config::ProbeKind::Off);
    }

    /// Frees the rows of backends that are gone, have nothing under way, and of whom nobody speaks. Whose they were.
    pub fn forget_gone(&mut self, mentioned: &Mentioned) -> Vec<BackendId> {
        for row in 0..self.pools.len() {
            if self.pools[row].gone && !mentioned.pools.contains(&PoolId(row as u16)) {
                let members = std::mem::take(&mut self.pools[row].members);
                members.into_iter().for_each(|row| self.depart(BackendId(row), Time(0)));
                self.pools[row].stale = true;
            }
        }
        let idle = |row: &mut u32| {
            let backend = &self.table[*row as usize];
            backend.in_flight == 0 && !mentioned.backends.contains(&BackendId(*row))
        };
        let freed: Vec<u32> = self.departing.extract_if(.., idle).collect();
        self.free.extend(&freed);
        freed.into_iter().map(BackendId).collect()
    }

    /// Backends that are gone, alone or with their pool, and still have something under way.
    pub fn departing(&self) -> impl Iterator<Item = &Backend> {
        let of_gone = self.pools.iter().filter(|pool| pool.gone).flat_map(|pool| &pool.members);
        let all = self.departing.iter().chain(of_gone).map(|&row| &self.table[row as usize]);
        all.filter(|backend| backend.in_flight > 0)
    }

    fn add_row(&mut self, from: &config::Backend, pool: PoolId, of: &config::Pool, now: Time) -> BackendId {
        let mut backend = Backend::new(from, pool, of);
        backend.ordered = now;
        match self.free.pop() {
            Some(row) => {
                self.table[row as usize] = backend;
                BackendId(row)
            }
            None => {
                self.table.push(backend);
                BackendId(self.table.len() as u32 - 1)
            }
        }
    }

    fn depart(&mut self, id: BackendId, now: Time) {
        let backend = &mut self.table[id.0 as usize];
        (backend.order, backend.ordered, backend.row) = (Order::Leave, now, u32::MAX);
        self.departing.push(id.0);
    }

    /// Each backend of a pool knows its row there.
    fn seat(&mut self, id: PoolId) {
        let Backends { table, pools, .. } = self;
        for (place, &row) in (0..).zip(&pools[usize::from(id.0)].members) {
            table[row as usize].row = place;
        }
    }

    /// Who stays is known by name and address. With whoever has another weight, to be set when everybody is seated.
    fn change_members(
        &mut self,
        id: PoolId,
        was: &config::Pool,
        is: &config::Pool,
        now: Time,
    ) -> (Changed, Vec<(BackendId, u32)>) {
        let mut before: Vec<BackendId> = self.pool(id).members().collect();
        let mut changed = Changed::default();
        let (mut members, mut weights) = (Vec::new(), Vec::new());
        for wanted in &is.backends {
            let same = |id: &BackendId| self.get(*id).is(wanted);
            let Some(at) = before.iter().position(same) else {
                let added = self.add_row(wanted, id, is, now);
                changed.added.push(added);
                members.push(added.0);
                continue;
            };
            let stays = before.remove(at);
            members.push(stays.0);
            let weighed = was.backends.iter().find(|it| self.get(stays).is(it));
            if weighed.is_none_or(|it| it.weight != wanted.weight) {
                weights.push((stays, wanted.weight));
            }
        }
        before.iter().for_each(|&id| self.depart(id, now));
        changed.removed = before;
        self.pools[usize::from(id.0)].members = members;
        self.seat(id);
        (changed, weights)
    }

    /// What a pool is told that does not concern its backends one by one, who may sit in other rows. Whether they are
    /// asked in another way.
    fn change_terms(&mut self, id: PoolId, was: &config::Pool, is: &config::Pool, other_rows: bool) -> bool {
        let (chance, pool) = (Rng::new(self.rng.bits()), &mut self.pools[usize::from(id.0)]);
        pool.set_terms(is, &self.table);
        let anew = other_rows || (was.policy, hash_of(was)) != (is.policy, hash_of(is));
        if anew {
            pool.set_policy(is, chance);
        }
        if anew || was.health.slow_start != is.health.slow_start {
            pool.set_slow_start(is);
        }
        pool.stale = true;
        was.proxy_protocol != is.proxy_protocol || asking(&was.health) != asking(&is.health)
    }

    /// Whether it was ejected by terms that are no more.
    fn change_backend(&mut self, id: BackendId, was: &config::Pool, is: &config::Pool, now: Time) -> bool {
        let backend = self.get_mut(id);
        backend.max_inflight = is.max_inflight.unwrap_or(u32::MAX);
        backend.health.set_terms(is.health.fall, is.health.rise);
        if was.health.kind != is.health.kind && is.health.kind == config::ProbeKind::Off {
            backend.health.forget(now); // or nobody would ever bring it back
        }
        if was.health.ejection == is.health.ejection {
            return false;
        }
        backend.ejection = is.health.ejection.map(|terms| Box::new(Ejection::new(terms)));
        std::mem::take(&mut backend.ejected)
    }
}

/// What is asked of a backend to know how it is, and when.
fn asking(health: &config::Health) -> impl PartialEq + use<'_> {
    (&health.kind, health.interval, health.timeout, health.port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::{State, Wanted};
    use crate::config::PolicyName;
    use proptest::prelude::*;

    fn pool(ports: &[u16]) -> config::Pool {
        let backend = |&port: &u16| {
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
            config::Backend { name: address.to_string(), address: address.into(), weight: 1 }
        };
        config::Pool { name: "app".into(), backends: ports.iter().map(backend).collect(), ..config::Pool::default() }
    }

    fn names(all: &Backends, id: PoolId) -> Vec<u16> {
        all.pool(id).members().map(|id| all.get(id).address.port()).collect()
    }

    fn row_of(all: &Backends, port: u16) -> BackendId {
        all.iter().find(|(_, backend)| backend.address.port() == port).unwrap().0
    }

    const NOW: Time = Time(5);
    const POOL: PoolId = PoolId(0);

    #[test]
    fn who_stays_keeps_its_row_and_all_that_is_known_of_it() {
        let (was, is) = (pool(&[1, 2, 3]), pool(&[3, 4, 1]));
        let mut all = Backends::new(std::slice::from_ref(&was), 7);
        let stays = row_of(&all, 3);
        all.begin(stays);
        all.get_mut(stays).connect_failures = 9;
        all.order(stays, Order::Drain, NOW);
        let changed = all.change_pool(POOL, &was, &is, NOW);
        assert_eq!((changed.added.len(), changed.removed.len()), (1, 1));
        assert_eq!(names(&all, POOL), [3, 4, 1]);
        let backend = all.get(stays);
        assert_eq!((backend.in_flight, backend.connect_failures, backend.state()), (1, 9, State::Draining));
        assert_eq!(all.get(changed.added[0]).state(), State::Unproven);
    }

    #[test]
    fn a_weight_changes_only_where_the_configuration_does() {
        let was = pool(&[1, 2]);
        let mut all = Backends::new(std::slice::from_ref(&was), 7);
        let (one, two) = (row_of(&all, 1), row_of(&all, 2));
        all.set_weight(one, 0, NOW); // an operator's word
        all.set_weight(two, 5, NOW);
        let mut is = was.clone();
        is.backends[1].weight = 3;
        let changed = all.change_pool(POOL, &was, &is, NOW);
        assert_eq!(changed.reweighed, [two]);
        assert_eq!((all.get(one).weight, all.get(two).weight), (0, 3));
    }

    #[test]
    fn who_is_gone_finishes_and_its_row_is_used_again_when_nobody_speaks_of_it() {
        let (was, is) = (pool(&[1, 2]), pool(&[1]));
        let mut all = Backends::new(std::slice::from_ref(&was), 7);
        let gone = row_of(&all, 2);
        all.begin(gone);
        assert_eq!(all.change_pool(POOL, &was, &is, NOW).removed, [gone]);
        assert!((0..9).all(|_| all.pick(POOL, &Wanted::default()) != Some(gone)));
        assert_eq!(all.departing().count(), 1);
        assert!(all.forget_gone(&Mentioned::default()).is_empty(), "it has something under way");
        all.end(gone);
        let spoken_of = Mentioned { backends: [gone].into(), ..Mentioned::default() };
        assert!(all.forget_gone(&spoken_of).is_empty(), "a log line may still name it");
        assert_eq!(all.forget_gone(&Mentioned::default()), [gone]);
        assert_eq!(all.change_pool(POOL, &is, &pool(&[1, 3]), NOW).added, [gone]);
        assert_eq!(all.get(gone).in_flight, 0);
    }

    #[test]
    fn a_pool_that_is_gone_serves_who_was_on_the_way_and_may_return() {
        let was = pool(&[1]);
        let mut all = Backends::new(std::slice::from_ref(&was), 7);
        all.remove_pool(POOL);
        assert_eq!(all.find_pool("app"), None);
        assert_eq!(all.pick(POOL, &Wanted::default()), Some(BackendId(0)), "who is led there already is served");
        let (id, changed) = all.add_pool(&pool(&[1]), NOW);
        assert_eq!((id, changed.removed.len(), names(&all, id)), (POOL, 1, vec![1]));
        assert_ne!(row_of(&all, 1), BackendId(0), "whoever was there finishes in its own row");
    }

    #[test]
    fn other_terms_of_ejection_let_everybody_in_again() {
        let terms = |consecutive| config::Ejection { consecutive, ..Default::default() };
        let with = |consecutive| {
            let mut pool = pool(&[1, 2]);
            pool.health.ejection = Some(terms(consecutive));
            pool
        };
        let mut all = Backends::new(&[with(1)], 7);
        assert!(all.served(BackendId(0), crate::balance::Served::Failed("5xx"), NOW).is_some());
        assert_eq!(all.change_pool(POOL, &with(1), &with(2), NOW).released, [BackendId(0)]);
        assert!(all.get(BackendId(0)).takes_work());
    }

    /// Keys must find the same backend whatever the order of the file: rows are not names.
    #[test]
    fn another_order_sends_no_key_elsewhere() {
        for policy in [PolicyName::Maglev, PolicyName::Rendezvous] {
            let was = config::Pool { policy, ..pool(&[1, 2, 3]) };
            let is = config::Pool { policy, ..pool(&[3, 1, 2]) };
            let mut all = Backends::new(std::slice::from_ref(&was), 7);
            let picks = |all: &mut Backends| {
                let pick = |key| all.pick(POOL, &Wanted { key, ..Wanted::default() }).unwrap();
                (0..100).map(|key: u64| key.wrapping_mul(0x9e37_79b9_7f4a_7c15)).map(pick).collect::<Vec<_>>()
            };
            let before = picks(&mut all);
            let changed = all.change_pool(POOL, &was, &is, NOW);
            assert_eq!(changed, Changed::default());
            assert_eq!(picks(&mut all), before, "{policy:?}");
        }
    }

    proptest! {
        /// However pools change while requests come and go: members are as asked, in order, in rows of their own, each
        /// knowing its place; only members are picked; what is under way is never forgotten.
        #[test]
        fn the_table_is_in_order_after_every_change(
            steps in prop::collection::vec((prop::collection::btree_set(1..9u16, 1..6), 0..6usize, 0..6usize), 1..30),
            policy in 0..PolicyName::ALL.len(),
        ) {
            let policy = PolicyName::ALL[policy].1;
            let mut was = config::Pool { policy, ..pool(&[1, 2, 3]) };
            let mut all = Backends::new(std::slice::from_ref(&was), 7);
            let mut busy: Vec<BackendId> = Vec::new();
            for (ports, begun, ended) in steps {
                let is = config::Pool { policy, ..pool(&ports.iter().copied().collect::<Vec<_>>()) };
                all.forget_gone(&Mentioned::default());
                all.change_pool(POOL, &was, &is, NOW);
                was = is;
                prop_assert_eq!(names(&all, POOL), ports.iter().copied().collect::<Vec<_>>());
                for (place, id) in all.pool(POOL).members().enumerate() {
                    prop_assert_eq!(all.get(id).row as usize, place);
                    prop_assert!(!all.free.contains(&id.0) && !all.departing.contains(&id.0));
                }
                for key in 0..begun as u64 {
                    let picked = all.pick(POOL, &Wanted { key, ..Wanted::default() });
                    let picked = picked.expect("all are fit");
                    prop_assert!(all.pool(POOL).members().any(|id| id == picked));
                    all.begin(picked);
                    busy.push(picked);
                }
                for _ in 0..ended.min(busy.len()) {
                    all.end(busy.remove(0));
                }
                let in_flight = |id: BackendId| busy.iter().filter(|&&other| other == id).count();
                for &id in &busy {
                    prop_assert_eq!(all.get(id).in_flight as usize, in_flight(id));
                    prop_assert!(!all.free.contains(&id.0));
                }
                let rows = all.pool(POOL).members().len() + all.free.len() + all.departing.len();
                prop_assert_eq!(all.table.len(), rows, "each row is somebody's, or free");
            }
        }
    }
}
