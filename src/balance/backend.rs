//! One backend: address, weight, health, what is in flight, and what it is taken for.
//!
//! What changes here and matters to a policy is changed by way of [`super::Backends`], which see to it that the policy
//! hears of it.

use super::ejection::Ejection;
use super::health::{Health, State};
use super::pool::PoolId;
use super::probe::Probed;
use crate::base::histogram::{self, Histogram};
use crate::base::{Address, Time};
use crate::config;
use std::time::Duration;

/// A backend's row in the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u32);

/// What the operator wants of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// That it works.
    Serve,
    /// That it gets no new work and finishes what it has. It is probed as before, and back at once.
    Drain,
    /// That, and that nobody asks how it is.
    Disable,
    /// That too, and it is in no pool any more: see [`super::change`].
    Leave,
}

/// One backend.
#[derive(Debug)]
pub struct Backend {
    /// As the operator wrote it.
    pub name: String,
    /// Where it is.
    pub address: Address,
    /// Its share beside the others; 0: it gets no new work.
    pub weight: u32,
    /// The pool it stands in.
    pub pool: PoolId,
    /// Its row in the pool.
    pub(super) row: u32,
    /// Whether it is fit, as far as probes and connections tell.
    pub health: Health,
    /// What the operator wants of it: changed through [`super::Backends::order`] alone.
    pub(super) order: Order,
    /// When that was said last.
    pub(super) ordered: Time,
    /// Whether live traffic has it excluded: changed through [`super::Backends::served`] alone.
    pub(super) ejected: bool,
    /// What live traffic tells of it, if it is asked.
    pub(super) ejection: Option<Box<Ejection>>,
    /// What the last probe came to.
    pub probed: Option<Box<Probed>>,
    /// Exchanges and tunnels under way.
    pub in_flight: u32,
    /// So many may be.
    pub max_inflight: u32,
    /// Exchanges and tunnels begun.
    pub requests: u64,
    /// Connections to it that failed.
    pub connect_failures: u64,
    /// Those that stood, and how long that took in all.
    pub connects: u64,
    /// See [`Backend::connects`].
    pub connecting: Duration,
    /// Probes that passed.
    pub probes_passed: u64,
    /// Probes that did not.
    pub probes_failed: u64,
    /// How often live traffic had it excluded.
    pub ejections: u64,
    /// How often it served live traffic badly, connections that failed among them.
    pub errors: u64,
    /// From the moment at which a request was its own to the head of its response.
    pub latency: Histogram,
}

impl Backend {
    /// As the configuration has it, and unproven.
    pub(super) fn new(from: &config::Backend, pool: PoolId, of: &config::Pool) -> Backend {
        let health = &of.health;
        Backend {
            name: from.name.clone(),
            address: from.address.clone(),
            weight: from.weight,
            pool,
            row: 0,
            health: Health::new(health.fall, health.rise),
            order: Order::Serve,
            ordered: Time(0),
            ejected: false,
            ejection: health.ejection.map(|terms| Box::new(Ejection::new(terms))),
            probed: None,
            in_flight: 0,
            max_inflight: of.max_inflight.unwrap_or(u32::MAX),
            requests: 0,
            connect_failures: 0,
            connects: 0,
            connecting: Duration::ZERO,
            probes_passed: 0,
            probes_failed: 0,
            ejections: 0,
            errors: 0,
            latency: Histogram::new(&histogram::REQUESTS),
        }
    }

    /// Whether this is what the configuration says of it: a backend is known by its name and where it is.
    pub fn is(&self, said: &config::Backend) -> bool {
        self.name == said.name && self.address == said.address
    }

    /// What it is asked for as, when nobody says a host: a path is none (RFC 9110 section 7.2).
    pub fn host(&self) -> &str {
        match self.address.is_unix() {
            true => "localhost",
            false => &self.name,
        }
    }

    /// Whether its health is good: up or unproven. It may be ejected all the same.
    pub fn is_up(&self) -> bool {
        self.health.state() != State::Down
    }

    /// Whether it is to be picked while there is a choice: it is fit, not ejected, and may work.
    pub fn takes_work(&self) -> bool {
        self.health.usable() && !self.ejected && self.may_work()
    }

    /// Whether it has as much under way as it may. It is as fit as before.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.in_flight >= self.max_inflight
    }

    /// Whether the operator lets it work: it has a weight, and no order against it. Who may not is never picked, though
    /// nobody else be left.
    pub fn may_work(&self) -> bool {
        self.weight > 0 && self.order == Order::Serve
    }

    /// Whether the operator wants to know how it is.
    pub fn is_probed(&self) -> bool {
        !matches!(self.order, Order::Disable | Order::Leave)
    }

    /// What it is taken for: by the operator's word first, then by health, then by live traffic.
    pub fn state(&self) -> State {
        match (self.order, self.health.state()) {
            (Order::Disable, _) => State::Disabled,
            (Order::Drain | Order::Leave, _) => State::Draining,
            _ if self.weight == 0 => State::Draining,
            (_, State::Up | State::Unproven) if self.ejected => State::Ejected,
            (_, state) => state,
        }
    }

    /// What the operator wants of it.
    pub fn order(&self) -> Order {
        self.order
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
            (State::Draining | State::Disabled, _) => self.ordered,
            (State::Down, _) | (_, None) => self.health.since().max(self.ordered),
            (_, Some(ejection)) => ejection.since().max(self.health.since()).max(self.ordered),
        }
    }
}

/// Tables for the tests of policies.
#[cfg(test)]
pub(crate) mod tests_support {
    use super::*;
    use crate::balance::Members;
    use crate::balance::policy::{Choice, Load};
    use crate::config::ProbeKind;

    /// `count` backends, all unproven.
    pub(crate) fn table(count: usize) -> Vec<Backend> {
        weighted(&vec![1; count])
    }

    /// Backends of these weights, all unproven.
    pub(crate) fn weighted(weights: &[u32]) -> Vec<Backend> {
        let health = config::Health { kind: ProbeKind::Tcp, ..config::Health::default() };
        let pool = config::Pool { health, ..config::Pool::default() };
        let address = |row: usize| std::net::SocketAddr::from(([127, 0, 0, 1], 8080 + row as u16));
        let one = |(row, &weight): (usize, &u32)| {
            let from = config::Backend { name: address(row).to_string(), address: address(row).into(), weight };
            Backend::new(&from, PoolId(0), &pool)
        };
        weights.iter().enumerate().map(one).collect()
    }

    /// A choice among them.
    pub(crate) fn choice<'a>(backends: &'a [Backend], may: &'a dyn Fn(usize) -> bool) -> Choice<'a> {
        let backends = Members::all(backends);
        Choice { backends, may, again: false, key: 0, load: Load::of(backends) }
    }
}
