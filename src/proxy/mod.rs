//! Floor 5: who owns which socket, and the one loop.
//!
//! [`Proxy::turn`] is the loop's body: wait, admit, drive, expire, sweep. Everything else is called from there. Read it
//! first, then [`parts`] (who is ready has its turn), [`session`] (one client connection), [`exchange`] (one request),
//! [`flow`] (one direction of bytes) and [`idle`] (the pool).

pub mod access;
pub mod asked;
pub mod asks;
pub mod beat;
pub mod context;
pub mod crowd;
mod deadlines;
pub mod door;
pub mod drain;
pub mod end;
pub mod exchange;
pub mod flow;
pub mod idle;
pub mod moments;
pub mod orders;
pub mod parts;
pub mod phase;
pub mod prober;
pub mod reason;
pub mod receipt;
pub mod record;
pub mod reload;
mod report;
mod room;
pub mod session;
mod tallies;
pub mod verdict;
pub mod watch;
pub mod xray;

use crate::admin::stage::Stage;
use crate::balance::{BackendId, Backends};
use crate::base::stats::Stats;
use crate::base::{Address, Rng, Time};
use crate::config::{Config, Guard};
use crate::net::{Event, Moved, Net, Signal, Sock};
use access::Access;
use asks::Asker;
use beat::Beat;
use context::{Context, Owner};
use door::Door;
use drain::Drain;
use prober::Prober;
use reason::Reason;
use room::Room;
use session::Session;
use slab::Slab;
use std::io;
use std::time::Duration;

/// Clients let in by one door in one turn, before those inside have their turn.
const ADMITTED_AT_ONCE: usize = 64;

/// How often memory that nobody borrowed in the meantime is freed.
const TRIMMED_EVERY: Duration = Duration::from_secs(1);

/// Whether there is another turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turned {
    /// There is.
    More,
    /// There is, and somebody asked for the configuration to be read again: see [`Proxy::reload`].
    Reload,
    /// There is, and somebody asked for another process to take over: see [`Proxy::hand_over`].
    HandOver,
    /// The balancer has left: nothing is open that anybody waits for.
    Done,
}

/// One balancer: one thread, one loop, one network.
pub struct Proxy<N: Net> {
    cx: Context<N>,
    /// What it runs by.
    config: Config,
    /// Where the crowds have their chance from.
    chance: Rng,
    doors: Vec<Door>,
    sessions: Slab<Session>,
    prober: Prober,
    drain: Drain,
    events: Vec<Event>,
    /// Sessions to be driven in this turn, in the order in which something happened to them.
    ready: Vec<u32>,
    /// Sessions that have more to do than one turn's budget allowed.
    hungry: Vec<u32>,
    /// Sessions that were heard and have something to send in this turn.
    later: Vec<u32>,
    /// Sessions of the admin address.
    admins: usize,
    room: Room,
    trimmed: Time,
    /// Something was done since, so that there may be memory to free.
    untrimmed: bool,
    beat: Beat,
    /// Who waits to hear how reading the configuration went.
    askers: Vec<Asker>,
    /// What the ends of this turn and the next are to say.
    asked_to_reload: bool,
    asked_to_hand_over: bool,
}

impl<N: Net> Proxy<N> {
    /// Opens every listener of `config` over `net`. `seed` decides everything that is left to chance. Errors: an
    /// address is taken or not ours; the message names it.
    pub fn new(config: &Config, net: N, seed: u64) -> io::Result<Proxy<N>> {
        let cx = Context::new(net, Backends::new(&[], seed), config.timeouts, config.limits, seed);
        let mut proxy = Proxy {
            cx,
            config: Config {
                listeners: Vec::new(),
                pools: Vec::new(),
                admin: Vec::new(),
                guard: Guard::default(),
                ..*config
            },
            chance: Rng::new(seed.rotate_left(17)), // others use the seed as it is, and its complement
            doors: Vec::new(),
            sessions: Slab::new(),
            prober: Prober::default(),
            drain: Drain::default(),
            events: Vec::new(),
            ready: Vec::new(),
            hungry: Vec::new(),
            later: Vec::new(),
            admins: 0,
            room: Room::new(),
            askers: Vec::new(),
            asked_to_reload: false,
            asked_to_hand_over: false,
            trimmed: Time(0),
            untrimmed: false,
            beat: Beat::default(),
        };
        proxy.adopt(config)?;
        Ok(proxy)
    }

    /// One turn of the loop. Errors: the operating system no longer tells us of events; nothing can go on.
    pub fn turn(&mut self) -> io::Result<Turned> {
        let called = self.wait()?;
        let before = self.cx.stats.came_due;
        self.sort_events();
        self.admit();
        self.drive();
        self.expire();
        let turned = self.sweep();
        self.cx.stats.turns_in_vain += u64::from(!called && self.cx.stats.came_due == before);
        Ok(turned)
    }

    /// Where clients come in: the real addresses, in the order of the configuration, admin last.
    pub fn addresses(&self) -> impl Iterator<Item = &Address> {
        self.doors.iter().map(|door| &door.address)
    }

    /// Each request gets a line there from now on, or none. Where they went before.
    pub fn log_to(&mut self, access: Option<Access>) -> Option<Access> {
        std::mem::replace(&mut self.cx.access, access)
    }

    /// A demo's backends and clients are played there from now on.
    pub fn play_on(&mut self, mut stage: Box<dyn Stage>) {
        stage.open();
        self.cx.stage = Some(stage);
    }

    /// The network.
    pub fn net(&self) -> &N {
        &self.cx.net
    }

    /// The network, to be played with from outside.
    pub fn net_mut(&mut self) -> &mut N {
        &mut self.cx.net
    }

    /// What was counted.
    pub fn stats(&self) -> &Stats {
        &self.cx.stats
    }

    /// Client connections that are open, those of the admin address left out.
    pub fn open_sessions(&self) -> usize {
        self.sessions.len() - self.admins
    }

    /// Admitted requests and tunnels under way. Counts them one by one: for tests and reports.
    pub fn alive_requests(&self) -> usize {
        self.sessions.iter().filter(|(_, session)| session.is_alive()).count()
    }

    /// What it runs by.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The backends and what is thought of them.
    pub fn backends(&self) -> &Backends {
        &self.cx.backends
    }

    /// Sockets that somebody here owns.
    pub fn owned_sockets(&self) -> usize {
        self.cx.owned()
    }

    /// Buffers out on loan.
    pub fn lent_buffers(&self) -> usize {
        self.cx.lender.lent()
    }

    /// Whether there is something to do: something happened, or was left over.
    fn wait(&mut self) -> io::Result<bool> {
        let busy = !self.hungry.is_empty() || self.doors.iter().any(|door| door.is_waiting() && self.lets_in(door));
        let busy = busy || (self.cx.backends.has_relief() && self.cx.queues.waiting() > 0);
        let busy = busy || (self.cx.draining && self.open_sessions() == 0); // told so between two turns
        let busy = busy || self.asked_to_hand_over || !self.cx.asks.is_empty();
        let until = if busy { Some(self.cx.now) } else { self.next_deadline() };
        self.events.clear();
        let now = self.cx.net.wait(until, &mut self.events)?;
        self.cx.begin_turn(now, self.events.len());
        Ok(busy || !self.events.is_empty())
    }

    /// Tells everybody what happened to their sockets, before anybody acts on it: so a pooled connection that ended is
    /// out of the pool before a session of the same batch could take it.
    fn sort_events(&mut self) {
        let mut events = std::mem::take(&mut self.events);
        for event in events.drain(..) {
            match event {
                Event::Ready { sock, readable, writable, broken } => self.ready(sock, readable, writable, broken),
                Event::Signal(signal) => self.signal(signal),
            }
        }
        self.events = events;
    }

    fn ready(&mut self, sock: Sock, readable: bool, writable: bool, broken: bool) {
        match self.cx.owner(sock) {
            Owner::Nobody => {} // closed earlier in this batch
            Owner::Door(row) => self.doors[row as usize].knock(),
            Owner::Client(row) | Owner::Upstream(row) => {
                if let Some(session) = self.sessions.get_mut(row as usize) {
                    session.note(sock, readable, writable, broken);
                    queue(session, row, &mut self.ready);
                }
            }
            Owner::Idle(ticket) if readable || broken => self.examine_idle(ticket, sock),
            Owner::Idle(_) => {}
            Owner::Probe(row) => self.prober.event(row, readable, writable, broken, &mut self.cx),
        }
    }

    /// A pooled connection became readable: it ended, or it talks out of turn and is never handed out again, so that
    /// what it says cannot become somebody's answer. Unless there is nothing to it.
    fn examine_idle(&mut self, ticket: u32, sock: Sock) {
        let mut some = [0; 64];
        let read = self.cx.net.read(sock, &mut some);
        if matches!(read, Ok(Moved::Nothing)) {
            return;
        }
        let backend = self.drop_idle(ticket, sock);
        if let (Ok(Moved::Bytes { .. }), Some(id)) = (read, backend) {
            self.cx.stats.surplus += 1;
            log::warn!("backend {}: bytes on an idle connection, unasked", self.cx.backends.get(id).name);
        }
    }

    fn drop_idle(&mut self, ticket: u32, sock: Sock) -> Option<BackendId> {
        let (_, backend) = self.cx.idle.remove(ticket)?;
        self.cx.close(sock);
        Some(backend)
    }

    fn signal(&mut self, signal: Signal) {
        match signal {
            Signal::Stop => self.leave(),
            Signal::Dump => {
                log::warn!("asked for the state:\n{}", self.report()); // seen even when quiet
                self.cx.access.iter_mut().for_each(|access| access.spool().reopen());
            }
            Signal::Reload | Signal::HandOver if self.cx.draining => log::warn!("leaving, with everything as it is"),
            Signal::Reload => self.asked_to_reload = true,
            Signal::HandOver => self.asked_to_hand_over = true,
            Signal::Wake => {}
        }
    }

    fn forget(&mut self, row: u32) {
        if let Some(session) = self.sessions.try_remove(row as usize) {
            self.admins -= usize::from(!session.is_clients());
        }
    }

    /// Ends the turn: memory nobody needs, the books, and have we left?
    fn sweep(&mut self) -> Turned {
        if self.cx.now - self.trimmed >= TRIMMED_EVERY {
            self.trimmed = self.cx.now;
            self.cx.stats.came_due += 1;
            self.untrimmed = self.cx.trim();
        }
        self.cx.stats.came_due += u64::from(self.beat.strike(self.cx.now));
        self.cx.hand_on_lines();
        let open = self.open_sessions() as u64;
        if let Err(violation) = self.cx.stats.check_open(open)
            && self.cx.stats.violations == 0
        {
            self.cx.stats.violations = 1; // told once: it stays wrong from here on
            log::error!("bug: accounting: {violation}");
        }
        if self.cx.draining && (open == 0 || self.drain.is_over(self.cx.now)) {
            self.end_all();
            return Turned::Done;
        }
        if std::mem::take(&mut self.asked_to_reload) {
            return Turned::Reload;
        }
        match std::mem::take(&mut self.asked_to_hand_over) && !self.cx.draining {
            true => Turned::HandOver,
            false => Turned::More,
        }
    }

    fn end_all(&mut self) {
        for mut session in self.sessions.drain() {
            session.end(Reason::Drained, &mut self.cx);
        }
        self.admins = 0;
        self.hungry.clear();
    }
}

/// Puts a session into the list of those to be driven, once.
fn queue(session: &mut Session, row: u32, ready: &mut Vec<u32>) {
    if !std::mem::replace(&mut session.queued, true) {
        ready.push(row);
    }
}
