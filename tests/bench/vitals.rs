//! What a process has cost so far, from /proc: the kernel's own accounting, which no load on other processors falsifies.

use crate::proc;
use std::fs;

/// One look.
#[derive(Debug, Clone, Copy)]
pub struct Vitals {
    /// Time on a processor, in nanoseconds, of all its threads together: exact where the scheduler tells it, else in ticks.
    pub cpu: u64,
    /// Ticks in user space: sampled, so only a sum over many is worth something.
    pub user: u64,
    /// Ticks in the kernel.
    pub system: u64,
    /// Resident memory in bytes.
    pub resident: u64,
}

/// A tick of /proc/PID/stat on every Linux that is built as distributions do.
const TICK: u64 = 10_000_000;

/// Whether this system tells what is asked here.
pub fn are_told() -> bool {
    Vitals::of(std::process::id()).is_ok()
}

impl Vitals {
    /// Of the process with this number.
    pub fn of(pid: u32) -> Result<Vitals, String> {
        let (user, system) =
            proc::ticks(pid).ok_or_else(|| format!("/proc/{pid}/stat says nothing: the process is gone"))?;
        let resident = proc::status(pid, "VmRSS:").map(|kib| kib * 1024);
        let resident = resident.ok_or_else(|| format!("/proc/{pid}/status names no resident memory"))?;
        let cpu = run_time(pid).unwrap_or((user + system) * TICK);
        Ok(Vitals { cpu, user, system, resident })
    }
}

/// The first number of each thread's schedstat.
fn run_time(pid: u32) -> Option<u64> {
    let mut sum = 0;
    for thread in fs::read_dir(format!("/proc/{pid}/task")).ok()? {
        let line = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
        sum += line.split(' ').next()?.parse::<u64>().ok()?;
    }
    (sum > 0).then_some(sum)
}
