//! What /proc tells of a process (proc(5)). None of it: the process is gone, or this system has no /proc.

use std::fs;
use std::path::{Path, PathBuf};

/// A number of /proc/PID/status, such as `VmRSS:` (KiB).
pub fn status(pid: u32, name: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    line.split_whitespace().next()?.parse().ok()
}

/// Ticks in user space and in the kernel: fields 14 and 15 of /proc/PID/stat, counted from behind the name, which may
/// contain anything. A tick is a hundredth of a second on every Linux that is built as distributions do.
pub fn ticks(pid: u32) -> Option<(u64, u64)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = stat.rsplit_once(") ")?.1.split(' ').skip(11);
    Some((fields.next()?.parse().ok()?, fields.next()?.parse().ok()?))
}

/// A thread.
#[derive(Debug)]
pub struct Thread {
    pub name: String,
    /// What its descriptors lead to, which those that share a table have in common.
    pub files: Vec<PathBuf>,
    /// The signals that are not handled on it: number n is the bit n - 1.
    pub blocked: u64,
}

/// Its threads, in the order of their names.
pub fn threads(pid: u32) -> Vec<Thread> {
    let entries = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let of = |task: PathBuf| {
        let status = fs::read_to_string(task.join("status")).unwrap_or_default();
        let told = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim();
        Thread {
            name: told("Name:").into(),
            files: entries(&task.join("fd")).filter_map(|file| fs::read_link(file).ok()).collect(),
            blocked: u64::from_str_radix(told("SigBlk:"), 16).unwrap_or_default(),
        }
    };
    let mut threads: Vec<Thread> = entries(Path::new(&format!("/proc/{pid}/task"))).map(of).collect();
    threads.sort_by(|one, other| one.name.cmp(&other.name));
    threads
}

/// How many descriptors it has open.
pub fn descriptors(pid: u32) -> Option<usize> {
    Some(fs::read_dir(format!("/proc/{pid}/fd")).ok()?.count())
}
