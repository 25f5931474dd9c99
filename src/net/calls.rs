//! What was asked of a network, counted: the bill of the whole loop, and what one request adds to it.

use serde::Serialize;
use std::ops::{AddAssign, Sub};

/// How often each call was made, and what the data calls moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[allow(missing_docs)] // the names are those of the trait's methods
pub struct Calls {
    pub wait: u64,
    pub listen: u64,
    pub accept: u64,
    pub local_address: u64,
    pub connect: u64,
    pub outcome: u64,
    pub watch: u64,
    pub read: u64,
    /// Reads and pulls that found nothing: calls for nothing.
    pub read_nothing: u64,
    pub bytes_read: u64,
    pub write: u64,
    /// Writes and pushes of which no byte was taken.
    pub write_blocked: u64,
    pub bytes_written: u64,
    /// Bodies that were not copied: calls and bytes into pipes, calls out of them.
    pub pull: u64,
    pub bytes_spliced: u64,
    pub push: u64,
    pub low_water: u64,
    pub mute: u64,
    pub finish: u64,
    pub reset: u64,
    /// Sockets closed, of which the kernel may be asked for many at once ([`os`](super::os)).
    pub close: u64,
    /// All of them, waiting and listening aside: those are everybody's.
    pub total: u64,
}

impl Calls {
    /// Calls that move payload: what a request cannot do without.
    pub fn data(&self) -> u64 {
        self.read + self.write + self.pull + self.push
    }

    /// What all of it comes to.
    pub fn cost(&self) -> Cost {
        Cost { calls: self.total, copied: self.bytes_read, spliced: self.bytes_spliced }
    }
}

/// What something cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cost {
    /// System calls.
    pub calls: u64,
    /// Bytes copied to us and back.
    pub copied: u64,
    /// Bytes that passed inside the kernel.
    pub spliced: u64,
}

impl Sub for Cost {
    type Output = Cost;

    fn sub(self, before: Cost) -> Cost {
        let Cost { calls, copied, spliced } = before;
        Cost { calls: self.calls - calls, copied: self.copied - copied, spliced: self.spliced - spliced }
    }
}

impl AddAssign for Cost {
    fn add_assign(&mut self, more: Cost) {
        self.calls += more.calls;
        self.copied += more.copied;
        self.spliced += more.spliced;
    }
}
