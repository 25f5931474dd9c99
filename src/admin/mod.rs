//! Floor 5: what the admin address answers. Served by the same loop, as answers of our own.
//!
//! So far `/healthz` and `/api/state`. This file turns tables into text; sockets and HTTP are the session's.

use crate::balance::{Backends, State};
use crate::base::Time;
use crate::base::stats::Stats;
use crate::http::{Request, Status, Verb};
use serde::Serialize;

/// An answer of our own.
#[derive(Debug)]
pub struct Page {
    /// Its status.
    pub status: Status,
    /// The media type of its body.
    pub content_type: &'static str,
    /// Its body.
    pub body: Vec<u8>,
    /// Ready field lines, each ending in CRLF.
    pub extra: &'static str,
}

impl Page {
    fn text(status: Status, body: String) -> Page {
        Page { status, content_type: "text/plain; charset=utf-8", body: body.into_bytes(), extra: "" }
    }
}

#[derive(Serialize)]
struct StateOfAll<'a> {
    version: &'static str,
    uptime_seconds: u64,
    draining: bool,
    connections: Connections,
    requests: Requests,
    bytes: Bytes,
    pools: Vec<PoolState<'a>>,
    stats: &'a Stats,
}

#[derive(Serialize)]
struct Connections {
    accepted: u64,
    open: u64,
}

#[derive(Serialize)]
struct Requests {
    admitted: u64,
    finished: u64,
    failed: u64,
    refused: u64,
    retries: u64,
}

#[derive(Serialize)]
struct Bytes {
    up: u64,
    down: u64,
}

#[derive(Serialize)]
struct PoolState<'a> {
    name: &'a str,
    backends: Vec<BackendState<'a>>,
}

#[derive(Serialize)]
struct BackendState<'a> {
    name: &'a str,
    address: String,
    weight: u32,
    state: State,
    for_seconds: u64,
    last_probe: &'a str,
    in_flight: u32,
    requests: u64,
    connect_failures: u64,
}

/// The answer to a request on the admin address.
pub fn page(request: &Request<'_, '_>, backends: &Backends, stats: &Stats, draining: bool, now: Time) -> Page {
    let path = request.target.split(|&byte| byte == b'?').next().unwrap_or_default();
    match (path, request.verb) {
        (b"/healthz" | b"/api/state", verb) if !verb.is_safe() || verb == Verb::Options => {
            Page { extra: "Allow: GET, HEAD\r\n", ..Page::text(Status(405), "only GET and HEAD\n".into()) }
        }
        (b"/healthz", _) => Page::text(Status(200), "ok\n".into()),
        (b"/api/state", _) => state(backends, stats, draining, now),
        _ => Page::text(Status(404), "not found; there are /healthz and /api/state\n".into()),
    }
}

fn state(backends: &Backends, stats: &Stats, draining: bool, now: Time) -> Page {
    let Stats { accepted, closed, admitted, finished, failed, refused, retries, .. } = *stats;
    let all = StateOfAll {
        version: env!("CARGO_PKG_VERSION"),
        uptime_seconds: (now - Time(0)).as_secs(),
        draining,
        connections: Connections { accepted, open: accepted - closed },
        requests: Requests { admitted, finished, failed, refused, retries },
        bytes: Bytes { up: stats.bytes_up, down: stats.bytes_down },
        pools: backends.pools().map(|(pool, members)| pool_state(&pool.name, members, now)).collect(),
        stats,
    };
    let body = serde_json::to_vec_pretty(&all).unwrap_or_default(); // fails only on maps whose keys are not text
    Page { content_type: "application/json", body, ..Page::text(Status(200), String::new()) }
}

fn pool_state<'a>(name: &'a str, members: &'a [crate::balance::Backend], now: Time) -> PoolState<'a> {
    let backends = members.iter().map(|backend| BackendState {
        name: &backend.name,
        address: backend.address.to_string(),
        weight: backend.weight,
        state: backend.health.state(),
        for_seconds: (now - backend.health.since()).as_secs(),
        last_probe: backend.health.last(),
        in_flight: backend.in_flight,
        requests: backend.requests,
        connect_failures: backend.connect_failures,
    });
    PoolState { name, backends: backends.collect() }
}
