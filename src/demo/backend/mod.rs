//! An embedded backend: answers every request with its name, its port and how many it has answered.
//!
//! Enough of a server for a demo, a benchmark and a test, over any [`Net`]: keep-alive, bodies by length and in chunks
//! (read and thrown away), a chosen delay, status and size of answer. It is not a web server, and its loop is the
//! smallest that keeps the contract of [`net`](crate::net). What it does when it is unwell is in [`mood`].

pub mod mood;

use crate::base::{Address, Lender, Time, Timers};
use crate::config::Limits;
use crate::http::{self, Chunked, Framing, Malformed, Scan, Status, Verb, Version};
use crate::net::{Event, ListenOptions, Net, Signal, Sock};
use crate::proxy::end::{End, Filled};
use mood::{Mood, Orders};
use std::collections::BTreeMap;
use std::io::{self, IoSlice};
use std::time::Duration;

/// Bytes that pad a body to its size, so many at a time.
static PADDING: [u8; 64 * 1024] = [b'.'; 64 * 1024];

/// The status of every answer of one that is broken.
const BROKEN: u16 = 500;

/// How a backend answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manner {
    /// What it calls itself.
    pub name: String,
    /// How long it waits before an answer.
    pub delay: Duration,
    /// The status of each answer.
    pub status: u16,
    /// The length of each body; none: as long as its text.
    pub body_size: Option<u64>,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner { name: "backend".into(), delay: Duration::ZERO, status: 200, body_size: None }
    }
}

/// What a connection is at.
enum At {
    /// Reading a head.
    Head,
    /// Throwing a body away.
    Body(Rest),
    /// Holding the answer back for a moment.
    Delay,
    /// Writing the answer: what is prepared, then so much padding.
    Answer(u64),
}

/// What is left of a request's body.
enum Rest {
    Length(u64),
    Chunks(Chunked),
}

struct Connection {
    end: End,
    at: At,
    scan: Scan,
    out: Vec<u8>,
    sent: usize,
    /// Of the request under way: whether it wants no body back, and whether it is the last one.
    head_only: bool,
    last: bool,
}

/// Nothing can be done before an event.
const WAIT: io::Result<bool> = Ok(false);
/// There is more to do.
const ON: io::Result<bool> = Ok(true);

/// One backend: one thread, one loop.
pub struct Backend<N> {
    net: N,
    now: Time,
    lender: Lender,
    limits: Limits,
    manner: Manner,
    mood: Mood,
    orders: Option<Orders>,
    doors: BTreeMap<Sock, Address>,
    /// Where it listened before it was killed.
    shut: Vec<Address>,
    connections: BTreeMap<Sock, (Connection, u16)>,
    delays: Timers,
    answered: u64,
    events: Vec<Event>,
}

impl<N: Net> Backend<N> {
    /// Opens its listeners. Errors name the address that is taken.
    pub fn new(mut net: N, at: &[Address], manner: Manner) -> io::Result<Backend<N>> {
        let mut doors = BTreeMap::new();
        for at in at {
            let named = |error: io::Error| io::Error::new(error.kind(), format!("cannot listen on {at}: {error}"));
            let door = net.listen(at, ListenOptions::default()).map_err(named)?;
            doors.insert(door, net.local_address(door)?);
        }
        let limits = Limits::default();
        Ok(Backend {
            net,
            now: Time(0),
            lender: Lender::new(limits.head * 2),
            limits,
            manner,
            mood: Mood::Normal,
            orders: None,
            doors,
            shut: Vec::new(),
            connections: BTreeMap::new(),
            delays: Timers::default(),
            answered: 0,
            events: Vec::new(),
        })
    }

    /// Where it listens: the real addresses.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.doors.values()
    }

    /// One turn of its loop; false: it was told to stop.
    pub fn turn(&mut self) -> io::Result<bool> {
        self.events.clear();
        self.now = self.net.wait(self.delays.next(), &mut self.events)?;
        for event in std::mem::take(&mut self.events) {
            match event {
                Event::Signal(Signal::Stop) => return Ok(false),
                Event::Signal(Signal::Wake) => self.obey(),
                Event::Signal(_) => {}
                Event::Ready { sock, .. } if self.doors.contains_key(&sock) => self.admit(sock),
                Event::Ready { sock, readable, writable, broken } => {
                    if let Some((connection, _)) = self.connections.get_mut(&sock) {
                        connection.end.note(readable, writable, broken);
                        self.drive(sock);
                    }
                }
            }
        }
        while let Some(number) = self.delays.pop(self.now) {
            self.answer_now(Sock(number));
        }
        Ok(true)
    }

    fn admit(&mut self, door: Sock) {
        let port = self.doors.get(&door).map_or(0, Address::port);
        // Out of descriptors: whoever waits outside is let in at the next knock. Enough for a demo.
        while let Ok(Some((sock, _))) = self.net.accept(door) {
            if self.net.watch(sock).is_err() {
                self.net.close(sock);
                continue;
            }
            let connection = Connection {
                end: End::new(sock),
                at: At::Head,
                scan: Scan::default(),
                out: Vec::new(),
                sent: 0,
                head_only: false,
                last: false,
            };
            self.connections.insert(sock, (connection, port));
        }
    }

    /// Goes on with a connection until it has to wait, or is over.
    fn drive(&mut self, sock: Sock) {
        loop {
            match self.step(sock) {
                Ok(true) => {}
                Ok(false) => break,
                Err(_) => return self.close(sock),
            }
        }
        if let Some((connection, _)) = self.connections.get_mut(&sock) {
            connection.end.settle(&mut self.lender);
        }
    }

    fn close(&mut self, sock: Sock) {
        if self.forget(sock) {
            self.net.close(sock);
        }
    }

    /// Whether it was there.
    fn forget(&mut self, sock: Sock) -> bool {
        let Some((mut connection, _)) = self.connections.remove(&sock) else { return false };
        connection.end.drop_held(&mut self.lender);
        self.delays.drop(sock.0);
        true
    }

    /// One step; an error ends the connection.
    fn step(&mut self, sock: Sock) -> io::Result<bool> {
        let Some((connection, _)) = self.connections.get_mut(&sock) else { return WAIT };
        match connection.at {
            At::Head => self.read_head(sock),
            At::Body(_) => self.skip_body(sock),
            // Whoever does not wait any longer is let go; who is to be answered soon is answered, come what may.
            At::Delay if self.mood == Mood::Hanging => fill(&mut connection.end, &mut self.net, &mut self.lender),
            At::Delay => WAIT,
            At::Answer(_) => self.write(sock),
        }
    }

    fn read_head(&mut self, sock: Sock) -> io::Result<bool> {
        let Some((connection, _)) = self.connections.get_mut(&sock) else { return WAIT };
        match connection.scan.request(connection.end.held(), &self.limits) {
            Ok(Some(size)) => return self.begin(sock, size),
            Ok(None) => {}
            Err(malformed) => return self.refuse(sock, malformed),
        }
        fill(&mut connection.end, &mut self.net, &mut self.lender)
    }

    fn begin(&mut self, sock: Sock, size: usize) -> io::Result<bool> {
        let Some((connection, _)) = self.connections.get_mut(&sock) else { return WAIT };
        let mut table = http::table();
        let head = connection.end.held().get(..size).unwrap_or_default();
        let request = match http::head::request(head, &self.limits, &mut table) {
            Ok(request) => request,
            Err(malformed) => return self.refuse(sock, malformed),
        };
        connection.head_only = request.verb == Verb::Head;
        connection.last = !request.keep_alive;
        log::debug!("{}: {} {}", self.manner.name, request.method, String::from_utf8_lossy(request.target));
        let told_to_go_on = request.expects_continue && request.version == Version::V11;
        connection.at = match request.framing {
            Framing::Length(length) => At::Body(Rest::Length(length)),
            Framing::Chunked => At::Body(Rest::Chunks(Chunked::default())),
            Framing::None | Framing::UntilClose => At::Body(Rest::Length(0)),
        };
        if told_to_go_on {
            connection.end.send(&mut self.net, &[IoSlice::new(b"HTTP/1.1 100 Continue\r\n\r\n")], false)?; // always fits
        }
        connection.end.consume(size);
        connection.scan = Scan::default();
        ON
    }

    fn refuse(&mut self, sock: Sock, malformed: Malformed) -> io::Result<bool> {
        let Some((connection, _)) = self.connections.get_mut(&sock) else { return WAIT };
        connection.last = true;
        http::answer::error(malformed.status(), 0, true, false, false, &mut connection.out);
        connection.at = At::Answer(0);
        ON
    }

    fn skip_body(&mut self, sock: Sock) -> io::Result<bool> {
        let Some((connection, _)) = self.connections.get_mut(&sock) else { return WAIT };
        let At::Body(rest) = &mut connection.at else { return WAIT };
        let there = connection.end.held().len();
        let (consumed, done) = match rest {
            Rest::Length(left) => {
                let count = usize::try_from(*left).map_or(there, |left| left.min(there));
                *left -= count as u64;
                (count, *left == 0)
            }
            Rest::Chunks(chunks) => match chunks.decode(connection.end.held_mut(), &self.limits, &mut Vec::new()) {
                Ok(step) => (step.consumed, step.done),
                Err(malformed) => return self.refuse(sock, malformed),
            },
        };
        connection.end.consume(consumed);
        if !done {
            return if consumed > 0 { ON } else { fill(&mut connection.end, &mut self.net, &mut self.lender) };
        }
        connection.at = At::Delay;
        self.hold(sock)
    }

    /// A delay is over.
    fn answer_now(&mut self, sock: Sock) {
        self.prepare(sock);
        self.drive(sock);
    }

    fn prepare(&mut self, sock: Sock) {
        let Some((connection, port)) = self.connections.get_mut(&sock) else { return };
        self.answered += 1;
        self.orders.iter().for_each(Orders::count_answer);
        let Manner { name, status, body_size, .. } = &self.manner;
        let status = if self.mood == Mood::Broken { &BROKEN } else { status };
        let mut text = format!("Hello from {name} on port {port}, request {}\n", self.answered);
        let size = body_size.unwrap_or(text.len() as u64);
        text.truncate(usize::try_from(size).unwrap_or(usize::MAX));
        let (reason, close) = (Status(*status).reason(), if connection.last { "Connection: close\r\n" } else { "" });
        let head =
            format!("HTTP/1.1 {status} {reason}\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n{close}\r\n");
        connection.out.extend_from_slice(head.as_bytes());
        let mut padding = size - text.len() as u64;
        match connection.head_only || matches!(status, 204 | 304) {
            true => padding = 0,
            false => connection.out.extend_from_slice(text.as_bytes()),
        }
        connection.at = At::Answer(padding);
    }

    fn write(&mut self, sock: Sock) -> io::Result<bool> {
        let Some((connection, _)) = self.connections.get_mut(&sock) else { return WAIT };
        let At::Answer(padding) = &mut connection.at else { return WAIT };
        let prepared = &connection.out[connection.sent..];
        let pad = &PADDING[..usize::try_from(*padding).unwrap_or(usize::MAX).min(PADDING.len())];
        if !prepared.is_empty() || !pad.is_empty() {
            if !connection.end.writable {
                return WAIT;
            }
            let pieces = [IoSlice::new(prepared), IoSlice::new(pad)];
            let pieces = if prepared.is_empty() { &pieces[1..] } else { &pieces[..] };
            let taken = connection.end.send(&mut self.net, pieces, false)?;
            let of_prepared = taken.min(prepared.len());
            connection.sent += of_prepared;
            *padding -= (taken - of_prepared) as u64;
            return ON;
        }
        connection.out.clear();
        connection.sent = 0;
        connection.at = At::Head;
        if connection.last { Err(io::ErrorKind::ConnectionAborted.into()) } else { ON }
    }
}

/// Reads once; an end of the connection is an error like any other here.
fn fill<N: Net>(end: &mut End, net: &mut N, lender: &mut Lender) -> io::Result<bool> {
    match end.fill(net, lender)? {
        Filled::Bytes(_) => ON,
        Filled::Nothing => WAIT,
        Filled::Ended | Filled::Full => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}
