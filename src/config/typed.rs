//! Floor 1: a configuration as typed: every value with the place that said it, nothing yet held against another.
//!
//! A configuration exists twice. [`file`](super::file) and [`flags`](super::flags) fill these types, whose fields are
//! empty where nobody spoke; [`settle`](super::settle) lays the flags over the file and makes a
//! [`Config`](super::Config), as meant, of both.

use super::error::{Place, Said, Spot};
use super::network::Network;
use super::word::Kind;
use super::{HashOn, HostPattern, Mode, PolicyName, ProxyVersion, guard, limit, sticky};
use std::ops::RangeInclusive;
use std::time::Duration;

/// What a file says.
#[derive(Debug, Default)]
pub struct Typed {
    /// The file as a whole, for what is missing; none without a file.
    pub whole: Option<Spot>,
    /// `admin`.
    pub admin: Option<Said<String>>,
    /// Who may speak to it.
    pub guard: guard::Typed,
    /// `[listener.*]`, in the order of the file.
    pub listeners: Vec<Listener>,
    /// `[pool.*]`, in the order of the file.
    pub pools: Vec<Pool>,
    /// `[timeouts]`, by key.
    pub timeouts: Vec<(&'static str, Said<Duration>)>,
    /// `[limits]`, by key.
    pub limits: Vec<(&'static str, Said<u64>)>,
}

/// What flags and the environment say: about one listener, one pool, and a little besides.
#[derive(Debug)]
pub struct Upper {
    /// About the listener.
    pub listener: Listener,
    /// About its pool.
    pub pool: Pool,
    /// `--header-timeout`.
    pub header: Option<Said<Duration>>,
    /// `--admin`.
    pub admin: Option<Said<String>>,
    /// Who may speak to it.
    pub guard: guard::Typed,
}

/// A listener.
#[derive(Debug)]
pub struct Listener {
    /// Its name, and where that stands.
    pub name: Said<String>,
    /// Addresses.
    pub bind: Vec<Said<String>>,
    /// What it speaks.
    pub mode: Option<Said<Mode>>,
    /// A pool, by name.
    pub pool: Option<Said<String>>,
    /// Ways to other pools, in order.
    pub routes: Vec<Route>,
    /// How many it lets in.
    pub limits: limit::OfListener,
    /// What stands before the traffic.
    pub preface: Preface,
    /// How fast TCP may send.
    pub congestion: Option<Said<String>>,
}

/// What stands before the traffic of a listener's connections.
#[derive(Debug, Default)]
#[allow(missing_docs)] // three keys of the listener
pub struct Preface {
    pub proxy_protocol: Option<Said<bool>>,
    pub sni: Option<Said<bool>>,
    pub trusted: Option<Said<Vec<Network>>>,
}

/// A route.
#[derive(Debug)]
pub struct Route {
    /// Of which host.
    pub host: Option<Said<HostPattern>>,
    /// With which beginning of the path.
    pub path: Option<Said<String>>,
    /// A pool, by name.
    pub pool: Said<String>,
}

/// A pool.
#[derive(Debug)]
pub struct Pool {
    /// Its name, and where that stands.
    pub name: Said<String>,
    /// How a backend is chosen.
    pub policy: Option<Said<PolicyName>>,
    /// What a request's key is.
    pub hash: Option<Said<HashOn>>,
    /// Addresses and weights.
    pub backends: Vec<Said<Backend>>,
    /// How they are probed.
    pub health: Health,
    /// Whether clients come back to who served them.
    pub sticky: Option<sticky::Typed>,
    /// Which statuses are tried again elsewhere.
    pub retry_on: Option<Said<Vec<u16>>>,
    /// How its backends are told whose connection they serve.
    pub proxy_protocol: Option<Said<ProxyVersion>>,
    /// How much its backends take at once.
    pub limits: limit::OfPool,
    /// How fast TCP may send to its backends.
    pub congestion: Option<Said<String>>,
}

/// A backend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backend {
    /// Not yet looked up.
    pub address: String,
    /// Its share; 0: no new work.
    pub weight: u32,
}

/// Probing, and what else judges health.
#[derive(Debug, Default)]
#[allow(missing_docs)] // the keys of `health`, and two of the pool
pub struct Health {
    pub kind: Option<Said<Kind>>,
    pub path: Option<Said<String>>,
    pub expect: Option<Said<Vec<RangeInclusive<u16>>>>,
    pub body: Option<Said<String>>,
    pub headers: Option<Said<Vec<(String, String)>>>,
    pub port: Option<Said<u16>>,
    pub interval: Option<Said<Duration>>,
    pub timeout: Option<Said<Duration>>,
    pub fall: Option<Said<u32>>,
    pub rise: Option<Said<u32>>,
    pub ejection: Option<Ejection>,
    pub slow_start: Option<Said<Duration>>,
}

/// Ejection: that it is there means that it is asked for.
#[derive(Debug, Default)]
#[allow(missing_docs)] // the keys of `ejection`
pub struct Ejection {
    pub consecutive: Option<Said<u32>>,
    pub share: Option<Said<u32>>,
    pub base: Option<Said<Duration>>,
}

impl Listener {
    /// One about which nothing is said.
    pub fn new(name: Said<String>) -> Listener {
        Listener {
            name,
            bind: Vec::new(),
            mode: None,
            pool: None,
            routes: Vec::new(),
            preface: Preface::default(),
            limits: limit::OfListener::default(),
            congestion: None,
        }
    }

    /// Who spoke about it first, if anybody did.
    pub fn spoken(&self) -> Option<&Place> {
        let mode = self.mode.as_ref().map(|mode| &mode.place);
        self.bind.first().map(|bind| &bind.place).or(mode)
    }

    /// This one, with what `upper` says instead where it says something.
    pub fn under(self, upper: Listener) -> Listener {
        Listener {
            name: self.name,
            bind: some(upper.bind, self.bind),
            mode: upper.mode.or(self.mode),
            pool: upper.pool.or(self.pool),
            routes: some(upper.routes, self.routes),
            preface: self.preface, // no flag speaks of it
            limits: self.limits.under(upper.limits),
            congestion: upper.congestion.or(self.congestion),
        }
    }
}

impl Pool {
    /// One about which nothing is said.
    pub fn new(name: Said<String>) -> Pool {
        Pool {
            name,
            policy: None,
            hash: None,
            backends: Vec::new(),
            health: Health::default(),
            sticky: None,
            retry_on: None,
            proxy_protocol: None,
            limits: limit::OfPool::default(),
            congestion: None,
        }
    }

    /// Who spoke about it first, if anybody did.
    pub fn spoken(&self) -> Option<&Place> {
        let backend = self.backends.first().map(|backend| &backend.place);
        let policy = self.policy.as_ref().map(|policy| &policy.place);
        backend.or(policy).or(self.health.spoken())
    }

    /// This one, with what `upper` says instead where it says something.
    pub fn under(self, upper: Pool) -> Pool {
        Pool {
            name: self.name,
            policy: upper.policy.or(self.policy),
            hash: upper.hash.or(self.hash),
            backends: some(upper.backends, self.backends),
            health: self.health.under(upper.health),
            sticky: upper.sticky.or(self.sticky),
            retry_on: upper.retry_on.or(self.retry_on),
            proxy_protocol: upper.proxy_protocol.or(self.proxy_protocol),
            limits: self.limits.under(upper.limits),
            congestion: upper.congestion.or(self.congestion),
        }
    }
}

impl Health {
    fn spoken(&self) -> Option<&Place> {
        let kind = self.kind.as_ref().map(|said| &said.place);
        let path = self.path.as_ref().map(|said| &said.place);
        let spans = [&self.interval, &self.timeout];
        let spans = spans.into_iter().flatten().map(|said| &said.place);
        let counts = [&self.fall, &self.rise];
        let counts = counts.into_iter().flatten().map(|said| &said.place);
        kind.into_iter().chain(path).chain(spans).chain(counts).next()
    }

    fn under(self, upper: Health) -> Health {
        Health {
            kind: upper.kind.or(self.kind),
            path: upper.path.or(self.path),
            expect: upper.expect.or(self.expect),
            body: upper.body.or(self.body),
            headers: upper.headers.or(self.headers),
            port: upper.port.or(self.port),
            interval: upper.interval.or(self.interval),
            timeout: upper.timeout.or(self.timeout),
            fall: upper.fall.or(self.fall),
            rise: upper.rise.or(self.rise),
            ejection: upper.ejection.or(self.ejection),
            slow_start: upper.slow_start.or(self.slow_start),
        }
    }
}

/// Lists replace each other as a whole: who names backends means these and no others.
fn some<T>(upper: Vec<T>, lower: Vec<T>) -> Vec<T> {
    if upper.is_empty() { lower } else { upper }
}
