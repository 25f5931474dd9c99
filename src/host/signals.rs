//! Signals as data: which numbers the process listens to and what each means.
//!
//! signal-hook writes each signal into a socket pair, so it becomes one more readable thing in the poll loop and no code
//! of ours ever runs inside a signal handler. PIPE needs nothing: Rust's runtime ignores it from the start.

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};
use std::io;

/// What a process can be told, whatever the signal's number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// TERM, INT, QUIT: leave without loss; a second one: leave now.
    Stop,
    /// HUP: read the configuration again.
    Reload,
    /// USR1: tell what you are doing.
    Dump,
    /// USR2: hand over to a new process.
    HandOver,
    /// No signal of the system's: somebody outside the loop has something for its owner, who looks between two turns.
    Wake,
}

/// The signals that came and were not looked at yet.
pub struct Signals(signal_hook_mio::v1_0::Signals);

impl Signals {
    /// Takes over the signals of INTERFACE.md. Errors: out of descriptors.
    pub fn new() -> io::Result<Signals> {
        let all = [SIGTERM, SIGINT, SIGQUIT, SIGHUP, SIGUSR1, SIGUSR2];
        signal_hook_mio::v1_0::Signals::new(all).map(Signals)
    }

    /// What the poll loop registers.
    pub fn source(&mut self) -> &mut impl mio::event::Source {
        &mut self.0
    }

    /// Takes out what came.
    pub fn pending(&mut self) -> impl Iterator<Item = Signal> {
        self.0.pending().map(meaning)
    }
}

fn meaning(number: i32) -> Signal {
    match number {
        SIGHUP => Signal::Reload,
        SIGUSR1 => Signal::Dump,
        SIGUSR2 => Signal::HandOver,
        _ => Signal::Stop,
    }
}
