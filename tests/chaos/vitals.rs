//! What a process costs, from /proc: memory, descriptors, processor time.

use std::fmt::{self, Display, Formatter};
use std::fs;
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
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let memory = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let memory = memory.split_whitespace().next()?.parse().ok()?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count();
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // Fields 14 and 15, counted from behind the name, which may contain anything. Linux counts in hundredths.
        let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
        let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
        Some(Vitals { memory, descriptors, cpu: Duration::from_millis(10 * ticks) })
    }
}

impl Display for Vitals {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} KiB, {} descriptors, {:.2} s of CPU", self.memory, self.descriptors, self.cpu.as_secs_f64())
    }
}
