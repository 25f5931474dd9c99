//! The table of backends and the pools they stand in: address, weight, health, what is in flight.
//!
//! Counters live with the backend and not with a policy, so that they survive a change of policy. What is in flight
//! changes by [`Backends::begin`] and [`Backends::end`], cheaply; whatever else changes through [`Backends::get_mut`]
//! makes the policy look at its pool anew before the next pick, so nobody can forget to tell it. Nothing here opens a
//! connection.

use super::health::{Health, State};
use super::key;
use super::policy::{self, Choice, Load, Policy};
use crate::base::Rng;
use crate::config::{self, HashOn, ProbeKind};
use crate::http::Request;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A backend's row in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u32);

/// A pool's row in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolId(pub u16);

/// One backend.
#[derive(Debug)]
pub struct Backend {
    /// As the operator wrote it.
    pub name: String,
    /// Where it is.
    pub address: SocketAddr,
    /// Its share beside the others; 0: it gets no new work.
    pub weight: u32,
    /// The pool it stands in.
    pub pool: PoolId,
    /// Whether it is fit.
    pub health: Health,
    /// Exchanges and tunnels under way.
    pub in_flight: u32,
    /// Exchanges and tunnels begun.
    pub requests: u64,
    /// Connections to it that failed.
    pub connect_failures: u64,
}

/// A named group of backends and the way one of them is chosen.
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How it is probed.
    pub probing: Probing,
    members: std::ops::Range<usize>,
    policy: Box<dyn Policy>,
    /// What its policy takes for a request's key; none if it takes no notice of one.
    hash: Option<HashOn>,
    /// Kept only if the policy heeds it.
    load: Load,
    heeds_load: bool,
    /// A backend may have changed in more than what is in flight since the policy has looked.
    stale: bool,
}

/// What a request asks of a pick.
#[derive(Debug, Default, Clone, Copy)]
pub struct Wanted<'a> {
    /// Backends that were tried for it in vain.
    pub tried: &'a [BackendId],
    /// One was picked for it before, so the rotation does not advance.
    pub again: bool,
    /// See [`Backends::key`].
    pub key: u64,
}

/// How a pool's backends are probed.
#[derive(Debug, Clone)]
pub struct Probing {
    /// What a probe does.
    pub kind: ProbeKind,
    /// From the start of one to the start of the next.
    pub interval: Duration,
    /// How long one may take.
    pub timeout: Duration,
}

/// All backends of one loop, pool by pool.
pub struct Backends {
    table: Vec<Backend>,
    pools: Vec<Pool>,
}

impl Backends {
    /// The table that a configuration describes, every backend unproven. `seed` decides what policies leave to chance.
    pub fn new(pools: &[config::Pool], seed: u64) -> Backends {
        let mut all = Backends { table: Vec::new(), pools: Vec::new() };
        let mut rng = Rng::new(!seed); // others use the seed as it is
        for (number, from) in pools.iter().enumerate() {
            let first = all.table.len();
            all.table.extend(from.backends.iter().map(|it| backend(it, PoolId(number as u16), &from.health)));
            all.pools.push(pool(from, first..all.table.len(), Rng::new(rng.bits())));
        }
        all
    }

    /// One backend. Ids come from this table, and rows are never taken out.
    pub fn get(&self, id: BackendId) -> &Backend {
        &self.table[id.0 as usize]
    }

    /// One backend, to be changed. Not for what happens at each request: before the next pick, the policy looks at the
    /// whole pool anew.
    pub fn get_mut(&mut self, id: BackendId) -> &mut Backend {
        let backend = &mut self.table[id.0 as usize];
        self.pools[usize::from(backend.pool.0)].stale = true;
        backend
    }

    /// An exchange or tunnel begins there.
    pub fn begin(&mut self, id: BackendId) {
        let backend = &mut self.table[id.0 as usize];
        backend.in_flight += 1;
        backend.requests += 1;
        if self.pools[usize::from(backend.pool.0)].heeds_load {
            self.moved(id, |load| load + 1);
        }
    }

    /// It is over.
    pub fn end(&mut self, id: BackendId) {
        let backend = &mut self.table[id.0 as usize];
        backend.in_flight -= 1;
        if self.pools[usize::from(backend.pool.0)].heeds_load {
            self.moved(id, |load| load - 1);
        }
    }

    /// Not inlined: most policies have no use for it, and they pay for one look only.
    #[inline(never)]
    fn moved(&mut self, id: BackendId, change: fn(u64) -> u64) {
        let backend = &self.table[id.0 as usize];
        let pool = &mut self.pools[usize::from(backend.pool.0)];
        if pool.stale {
            return; // it looks at everything before the next pick
        }
        if backend.takes_work() {
            pool.load.in_flight = change(pool.load.in_flight);
        }
        pool.policy.moved(id.0 as usize - pool.members.start, &self.table[pool.members.clone()]);
    }

    /// Every backend with its id.
    pub fn iter(&self) -> impl Iterator<Item = (BackendId, &Backend)> {
        self.table.iter().enumerate().map(|(row, backend)| (BackendId(row as u32), backend))
    }

    /// One pool.
    pub fn pool(&self, id: PoolId) -> &Pool {
        &self.pools[usize::from(id.0)]
    }

    /// Every pool with its backends.
    pub fn pools(&self) -> impl Iterator<Item = (&Pool, &[Backend])> {
        self.pools.iter().map(|pool| (pool, &self.table[pool.members.clone()]))
    }

    /// What a request is known by in this pool, made of it only if the policy asks. In a tunnel there is no request.
    pub fn key(&self, pool: PoolId, request: Option<&Request<'_, '_>>, client: IpAddr) -> u64 {
        match (&self.pool(pool).hash, request) {
            (None, _) => 0,
            (Some(on), Some(request)) => key::of_request(request, on, client),
            (Some(_), None) => key::of_client(client),
        }
    }

    /// Picks a backend of `pool`. While one is left that takes work, only such are picked; when none is left, those
    /// that health excludes are tried as well, each once, but never one of weight 0.
    pub fn pick(&mut self, pool: PoolId, wanted: &Wanted<'_>) -> Option<BackendId> {
        if self.pools[usize::from(pool.0)].stale {
            self.look_anew(pool);
        }
        let Pool { members, policy, load, .. } = &mut self.pools[usize::from(pool.0)];
        let (first, backends) = (members.start, &self.table[members.clone()]);
        let untried = |row: usize| !wanted.tried.contains(&BackendId((first + row) as u32));
        let fit = |row: usize| backends.get(row).is_some_and(Backend::takes_work) && untried(row);
        let unfit = |row: usize| backends.get(row).is_some_and(|it| it.weight > 0) && untried(row);
        let (again, key, load) = (wanted.again, wanted.key, *load);
        let mut choose = |may: &dyn Fn(usize) -> bool| policy.pick(&Choice { backends, may, again, key, load });
        choose(&fit).or_else(|| choose(&unfit)).map(|row| BackendId((first + row) as u32))
    }

    /// A backend may have changed in more than what is in flight.
    #[inline(never)]
    fn look_anew(&mut self, pool: PoolId) {
        let Pool { members, policy, load, stale, heeds_load, .. } = &mut self.pools[usize::from(pool.0)];
        let backends = &self.table[members.clone()];
        policy.learn(backends);
        (*stale, *load) = (false, if *heeds_load { Load::of(backends) } else { *load });
    }
}

impl Pool {
    /// The ids of its backends.
    pub fn members(&self) -> impl Iterator<Item = BackendId> + use<> {
        self.members.clone().map(|row| BackendId(row as u32))
    }
}

fn pool(from: &config::Pool, members: std::ops::Range<usize>, rng: Rng) -> Pool {
    let config::Health { kind, interval, timeout, .. } = from.health.clone();
    let policy = policy::of(from.policy, rng);
    Pool {
        name: from.name.clone(),
        probing: Probing { kind, interval, timeout },
        members,
        hash: from.policy.hashes().then(|| from.hash.clone()),
        load: Load::default(),
        heeds_load: policy.heeds_load(),
        policy,
        stale: true,
    }
}

fn backend(from: &config::Backend, pool: PoolId, health: &config::Health) -> Backend {
    Backend {
        name: from.name.clone(),
        address: from.address,
        weight: from.weight,
        pool,
        health: Health::new(health.fall, health.rise),
        in_flight: 0,
        requests: 0,
        connect_failures: 0,
    }
}

impl Backend {
    /// Whether it takes requests: up or unproven.
    pub fn is_up(&self) -> bool {
        self.health.state() != State::Down
    }

    /// Whether it is to be picked while there is a choice: it is fit, and has a weight.
    pub fn takes_work(&self) -> bool {
        self.health.usable() && self.weight > 0
    }
}

/// Tables for the tests of policies.
#[cfg(test)]
pub(crate) mod tests_support {
    use super::*;

    /// `count` backends, all unproven.
    pub(crate) fn table(count: usize) -> Vec<Backend> {
        weighted(&vec![1; count])
    }

    /// Backends of these weights, all unproven.
    pub(crate) fn weighted(weights: &[u32]) -> Vec<Backend> {
        let health = config::Health { kind: ProbeKind::Tcp, ..config::Health::default() };
        let address = |row: usize| SocketAddr::from(([127, 0, 0, 1], 8080 + row as u16));
        let one = |(row, &weight): (usize, &u32)| {
            let from = config::Backend { name: address(row).to_string(), address: address(row), weight };
            backend(&from, PoolId(0), &health)
        };
        weights.iter().enumerate().map(one).collect()
    }

    /// A choice among them.
    pub(crate) fn choice<'a>(backends: &'a [Backend], may: &'a dyn Fn(usize) -> bool) -> Choice<'a> {
        Choice { backends, may, again: false, key: 0, load: Load::of(backends) }
    }
}
