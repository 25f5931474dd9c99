//! How many descriptors this process may have.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// macOS says its hard limit is endless but lets nobody ask for more than this (setrlimit(2), OPEN_MAX).
const MODEST: u64 = 10_240;

/// Raises the soft limit as far as it goes without privilege; says what it is then.
pub fn raise_descriptors() -> u64 {
    let hard = getrlimit(Resource::Nofile).maximum;
    for wanted in [hard, Some(hard.unwrap_or(MODEST).min(MODEST))] {
        if setrlimit(Resource::Nofile, Rlimit { current: wanted, maximum: hard }).is_ok() {
            break; // else whatever it was before
        }
    }
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// What a process of ours has open that waits for nobody: streams, the poll, signals; where nobody can count it.
const TYPICAL: u64 = 16;

/// How many this process has open.
pub fn open_descriptors() -> u64 {
    std::fs::read_dir("/dev/fd").map_or(TYPICAL, |all| all.count() as u64)
}
