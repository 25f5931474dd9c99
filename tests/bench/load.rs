//! The load: any number of connections in one thread, edge-triggered, nothing allocated for a request.
//!
//! Closed, each connection asks again as soon as it is answered. Open, requests begin at a fixed rate whether or not the
//! earlier ones are answered, and latency counts from when a request was *meant* to begin, so that a stall is felt by all
//! whom it would have kept waiting.

use crate::body::Pattern;
use crate::child::may_go_on;
use crate::client::{Client, Desk, Step};
use crate::job::Job;
use hdrhistogram::Histogram;
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token, Waker};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Within one read comes at most this.
const BUFFER: usize = 256 * 1024;

/// So many connections open at once while a load is set up: fewer than any backlog holds.
const CROWD: usize = 64;

/// Nothing moving for so long is an error.
const HANG: Duration = Duration::from_secs(30);

const TICK: Token = Token(usize::MAX);

/// When requests begin.
#[derive(Debug, Clone, Copy)]
pub enum Pace {
    /// As soon as a connection is free.
    Closed,
    /// The same, and at the end everybody is answered.
    Whole,
    /// So many in a second; at the end everybody is answered.
    Open(f64),
}

/// What a run has seen.
pub struct Tally {
    /// Whole responses.
    pub answered: u64,
    /// Body bytes, either way.
    pub bytes: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Of each response, in nanoseconds.
    pub latency: Histogram<u64>,
}

/// Connections to one address with one job.
pub struct Load {
    poll: Poll,
    waker: Arc<Waker>,
    events: Events,
    address: SocketAddr,
    clients: Vec<Option<Client>>,
    idle: VecDeque<usize>,
    hungry: VecDeque<usize>,
    desk: Desk,
    /// Requests that no connection was free for, by when they were meant to begin.
    overdue: VecDeque<Instant>,
    /// Whether whoever is answered asks again.
    repeating: bool,
    answered: u64,
    latency: Histogram<u64>,
    now: Instant,
}

impl Load {
    /// Opens so many connections. Of a large crowd each has been answered once; a small one comes with the first run.
    pub fn open(address: SocketAddr, connections: usize, job: Job) -> Result<Load, String> {
        let poll = Poll::new().map_err(|error| error.to_string())?;
        let waker = Arc::new(Waker::new(poll.registry(), TICK).map_err(|error| error.to_string())?);
        let desk = Desk { job, pattern: Pattern::new(), buffer: vec![0; BUFFER], bytes: 0 };
        let mut load = Load {
            poll,
            waker,
            events: Events::with_capacity(1024),
            address,
            clients: Vec::new(),
            idle: VecDeque::new(),
            hungry: VecDeque::new(),
            desk,
            overdue: VecDeque::new(),
            repeating: false,
            answered: 0,
            latency: histogram(),
            now: Instant::now(),
        };
        if connections <= CROWD {
            load.clients.resize_with(connections, || None);
            load.idle.extend(0..connections);
        }
        while load.clients.len() < connections {
            let first = load.clients.len();
            for at in first..connections.min(first + CROWD) {
                load.clients.push(None);
                load.begin(at, Instant::now())?;
            }
            load.settle()?;
        }
        Ok(load)
    }

    /// Lets it run for so long.
    pub fn run(&mut self, pace: Pace, time: Duration) -> Result<Tally, String> {
        (self.answered, self.desk.bytes, self.latency) = (0, 0, histogram());
        let begun = Instant::now();
        match pace {
            Pace::Closed => self.run_closed(begun + time)?,
            Pace::Whole => {
                self.run_closed(begun + time)?;
                self.settle()?;
            }
            Pace::Open(rate) => self.run_open(rate, begun + time)?,
        }
        let latency = std::mem::replace(&mut self.latency, histogram());
        Ok(Tally { answered: self.answered, bytes: self.desk.bytes, elapsed: begun.elapsed(), latency })
    }

    /// Lets everybody who is waiting for an answer have it, and nobody ask again.
    pub fn settle(&mut self) -> Result<(), String> {
        self.repeating = false;
        while self.idle.len() < self.clients.len() || !self.overdue.is_empty() {
            self.turn(Instant::now() + HANG)?;
        }
        Ok(())
    }

    fn run_closed(&mut self, end: Instant) -> Result<(), String> {
        self.repeating = true;
        while let Some(at) = self.idle.pop_front() {
            self.begin(at, Instant::now())?;
        }
        while self.now < end {
            self.turn(end)?;
        }
        Ok(())
    }

    /// Those who were meant to begin before the end are answered, however long it takes.
    fn run_open(&mut self, rate: f64, end: Instant) -> Result<(), String> {
        self.repeating = false;
        let interval = Duration::from_secs_f64(1.0 / rate);
        let _ticker = Ticker::start(self.waker.clone(), interval);
        let mut next = Instant::now();
        while next < end {
            self.now = Instant::now();
            while next <= self.now && next < end {
                self.overdue.push_back(next);
                next += interval;
            }
            self.begin_overdue()?;
            self.turn(end)?;
        }
        self.settle()
    }

    fn begin_overdue(&mut self) -> Result<(), String> {
        while !self.overdue.is_empty() {
            let Some(at) = self.idle.pop_front() else { break };
            let Some(meant) = self.overdue.pop_front() else { break };
            self.begin(at, meant)?;
        }
        Ok(())
    }

    /// One wait and what it brings.
    fn turn(&mut self, until: Instant) -> Result<(), String> {
        may_go_on()?;
        let patience = until.saturating_duration_since(Instant::now());
        let timeout = if self.hungry.is_empty() { patience } else { Duration::ZERO };
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() != std::io::ErrorKind::Interrupted => return Err(error.to_string()),
            _ => self.now = Instant::now(),
        }
        if self.events.is_empty() && timeout >= HANG / 2 {
            return Err(format!(
                "nothing moved for {timeout:?}, {} connections wait",
                self.clients.len() - self.idle.len()
            ));
        }
        let hungry = std::mem::take(&mut self.hungry);
        let events = std::mem::replace(&mut self.events, Events::with_capacity(0));
        for event in events.iter().filter(|event| event.token() != TICK) {
            self.drive(event.token().0, event.is_read_closed() || event.is_error())?;
        }
        self.events = events;
        hungry.into_iter().try_for_each(|at| self.drive(at, true))
    }

    /// Begins a request on a connection, and the connection if there is none. Then the event that it stands comes first, as
    /// with any client that waits for events: the balancer may find a connection without a request.
    fn begin(&mut self, at: usize, meant: Instant) -> Result<(), String> {
        if let Some(client) = &mut self.clients[at] {
            client.begin(meant);
            return self.drive(at, false);
        }
        let mut client = self.connect(at).map_err(|error| format!("connecting: {error}"))?;
        client.begin(meant);
        self.clients[at] = Some(client);
        Ok(())
    }

    fn connect(&mut self, at: usize) -> std::io::Result<Client> {
        let mut client = Client::new(TcpStream::connect(self.address)?, self.now);
        self.poll.registry().register(client.stream(), Token(at), Interest::READABLE | Interest::WRITABLE)?;
        Ok(client)
    }

    fn drive(&mut self, at: usize, hung_up: bool) -> Result<(), String> {
        let Some(client) = &mut self.clients[at] else { return Ok(()) };
        match client.advance(&mut self.desk, hung_up)? {
            Step::Wait => Ok(()),
            Step::GoOn => {
                self.hungry.push_back(at);
                Ok(())
            }
            Step::Answered => {
                self.answered += 1;
                self.latency.saturating_record(self.now.saturating_duration_since(client.begun).as_nanos() as u64);
                // Of a connection for one request the end is still to come, perhaps in this very event.
                if self.desk.job.fresh { self.drive(at, hung_up) } else { self.release(at) }
            }
            Step::Closed => {
                self.clients[at] = None;
                self.release(at)
            }
        }
    }

    /// A connection is free.
    fn release(&mut self, at: usize) -> Result<(), String> {
        match self.overdue.pop_front() {
            Some(meant) => self.begin(at, meant),
            None if self.repeating => self.begin(at, self.now),
            None => {
                self.idle.push_back(at);
                Ok(())
            }
        }
    }
}

fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, HANG.as_nanos() as u64 * 2, 3).expect("bounds and digits that the histogram allows")
}

/// Wakes a poll at every interval: more exactly than a poll's own timeout, which counts in milliseconds.
struct Ticker(Arc<AtomicBool>);

impl Ticker {
    fn start(waker: Arc<Waker>, interval: Duration) -> Ticker {
        let over = Arc::new(AtomicBool::new(false));
        let ticker = Ticker(over.clone());
        std::thread::spawn(move || {
            while !over.load(Ordering::Relaxed) {
                std::thread::sleep(interval);
                let _ = waker.wake();
            }
        });
        ticker
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
