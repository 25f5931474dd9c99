//! The table of backends and the pools they stand in: address, weight, health, what is in flight.
//!
//! Counters live with the backend and not with a policy, so that they survive a change of policy. Nothing here opens a
//! connection.

use super::health::{Health, State};
use super::policy::{self, Choice, Policy};
use crate::config::{self, PolicyName, ProbeKind};
use std::net::SocketAddr;
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
    /// Its share beside the others; kept for the policies that will use it.
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
    pub fn new(pools: &[config::Pool]) -> Backends {
        let mut all = Backends { table: Vec::new(), pools: Vec::new() };
        for (number, pool) in pools.iter().enumerate() {
            let first = all.table.len();
            all.table.extend(pool.backends.iter().map(|it| backend(it, PoolId(number as u16), &pool.health)));
            let config::Health { kind, interval, timeout, .. } = pool.health.clone();
            all.pools.push(Pool {
                name: pool.name.clone(),
                probing: Probing { kind, interval, timeout },
                members: first..all.table.len(),
                policy: match pool.policy {
                    PolicyName::RoundRobin => Box::new(policy::RoundRobin::default()),
                },
            });
        }
        all
    }

    /// One backend. Ids come from this table, and rows are never taken out.
    pub fn get(&self, id: BackendId) -> &Backend {
        &self.table[id.0 as usize]
    }

    /// One backend, to be changed.
    pub fn get_mut(&mut self, id: BackendId) -> &mut Backend {
        &mut self.table[id.0 as usize]
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

    /// Picks a backend of `pool` for a request that has tried `tried` in vain; `again`: one was picked for it before,
    /// so the rotation does not advance. While a usable backend is left, only usable ones are picked; when none is
    /// left, those that health excludes are tried as well, each once.
    pub fn pick(&mut self, pool: PoolId, tried: &[BackendId], again: bool) -> Option<BackendId> {
        let Pool { members, policy, .. } = &mut self.pools[usize::from(pool.0)];
        let (first, rows) = (members.start, &self.table[members.clone()]);
        let untried = |row: usize| !tried.contains(&BackendId((first + row) as u32));
        let fit = |row: usize| rows.get(row).is_some_and(|it| it.health.usable()) && untried(row);
        let choose = |policy: &mut dyn Policy, may: &dyn Fn(usize) -> bool| {
            policy.pick(&Choice { backends: rows, may, again }).map(|row| BackendId((first + row) as u32))
        };
        choose(policy.as_mut(), &fit).or_else(|| choose(policy.as_mut(), &untried))
    }
}

impl Pool {
    /// The ids of its backends.
    pub fn members(&self) -> impl Iterator<Item = BackendId> + use<> {
        self.members.clone().map(|row| BackendId(row as u32))
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
}

/// Tables for the tests of policies.
#[cfg(test)]
pub(crate) mod tests_support {
    use super::*;

    /// `count` backends, all unproven.
    pub(crate) fn table(count: usize) -> Vec<Backend> {
        let health = config::Health {
            kind: ProbeKind::Tcp,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            fall: 3,
            rise: 2,
        };
        let address = SocketAddr::from(([127, 0, 0, 1], 80));
        let one = config::Backend { name: "127.0.0.1:80".into(), address, weight: 1 };
        (0..count).map(|_| backend(&one, PoolId(0), &health)).collect()
    }
}
