//! What a session can wait for, and how long.
//!
//! The graph of phases is drawn in [`session`](super::session) and [`exchange`](super::exchange); only a session enters
//! one.

use crate::config::Timeouts;
use std::time::Duration;

/// How long an answered client may be silent, while what it still says is thrown away (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(2);

/// How long it is heard out in all: a large body on a slow line takes its time, and the answer must not be lost to a
/// reset.
pub const LONGEST_LINGER: Duration = Duration::from_secs(30);

/// Someone who watches hears something at least this often.
const WATCHED: Duration = Duration::from_secs(60);

/// What a session waits for. Each waiting has a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// For what stands before the traffic: a PROXY header, a ClientHello.
    Preface,
    /// For the rest of a request head; of the first request, for all of it.
    Head,
    /// Kept alive, for the first byte of another request.
    Idle,
    /// For a backend that is not full.
    Queued,
    /// For the rest of a request to ourselves.
    Gathering,
    /// For the house to do what a request to ourselves asks for.
    Asking,
    /// For something new to tell someone who watches.
    Watching,
    /// For an upstream connection to stand.
    Connecting,
    /// For the rest of the request to pass.
    Sending,
    /// For the first byte of a response.
    Awaiting,
    /// For the rest of the response.
    Receiving,
    /// For the client to take what it is owed of the response.
    Delivering,
    /// For bytes, either way.
    Tunnel,
    /// For the client to take an answer of our own.
    Answering,
    /// For the client to stop talking, having been answered.
    Lingering,
}

impl Phase {
    /// All of them, in the order of their numbers.
    pub const ALL: [Phase; 15] = [
        Phase::Preface,
        Phase::Head,
        Phase::Idle,
        Phase::Queued,
        Phase::Gathering,
        Phase::Asking,
        Phase::Watching,
        Phase::Connecting,
        Phase::Sending,
        Phase::Awaiting,
        Phase::Receiving,
        Phase::Delivering,
        Phase::Tunnel,
        Phase::Answering,
        Phase::Lingering,
    ];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Phase::Preface => "preface",
            Phase::Head => "head",
            Phase::Idle => "idle",
            Phase::Queued => "queued",
            Phase::Gathering => "gathering",
            Phase::Asking => "asking",
            Phase::Watching => "watching",
            Phase::Connecting => "connecting",
            Phase::Sending => "sending",
            Phase::Awaiting => "awaiting",
            Phase::Receiving => "receiving",
            Phase::Delivering => "delivering",
            Phase::Tunnel => "tunnel",
            Phase::Answering => "answering",
            Phase::Lingering => "lingering",
        }
    }

    /// How long this waiting may last, counted from the last byte that moved.
    pub fn patience(self, timeouts: &Timeouts) -> Duration {
        match self {
            Phase::Preface | Phase::Head => timeouts.header,
            Phase::Idle | Phase::Delivering | Phase::Answering => timeouts.client_idle,
            Phase::Connecting | Phase::Queued => timeouts.connect, // who is queued has the patience of its pool
            Phase::Sending | Phase::Gathering => timeouts.body,
            Phase::Awaiting | Phase::Receiving | Phase::Asking => timeouts.response,
            Phase::Tunnel => timeouts.tunnel,
            Phase::Lingering => LINGER,
            Phase::Watching => WATCHED, // the next beat comes long before
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_stands_at_its_number_and_has_a_name_of_its_own() {
        assert!(Phase::ALL.iter().enumerate().all(|(number, &phase)| phase as usize == number));
        let names: std::collections::BTreeSet<_> = Phase::ALL.iter().map(|phase| phase.name()).collect();
        assert_eq!(names.len(), Phase::ALL.len());
    }
}
