//! The demo's own clients: a gentle load, a burst, one that is slow, and some that talk nonsense.
//!
//! A third, tiny user of [`Net`], with a loop of its own. It is told what to do from another thread, which wakes it; what
//! its clients saw is in [`Seen`]. What is asked and how an answer is understood is in `client.rs`; here is who asks when.
//! It measures little: `tests/bench` is for that.

mod client;
#[cfg(test)]
mod tests;

use crate::base::{Address, Time, Timers};
use crate::net::{Event, Net, Signal, Sock};
use client::{Client, Heard, Kind};
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

/// A gentle load asks once in this time: fifty times a second.
const GENTLE: Duration = Duration::from_millis(20);

/// A burst is so many requests ...
pub const BURST: u32 = 500;

/// ... on so many connections.
pub const ABREAST: usize = 50;

/// More connections than these a gentle load does not open: it leaves out a request instead.
const MOST: usize = 256;

/// Nobody waits longer for an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// A slow client does a little once in this time.
const SLOWLY: Duration = Duration::from_millis(100);

/// What the clients are to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wish {
    /// To ask gently from now on, or not any more.
    Load(bool),
    /// To ask [`BURST`] times as fast as answers come.
    Burst,
    /// To ask once, byte by byte.
    Slow,
    /// To say what is no request, in several ways.
    Garbage,
}

/// What the clients saw. Requests under way are asked and nothing else yet.
#[derive(Debug, Default)]
pub struct Seen {
    asked: AtomicU64,
    ok: AtomicU64,
    failed: AtomicU64,
    refused: AtomicU64,
    slowest: AtomicU64,
}

/// The same at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sight {
    /// Requests, and what was meant to be taken for one.
    pub asked: u64,
    /// Answered as they should be.
    pub ok: u64,
    /// Not answered, or with an error.
    pub failed: u64,
    /// Nonsense that was turned down, as it should be.
    pub refused: u64,
    /// The longest time to an answer since somebody last began to count; those who are slow themselves left out.
    pub slowest: Duration,
}

impl Seen {
    /// As it is now.
    pub fn sight(&self) -> Sight {
        let read = |count: &AtomicU64| count.load(Ordering::SeqCst);
        let (ok, failed, refused) = (read(&self.ok), read(&self.failed), read(&self.refused));
        // Asked is read last: it is never less than what became of it.
        Sight { asked: read(&self.asked), ok, failed, refused, slowest: Duration::from_nanos(read(&self.slowest)) }
    }

    /// The slowest is looked for among others from here on.
    pub fn begin_anew(&self) {
        self.slowest.store(0, Ordering::SeqCst);
    }

    fn add(count: &AtomicU64) {
        count.fetch_add(1, Ordering::SeqCst);
    }

    fn asks(&self) {
        Seen::add(&self.asked);
    }

    fn hears(&self, heard: Heard, kind: Kind, took: Duration) {
        Seen::add(match heard {
            Heard::Good => &self.ok,
            Heard::Refusal => &self.refused,
            Heard::Bad => &self.failed,
        });
        if matches!(kind, Kind::Gentle | Kind::Burst) {
            self.slowest.fetch_max(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::SeqCst);
        }
    }
}

/// All clients: one thread, one loop.
pub struct Load<N> {
    net: N,
    now: Time,
    to: Address,
    wishes: Receiver<Wish>,
    seen: Arc<Seen>,
    clients: BTreeMap<Sock, Client>,
    /// Kept connections of the gentle load; the last one used is the last.
    idle: Vec<Sock>,
    /// When it asks next, if it does.
    next: Option<Time>,
    /// Requests of bursts that are still to be begun.
    left: u32,
    /// Until when each client waits; of a slow one, until it does something.
    deadlines: Timers,
    events: Vec<Event>,
}

impl<N: Net> Load<N> {
    /// Clients of whoever listens at `to`, without a wish so far.
    pub fn new(net: N, to: Address, wishes: Receiver<Wish>, seen: Arc<Seen>) -> Load<N> {
        Load {
            net,
            now: Time(0),
            to,
            wishes,
            seen,
            clients: BTreeMap::new(),
            idle: Vec::new(),
            next: None,
            left: 0,
            deadlines: Timers::default(),
            events: Vec::new(),
        }
    }

    /// One turn of its loop; false: it was told to stop.
    pub fn turn(&mut self) -> io::Result<bool> {
        self.events.clear();
        let until = [self.deadlines.next(), self.next].into_iter().flatten().min();
        self.now = self.net.wait(until, &mut self.events)?;
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::Signal(Signal::Stop) => return Ok(false),
                Event::Signal(_) => {}
                Event::Ready { sock, readable, writable, broken } => {
                    if let Some(client) = self.clients.get_mut(&sock) {
                        client.note(readable || broken, writable || broken);
                        self.drive(sock);
                    }
                }
            }
        }
        while let Ok(wish) = self.wishes.try_recv() {
            self.grant(wish);
        }
        while let Some(number) = self.deadlines.pop(self.now) {
            self.expire(Sock(number));
        }
        self.ask_gently();
        self.burst();
        Ok(true)
    }

    fn grant(&mut self, wish: Wish) {
        match wish {
            Wish::Load(true) => _ = self.next.get_or_insert(self.now),
            Wish::Load(false) => {
                self.next = None;
                std::mem::take(&mut self.idle).into_iter().for_each(|sock| self.close(sock));
            }
            Wish::Burst => self.left += BURST,
            Wish::Slow => _ = self.open(Kind::Slow),
            Wish::Garbage => (0..client::NONSENSE.len()).for_each(|which| _ = self.open(Kind::Garbage(which))),
        }
    }

    fn ask_gently(&mut self) {
        let Some(due) = self.next.filter(|&due| due <= self.now) else { return };
        // Who comes late asks once, not for every time that was missed.
        self.next = Some((due + GENTLE).max(self.now));
        match self.idle.pop() {
            Some(sock) => self.ask_again(sock),
            None if self.clients.len() < MOST => _ = self.open(Kind::Gentle),
            None => {}
        }
    }

    /// Each who can begin without waiting does so in this turn; the others when answers have come.
    fn burst(&mut self) {
        let mut bursting = self.clients.values().filter(|client| client.kind == Kind::Burst).count();
        while self.left > 0 && bursting < ABREAST {
            self.left -= 1;
            bursting += usize::from(self.open(Kind::Burst));
        }
    }

    /// Opens a connection and asks on it. Whether it could.
    fn open(&mut self, kind: Kind) -> bool {
        self.seen.asks();
        self.connect(kind, self.now)
    }

    fn connect(&mut self, kind: Kind, began: Time) -> bool {
        let Ok(sock) = self.net.connect(&self.to) else {
            self.seen.hears(Heard::Bad, kind, Duration::ZERO);
            return false;
        };
        self.clients.insert(sock, Client::new(kind, began));
        self.deadlines.set(sock.0, self.now + PATIENCE);
        true
    }

    fn ask_again(&mut self, sock: Sock) {
        let Some(client) = self.clients.get_mut(&sock) else { return };
        self.seen.asks();
        client.ask_again(self.now);
        self.deadlines.set(sock.0, self.now + PATIENCE);
        self.drive(sock);
    }

    /// Goes on with a client until it has to wait, or is over.
    fn drive(&mut self, sock: Sock) {
        let Some(client) = self.clients.get_mut(&sock) else { return };
        let before = client.is_connected();
        match client.go_on(&mut self.net, sock) {
            Ok(Some(heard)) => self.heard(sock, heard),
            Ok(None) if client.kind == Kind::Slow && !before && client.is_connected() => {
                self.deadlines.set(sock.0, self.now + SLOWLY);
            }
            Ok(None) => {}
            Err(_) => self.lost(sock),
        }
    }

    /// An answer is there.
    fn heard(&mut self, sock: Sock, heard: Heard) {
        let Some(client) = self.clients.get_mut(&sock) else { return };
        self.seen.hears(heard, client.kind, self.now - client.began);
        if !client.is_kept() {
            return self.close(sock);
        }
        match client.kind {
            Kind::Burst if self.left > 0 => {
                self.left -= 1;
                self.ask_again(sock);
            }
            Kind::Gentle if self.next.is_some() => {
                self.deadlines.drop(sock.0);
                client.rest();
                self.idle.push(sock);
            }
            _ => self.close(sock),
        }
    }

    /// The connection is gone. One that was kept may have been closed before it heard of the next request, which is asked
    /// once more, as every client does (RFC 9112 section 9.3.1).
    fn lost(&mut self, sock: Sock) {
        let Some(client) = self.clients.get(&sock) else { return };
        let (kind, began, at) = (client.kind, client.began, client.fate());
        self.idle.retain(|&other| other != sock);
        self.close(sock);
        match at {
            client::Fate::Idle => {}
            client::Fate::Stale => _ = self.connect(kind, began),
            client::Fate::Lost(heard) => self.seen.hears(heard, kind, self.now - began),
        }
    }

    /// A deadline has come: of patience, or of the next byte.
    fn expire(&mut self, sock: Sock) {
        let Some(client) = self.clients.get_mut(&sock) else { return };
        let patient = self.now - client.began < 4 * PATIENCE;
        if client.kind == Kind::Slow && client.is_connected() && patient {
            client.may_go_on();
            self.deadlines.set(sock.0, self.now + SLOWLY);
            return self.drive(sock);
        }
        self.seen.hears(Heard::Bad, client.kind, self.now - client.began);
        self.close(sock);
    }

    fn close(&mut self, sock: Sock) {
        self.clients.remove(&sock);
        self.deadlines.drop(sock.0);
        self.net.close(sock);
    }
}
