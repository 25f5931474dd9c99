//! What a process weighs: memory and descriptors, as Linux tells them in /proc. Elsewhere nothing is told, and the
//! tests that ask are content.

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
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name));
    let number = |name: &str| line(name)?.split_whitespace().next()?.parse().ok();
    Some(Memory { now: number("VmRSS:")?, peak: number("VmHWM:")? })
}

/// Begins the search for the peak anew (proc(5), clear_refs).
pub fn forget_peak(pid: u32) {
    let _ = fs::write(format!("/proc/{pid}/clear_refs"), "5");
}

/// How many descriptors a process has open.
pub fn descriptors(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}
