//! The table of backends and the pools they stand in: address, weight, health, what is in flight.
//!
//! Counters live with the backend and not with a policy, so that they survive a change of policy. What is in flight
//! changes by [`Backends::begin`] and [`Backends::end`], cheaply; whatever else changes through [`Backends::get_mut`]
//! makes the policy look at its pool anew before the next pick, so nobody can forget to tell it. Nothing here opens a
//! connection.

use super::ejection::{self, Ejection, Sentence, Served};
use super::health::{Health, State};
use super::key;
use super::policy::{self, Choice, Load, Policy};
use super::probe::Probed;
use super::slow_start::SlowStart;
use crate::base::{Rng, Time};
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
    /// Whether it is fit, as far as probes and connections tell.
    pub health: Health,
    /// Whether live traffic has it excluded: changed through [`Backends::served`] alone.
    ejected: bool,
    /// What live traffic tells of it, if it is asked.
    ejection: Option<Box<Ejection>>,
    /// What the last probe came to.
    pub probed: Option<Box<Probed>>,
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
    ejection: Option<config::Ejection>,
    slow_start: SlowStart,
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
    /// The moment.
    pub now: Time,
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
    /// Where it goes, if not to the backend's own port.
    pub port: Option<u16>,
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

    /// Live traffic says how a backend has served. The verdict if it is ejected for it: whoever hears it is to call
    /// [`Backends::release`] when it is over.
    pub fn served(&mut self, id: BackendId, how: Served, now: Time) -> Option<Sentence> {
        let backend = &mut self.table[id.0 as usize];
        let due = backend.ejection.as_mut()?.served(how, now);
        if !due || !backend.takes_work() || !self.may_eject(id) {
            return None;
        }
        let backend = self.get_mut(id); // whose policy has to know
        backend.ejected = true;
        Some(backend.ejection.as_mut()?.eject(now))
    }

    /// Whether its pool bears one more to be out.
    fn may_eject(&self, id: BackendId) -> bool {
        let pool = self.pool(self.get(id).pool);
        let counted = || self.table[pool.members.clone()].iter().filter(|backend| backend.weight > 0);
        let out = counted().filter(|backend| backend.ejected).count();
        pool.ejection.is_some_and(|terms| out < ejection::most(terms.share, counted().count()))
    }

    /// An ejection is over: how long it was.
    pub fn release(&mut self, id: BackendId, now: Time) -> Option<Duration> {
        let backend = self.get_mut(id);
        let out = backend.ejection.as_mut()?.release(now)?;
        backend.ejected = false;
        self.returned(id, now);
        Some(out)
    }

    /// It was excluded and takes work again: slowly at first, if that is asked for.
    pub fn returned(&mut self, id: BackendId, now: Time) {
        let backend = &self.table[id.0 as usize];
        let pool = &mut self.pools[usize::from(backend.pool.0)];
        let row = id.0 as usize - pool.members.start;
        if backend.takes_work() {
            pool.slow_start.returned(row, now);
            pool.stale = true;
        }
    }

    /// Picks a backend of `pool`. While one is left that takes work, only such are picked; when none is left, those
    /// that are excluded are tried as well, each once, the ejected before those that are down, but never one of weight 0.
    pub fn pick(&mut self, pool: PoolId, wanted: &Wanted<'_>) -> Option<BackendId> {
        if self.pools[usize::from(pool.0)].stale {
            self.look_anew(pool);
        }
        if !self.pools[usize::from(pool.0)].slow_start.is_idle() {
            return self.pick_warm(pool, wanted);
        }
        let picked = self.choose(pool, wanted, &|backend, _| backend.takes_work());
        picked.or_else(|| self.choose_unfit(pool, wanted))
    }

    /// While somebody is warming: those that are warm enough for this pick, then everybody.
    #[inline(never)]
    fn pick_warm(&mut self, pool: PoolId, wanted: &Wanted<'_>) -> Option<BackendId> {
        let row = &mut self.pools[usize::from(pool.0)];
        let (first, whole, cold) = (row.members.start, row.load, row.slow_start.cold(wanted));
        row.load.weight = whole.weight.saturating_sub(row.slow_start.weight());
        let picked = self.choose(pool, wanted, &|backend, row| backend.takes_work() && !cold.contains(&row));
        let picked = picked.or_else(|| self.choose(pool, wanted, &|backend, _| backend.takes_work()));
        let row = &mut self.pools[usize::from(pool.0)];
        row.load = whole;
        if let Some(id) = picked {
            row.slow_start.picked(id.0 as usize - first);
        }
        picked.or_else(|| self.choose_unfit(pool, wanted))
    }

    /// Nobody is left that takes work: whose probes pass, at least, then anybody.
    #[cold]
    fn choose_unfit(&mut self, pool: PoolId, wanted: &Wanted<'_>) -> Option<BackendId> {
        let picked = self.choose(pool, wanted, &|backend, _| backend.is_up() && backend.weight > 0);
        picked.or_else(|| self.choose(pool, wanted, &|backend, _| backend.weight > 0))
    }

    /// What the policy picks of those that may be, and were not tried yet.
    #[inline]
    fn choose(
        &mut self,
        pool: PoolId,
        wanted: &Wanted<'_>,
        may: &impl Fn(&Backend, usize) -> bool,
    ) -> Option<BackendId> {
        let Pool { members, policy, load, .. } = &mut self.pools[usize::from(pool.0)];
        let (first, backends) = (members.start, &self.table[members.clone()]);
        let untried = |row: usize| !wanted.tried.contains(&BackendId((first + row) as u32));
        let may = |row: usize| backends.get(row).is_some_and(|backend| may(backend, row)) && untried(row);
        let (again, key, load) = (wanted.again, wanted.key, *load);
        let picked = policy.pick(&Choice { backends, may: &may, again, key, load });
        picked.map(|row| BackendId((first + row) as u32))
    }

    /// A backend may have changed in more than what is in flight.
    #[inline(never)]
    fn look_anew(&mut self, pool: PoolId) {
        let Pool { members, policy, load, stale, heeds_load, slow_start, .. } = &mut self.pools[usize::from(pool.0)];
        let backends = &self.table[members.clone()];
        policy.learn(backends);
        slow_start.learn(backends);
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
    let config::Health { kind, interval, timeout, port, ejection, slow_start, .. } = from.health.clone();
    let policy = policy::of(from.policy, rng);
    Pool {
        name: from.name.clone(),
        probing: Probing { kind, interval, timeout, port },
        members,
        hash: from.policy.hashes().then(|| from.hash.clone()),
        load: Load::default(),
        heeds_load: policy.heeds_load(),
        slow_start: SlowStart::new(slow_start, policy.packs(), from.policy.hashes()),
        policy,
        stale: true,
        ejection,
    }
}

fn backend(from: &config::Backend, pool: PoolId, health: &config::Health) -> Backend {
    Backend {
        name: from.name.clone(),
        address: from.address,
        weight: from.weight,
        pool,
        health: Health::new(health.fall, health.rise),
        ejected: false,
        ejection: health.ejection.map(|terms| Box::new(Ejection::new(terms))),
        probed: None,
        in_flight: 0,
        requests: 0,
        connect_failures: 0,
    }
}

impl Backend {
    /// Whether its health is good: up or unproven. It may be ejected all the same.
    pub fn is_up(&self) -> bool {
        self.health.state() != State::Down
    }

    /// Whether it is to be picked while there is a choice: it is fit, not ejected, and has a weight.
    pub fn takes_work(&self) -> bool {
        self.health.usable() && !self.ejected && self.weight > 0
    }

    /// What it is taken for, by health first, then by live traffic.
    pub fn state(&self) -> State {
        match self.health.state() {
            State::Up | State::Unproven if self.ejected => State::Ejected,
            state => state,
        }
    }

    /// Whether live traffic has it excluded, whatever its health.
    pub fn is_ejected(&self) -> bool {
        self.ejected
    }

    /// What live traffic tells of it, if it is asked.
    pub fn ejection(&self) -> Option<&Ejection> {
        self.ejection.as_deref()
    }

    /// Since when it has been in this state.
    pub fn since(&self) -> Time {
        match (self.state(), self.ejection()) {
            (State::Down, _) | (_, None) => self.health.since(),
            (_, Some(ejection)) => ejection.since().max(self.health.since()),
        }
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
