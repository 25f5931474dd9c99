//! A pool: a named group of backends, and the way one of them is chosen.
//!
//! What happens with its backends is in [`super::backends`].

use super::backend::{Backend, BackendId};
use super::members::Members;
use super::policy::{self, Load, Policy};
use super::retry_budget::RetryBudget;
use super::room::Room;
use super::slow_start::SlowStart;
use super::sticky::Sticky;
use crate::base::Rng;
use crate::config::{self, HashOn, PolicyName, ProbeKind, ProxyVersion};
use std::time::Duration;

/// A pool's row in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PoolId(pub u16);

/// A named group of backends and the way one of them is chosen.
pub struct Pool {
    /// Its name.
    pub name: String,
    /// How it is probed.
    pub probing: Probing,
    /// How its backends are told whose connection they serve.
    pub proxy_protocol: Option<ProxyVersion>,
    /// How fast TCP may send to its backends.
    pub congestion: Option<String>,
    /// The name of its policy.
    pub chosen_by: PolicyName,
    /// Their rows in the table.
    pub(super) members: Vec<u32>,
    pub(super) policy: Box<dyn Policy>,
    /// What its policy takes for a request's key; none if it takes no notice of one.
    pub(super) hash: Option<HashOn>,
    /// Kept only if the policy heeds it.
    pub(super) load: Load,
    pub(super) heeds_load: bool,
    /// A backend may have changed in more than what is in flight since the policy has looked.
    pub(super) stale: bool,
    /// Which of its backends have any; looked at anew with what else is stale.
    pub(super) room: Room,
    /// How long a request may wait for a backend that is not full.
    pub patience: Duration,
    pub(super) ejection: Option<config::Ejection>,
    pub(super) slow_start: SlowStart,
    /// How its backends are named to clients that come back.
    pub(super) sticky: Option<Sticky>,
    /// How many requests may be sent once more.
    pub retries: RetryBudget,
    /// Statuses with which a request is sent to another backend.
    retry_on: Vec<u16>,
    /// The configuration has it no more.
    pub(super) gone: bool,
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

/// What the policy of a pool takes for a request's key, if it takes notice of one.
pub(super) fn hash_of(from: &config::Pool) -> Option<HashOn> {
    from.policy.hashes().then(|| from.hash.clone())
}

fn slow_start_of(from: &config::Pool, policy: &dyn Policy) -> SlowStart {
    SlowStart::new(from.health.slow_start, policy.packs(), from.policy.hashes())
}

impl Probing {
    fn of(health: &config::Health) -> Probing {
        let config::Health { kind, interval, timeout, port, .. } = health.clone();
        Probing { kind, interval, timeout, port }
    }

    /// Whether they are at all.
    pub fn is_on(&self) -> bool {
        self.kind != ProbeKind::Off
    }
}

impl Pool {
    /// As the configuration has it; its backends stand in these rows.
    pub(super) fn new(from: &config::Pool, table: &[Backend], members: Vec<u32>, rng: Rng) -> Pool {
        let policy = policy::of(from.policy, rng);
        let mut pool = Pool {
            name: from.name.clone(),
            probing: Probing::of(&from.health),
            sticky: None,
            members,
            proxy_protocol: None,
            congestion: None,
            chosen_by: from.policy,
            hash: hash_of(from),
            load: Load::default(),
            heeds_load: policy.heeds_load(),
            slow_start: slow_start_of(from, &*policy),
            policy,
            stale: true,
            room: Room::default(),
            patience: Duration::ZERO,
            ejection: None,
            retries: RetryBudget::default(),
            retry_on: Vec::new(),
            gone: false,
        };
        pool.set_terms(from, table);
        pool
    }

    /// All that it is told but how one is chosen; its backends stand in these rows.
    pub(super) fn set_terms(&mut self, from: &config::Pool, table: &[Backend]) {
        self.probing = Probing::of(&from.health);
        (self.proxy_protocol, self.ejection) = (from.proxy_protocol, from.health.ejection);
        self.patience = from.queue.map_or(Duration::ZERO, |queue| queue.timeout);
        self.retry_on.clone_from(&from.retry_on);
        self.congestion.clone_from(&from.congestion);
        let members = Members::new(table, &self.members);
        self.sticky = from.sticky.as_ref().map(|sticky| Sticky::new(sticky, members));
    }

    /// How one is chosen from now on, all that a policy has known forgotten.
    pub(super) fn set_policy(&mut self, from: &config::Pool, rng: Rng) {
        self.policy = policy::of(from.policy, rng);
        (self.chosen_by, self.hash, self.heeds_load) = (from.policy, hash_of(from), self.policy.heeds_load());
    }

    /// Whoever returns warms as is asked for from now on, and nobody does yet.
    pub(super) fn set_slow_start(&mut self, from: &config::Pool) {
        self.slow_start = slow_start_of(from, &*self.policy);
    }

    /// Whether the configuration has it no more: it serves what was on its way to it, and nobody else is led there.
    pub fn is_gone(&self) -> bool {
        self.gone
    }

    /// The cookie by which clients come back, if they do.
    pub fn cookie(&self) -> Option<&str> {
        self.sticky.as_ref().map(Sticky::cookie)
    }

    /// Whether a request is sent to another backend instead of being answered with this status.
    #[inline]
    pub fn retries_on(&self, status: u16) -> bool {
        self.retry_on.contains(&status)
    }

    /// The ids of its backends.
    pub fn members(&self) -> impl ExactSizeIterator<Item = BackendId> + use<'_> {
        self.members.iter().map(|&row| BackendId(row))
    }
}
