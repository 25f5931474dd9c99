//! A session: one client connection, and the exchanges that pass over it.
//!
//! ```text
//!              .----------------------------------- kept alive ----------------------------------.
//!              v                                                                                 |
//!  accept -> Head --head complete--> Connecting --connected--> Sending --sent--> Awaiting --> Receiving
//!   (http)     |                      |    ^                      |                |  ^          |
//!              |                      |    '---- next backend ----+---- retry -----'  '- 1xx     +--> Delivering
//!              |                      |                           |                              |  (client slow)
//!              |                      '-- none left --.           '-- 101 --> Tunnel             |
//!              '-- malformed, late ---------------> Answering --> Lingering --> closed <---------'
//!
//!  accept (tcp) -> Connecting --connected--> Tunnel --> closed
//! ```
//!
//! [`Session::drive`] is the one door in: it goes on until nothing can be done before an event, and says so. Only
//! [`Session::enter`] assigns a phase; it sets the phase's deadline with it (law 10). The steps stand in the files
//! beside this one, in the order of a request's life: [`head`], [`upstream`], [`exchange`], [`answer`]; [`tunnel`] is
//! TCP mode and upgrades.

mod answer;
mod exchange;
mod head;
mod tunnel;
mod upstream;

pub use exchange::Exchange;

use super::context::{Context, Owner, Service};
use super::end::End;
use super::reason::Reason;
use crate::config::Mode;
use crate::http::Scan;
use crate::net::{Net, Sock};
use std::net::SocketAddr;
use std::time::Duration;

/// Bytes that one session may move in one turn before it is others' turn (law 7).
const BUDGET: usize = 256 * 1024;

/// How long an answered client may take to hear it, while what it still says is thrown away (RFC 9112 section 9.6).
const LINGER: Duration = Duration::from_secs(2);

/// What a session waits for. Each waiting has a deadline.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// For the rest of a request head; of the first request, for all of it.
    Head,
    /// Kept alive, for the first byte of another request.
    Idle,
    /// For an upstream connection to stand.
    Connecting,
    /// For the rest of the request to pass.
    Sending,
    /// For the first byte of a response.
    Awaiting,
    /// For the rest of the response.
    Receiving,
    /// For the client to take what it is owed of the response.
    Delivering,
    /// For bytes, either way.
    Tunnel,
    /// For the client to take an answer of our own.
    Answering,
    /// For the client to stop talking, having been answered.
    Lingering,
}

/// What becomes of a session after it was driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing can be done before an event.
    Wait,
    /// It used up its budget and has more to do.
    Hungry,
    /// It is over; its sockets are closed.
    Closed,
}

/// What a step of a session came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    /// The phase may have changed: go on.
    Go,
    /// Nothing can be done before an event.
    Wait,
    /// The budget is used up.
    Hungry,
    /// The session is over.
    Close(Reason),
}

/// One client connection.
pub struct Session {
    client: End,
    peer: SocketAddr,
    /// Its own row in the table of sessions.
    row: u32,
    service: Service,
    phase: Phase,
    scan: Scan,
    /// It is in the list of those to be driven.
    pub queued: bool,
    /// It asked to be driven again, and had moved so much by then.
    hungry_at: Option<u64>,
    moved: u64,
    /// Bytes thrown away since it was answered.
    lingered: u64,
    exchange: Option<Box<Exchange>>,
}

impl Session {
    /// A session for a connection that was just accepted.
    pub fn new<N: Net>(client: Sock, peer: SocketAddr, row: u32, service: Service, cx: &mut Context<N>) -> Session {
        cx.own(client, Owner::Client(row));
        let mut session = Session {
            client: End::new(client),
            peer,
            row,
            service,
            phase: Phase::Head,
            scan: Scan::default(),
            queued: false,
            hungry_at: None,
            moved: 0,
            lingered: 0,
            exchange: None,
        };
        session.enter(Phase::Head, cx);
        if let Service::Pool(pool, mode) = service {
            cx.stats.accepted += 1;
            log::debug!("connection received from {peer}");
            if mode == Mode::Tcp {
                session.open_tunnel(pool, cx);
            }
        }
        session
    }

    /// Whether it counts as a client's, those of the admin address left out.
    pub fn is_clients(&self) -> bool {
        self.service != Service::Admin
    }

    /// Whether an admitted request is under way.
    pub fn is_alive(&self) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.admitted)
    }

    /// What it is doing, for a human.
    pub fn describe(&self) -> String {
        let story = self.exchange.as_ref().map_or("", |exchange| exchange.story());
        format!("{} {:?} {story}", self.peer, self.phase)
    }

    /// What it waits for.
    pub fn phase(&self) -> Phase {
        self.phase
    }

    /// Remembers what an event told of one of its sockets.
    pub fn note(&mut self, sock: Sock, readable: bool, writable: bool, broken: bool) {
        let upstream = self.exchange.as_mut().and_then(|exchange| exchange.upstream.as_mut());
        let end = match upstream {
            _ if self.client.sock == sock => &mut self.client,
            Some(upstream) => &mut upstream.end,
            None => return,
        };
        end.note(readable, writable, broken);
    }

    /// Does everything that can be done without waiting.
    pub fn drive<N: Net>(&mut self, cx: &mut Context<N>) -> Next {
        let mut budget = BUDGET;
        loop {
            let step = match self.client.broken {
                true => Step::Close(Reason::ClientReset), // nobody is left to answer
                false => self.step(cx, &mut budget),
            };
            match step {
                Step::Go => {}
                Step::Wait => return self.rest(cx),
                Step::Hungry => return self.ask_again(cx),
                Step::Close(reason) => return self.end(reason, cx),
            }
        }
    }

    /// Its deadline has come.
    pub fn expire<N: Net>(&mut self, cx: &mut Context<N>) -> Next {
        match self.late(cx) {
            Step::Close(reason) => self.end(reason, cx),
            _ => self.drive(cx),
        }
    }

    /// Ends it, whatever is under way.
    pub fn end<N: Net>(&mut self, reason: Reason, cx: &mut Context<N>) -> Next {
        let torn = self.drop_exchange(reason, cx);
        self.client.drop_held(&mut cx.lender);
        if torn {
            cx.reset(self.client.sock);
        } else {
            cx.close(self.client.sock);
        }
        if self.is_clients() {
            cx.stats.closed += 1;
            cx.stats.ended(reason.name());
            log::debug!("connection from {} closed: {}", self.peer, reason.name());
        }
        Next::Closed
    }

    fn step<N: Net>(&mut self, cx: &mut Context<N>, budget: &mut usize) -> Step {
        match self.phase {
            Phase::Head | Phase::Idle => self.read_head(cx),
            Phase::Connecting => self.connecting(cx),
            Phase::Sending | Phase::Awaiting | Phase::Receiving | Phase::Delivering => self.exchange(cx, budget),
            Phase::Tunnel => self.tunnel(cx, budget),
            Phase::Answering => self.answering(cx, budget),
            Phase::Lingering => self.lingering(cx, budget),
        }
    }

    /// The only door into a phase. Entering the present one again sets its deadline anew.
    fn enter<N: Net>(&mut self, phase: Phase, cx: &mut Context<N>) {
        self.phase = phase;
        let timeouts = &cx.timeouts;
        let span = match phase {
            Phase::Head => timeouts.header,
            Phase::Idle | Phase::Delivering | Phase::Answering => timeouts.client_idle,
            Phase::Connecting => timeouts.connect,
            Phase::Sending => timeouts.body,
            Phase::Awaiting | Phase::Receiving => timeouts.response,
            Phase::Tunnel => timeouts.tunnel,
            Phase::Lingering => LINGER,
        };
        cx.deadlines.set(self.client.sock.0, cx.now + span);
    }

    /// What a deadline means in each phase.
    fn late<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        match self.phase {
            Phase::Head if self.client.held().is_empty() => Step::Close(Reason::HeaderTimeout),
            Phase::Head => self.refuse_late_head(cx),
            Phase::Idle => Step::Close(Reason::IdleTimeout),
            Phase::Connecting => self.connect_late(cx),
            Phase::Sending => self.sending_late(cx),
            Phase::Awaiting => self.fail(Reason::ResponseTimeout, cx),
            Phase::Receiving => Step::Close(Reason::ResponseTimeout),
            Phase::Delivering | Phase::Answering => Step::Close(Reason::ClientStalled),
            Phase::Tunnel => Step::Close(Reason::TunnelTimeout),
            Phase::Lingering => Step::Close(Reason::Closed),
        }
    }

    fn rest<N: Net>(&mut self, cx: &mut Context<N>) -> Next {
        self.hungry_at = None;
        self.settle(cx);
        Next::Wait
    }

    /// Asks for another turn. Twice in a row without anything moved in between is a bug of ours (law 7).
    fn ask_again<N: Net>(&mut self, cx: &mut Context<N>) -> Next {
        if self.hungry_at == Some(self.moved) {
            cx.stats.stuck += 1;
            log::error!("bug: session of {} goes on without moving in phase {:?}", self.peer, self.phase);
            return self.end(Reason::Stuck, cx);
        }
        self.hungry_at = Some(self.moved);
        self.settle(cx);
        Next::Hungry
    }

    fn settle<N: Net>(&mut self, cx: &mut Context<N>) {
        self.client.settle(&mut cx.lender);
        if let Some(upstream) = self.exchange.as_mut().and_then(|exchange| exchange.upstream.as_mut()) {
            upstream.end.settle(&mut cx.lender);
        }
    }
}
