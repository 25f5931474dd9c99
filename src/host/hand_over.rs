//! Floor 4: another process takes the place of this one: it is started with our command line and our listening sockets,
//! and says when it is ready.
//!
//! It is started as we were, by the same words, so that it is the new binary if there is one. The sockets come as they
//! would from systemd (`LISTEN_FDS`, sd_listen_fds(3)). Its standard input is a pipe to us: a byte in it means that it
//! serves; that it is closed without one, that the process has ended.

use super::errand::Errand;
use command_fds::{CommandFdExt, FdMapping};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process};
use rustix::time::Timespec;
use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// It must be ready after so long.
const PATIENCE: Duration = Duration::from_secs(30);

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

/// Tells a process that was started to leave again.
pub fn dismiss(number: u32) {
    if let Some(pid) = i32::try_from(number).ok().and_then(Pid::from_raw) {
        let _ = kill_process(pid, Signal::TERM); // it may have ended by itself
    }
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
    command.env_remove("LISTEN_FDNAMES").env_remove("LISTEN_FDS_FIRST_FD"); // of other sockets
    let map = |(child_fd, parent_fd)| FdMapping { parent_fd, child_fd };
    command.fd_mappings((FIRST..).zip(sockets).map(map).collect()).map_err(io::Error::other)?;
    Ok((command.spawn()?, ready)) // our copies of what it was given are closed here
}

fn wait_for(mut child: Child, mut ready: PipeReader) -> Result<u32, String> {
    let began = Instant::now();
    let came = loop {
        let left = Timespec::try_from(PATIENCE.saturating_sub(began.elapsed())).unwrap_or_default();
        match poll(&mut [PollFd::new(&ready, PollFlags::IN)], Some(&left)) {
            Err(Errno::INTR) => {} // by a signal, which is not for this thread
            Ok(0) => break Err(format!("it was not ready after {} seconds", PATIENCE.as_secs())),
            Ok(_) => break Ok(()),
            Err(error) => break Err(format!("it cannot be waited for: {error}")),
        }
    };
    if let Err(why) = came {
        let _ = child.kill();
        let _ = child.wait();
        return Err(why);
    }
    match ready.read(&mut [0]) {
        Ok(1) => {
            let number = child.id();
            // Whoever looks after the service hears of its end only when it is not ours to bury any more.
            let _ = std::thread::Builder::new().name("heir".into()).spawn(move || child.wait());
            Ok(number)
        }
        _ => Err(child.wait().map_or_else(|error| error.to_string(), |status| format!("it has ended: {status}"))),
    }
}
