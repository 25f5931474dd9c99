//! What the world knows: who asked for what, what reached whom, which faults excuse which loss, and what went wrong.
//!
//! An excuse is given for one request or one stream and for a fact, never for a whole run: all that has none must
//! succeed.

use evenkeel::base::Time;
use evenkeel::config::Mode;
use evenkeel::net::sim::Sim;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

/// One direction of a TCP-mode connection.
#[derive(Debug, Default, Clone)]
pub struct Stream {
    /// So many bytes it has when it ends.
    pub length: u64,
    /// Its sender has sent a FIN, after so many bytes. Without one, nobody may see a clean end.
    pub finished_at: Option<u64>,
    /// The stream that came back on the same connection, as seen by the receiver of this one.
    pub partner: Option<u64>,
}

/// One HTTP request.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: &'static str,
    /// Bytes of its body, and of the response's.
    pub body: u64,
    pub reply: u64,
    /// The address of the client that asks.
    pub from: Option<IpAddr>,
    /// How often a backend saw it.
    pub seen: u32,
    /// Which backend saw it first.
    pub seen_by: Option<SocketAddr>,
}

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Ledger {
    last: u64,
    pub streams: BTreeMap<u64, Stream>,
    pub requests: BTreeMap<u64, Request>,
    excused: BTreeSet<u64>,
    /// Connections that a backend killed before it knew whose they were: each excuses one failure.
    pub orphans: u32,
    /// Something happens that may cost anybody anything (no backend is left, descriptors run out), for each mode.
    pub amnesty: [bool; 2],
    /// Something happened that may cost a request that cannot be sent twice.
    pub unsteady: bool,
    /// When the balancer was told to leave.
    pub leaving: Option<Time>,
    pub answered: u64,
    pub lost: u64,
    wrong: Option<String>,
}

impl Ledger {
    /// A number that nobody has.
    pub fn number(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// From now on a loss of `number` is nobody's fault.
    pub fn excuse(&mut self, number: u64) {
        self.excused.insert(number);
    }

    pub fn is_excused(&self, number: u64) -> bool {
        let once = |request: &Request| request.method == "POST" || request.body > 0;
        let once = self.unsteady && self.requests.get(&number).is_some_and(once);
        let mode = if self.requests.contains_key(&number) { Mode::Http } else { Mode::Tcp };
        self.amnesty[mode as usize] || once || self.excused.contains(&number)
    }

    /// `number` was lost: a fault unless there is an excuse.
    pub fn lost(&mut self, number: u64, why: &str) {
        self.lost += 1;
        if self.is_excused(number) {
            return;
        }
        match self.orphans {
            0 => self.blame(format!("{number} lost without excuse: {why}")),
            _ => self.orphans -= 1,
        }
    }

    /// How many requests a backend was the first to see.
    pub fn had(&self, backend: SocketAddr) -> usize {
        self.requests.values().filter(|request| request.seen_by == Some(backend)).count()
    }

    /// A property is violated. The first time counts.
    pub fn blame(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    pub fn verdict(&self) -> Result<(), String> {
        self.wrong.clone().map_or(Ok(()), Err)
    }
}

/// What an actor has at hand when it acts.
pub struct Cue<'a> {
    pub sim: &'a mut Sim,
    pub ledger: &'a mut Ledger,
    pub now: Time,
}
