//! The outside face: what the actors of a test hold in their hands between two turns.

use super::wire::{End, Stage};
use super::{Due, Outcome, Sim};
use crate::base::{Address, Time};
use crate::net::Signal;
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// The remote end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Far(usize);

impl Far {
    /// The number by which the trace names the connection.
    pub fn number(self) -> usize {
        self.0
    }
}

/// What can be seen of a remote end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FarState {
    /// The connection stands (or stood).
    pub connected: bool,
    /// It was refused.
    pub refused: bool,
    /// Bytes to read now.
    pub readable: usize,
    /// Bytes that a write would take now.
    pub room: usize,
    /// The other end has said everything, and all of it was read.
    pub ended: bool,
    /// The other end broke the connection; bytes may still be readable.
    pub reset: bool,
}

/// How an address receives those who connect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Welcome {
    /// At once.
    Accept,
    /// Not at all, and says so.
    Refuse,
    /// After a while.
    Delay(Duration),
    /// Never answers.
    Swallow,
}

#[derive(Debug)]
pub(super) struct Server {
    welcome: Welcome,
    queue: VecDeque<usize>,
}

impl Sim {
    /// Connects to a listener of the program under test, from an address of its own.
    pub fn dial(&mut self, listener: impl Into<Address>) -> Far {
        let listener = listener.into();
        let called = listener.port();
        let number = self.conns.len();
        let [_, a, b, c] = (number as u32).to_be_bytes();
        let port = 40_000 + (number % 20_000) as u16;
        let caller = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, a, b, c)), port);
        let conn = self.new_conn(caller, listener);
        let at = self.now + self.latency();
        self.conns[conn].inside.inbox.last = at; // no byte comes before the handshake
        self.enter(at, Due::Knock(conn));
        self.record("dial", None, Some(conn), Outcome(called.into(), 0, ""));
        Far(conn)
    }

    /// From where [`Sim::dial`] called.
    pub fn address(&self, far: Far) -> SocketAddr {
        self.conns[far.0].caller
    }

    /// From now on there is a server at `at`, or it changes its welcome.
    pub fn serve(&mut self, at: impl Into<Address>, welcome: Welcome) {
        let at = at.into();
        let port = at.port();
        let server = self.servers.entry(at).or_insert_with(|| Server { welcome, queue: VecDeque::new() });
        server.welcome = welcome;
        self.record("serve", None, None, Outcome(port.into(), 0, ""));
    }

    /// There is no server at `at` any more. Connections that it did not take are reset, those it took live on.
    pub fn unserve(&mut self, at: impl Into<Address>) {
        let at = at.into();
        let queue = self.servers.remove(&at).map(|server| server.queue);
        for conn in queue.into_iter().flatten() {
            self.far_reset(Far(conn));
        }
        self.record("unserve", None, None, Outcome(at.port().into(), 0, ""));
    }

    /// Takes a connection that the program under test made to `at`.
    pub fn take(&mut self, at: &Address) -> Option<Far> {
        let conn = self.servers.get_mut(at)?.queue.pop_front()?;
        self.record("take", None, Some(conn), Outcome(at.port().into(), 0, ""));
        Some(Far(conn))
    }

    /// How many calls to `at` came to nothing: refused, or given up by the caller before they were answered.
    pub fn failures(&self, at: &Address) -> u64 {
        self.failures.get(at).copied().unwrap_or(0)
    }

    /// What `far` looks like now.
    pub fn far(&self, far: Far) -> FarState {
        let conn = &self.conns[far.0];
        let (side, stage) = (&conn.far, conn.stage);
        let dead = side.finished || side.gone || !side.held || side.inbox.reset;
        let refused = matches!(stage, Stage::Failed(_));
        FarState {
            connected: stage == Stage::Up,
            refused,
            readable: side.inbox.ready(),
            room: if dead || refused { 0 } else { conn.inside.inbox.room() },
            ended: side.inbox.ended && side.inbox.ready() == 0,
            reset: side.inbox.reset,
        }
    }

    /// Sends what there is room for; says how much.
    pub fn far_write(&mut self, far: Far, bytes: &[u8]) -> usize {
        let count = self.far(far).room.min(bytes.len());
        if count > 0 {
            self.send(far.0, End::Far, &bytes[..count]);
            self.trace.mix_bytes(&bytes[..count]);
            self.moved();
            self.record("write", None, Some(far.0), Outcome(bytes.len(), count, ""));
        }
        count
    }

    /// Appends up to `most` bytes to `into`; says how many.
    pub fn far_read(&mut self, far: Far, into: &mut Vec<u8>, most: usize) -> usize {
        let start = into.len();
        let inbox = &mut self.conns[far.0].far.inbox;
        into.resize(start + inbox.ready().min(most), 0);
        let count = inbox.take(&mut into[start..]);
        if count > 0 {
            self.stir(far.0);
            self.moved();
            self.record("read", None, Some(far.0), Outcome(most, count, ""));
        }
        count
    }

    /// `far` has said everything; it still listens.
    pub fn far_finish(&mut self, far: Far) {
        self.record("finish", None, Some(far.0), Outcome(0, 0, ""));
        self.send_end(far.0, End::Far);
    }

    /// Breaks the connection.
    pub fn far_reset(&mut self, far: Far) {
        self.record("reset", None, Some(far.0), Outcome(0, 0, ""));
        self.break_up(far.0, End::Far);
    }

    /// Closes; as TCP does it, which is a reset when bytes are unread.
    pub fn far_close(&mut self, far: Far) {
        self.record("close", None, Some(far.0), Outcome(0, 0, ""));
        if self.conns[far.0].far.held {
            self.let_go(far.0, End::Far);
        }
    }

    /// Once `to` is sent something, `far` says this at once, in the middle of a turn: who is outside has a processor of its
    /// own. Several say what they have to say in the order of these calls.
    pub fn react(&mut self, to: Far, far: Far, bytes: &[u8]) {
        self.swift.push((to, far, bytes.to_vec()));
    }

    pub(super) fn meanwhile(&mut self, conn: usize) {
        if self.swift.is_empty() {
            return;
        }
        for (to, far, bytes) in std::mem::take(&mut self.swift) {
            match to.0 == conn {
                true => _ = self.far_write(far, &bytes),
                false => self.swift.push((to, far, bytes)),
            }
        }
        self.arrivals();
    }

    /// `wait` returns at `at`, if not before.
    pub fn alarm(&mut self, at: Time) {
        self.enter(at.max(self.now), Due::Alarm);
    }

    /// The program under test receives a signal.
    pub fn signal(&mut self, signal: Signal) {
        self.signals.push(signal);
        self.moved();
    }

    /// A connection from inside reaches the place it calls.
    pub(super) fn call(&mut self, conn: usize) {
        match self.welcome(&self.conns[conn].called) {
            Some(Welcome::Accept) => self.answer(conn),
            Some(Welcome::Delay(time)) => self.enter(self.now + time, Due::Answer(conn)),
            Some(Welcome::Swallow) => {}
            Some(Welcome::Refuse) | None => self.refuse(conn),
        }
    }

    /// ... and is taken in, if the server is still there and the caller has not given up.
    pub(super) fn answer(&mut self, conn: usize) {
        if !self.conns[conn].inside.held {
            return;
        }
        match self.servers.get_mut(&self.conns[conn].called) {
            Some(server) => {
                server.queue.push_back(conn);
                self.conns[conn].stage = Stage::Up;
                self.stir(conn);
                self.news = true;
                self.moved();
            }
            None => self.refuse(conn),
        }
    }

    /// How those who call there are received; none: nobody is there.
    fn welcome(&self, called: &Address) -> Option<Welcome> {
        self.servers.get(called).map(|server| server.welcome)
    }

    /// Why a call to a Unix socket comes to nothing at once: there is no handshake. None: it does not.
    pub(super) fn turned_away(&mut self, called: &Address) -> Option<ErrorKind> {
        let why = match self.welcome(called) {
            _ if !called.is_unix() => return None,
            None => ErrorKind::NotFound,
            Some(Welcome::Refuse) => ErrorKind::ConnectionRefused,
            Some(_) => return None,
        };
        *self.failures.entry(called.clone()).or_default() += 1;
        Some(why)
    }

    /// A call came to nothing.
    pub(super) fn note_failure(&mut self, conn: usize) {
        *self.failures.entry(self.conns[conn].called.clone()).or_default() += 1;
    }

    fn refuse(&mut self, conn: usize) {
        self.note_failure(conn);
        self.conns[conn].stage = Stage::Failed(ErrorKind::ConnectionRefused);
        self.stir(conn);
        self.moved();
    }
}
