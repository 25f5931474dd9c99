//! A [`Net`] around a [`Net`] that counts every call and can tell each one.
//!
//! It is the same type of thing as what it wraps, so nothing above knows whether it is there. The counts answer what
//! strace answers, by kind and without slowing the loop to a crawl: the running balancer always counts. Tests hold the
//! counts against the four data calls that a kept-alive request may cost.

use super::{Calls, Event, ListenOptions, Moved, Net, Pipe, Sent, Sock};
use crate::base::{Address, Peer, Time};
use std::io::{self, IoSlice};
use std::time::Duration;

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

    fn count(&mut self, which: impl FnOnce(&mut Calls) -> &mut u64) {
        *which(&mut self.calls) += 1;
        self.calls.total += 1;
    }

    fn wrote(&mut self, sent: &io::Result<Sent>) {
        match sent {
            Ok(Sent::Bytes(count)) => self.calls.bytes_written += *count as u64,
            Ok(Sent::Blocked) => self.calls.write_blocked += 1,
            Err(_) => {}
        }
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

    fn began(&self) -> Time {
        self.inner.began()
    }

    fn listen(&mut self, at: &Address, options: ListenOptions) -> io::Result<Sock> {
        self.calls.listen += 1;
        told("listen", at, self.inner.listen(at, options))
    }

    fn defer(&mut self, listener: Sock, deferred: bool) {
        self.inner.defer(listener, deferred);
    }

    fn knows_congestion(&mut self, name: &str) -> io::Result<()> {
        self.inner.knows_congestion(name)
    }

    fn set_congestion(&mut self, sock: Sock, name: Option<&str>) -> io::Result<()> {
        self.inner.set_congestion(sock, name)
    }

    fn local_address(&mut self, sock: Sock) -> io::Result<Address> {
        self.count(|calls| &mut calls.local_address);
        self.inner.local_address(sock)
    }

    fn accept(&mut self, listener: Sock) -> io::Result<Option<(Sock, Peer)>> {
        self.count(|calls| &mut calls.accept);
        told("accept", &listener, self.inner.accept(listener))
    }

    fn kept_back(&mut self, client: Sock) -> Duration {
        self.inner.kept_back(client)
    }

    fn connect(&mut self, to: &Address) -> io::Result<Sock> {
        self.count(|calls| &mut calls.connect);
        told("connect", to, self.inner.connect(to))
    }

    fn outcome(&mut self, connecting: Sock) -> Option<io::Result<()>> {
        self.count(|calls| &mut calls.outcome);
        told("outcome", &connecting, self.inner.outcome(connecting))
    }

    fn watch(&mut self, sock: Sock) -> io::Result<()> {
        self.count(|calls| &mut calls.watch);
        told("watch", &sock, self.inner.watch(sock))
    }

    fn read(&mut self, from: Sock, into: &mut [u8]) -> io::Result<Moved> {
        self.count(|calls| &mut calls.read);
        let moved = told("read", &from, self.inner.read(from, into));
        match moved {
            Ok(Moved::Bytes { count, .. }) => self.calls.bytes_read += count as u64,
            Ok(Moved::Nothing) => self.calls.read_nothing += 1,
            _ => {}
        }
        moved
    }

    fn write(&mut self, to: Sock, pieces: &[IoSlice<'_>]) -> io::Result<Sent> {
        self.count(|calls| &mut calls.write);
        let sent = told("write", &to, self.inner.write(to, pieces));
        self.wrote(&sent);
        sent
    }

    fn write_more(&mut self, to: Sock, pieces: &[IoSlice<'_>]) -> io::Result<Sent> {
        self.count(|calls| &mut calls.write);
        let sent = told("write more", &to, self.inner.write_more(to, pieces));
        self.wrote(&sent);
        sent
    }

    fn lend_pipe(&mut self, likely: u64) -> Option<Pipe> {
        self.inner.lend_pipe(likely)
    }

    fn take_back(&mut self, pipe: Pipe) {
        self.inner.take_back(pipe);
    }

    fn pull(&mut self, from: Sock, into: &Pipe, most: usize) -> io::Result<Moved> {
        self.count(|calls| &mut calls.pull);
        let moved = told("pull", &from, self.inner.pull(from, into, most));
        match moved {
            Ok(Moved::Bytes { count, .. }) => self.calls.bytes_spliced += count as u64,
            Ok(Moved::Nothing) => self.calls.read_nothing += 1,
            _ => {}
        }
        moved
    }

    fn low_water(&mut self, sock: Sock, bytes: usize) {
        self.count(|calls| &mut calls.low_water);
        log::trace!("low water {sock:?} -> {bytes}");
        self.inner.low_water(sock, bytes);
    }

    fn mute(&mut self, sock: Sock, muted: bool) -> io::Result<()> {
        self.count(|calls| &mut calls.mute);
        log::trace!("mute {sock:?} -> {muted}");
        self.inner.mute(sock, muted)
    }

    fn push(&mut self, from: &Pipe, to: Sock) -> io::Result<Sent> {
        self.count(|calls| &mut calls.push);
        let sent = told("push", &to, self.inner.push(from, to));
        self.calls.write_blocked += u64::from(matches!(sent, Ok(Sent::Blocked)));
        sent
    }

    fn calls(&self) -> Calls {
        self.calls
    }

    fn trim(&mut self) -> bool {
        self.inner.trim()
    }

    fn finish(&mut self, sock: Sock) {
        self.count(|calls| &mut calls.finish);
        log::trace!("finish {sock:?}");
        self.inner.finish(sock);
    }

    fn reset(&mut self, sock: Sock) {
        self.count(|calls| &mut calls.reset);
        log::trace!("reset {sock:?}");
        self.inner.reset(sock);
    }

    fn close(&mut self, sock: Sock) {
        self.count(|calls| &mut calls.close);
        log::trace!("close {sock:?}");
        self.inner.close(sock);
    }
}

fn told<T: std::fmt::Debug>(call: &str, at: &dyn std::fmt::Debug, result: T) -> T {
    log::trace!("{call} {at:?} -> {result:?}");
    result
}
