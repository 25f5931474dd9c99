//! The loop itself, for those who look: its sockets, the deadlines ahead, its last turns, its calls. And one socket from
//! near: `/api/loop/SLOT`.

use super::events::{by_phase, seconds};
use super::{Ask, Page, Reply, View};
use crate::balance::BackendId;
use crate::http::Status;
use crate::net::Calls;
use crate::proxy::context::Owner;
use crate::proxy::phase::Phase;
use crate::proxy::xray::Turn;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// Who may own a socket, in the order of their numbers.
const OWNERS: [&str; 5] = ["listener", "client", "upstream", "pooled", "probe"];

/// One socket among all.
#[derive(Debug, Clone, Copy)]
pub struct Slot {
    /// Its number.
    pub number: u32,
    /// Who has it.
    pub owner: Owner,
    /// If it is a session's: which, and what that waits for.
    pub session: Option<u32>,
    /// See [`Slot::session`].
    pub phase: Option<Phase>,
}

/// A deadline.
#[derive(Debug, Clone, Copy)]
pub struct TimerAhead {
    /// Of this socket.
    pub slot: Slot,
    /// From now.
    pub due_in: Duration,
}

/// What only the loop knows.
#[derive(Debug)]
pub struct Inside {
    /// The sockets of the lowest numbers.
    pub slots: Vec<Slot>,
    /// How long the table of sockets is.
    pub table: usize,
    /// Clients by what they wait for.
    pub phases: [u64; Phase::ALL.len()],
    /// The next deadlines, the first one first.
    pub ahead: Vec<TimerAhead>,
    /// How many there are.
    pub timers: usize,
    /// The last turns, the oldest first.
    pub turns: Vec<Turn>,
    /// Buffers that are lent.
    pub lent: usize,
    /// How large each is, in bytes.
    pub buffer: usize,
}

/// A socket from near.
#[derive(Debug, Default, Serialize)]
pub struct SlotSeen {
    /// Its number.
    pub slot: u32,
    /// Who has it.
    pub owner: &'static str,
    /// The row of its session.
    pub session: Option<u32>,
    /// What that waits for.
    pub phase: Option<&'static str>,
    /// The phases that it has passed since someone watches, and when it entered each, in seconds.
    pub phases: Vec<(&'static str, f64)>,
    /// The client.
    pub peer: Option<String>,
    /// The backend.
    #[serde(skip)]
    pub backend: Option<BackendId>,
    /// What is under way.
    pub story: String,
    /// Until something happens all the same.
    pub deadline_in_ms: Option<f64>,
    /// Buffers that are lent to its session.
    pub buffers: usize,
    /// Bytes to the upstream.
    pub bytes_up: u64,
    /// Bytes to the client.
    pub bytes_down: u64,
    /// Connections that were tried for the present request.
    pub tries: u32,
    /// System calls that it has cost.
    pub calls: u64,
}

#[derive(Serialize)]
pub(super) struct Told {
    now: f64,
    owners: [&'static str; OWNERS.len()],
    phases: [&'static str; Phase::ALL.len()],
    slots: Vec<(u32, usize, i64, i64)>,
    slots_total: usize,
    slots_size: usize,
    phase_counts: BTreeMap<&'static str, u64>,
    timers: Vec<(u32, usize, i64, f64)>,
    timers_total: usize,
    turns: Vec<(u64, u64, u64, usize, usize, usize)>,
    turns_total: u64,
    turns_in_vain: u64,
    calls: Calls,
    requests: u64,
    sessions: u64,
    buffers: Buffers,
}

#[derive(Serialize)]
struct Buffers {
    lent: usize,
    size: usize,
}

#[derive(Serialize)]
struct SlotTold<'a> {
    #[serde(flatten)]
    seen: &'a SlotSeen,
    backend: Option<&'a str>,
}

impl Slot {
    fn owner_number(&self) -> usize {
        OWNERS.iter().position(|&name| name == owner_name(self.owner)).unwrap_or_default()
    }

    fn phase_number(&self) -> i64 {
        self.phase.map_or(-1, |phase| phase as i64)
    }
}

impl Inside {
    pub(super) fn told(&self, view: &View<'_>) -> Told {
        let slot = |it: &Slot| (it.number, it.owner_number(), it.phase_number(), it.session.map_or(-1, i64::from));
        let timer = |it: &TimerAhead| {
            (it.slot.number, it.slot.owner_number(), it.slot.phase_number(), it.due_in.as_secs_f64() * 1e3)
        };
        let micros = |span: Duration| span.as_micros() as u64;
        let turn = |it: &Turn| (it.number, micros(it.waited), micros(it.worked), it.events, it.driven, it.hungry);
        let stats = view.stats;
        Told {
            now: seconds(view.now),
            owners: OWNERS,
            phases: Phase::ALL.map(Phase::name),
            slots: self.slots.iter().map(slot).collect(),
            slots_total: view.sockets,
            slots_size: self.table,
            phase_counts: by_phase(&self.phases),
            timers: self.ahead.iter().map(timer).collect(),
            timers_total: self.timers,
            turns: self.turns.iter().map(turn).collect(),
            turns_total: stats.turns,
            turns_in_vain: stats.turns_in_vain,
            calls: view.calls,
            requests: stats.finished + stats.failed,
            sessions: stats.accepted - stats.closed,
            buffers: Buffers { lent: self.lent, size: self.buffer },
        }
    }
}

/// What the owner of a socket is called.
pub fn owner_name(owner: Owner) -> &'static str {
    match owner {
        Owner::Nobody => "",
        Owner::Door(_) => "listener",
        Owner::Client(_) => "client",
        Owner::Upstream(_) => "upstream",
        Owner::Idle(_) => "pooled",
        Owner::Probe(_) => "probe",
    }
}

/// The socket that is asked for.
pub(super) fn look(path: &[u8]) -> Reply {
    let number = path.strip_prefix(b"/api/loop/").and_then(|number| str::from_utf8(number).ok());
    match number.and_then(|number| number.parse().ok()) {
        Some(slot) => Reply::Ask(Ask::Look(slot)),
        None => Reply::Page(Page::text(Status(404), "a slot has a number: /api/loop/0\n")),
    }
}

/// A socket from near.
pub fn slot_page(seen: &SlotSeen, view: &View<'_>) -> Page {
    let backend = seen.backend.map(|id| view.backends.get(id).name.as_str());
    super::json(&SlotTold { seen, backend })
}
