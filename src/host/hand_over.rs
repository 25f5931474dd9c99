//! Floor 4: another process takes the place of this one: it is started with our command line and our listening sockets,
//! and says when it is ready.
//!
//! It is started as we were, by the same words, so that it is the new binary if there is one. The sockets come as they
//! would from systemd (`LISTEN_FDS`, sd_listen_fds(3)). Its standard input is a pipe to us: a byte in it means that it
//! serves; that it is closed without one, that the process has ended.

use super::errand::Errand;
use command_fds::{CommandFdExt, FdMapping};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};

/// It must be ready after so many seconds.
const PATIENCE: i64 = 30;

/// The first descriptor of those that are handed over (sd_listen_fds(3)).
const FIRST: i32 = 3;

/// The variable by which a process knows that somebody waits for its readiness.
const AWAITED: &str = "EVENKEEL_AWAITED";

/// Starts it with these sockets and variables, and calls `done` when it is known what came of it: the number of a process
/// that is ready, or in words why there is none.
pub fn begin(
    sockets: Vec<OwnedFd>,
    variables: Vec<(&'static str, String)>,
    done: impl FnOnce() + Send + 'static,
) -> io::Result<Errand<Result<u32, String>>> {
    let work = move || {
        let (child, ready) = start(sockets, variables).map_err(|error| format!("cannot start it: {error}"))?;
        wait_for(child, ready)
    };
    Errand::begin(work, done)
}

/// Tells whoever waits for it that this process serves.
pub fn tell_ready() {
    if std::env::var_os(AWAITED).is_none() {
        return;
    }
    let _ = rustix::io::write(rustix::stdio::stdin(), b"r"); // if nobody waits any more, it is as good
    if let Ok(nothing) = File::open("/dev/null") {
        let _ = rustix::stdio::dup2_stdin(nothing);
    }
}

fn start(sockets: Vec<OwnedFd>, variables: Vec<(&'static str, String)>) -> io::Result<(Child, PipeReader)> {
    let mut words = std::env::args_os();
    let program = words.next().ok_or_else(|| io::Error::other("its name is not known"))?;
    let (ready, theirs) = io::pipe()?;
    let mut command = Command::new(program);
    command.args(words).stdin(Stdio::from(theirs)).envs(variables);
    command.env("LISTEN_FDS", sockets.len().to_string()).env(AWAITED, "1");
    // They name a process whose number nobody knows before it is there.
    command.env("LISTEN_PID", "").env("WATCHDOG_PID", "");
    let map = |(child_fd, parent_fd)| FdMapping { parent_fd, child_fd };
    command.fd_mappings((FIRST..).zip(sockets).map(map).collect()).map_err(io::Error::other)?;
    Ok((command.spawn()?, ready)) // our copies of what it was given are closed here
}

fn wait_for(mut child: Child, mut ready: PipeReader) -> Result<u32, String> {
    let patience = Timespec { tv_sec: PATIENCE, tv_nsec: 0 };
    let came = poll(&mut [PollFd::new(&ready, PollFlags::IN)], Some(&patience)).unwrap_or(0);
    if came == 0 {
        let _ = child.kill();
        let _ = child.wait();
        return Err(format!("it was not ready after {PATIENCE} seconds"));
    }
    match ready.read(&mut [0]) {
        Ok(1) => Ok(child.id()),
        _ => Err(child.wait().map_or_else(|error| error.to_string(), |status| format!("it has ended: {status}"))),
    }
}
