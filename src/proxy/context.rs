//! What a session may use besides itself: the network, the time, buffers, backends, deadlines, counters.
//!
//! One of these for each loop, lent to whoever is being driven. It knows who owns which socket, so opening and closing
//! go through here; it takes no decision about traffic.

use super::access::Access;
use super::asks::Asker;
use super::crowd::{Alarm, Crowd};
use super::end::End;
use super::exchange::Exchange;
use super::idle::Idle;
use super::moments::{GATHERING, GRACE, Moments};
use super::receipt::Receipts;
use super::watch::Watchers;
use super::xray::Xray;
use crate::admin::stage::Stage;
use crate::admin::{Ask, View};
use crate::balance::budget::Budget;
use crate::balance::queue::Queues;
use crate::balance::{Backends, PoolId};
use crate::base::stats::Stats;
use crate::base::tally::Tallies;
use crate::base::{Address, Lender, Peer, Rng, Shelf, Time, Timers};
use crate::config::{Guard, Limits, Listener, Mode, Preface, Route, Timeouts};
use crate::http::{self, Request};
use crate::net::{Cost, Net, Sock};

/// Who owns a socket. Sessions, probes and idle connections by their row in their table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Nobody: free, or closed in this batch.
    Nobody,
    /// A listener.
    Door(u32),
    /// The client side of a session.
    Client(u32),
    /// The upstream side of a session.
    Upstream(u32),
    /// A pooled upstream connection.
    Idle(u32),
    /// A probe.
    Probe(u32),
}

/// What a listener leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// Requests, to where the listener of this number in the configuration leads.
    Http(u16),
    /// Connections, likewise.
    Tcp(u16),
    /// Our own status.
    Admin,
}

/// Where the requests of a listener go.
#[derive(Debug, Clone)]
pub struct Routing {
    /// The first that matches.
    pub routes: Vec<Route>,
    /// If none does.
    pub pool: Option<PoolId>,
    /// The listener's name.
    pub name: String,
    /// What it speaks.
    pub mode: Mode,
    /// What stands before the traffic.
    pub preface: Preface,
    /// The configuration has it no more: its clients are not kept alive.
    pub leaving: bool,
}

impl Routing {
    /// What the configuration says, whose pools stand in these rows.
    pub fn of(listener: &Listener, pools: &[PoolId]) -> Routing {
        let row = |number: usize| pools.get(number).copied().unwrap_or(PoolId(number as u16));
        let led = |route: &Route| Route { pool: usize::from(row(route.pool).0), ..route.clone() };
        Routing {
            routes: listener.routes.iter().map(led).collect(),
            pool: listener.pool.map(row),
            name: listener.name.clone(),
            mode: listener.mode,
            preface: listener.preface.clone(),
            leaving: false,
        }
    }

    /// Whether this client's word is taken for who it speaks for.
    pub fn trusts(&self, client: Peer) -> bool {
        self.preface.trusted.iter().any(|network| network.includes(client))
    }

    /// The pool of a connection that hopes for a server of this name; none: there is nothing for it here.
    pub fn find_name(&self, name: Option<&str>) -> Option<PoolId> {
        let found = name.and_then(|name| http::route::find_host(&self.routes, name));
        found.map(|pool| PoolId(pool as u16)).or(self.pool)
    }

    /// The pool of a request; none: there is nothing for it here.
    pub fn find(&self, request: &Request<'_, '_>) -> Option<PoolId> {
        match self.routes.is_empty() {
            true => self.pool,
            false => http::route::find(&self.routes, request).map(|pool| PoolId(pool as u16)).or(self.pool),
        }
    }
}

impl Service {
    /// The number of its listener in the configuration.
    pub fn listener(self) -> Option<u16> {
        match self {
            Service::Http(number) | Service::Tcp(number) => Some(number),
            Service::Admin => None,
        }
    }
}

/// What a session may use.
pub struct Context<N> {
    /// The network.
    pub net: N,
    /// The moment of this turn.
    pub now: Time,
    /// Where buffers are borrowed.
    pub lender: Lender,
    /// Memory of exchanges that are over, for those to come.
    pub exchanges: Shelf<Box<Exchange>>,
    /// The backends and their pools.
    pub backends: Backends,
    /// Upstream connections without work.
    pub idle: Idle,
    /// The deadline of each socket that has one.
    pub deadlines: Timers,
    /// Clients that are not watched for a moment.
    pub graces: Moments,
    /// Sources of which much is expected in a moment.
    pub gatherings: Moments,
    /// When each backend is probed next, by backend.
    pub probes_due: Timers,
    /// Requests that wait for backends that are full.
    pub queues: Queues,
    /// Who is inside, by listener.
    pub crowds: Vec<Crowd>,
    /// What was told of pools that are full, and is not told again so soon.
    pub alarms: Vec<Alarm>,
    /// When each ejection is over, by backend.
    pub ejections_due: Timers,
    /// What was counted.
    pub stats: Stats,
    /// The same of requests, by pool, and of turns.
    pub tallies: Tallies,
    /// Where chance comes from.
    pub rng: Rng,
    /// How long waiting may last.
    pub timeouts: Timeouts,
    /// How large things may be.
    pub limits: Limits,
    /// Where the requests of each listener go.
    pub routing: Vec<Routing>,
    /// Who may speak to the admin address.
    pub guard: Guard,
    /// Where clients come in, and what each address leads to, in words.
    pub listeners: Vec<(Address, String)>,
    /// How long a failing backend can hurt, by pool.
    pub budgets: Vec<Budget>,
    /// What was decided for the last requests, and why.
    pub receipts: Receipts,
    /// Where each request gets a line, if anybody asked for it.
    pub access: Option<Access>,
    /// There is no admin address any more.
    pub unasked: bool,
    /// What was asked of the house, and who waits for it.
    pub asks: Vec<(Asker, Ask)>,
    /// Who is told at each beat what is new.
    pub watchers: Watchers,
    /// What is remembered of the loop itself, while someone looks.
    pub xray: Option<Box<Xray>>,
    /// What only a demo has.
    pub stage: Option<Box<dyn Stage>>,
    /// We are leaving: nobody is kept alive.
    pub draining: bool,
    /// Grows whenever a byte moves or something changes: who compares it before and after sees whether it did.
    pub moved: u64,
    /// Others are still to be heard: who has something brief to send does so later in this turn.
    pub hearing: bool,
    /// What everything had cost when somebody last asked.
    billed: Cost,
    /// Bytes that each session may read in this turn before it is others' turn (law 7).
    pub share: usize,
    /// A socket was closed since somebody last looked: descriptors may be had again.
    pub relief: bool,
    owners: Vec<Owner>,
    owned: usize,
}

impl<N: Net> Context<N> {
    /// A context with nothing going on.
    pub fn new(net: N, backends: Backends, timeouts: Timeouts, limits: Limits, seed: u64) -> Context<N> {
        Context {
            net,
            now: Time(0),
            lender: Lender::new(limits.head.max(SMALLEST_BUFFER) + SLACK),
            exchanges: Shelf::default(),
            backends,
            idle: Idle::default(),
            deadlines: Timers::default(),
            graces: Moments::of(GRACE),
            gatherings: Moments::of(GATHERING),
            probes_due: Timers::default(),
            queues: Queues::default(),
            crowds: Vec::new(),
            alarms: Vec::new(),
            ejections_due: Timers::default(),
            stats: Stats::default(),
            tallies: Tallies::default(),
            rng: Rng::new(seed),
            timeouts,
            limits,
            routing: Vec::new(),
            guard: Guard::default(),
            listeners: Vec::new(),
            budgets: Vec::new(),
            receipts: Receipts::default(),
            access: None,
            unasked: false,
            asks: Vec::new(),
            watchers: Watchers::default(),
            xray: None,
            stage: None,
            draining: false,
            moved: 0,
            hearing: false,
            billed: Cost::default(),
            share: 0,
            relief: false,
            owners: Vec::new(),
            owned: 0,
        }
    }

    /// The routing of a service's listener, if it has one.
    pub fn routing_of(&self, service: Service) -> Option<&Routing> {
        self.routing.get(usize::from(service.listener()?))
    }

    /// Whether a client of this service is not to be kept alive, since it or we are leaving.
    pub fn is_leaving(&self, service: Service) -> bool {
        let gone = match self.routing_of(service) {
            Some(routing) => routing.leaving,
            None => self.unasked,
        };
        self.draining || gone
    }

    /// Buffers are lent as large as the limits want them.
    pub(super) fn fit_buffers(&mut self) {
        self.lender.resize(self.limits.head.max(SMALLEST_BUFFER) + SLACK);
    }

    /// Frees memory that nobody borrowed of late. Whether there is more to free.
    pub(super) fn trim(&mut self) -> bool {
        let lines = self.access.as_mut().is_some_and(Access::trim);
        self.lender.trim() | self.exchanges.trim() | self.net.trim() | lines
    }

    /// What the admin address may show.
    pub fn view(&self) -> View<'_> {
        let Context { backends, queues, stats, receipts, guard, listeners, budgets, draining, now, .. } = self;
        View {
            backends,
            queues,
            stats,
            tallies: &self.tallies,
            routing: &self.routing,
            crowds: &self.crowds,
            receipts,
            guard,
            listeners,
            idle: self.idle.len(),
            sockets: self.owned,
            budgets,
            calls: self.net.calls(),
            draining: *draining,
            demo: self.stage.as_deref(),
            now: *now,
        }
    }

    /// `sock` belongs to `owner` from now on.
    pub fn own(&mut self, sock: Sock, owner: Owner) {
        let row = sock.0 as usize;
        if self.owners.len() <= row {
            self.owners.resize(row + 1, Owner::Nobody);
        }
        self.owned += usize::from(owner != Owner::Nobody);
        self.owned -= usize::from(self.owners[row] != Owner::Nobody);
        self.owners[row] = owner;
    }

    /// What was spent since the last call: while one session is driven nobody else spends anything.
    pub fn spent(&mut self) -> Cost {
        let now = self.net.calls().cost();
        now - std::mem::replace(&mut self.billed, now)
    }

    /// Who owns `sock`.
    pub fn owner(&self, sock: Sock) -> Owner {
        self.owners.get(sock.0 as usize).copied().unwrap_or(Owner::Nobody)
    }

    /// The sockets that somebody owns, by number.
    pub fn owners(&self) -> impl Iterator<Item = (u32, Owner)> {
        let all = (0..).zip(self.owners.iter().copied());
        all.filter(|(_, owner)| *owner != Owner::Nobody)
    }

    /// How long the table of sockets is, with those that nobody owns.
    pub fn slots(&self) -> usize {
        self.owners.len()
    }

    /// How many sockets somebody owns.
    pub fn owned(&self) -> usize {
        self.owned
    }

    /// The memory that knowing the owner and the deadline of each socket takes, in bytes.
    pub fn memory(&self) -> usize {
        self.owners.len() * size_of::<Owner>() + self.deadlines.memory()
    }

    /// Closes `sock`: what was written is still delivered.
    pub fn close(&mut self, sock: Sock) {
        self.disown(sock);
        self.net.close(sock);
    }

    /// Closes `sock` so that the peer cannot take it for a clean end.
    pub fn reset(&mut self, sock: Sock) {
        self.disown(sock);
        self.net.reset(sock);
    }

    fn disown(&mut self, sock: Sock) {
        self.own(sock, Owner::Nobody);
        self.deadlines.drop(sock.0);
        self.relief = true;
    }

    /// Opens a connection to a backend for `owner`, on behalf of a pool if traffic is to pass. Errors: refused at once,
    /// unreachable, out of descriptors.
    pub fn connect(&mut self, to: &Address, owner: Owner, pool: Option<PoolId>) -> std::io::Result<End> {
        let sock = self.net.connect(to)?;
        if let Some(name) = pool.and_then(|pool| self.backends.pool(pool).congestion.as_deref()) {
            let _ = self.net.set_congestion(sock, Some(name)); // known at the start; if not any more, it goes on without
        }
        self.own(sock, owner);
        Ok(End::connecting(sock))
    }
}

/// No buffer is smaller, however small a head may be: it is also what bodies pass through.
const SMALLEST_BUFFER: usize = 16 * 1024;

/// A buffer holds a little more than the largest head, so that a head over the limit is seen to be so.
const SLACK: usize = 1024;
