//! What is measured: each scenario by name, and what of it is judged.

use crate::job::Work;

/// One kind of load.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    /// As typed on the command line.
    pub name: &'static str,
    /// In words, above its table.
    pub says: &'static str,
    /// At once.
    pub connections: usize,
    /// What each request asks.
    pub work: Work,
    /// What kind of listener.
    pub mode: Mode,
    /// How it is loaded.
    pub shape: Shape,
}

/// What the listener speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// HTTP, a connection for many requests.
    Http,
    /// HTTP, a connection for each request.
    Fresh,
    /// Bytes, which the balancer does not read.
    Tcp,
}

/// How a scenario is loaded, and so what of it counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// As fast as it goes: processor time counts.
    Busy,
    /// At a rate that leaves everybody room: the p99 counts.
    Tail,
    /// Small requests at a gentle rate beside these downloads: the p99 of the small ones counts.
    Fair,
    /// Every connection has asked once and asks no more: memory counts.
    Idle,
}

/// Beside the small requests of [`Shape::Fair`] so many connections download so much.
pub const CROWD: (usize, Work) = (64, Work::Get(100 * MIB));

/// The rate of those small requests, per second.
pub const GENTLE: f64 = 500.0;

/// The part of the slowest contender's saturation at which [`Shape::Tail`] loads all of them.
pub const PART: f64 = 0.6;

const MIB: u64 = 1024 * 1024;
const SMALL: Work = Work::Get(100);

/// All of them, in the order of the report.
#[rustfmt::skip]
pub const ALL: [Scenario; 14] = [
    of("keep-1", "one kept-alive connection, 100 bytes", 1, SMALL, Mode::Http, Shape::Busy),
    of("keep-64", "kept-alive connections, 100 bytes", 64, SMALL, Mode::Http, Shape::Busy),
    of("keep-1000", "kept-alive connections, 100 bytes", 1000, SMALL, Mode::Http, Shape::Busy),
    of("keep-8000", "kept-alive connections, 100 bytes", 8000, SMALL, Mode::Http, Shape::Busy),
    of("fresh-64", "a new connection for each request, 100 bytes", 64, SMALL, Mode::Fresh, Shape::Busy),
    of("down-1m", "downloads of 1 MiB", 16, Work::Get(MIB), Mode::Http, Shape::Busy),
    of("down-100m", "downloads of 100 MiB", 4, Work::Get(100 * MIB), Mode::Http, Shape::Busy),
    of("up-1m", "uploads of 1 MiB", 16, Work::Put(MIB), Mode::Http, Shape::Busy),
    of("up-100m", "uploads of 100 MiB", 4, Work::Put(100 * MIB), Mode::Http, Shape::Busy),
    of("tcp-64", "TCP mode, 100 bytes there and back", 64, SMALL, Mode::Tcp, Shape::Busy),
    of("tcp-100m", "TCP mode, 100 MiB down", 4, Work::Get(100 * MIB), Mode::Tcp, Shape::Busy),
    of("tail-64", "requests at 60 % of the slowest contender's saturation", 64, SMALL, Mode::Http, Shape::Tail),
    of("fair-64", "500 small requests per second beside 64 downloads of 100 MiB", 32, SMALL, Mode::Http, Shape::Fair),
    of("idle-16000", "idle kept-alive connections, each has been answered once", 16_000, SMALL, Mode::Http, Shape::Idle),
];

const fn of(
    name: &'static str,
    says: &'static str,
    connections: usize,
    work: Work,
    mode: Mode,
    shape: Shape,
) -> Scenario {
    Scenario { name, says, connections, work, mode, shape }
}

impl Scenario {
    /// Whether bodies are its cost, so that it is told per gigabyte and not per request.
    pub fn is_bulk(&self) -> bool {
        matches!(self.work, Work::Get(size) | Work::Put(size) if size >= MIB)
    }

    /// Whether large bodies move at all.
    pub fn may_splice(&self) -> bool {
        self.is_bulk() || self.shape == Shape::Fair
    }

    /// Whether system calls are counted.
    pub fn counts_calls(&self) -> bool {
        self.shape == Shape::Busy
    }

    /// The same with no more connections than these descriptors allow to one process, and at most `most`; in words, if less.
    pub fn within(mut self, descriptors: usize, most: usize) -> Scenario {
        // Idle clients share a few upstreams; busy ones have one each. Some descriptors are for the rest.
        let each = if self.shape == Shape::Idle { 1 } else { 2 };
        let room = (descriptors.saturating_sub(512) / each).max(1);
        if self.connections > room {
            eprintln!("bench: {}: {room} connections, since {descriptors} descriptors allow no more", self.name);
        }
        self.connections = self.connections.min(room).min(most);
        self
    }
}
