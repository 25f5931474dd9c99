//! System calls of a process while a load runs, counted by strace. It slows the process down, so the run is one of its own;
//! the calls per request stay nearly the same, except that a slow balancer finds more events in each wait.

use crate::child::{Child, Scratch};
use std::fs;
use std::path::Path;

/// How many calls the process made while `load` ran; what `load` returns comes with them.
pub fn count<T>(
    strace: &Path,
    scratch: &Scratch,
    pid: u32,
    load: impl FnOnce() -> Result<T, String>,
) -> Result<(u64, T), String> {
    let counts = scratch.file("strace.counts");
    let args = ["-f", "-c", "-o", &counts.display().to_string(), "-p", &pid.to_string()].map(String::from);
    let mut tracer = Child::beside(strace, &args, scratch.file("strace.said"))?;
    tracer.says("attached")?;
    let loaded = load()?;
    tracer.interrupt()?;
    let text = fs::read_to_string(&counts).map_err(|error| format!("strace left no counts: {error}"))?;
    Ok((total(&text).ok_or("strace counted nothing")?, loaded))
}

/// The sum over its lines: `% time, seconds, usecs/call, calls, [errors,] syscall`.
fn total(text: &str) -> Option<u64> {
    let calls = text.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let is_call = words.first()?.parse::<f64>().is_ok() && words.last() != Some(&"total");
        if is_call { words.get(3)?.parse::<u64>().ok() } else { None }
    });
    Some(calls.sum()).filter(|sum| *sum > 0)
}
