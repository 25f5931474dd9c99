//! What a process weighs: memory and descriptors, as Linux tells them in /proc. Elsewhere nothing is told, and the
//! tests that ask are content.

pub use crate::support::proc::descriptors;

use crate::support::proc;
use std::fs;

/// Memory, in KiB.
#[derive(Debug, Clone, Copy)]
pub struct Memory {
    /// In use now.
    pub now: u64,
    /// The most since [`forget_peak`].
    pub peak: u64,
}

/// The memory of a process.
pub fn memory(pid: u32) -> Option<Memory> {
    Some(Memory { now: proc::status(pid, "VmRSS:")?, peak: proc::status(pid, "VmHWM:")? })
}

/// Begins the search for the peak anew (proc(5), clear_refs).
pub fn forget_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}
