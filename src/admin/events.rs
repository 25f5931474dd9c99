//! `/api/events`: what those who watch are told at each beat, as server-sent events (HTML standard, section 9.2): a name,
//! one line of JSON, an empty line. `of=state` is everything of `/api/state` and what changes with each request besides;
//! `of=loop` the loop itself.

use super::inside::Inside;
use super::state::StateOfAll;
use super::{Channel, Page, Reply, View, receipts, state};
use crate::base::Time;
use crate::base::histogram;
use crate::http::Status;
use crate::proxy::phase::Phase;
use serde::Serialize;
use std::collections::BTreeMap;

/// Their media type.
pub const EVENTS: &str = "text/event-stream";

/// Requests that are told, the newest.
const RECEIPTS: usize = 20;

#[derive(Serialize)]
struct StateEvent<'a> {
    /// In seconds, from the start.
    now: f64,
    #[serde(flatten)]
    all: StateOfAll<'a>,
    /// Clients by what they wait for.
    phases: BTreeMap<&'static str, u64>,
    idle_upstreams: usize,
    /// Upper bounds of the buckets of each `latency`; there is one more, for what is above all of them.
    latency_bounds_ms: Vec<f64>,
    receipts: Vec<receipts::Told<'a>>,
    /// What is on the [stage](super::stage), if there is one.
    demo: Option<serde_json::Value>,
}

/// Which of them is asked for.
pub(super) fn feed(query: &[u8]) -> Reply {
    match query {
        b"" | b"of=state" => Reply::Feed(Channel::State),
        b"of=loop" => Reply::Feed(Channel::Loop),
        _ => Reply::Page(Page::text(Status(404), "there are /api/events?of=state and /api/events?of=loop\n")),
    }
}

/// What there is to tell of everything, to be sent as it is.
pub fn state_event(view: &View<'_>, phases: &[u64]) -> Vec<u8> {
    let bounds = histogram::REQUESTS.bounds().iter();
    event(
        "state",
        &StateEvent {
            now: seconds(view.now),
            all: state::of_all(view, true),
            phases: by_phase(phases),
            idle_upstreams: view.idle,
            latency_bounds_ms: bounds.map(|&nanoseconds| nanoseconds as f64 / 1e6).collect(),
            receipts: receipts::newest(view, RECEIPTS),
            demo: view.demo.map(|stage| stage.state(view)),
        },
    )
}

/// The same of the loop itself.
pub fn loop_event(view: &View<'_>, inside: &Inside) -> Vec<u8> {
    event("loop", &inside.told(view))
}

/// Those of which there are any, by name.
pub(super) fn by_phase(counts: &[u64]) -> BTreeMap<&'static str, u64> {
    let named = Phase::ALL.iter().map(|phase| phase.name()).zip(counts.iter().copied());
    named.filter(|(_, count)| *count > 0).collect()
}

pub(super) fn seconds(at: Time) -> f64 {
    (at - Time(0)).as_secs_f64()
}

fn event(name: &str, what: &impl Serialize) -> Vec<u8> {
    let mut out = format!("event: {name}\ndata: ").into_bytes();
    let _ = serde_json::to_writer(&mut out, what); // fails only on maps whose keys are not text
    out.extend_from_slice(b"\n\n");
    out
}
