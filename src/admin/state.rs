//! `/api/state`: everything that is known, as JSON. What those who watch are told besides is left out unless it is asked
//! for.

use super::View;
use crate::balance::budget::Budget;
use crate::balance::ejection::Ejection;
use crate::balance::probe::Probed;
use crate::balance::{Backend, Members, Order, Pool, PoolId, State};
use crate::base::Time;
use crate::base::histogram::Histogram;
use crate::base::stats::Stats;
use crate::base::tally::FINISHED;
use crate::net::Calls;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

#[derive(Serialize)]
pub(super) struct StateOfAll<'a> {
    version: &'static str,
    uptime_seconds: u64,
    draining: bool,
    listeners: Vec<ListenerState<'a>>,
    open_connections: u64,
    counters: &'a Stats,
    calls: Calls,
    pools: Vec<PoolState<'a>>,
    /// Backends that are removed and finish what they have.
    departing: Vec<BackendState<'a>>,
}

#[derive(Serialize)]
struct ListenerState<'a> {
    address: String,
    leads_to: &'a str,
}

#[derive(Serialize)]
struct PoolState<'a> {
    name: &'a str,
    /// How long a backend that fails can hurt, computed.
    budget: Option<&'a Budget>,
    /// Requests that wait until a backend is not full.
    queued: usize,
    /// How many requests may be sent once more.
    retry_budget: RetryState,
    backends: Vec<BackendState<'a>>,
    #[serde(flatten)]
    live: Option<PoolLive>,
}

/// What those who watch are told of a pool besides. All of it counted from the start.
#[derive(Serialize)]
struct PoolLive {
    /// From the first byte of a request to the last of its answer.
    latency: Vec<u64>,
    finished: u64,
    failed: u64,
    by_class: BTreeMap<&'static str, u64>,
}

#[derive(Serialize)]
struct RetryState {
    tokens: f64,
    denied: u64,
}

#[derive(Serialize)]
pub(super) struct BackendState<'a> {
    name: &'a str,
    address: String,
    weight: u32,
    state: State,
    /// What probes and connections alone tell.
    health: State,
    for_seconds: u64,
    /// The last attempt in words, be it a probe or a connection.
    last_probe: &'a str,
    probe: Option<ProbeState<'a>>,
    measured: Measured,
    in_flight: u32,
    /// So many may be; none: no limit.
    max_inflight: Option<u32>,
    requests: u64,
    connect_failures: u64,
    /// How often it served live traffic badly.
    errors: u64,
    /// Why it is in this state, in words.
    cause: String,
    #[serde(flatten)]
    live: Option<BackendLive>,
}

/// What those who watch are told of a backend besides.
#[derive(Serialize)]
pub(super) struct BackendLive {
    /// From the moment at which a request was its own to the head of its response.
    latency: Vec<u64>,
    /// Its weight among those that take work.
    ideal_share: f64,
}

#[derive(Serialize)]
struct ProbeState<'a> {
    #[serde(flatten)]
    probed: &'a Probed,
    seconds_ago: f64,
}

/// How long excluding it took, the last time: from the first failure that was seen.
#[derive(Serialize)]
struct Measured {
    down_in_seconds: Option<f64>,
    ejected_in_seconds: Option<f64>,
}

/// Everything; more of it if someone watches.
pub(super) fn of_all<'a>(view: &View<'a>, live: bool) -> StateOfAll<'a> {
    StateOfAll {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: (view.now - Time(0)).as_secs(),
        draining: view.draining,
        listeners: view
            .listeners
            .iter()
            .map(|(at, to)| ListenerState { address: at.to_string(), leads_to: to })
            .collect(),
        open_connections: view.stats.accepted - view.stats.closed,
        counters: view.stats,
        calls: view.calls,
        pools: pools(view, live),
        departing: view.backends.departing().map(|backend| backend_state(backend, view.now, None)).collect(),
    }
}

fn pools<'a>(view: &View<'a>, live: bool) -> Vec<PoolState<'a>> {
    let one = |(number, (pool, members)): (usize, (&'a Pool, Members<'a>))| PoolState {
        name: &pool.name,
        budget: view.budgets.get(number),
        queued: view.queues.length(PoolId(number as u16)),
        retry_budget: RetryState { tokens: pool.retries.tokens(), denied: pool.retries.denied() },
        backends: backends(members, view.now, live),
        live: live.then(|| pool_live(number as u16, view)).flatten(),
    };
    view.backends.pools().enumerate().filter(|(_, (pool, _))| !pool.is_gone()).map(one).collect()
}

fn backends(members: Members<'_>, now: Time, live: bool) -> Vec<BackendState<'_>> {
    let works = |backend: &&Backend| backend.takes_work();
    let weight: f64 = members.iter().filter(works).map(|backend| f64::from(backend.weight)).sum();
    let one = |backend| backend_state(backend, now, live.then(|| backend_live(backend, weight)));
    members.iter().map(one).collect()
}

fn backend_live(backend: &Backend, weight: f64) -> BackendLive {
    let share = if backend.takes_work() { f64::from(backend.weight) / weight } else { 0.0 };
    BackendLive { latency: counts(&backend.latency), ideal_share: share }
}

fn pool_live(number: u16, view: &View<'_>) -> Option<PoolLive> {
    let tally = view.tallies.get(number)?;
    let (mut finished, mut failed, mut by_class) = (0, 0, BTreeMap::new());
    for (class, reason, count) in tally.endings() {
        *(if reason == FINISHED { &mut finished } else { &mut failed }) += count;
        *by_class.entry(class).or_default() += count;
    }
    Some(PoolLive { latency: counts(&tally.durations), finished, failed, by_class })
}

fn counts(histogram: &Histogram) -> Vec<u64> {
    histogram.buckets().map(|(_, count)| count).collect()
}

/// Why it is in its state.
fn cause(backend: &Backend) -> String {
    match (backend.state(), backend.order()) {
        (State::Disabled, _) => "an operator disabled it".into(),
        (State::Draining, Order::Leave) => "it was removed".into(),
        (State::Draining, Order::Drain) => "an operator drains it".into(),
        (State::Draining, _) => "its weight is 0".into(),
        (State::Ejected, _) => "it served live traffic badly, too often in a row".into(),
        (State::Unproven, _) if backend.health.last().is_empty() => "nobody has asked it yet".into(),
        _ => backend.health.last().into(),
    }
}

pub(super) fn backend_state(backend: &Backend, now: Time, live: Option<BackendLive>) -> BackendState<'_> {
    let seconds = |span: Option<Duration>| span.map(|span| span.as_secs_f64());
    BackendState {
        name: &backend.name,
        address: backend.address.to_string(),
        weight: backend.weight,
        state: backend.state(),
        health: backend.health.state(),
        for_seconds: (now - backend.since()).as_secs(),
        last_probe: backend.health.last(),
        probe: backend
            .probed
            .as_deref()
            .map(|probed| ProbeState { probed, seconds_ago: (now - probed.at).as_secs_f64() }),
        measured: Measured {
            down_in_seconds: seconds(backend.health.fell_in()),
            ejected_in_seconds: seconds(backend.ejection().and_then(Ejection::took)),
        },
        in_flight: backend.in_flight,
        max_inflight: (backend.max_inflight < u32::MAX).then_some(backend.max_inflight),
        requests: backend.requests,
        connect_failures: backend.connect_failures,
        errors: backend.errors,
        cause: cause(backend),
        live,
    }
}
