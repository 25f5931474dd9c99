//! A [`Net`] around a [`Net`] that counts every call and can tell each one.
//!
//! It is the same type of thing as what it wraps, so nothing above knows whether it is there. The counts answer what
//! strace answers, by kind and without slowing the loop to a crawl; tests hold them against the four data calls that a
//! kept-alive request may cost.

use super::{Event, ListenOptions, Moved, Net, Pipe, Sent, Sock};
use crate::base::Time;
use std::io::{self, IoSlice};
use std::net::SocketAddr;

/// How often each call was made, and what the data calls moved.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[allow(missing_docs)] // the names are those of the trait's methods
pub struct Calls {
    pub wait: u64,
    pub listen: u64,
    pub accept: u64,
    pub connect: u64,
    pub outcome: u64,
    pub watch: u64,
    pub read: u64,
    /// Reads that found nothing: calls for nothing.
    pub read_nothing: u64,
    pub bytes_read: u64,
    pub write: u64,
    /// Writes of which no byte was taken.
    pub write_blocked: u64,
    pub bytes_written: u64,
    /// Bodies that were not copied: calls and bytes into pipes, calls out of them.
    pub pull: u64,
    pub bytes_spliced: u64,
    pub push: u64,
    pub finish: u64,
    pub reset: u64,
    pub close: u64,
}

impl Calls {
    /// Calls that move payload: what a request cannot do without.
    pub fn data(&self) -> u64 {
        self.read + self.write + self.pull + self.push
    }
}

/// Counts the calls made of `N`; tells each at log level trace.
#[derive(Debug)]
pub struct Traced<N> {
    inner: N,
    calls: Calls,
}

impl<N> Traced<N> {
    /// Wraps `inner`.
    pub fn new(inner: N) -> Traced<N> {
        Traced { inner, calls: Calls::default() }
    }

    /// The counts so far.
    pub fn calls(&self) -> Calls {
        self.calls
    }

    /// What is wrapped.
    pub fn inner(&mut self) -> &mut N {
        &mut self.inner
    }
}

impl<N: Net> Net for Traced<N> {
    fn wait(&mut self, until: Option<Time>, events: &mut Vec<Event>) -> io::Result<Time> {
        self.calls.wait += 1;
        let now = self.inner.wait(until, events);
        log::trace!("wait until {until:?} -> {now:?}, {} events", events.len());
        now
    }

    fn listen(&mut self, at: SocketAddr, options: ListenOptions) -> io::Result<Sock> {
        self.calls.listen += 1;
        told("listen", &at, self.inner.listen(at, options))
    }

    fn local_address(&mut self, listener: Sock) -> io::Result<SocketAddr> {
        self.inner.local_address(listener)
    }

    fn accept(&mut self, listener: Sock) -> io::Result<Option<(Sock, SocketAddr)>> {
        self.calls.accept += 1;
        told("accept", &listener, self.inner.accept(listener))
    }

    fn connect(&mut self, to: SocketAddr) -> io::Result<Sock> {
        self.calls.connect += 1;
        told("connect", &to, self.inner.connect(to))
    }

    fn outcome(&mut self, connecting: Sock) -> Option<io::Result<()>> {
        self.calls.outcome += 1;
        told("outcome", &connecting, self.inner.outcome(connecting))
    }

    fn watch(&mut self, sock: Sock) -> io::Result<()> {
        self.calls.watch += 1;
        told("watch", &sock, self.inner.watch(sock))
    }

    fn read(&mut self, from: Sock, into: &mut [u8]) -> io::Result<Moved> {
        self.calls.read += 1;
        let moved = told("read", &from, self.inner.read(from, into));
        match moved {
            Ok(Moved::Bytes { count, .. }) => self.calls.bytes_read += count as u64,
            Ok(Moved::Nothing) => self.calls.read_nothing += 1,
            _ => {}
        }
        moved
    }

    fn write(&mut self, to: Sock, pieces: &[IoSlice<'_>]) -> io::Result<Sent> {
        self.calls.write += 1;
        let sent = told("write", &to, self.inner.write(to, pieces));
        match sent {
            Ok(Sent::Bytes(count)) => self.calls.bytes_written += count as u64,
            Ok(Sent::Blocked) => self.calls.write_blocked += 1,
            Err(_) => {}
        }
        sent
    }

    fn lend_pipe(&mut self) -> Option<Pipe> {
        self.inner.lend_pipe()
    }

    fn take_back(&mut self, pipe: Pipe) {
        self.inner.take_back(pipe);
    }

    fn pull(&mut self, from: Sock, into: &Pipe, most: usize) -> io::Result<Moved> {
        self.calls.pull += 1;
        let moved = told("pull", &from, self.inner.pull(from, into, most));
        if let Ok(Moved::Bytes { count, .. }) = moved {
            self.calls.bytes_spliced += count as u64;
        }
        moved
    }

    fn push(&mut self, from: &Pipe, to: Sock) -> io::Result<Sent> {
        self.calls.push += 1;
        told("push", &to, self.inner.push(from, to))
    }

    fn trim(&mut self) -> bool {
        self.inner.trim()
    }

    fn finish(&mut self, sock: Sock) {
        self.calls.finish += 1;
        log::trace!("finish {sock:?}");
        self.inner.finish(sock);
    }

    fn reset(&mut self, sock: Sock) {
        self.calls.reset += 1;
        log::trace!("reset {sock:?}");
        self.inner.reset(sock);
    }

    fn close(&mut self, sock: Sock) {
        self.calls.close += 1;
        log::trace!("close {sock:?}");
        self.inner.close(sock);
    }
}

fn told<T: std::fmt::Debug>(call: &str, at: &dyn std::fmt::Debug, result: T) -> T {
    log::trace!("{call} {at:?} -> {result:?}");
    result
}
