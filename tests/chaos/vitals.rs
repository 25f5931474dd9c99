//! What a process costs, from /proc: memory, descriptors, processor time.

use crate::support::proc;
use std::fmt::{self, Display, Formatter};
use std::time::Duration;

/// One look.
#[derive(Debug, Clone, Copy)]
pub struct Vitals {
    /// Resident memory in KiB.
    pub memory: u64,
    /// Open descriptors.
    pub descriptors: usize,
    /// Processor time, user and system.
    pub cpu: Duration,
}

impl Vitals {
    /// Of the process with this number; none where there is no /proc.
    pub fn of(pid: u32) -> Option<Vitals> {
        let (user, system) = proc::ticks(pid)?;
        Some(Vitals {
            memory: proc::status(pid, "VmRSS:")?,
            descriptors: proc::descriptors(pid)?,
            cpu: Duration::from_millis(10 * (user + system)),
        })
    }
}

impl Display for Vitals {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {} descriptors, {:.2} s of CPU", self.memory, self.descriptors, self.cpu.as_secs_f64())
    }
}
