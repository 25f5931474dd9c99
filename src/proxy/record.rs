//! What is remembered of a request, from its first byte to the last of its answer, for the one count and the one line in
//! the access log that it gets.
//!
//! A record travels: an [exchange](super::exchange) that cannot be done hands it to the answer of our own that takes its
//! place, so that there is one line for each request, whoever answered it. What a line looks like is
//! [`access`](super::access)'s.

use super::asked::Asked;
use super::phase::Phase;
use super::reason::Reason;
use super::receipt::Slip;
use crate::balance::{BackendId, PoolId};
use crate::base::Time;
use crate::net::Cost;

/// What did not happen.
pub const NEVER: Time = Time(u64::MAX);

/// See the [module](self).
#[derive(Debug)]
pub struct Record {
    /// Ours to name it by; 0: it has no name yet.
    pub id: u128,
    /// It is a client's: it is counted, and gets a line if anybody asked for one.
    pub counts: bool,
    /// When its first byte came; for a tunnel, its client.
    pub heard: Time,
    /// When its head was complete.
    pub began: Time,
    /// When a backend was first chosen for it.
    pub chosen: Time,
    /// When a connection to a backend stood, the last one.
    pub connected: Time,
    /// When the head of the final response had come.
    pub answered: Time,
    /// The number of the listener where it came in.
    pub listener: Option<u16>,
    /// The pool that it went to.
    pub pool: Option<PoolId>,
    /// The last backend that was tried.
    pub backend: Option<BackendId>,
    /// Connections that were tried for it, pooled ones too.
    pub tries: u32,
    /// Bytes that went to backends and to the client in flows that are no more.
    pub moved: [u64; 2],
    /// What it has cost so far, from the read that brought the end of its head.
    pub cost: Cost,
    /// Where its receipt is.
    pub slip: Slip,
    /// Why it ended, once it has.
    pub ending: Option<Ending>,
    /// What was asked for, kept only while somebody reads it.
    pub asked: Option<Box<Asked>>,
}

/// Why a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// By its name in the counters.
    pub reason: &'static str,
    /// HAProxy's two letters, where they mean the same: who ended it, and what it was doing.
    pub code: Option<&'static str>,
}

impl Record {
    /// Of something whose first byte came at `heard` and whose head is complete `now`.
    #[inline]
    pub fn new(heard: Time, now: Time) -> Record {
        Record {
            id: 0,
            counts: false,
            heard,
            began: now,
            chosen: NEVER,
            connected: NEVER,
            answered: NEVER,
            listener: None,
            pool: None,
            backend: None,
            tries: 0,
            moved: [0; 2],
            cost: Cost::default(),
            slip: Slip::NONE,
            ending: None,
            asked: None,
        }
    }

    /// It is known by this id from now on, and counts.
    pub fn name(&mut self, id: u128) {
        (self.id, self.counts) = (id, true);
    }

    /// Leaves a record behind that does not count.
    pub fn take(&mut self) -> Record {
        std::mem::replace(self, Record::new(self.heard, self.began))
    }

    /// A connection is tried for it.
    pub fn tries(&mut self, backend: BackendId, now: Time) {
        self.chosen = self.chosen.min(now);
        (self.backend, self.tries) = (Some(backend), self.tries + 1);
    }

    /// It ends, if it has not already, for this reason and in this phase.
    pub fn end(&mut self, reason: Reason, phase: Phase) {
        let ending = Ending { reason: reason.name(), code: code(reason, phase) };
        self.ending.get_or_insert(ending);
    }

    /// It ends, if it has not already, because it was refused.
    pub fn refused(&mut self, reason: &'static str) {
        self.ending.get_or_insert(Ending { reason, code: Some("PR") });
    }
}

/// HAProxy's session state at disconnection (its configuration manual, section 8.5), where ours means the same.
fn code(reason: Reason, phase: Phase) -> Option<&'static str> {
    if phase == Phase::Queued {
        return match reason {
            Reason::QueueTimeout => Some("sQ"),
            Reason::ClientReset | Reason::ClientLeft => Some("CQ"),
            _ => None,
        };
    }
    let stage = match phase {
        Phase::Head | Phase::Idle => 0,
        Phase::Connecting | Phase::Queued => 1,
        Phase::Sending | Phase::Awaiting => 2,
        _ => 3,
    };
    let codes = match reason {
        Reason::Finished | Reason::Answered | Reason::Closed => return Some("--"),
        Reason::ClientReset | Reason::ClientLeft => ["CR", "CC", "CH", "CD"],
        Reason::HeaderTimeout => return Some("cR"),
        Reason::BodyTimeout | Reason::ClientStalled | Reason::TunnelTimeout => ["cR", "cC", "cH", "cD"],
        Reason::NoBackend => return Some("SC"),
        Reason::QueueFull => return Some("SQ"),
        Reason::ClientRequests => return Some("PR"),
        Reason::ConnectTimeout => return Some("sC"),
        Reason::ResponseTimeout => ["sR", "sC", "sH", "sD"],
        Reason::UpstreamDied | Reason::RetryDenied | Reason::Truncated => ["SR", "SC", "SH", "SD"],
        Reason::BadResponse => ["PR", "PC", "PH", "PD"],
        Reason::NoRoute | Reason::BadRequest => return Some("PR"),
        Reason::System => ["RR", "RC", "RH", "RD"],
        Reason::Stuck => ["IR", "IC", "IH", "ID"],
        _ => return None, // they have no word for it
    };
    codes.get(stage).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_ending_stays() {
        let mut record = Record::new(Time(0), Time(0));
        record.end(Reason::UpstreamDied, Phase::Awaiting);
        record.end(Reason::ClientReset, Phase::Answering);
        assert_eq!(record.ending, Some(Ending { reason: "upstream_died", code: Some("SH") }));
    }
}
