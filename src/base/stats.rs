//! Counters of one loop: plain numbers, added up by whoever does the thing, read by the admin address.
//!
//! They obey conservation laws (law 10), checked by [`Stats::check`]: what came in is open or has ended.

use serde::Serialize;
use std::collections::BTreeMap;

/// Everything counted since the start. Byte counts are payload of sockets, heads included.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Stats {
    /// Client connections accepted, those of the admin address left out.
    pub accepted: u64,
    /// Client connections that ended.
    pub closed: u64,
    /// Requests whose head was accepted, and connections forwarded in TCP mode.
    pub admitted: u64,
    /// Of those: answered in full.
    pub finished: u64,
    /// Of those: ended otherwise.
    pub failed: u64,
    /// Requests refused before they were admitted.
    pub refused: u64,
    /// Requests in good order that we answered ourselves, without a word to a backend.
    pub answered: u64,
    /// Requests sent once more, to the same backend or another.
    pub retries: u64,
    /// Requests that were not, because the budget of their pool was used up.
    pub retry_denied: u64,
    /// Upstream connections made.
    pub connects: u64,
    /// Requests that went out on a pooled upstream connection.
    pub reused: u64,
    /// Pooled upstream connections that brought bytes nobody asked for.
    pub surplus: u64,
    /// Requests that had to wait for a backend that is not full.
    pub queued: u64,
    /// Times that the last place for a client was taken, so that others had to wait outside.
    pub full: u64,
    /// The same, for the clients of one listener.
    pub listener_full: u64,
    /// Sessions that asked to go on and did nothing (law 7): each one is a bug.
    pub stuck: u64,
    /// Whether the conservation laws were found broken, as 1: a bug.
    pub violations: u64,
    /// Bytes from clients to upstreams.
    pub bytes_up: u64,
    /// Bytes from upstreams to clients.
    pub bytes_down: u64,
    /// Bytes of these, either way, that passed without being copied.
    pub bytes_spliced: u64,
    /// Lines of the access log.
    pub access_lines: u64,
    /// Of those: dropped because nobody took them, or could not be written.
    pub access_dropped: u64,
    /// Turns of the loop.
    pub turns: u64,
    /// Of those: nothing had happened, and nothing was due.
    pub turns_in_vain: u64,
    /// Times that another configuration was taken on.
    pub reloads: u64,
    /// Times that one was refused.
    pub reloads_refused: u64,
    /// What was due and attended to: deadlines, probes, memory to free, lines to hand on.
    pub came_due: u64,
    /// How connections ended, and why requests did not finish, by named reason.
    pub reasons: BTreeMap<&'static str, u64>,
}

impl Stats {
    /// One more ending with this reason.
    pub fn ended(&mut self, reason: &'static str) {
        *self.reasons.entry(reason).or_default() += 1;
    }

    /// The conservation law of connections, given how many are `open` now: cheap, for every turn.
    pub fn check_open(&self, open: u64) -> Result<(), String> {
        let Stats { accepted, closed, .. } = self;
        match accepted == &(closed + open) {
            true => Ok(()),
            false => Err(format!("accepted {accepted} != closed {closed} + open {open}")),
        }
    }

    /// All conservation laws, given how many connections are `open` and how many admitted requests `alive` now.
    pub fn check(&self, open: u64, alive: u64) -> Result<(), String> {
        self.check_open(open)?;
        if self.admitted != self.finished + self.failed + alive {
            let Stats { admitted, finished, failed, .. } = self;
            return Err(format!("admitted {admitted} != finished {finished} + failed {failed} + alive {alive}"));
        }
        Ok(())
    }

    /// The conservation law of the access log, for when nothing is under way: each request has one line.
    pub fn check_lines(&self) -> Result<(), String> {
        let Stats { admitted, refused, answered, access_lines, .. } = self;
        match *access_lines == admitted + refused + answered {
            true => Ok(()),
            false => Err(format!("{access_lines} lines for {admitted} + {refused} + {answered} requests")),
        }
    }
}
