//! A session: one client connection, and the exchanges that pass over it one after the other.
//!
//! ```text
//!  accept --> Preface (only if the listener asks for one) --> Head, or a tunnel
//!
//!               .------------------------------ kept alive --------------------------------.
//!               v                                                                          |
//!  accept --> Head/Idle --head complete--> an exchange with an upstream --concluded--------+
//!   (http)      |                            |                                             |
//!               |                            | failed before a response                    | not kept alive
//!               '-- malformed, late ---------+--> Answering --------------------------> Lingering --> closed
//!
//!  accept (tcp) --> a tunnel --> closed
//! ```
//!
//! [`Session::drive`] is the one door in: it goes on until nothing can be done before an event, and says so. Only
//! `Session::enter` assigns a phase; it sets the phase's deadline with it (law 10). How a head becomes an exchange is in
//! `head.rs`; what may stand before it in `preface.rs`; how a client is answered and let go in `answer.rs`; the admin address in `admin.rs`; what is
//! seen of it from outside in `seen.rs`; what happens in between in [`exchange`](super::exchange).

mod admin;
mod answer;
mod head;
mod preface;
mod seen;

use super::context::{Context, Owner, Service};
use super::end::End;
use super::exchange::{Exchange, Stop};
use super::phase::Phase;
use super::reason::Reason;
use crate::base::{Peer, Time};
use crate::http::Scan;
use crate::net::{Net, Sock};
use std::net::SocketAddr;
use std::time::Duration;

/// What becomes of a session after it was driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing can be done before an event.
    Wait,
    /// It has something to send in this turn, once all were heard.
    Later,
    /// It used up its budget and has more to do.
    Hungry,
    /// It is over; its sockets are closed.
    Closed,
}

/// What a step of a session came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Step {
    Go,
    Wait,
    Later,
    Hungry,
    Close(Reason),
}

/// One client connection.
pub struct Session {
    client: End,
    peer: Peer,
    /// Its own row in the table of sessions.
    row: u32,
    service: Service,
    phase: Phase,
    scan: Scan,
    /// A PROXY header has to come before anything else.
    unheralded: bool,
    /// It counts among the connections of its client's address.
    counted: bool,
    /// It is in the list of those to be driven.
    pub queued: bool,
    /// It asked to be driven again, and was not heard of since.
    hungry: bool,
    /// Its client is not watched yet, and nobody waits for it.
    in_grace: bool,
    /// When the first byte of the present request came.
    heard: Time,
    /// Once it was answered: when it is closed, however much it still has to say.
    last_word: Time,
    exchange: Option<Box<Exchange>>,
    /// Where the client that a PROXY header speaks of has come in.
    reached: Option<Box<SocketAddr>>,
}

impl Session {
    /// A session for a connection that was just accepted.
    pub fn new<N: Net>(client: End, peer: Peer, row: u32, service: Service, cx: &mut Context<N>) -> Session {
        cx.own(client.sock, Owner::Client(row));
        cx.saw_session(row);
        let mut session = Session {
            client,
            peer,
            row,
            service,
            phase: Phase::Head,
            scan: Scan::default(),
            unheralded: false,
            counted: false,
            queued: false,
            hungry: false,
            in_grace: false,
            heard: cx.now,
            last_word: cx.now,
            exchange: None,
            reached: None,
        };
        if session.is_clients() {
            cx.stats.accepted += 1;
            cx.enter(service);
            log::debug!("connection received from {peer}");
        }
        session.begin_phase(cx);
        session.counted = session.is_clients() && !session.unheralded;
        session
    }

    /// Whether it is a client's, and not one of the admin address.
    pub fn is_clients(&self) -> bool {
        self.service != Service::Admin
    }

    /// Where these listeners count the clients of an address anew, it is one.
    pub fn count_anew<N: Net>(&self, listeners: &[u16], cx: &mut Context<N>) {
        if let (Some(listener), Some(ip), true) = (self.service.listener(), self.peer.ip(), self.counted)
            && listeners.contains(&listener)
        {
            cx.count_client(listener, ip);
        }
    }

    /// If it is a kept-alive client's of which nothing was heard since: the moment at which it is closed for that.
    pub fn idle_until<N: Net>(&self, cx: &Context<N>) -> Option<Time> {
        let idle = self.phase == Phase::Idle && self.exchange.is_none() && self.is_clients();
        let silent = !self.queued && !self.client.readable && self.client.held().is_empty();
        if idle && silent { cx.deadlines.get(self.client.sock.0) } else { None }
    }

    /// Remembers what an event told of one of its sockets.
    pub fn note(&mut self, sock: Sock, readable: bool, writable: bool, broken: bool) {
        if let Some(end) = self.end_of(sock) {
            end.note(readable, writable, broken);
        }
    }

    fn end_of(&mut self, sock: Sock) -> Option<&mut End> {
        match self.client.sock == sock {
            true => Some(&mut self.client),
            false => self.exchange.as_mut().and_then(|exchange| exchange.end_of(sock)),
        }
    }

    /// Does everything that can be done without waiting.
    pub fn drive<N: Net>(&mut self, cx: &mut Context<N>) -> Next {
        let before = cx.moved;
        let mut budget = cx.share;
        cx.spent(); // by others
        loop {
            match self.step(before, &mut budget, cx) {
                Step::Go => {}
                Step::Wait => {
                    self.hungry = false;
                    self.settle(cx);
                    return self.rest(cx);
                }
                Step::Later => {
                    self.charge(cx); // who is driven in between has a bill of its own
                    return Next::Later;
                }
                Step::Hungry => return self.ask_again(cx.moved != before, cx),
                Step::Close(reason) => return self.end(reason, cx),
            }
        }
    }

    /// Waits for events. Those of a client that has said all and only waits itself can be done without for a moment.
    fn rest<N: Net>(&mut self, cx: &mut Context<N>) -> Next {
        if self.client.watched {
            return Next::Wait;
        }
        let upstreams_turn = matches!(self.phase, Phase::Connecting | Phase::Awaiting | Phase::Receiving);
        if !upstreams_turn || !self.exchange.as_ref().is_some_and(|exchange| exchange.is_whole()) {
            self.charge_silence(cx);
            return self.watch(cx);
        }
        if !std::mem::replace(&mut self.in_grace, true) {
            cx.graces.begin(self.client.sock, cx.now);
        }
        Next::Wait
    }

    /// A client that had nothing to say when it was let in was silent for a while before: that counts, too.
    fn charge_silence<N: Net>(&mut self, cx: &mut Context<N>) {
        if matches!(self.phase, Phase::Head | Phase::Preface) && self.client.held().is_empty() {
            let waited = cx.net.kept_back(self.client.sock);
            self.enter_after(waited, self.phase, cx);
        }
    }

    /// Whether one of its sockets is to be seen to in a moment.
    pub fn is_put_off(&mut self, sock: Sock) -> bool {
        self.in_grace && sock == self.client.sock || self.end_of(sock).is_some_and(|end| end.is_put_off())
    }

    /// The moment that one of its sockets was given has ended.
    pub fn see_to<N: Net>(&mut self, sock: Sock, cx: &mut Context<N>) -> Next {
        if self.in_grace && sock == self.client.sock && self.watch(cx) == Next::Closed {
            return Next::Closed;
        }
        match self.end_of(sock).is_some_and(End::look) {
            true => self.drive(cx),
            false => Next::Wait,
        }
    }

    /// Lets events tell of its client from now on.
    pub fn watch<N: Net>(&mut self, cx: &mut Context<N>) -> Next {
        self.in_grace = false;
        match self.client.watch(&mut cx.net) {
            Ok(()) => Next::Wait,
            Err(error) => {
                log::error!("{}: cannot watch a connection: {error}", self.peer);
                self.end(Reason::System, cx)
            }
        }
    }

    /// It waited for a backend, and its turn has come.
    pub fn call<N: Net>(&mut self, cx: &mut Context<N>) -> Next {
        if let Some(exchange) = &mut self.exchange {
            exchange.call(cx);
        }
        self.drive(cx)
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
        let torn = self.end_exchange(reason, cx);
        self.client.drop_held(&mut cx.lender);
        match torn {
            true => cx.reset(self.client.sock),
            false => cx.close(self.client.sock),
        }
        if self.is_clients() {
            cx.stats.closed += 1;
            cx.leave(self.service, self.peer.ip().filter(|_| self.counted));
            cx.stats.ended(reason.name());
            log::debug!("connection from {} closed: {}", self.peer, reason.name());
        }
        Next::Closed
    }

    #[inline]
    fn step<N: Net>(&mut self, before: u64, budget: &mut usize, cx: &mut Context<N>) -> Step {
        if self.client.broken {
            return Step::Close(Reason::ClientReset); // nobody is left to answer
        }
        let Some(exchange) = &mut self.exchange else {
            return match self.phase {
                Phase::Lingering => self.linger(budget, cx),
                Phase::Preface => self.read_preface(budget, cx),
                _ => self.read_head(budget, cx),
            };
        };
        let stop = exchange.drive(&mut self.client, cx, budget);
        self.follow(stop, before, cx)
    }

    /// Draws the conclusion of why an exchange stopped.
    fn follow<N: Net>(&mut self, stop: Stop, before: u64, cx: &mut Context<N>) -> Step {
        match stop {
            Stop::Wait | Stop::Hungry => {
                let phase = self.exchange.as_ref().map_or(self.phase, |exchange| exchange.phase());
                if phase != self.phase || cx.moved != before {
                    self.enter(phase, cx);
                }
                if stop == Stop::Wait { Step::Wait } else { Step::Hungry }
            }
            Stop::Later => Step::Later,
            Stop::Concluded => self.conclude(cx),
            Stop::Gathered => self.show_gathered(cx),
            Stop::Failed(reason) => self.fail(reason, cx),
            Stop::Refused(malformed) => self.refuse(malformed, cx),
        }
    }

    /// The only door into a phase. Entering the present one again sets its deadline anew.
    fn enter<N: Net>(&mut self, phase: Phase, cx: &mut Context<N>) {
        self.enter_after(Duration::ZERO, phase, cx);
    }

    /// The same, for a waiting that has lasted so long before anybody knew of it.
    fn enter_after<N: Net>(&mut self, waited: Duration, phase: Phase, cx: &mut Context<N>) {
        if phase != self.phase {
            cx.saw(self.row, phase);
        }
        self.phase = phase;
        let deadline = match &self.exchange {
            Some(exchange) if phase == Phase::Queued => exchange.queued_until(),
            _ => cx.now + phase.patience(&cx.timeouts).saturating_sub(waited),
        };
        let lingers = phase == Phase::Lingering;
        cx.deadlines.set(self.client.sock.0, if lingers { deadline.min(self.last_word) } else { deadline });
    }

    /// What a deadline means in each phase.
    fn late<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        match (self.phase, &mut self.exchange) {
            (Phase::Connecting, Some(exchange)) => {
                let next = exchange.connect_late(cx);
                self.go_to_the_next(next, cx)
            }
            (Phase::Queued, _) => self.fail(Reason::QueueTimeout, cx),
            (Phase::Gathering, _) => self.fail(Reason::BodyTimeout, cx),
            (Phase::Sending, Some(exchange)) if exchange.who_stalls() == Reason::BodyTimeout => {
                self.fail(Reason::BodyTimeout, cx)
            }
            (Phase::Sending | Phase::Awaiting, Some(exchange)) => {
                let next = exchange.response_late(cx);
                self.go_to_the_next(next, cx)
            }
            (Phase::Head, _) if !self.client.held().is_empty() => self.refuse_late(cx),
            (Phase::Head | Phase::Preface, _) => Step::Close(Reason::HeaderTimeout),
            (Phase::Idle, _) => Step::Close(Reason::IdleTimeout),
            (Phase::Delivering | Phase::Answering, _) => Step::Close(Reason::ClientStalled),
            (Phase::Tunnel, _) => Step::Close(Reason::TunnelTimeout),
            (Phase::Lingering, _) => Step::Close(Reason::Closed),
            _ => self.fail(Reason::ResponseTimeout, cx),
        }
    }

    /// An upstream was late: on with the next one, which has a deadline of its own, or with what that comes to.
    fn go_to_the_next<N: Net>(&mut self, next: Result<(), Stop>, cx: &mut Context<N>) -> Step {
        let phase = self.exchange.as_ref().map_or(self.phase, |exchange| exchange.phase());
        match next {
            Ok(()) => {
                self.enter(phase, cx);
                Step::Go
            }
            Err(stop) => self.follow(stop, cx.moved, cx),
        }
    }

    /// Asks for another turn. Twice in a row without anything moved in between is a bug of ours (law 7).
    fn ask_again<N: Net>(&mut self, moved: bool, cx: &mut Context<N>) -> Next {
        if self.hungry && !moved {
            cx.stats.stuck += 1;
            log::error!("bug: a session goes on without moving: {}", self.describe());
            return self.end(Reason::Stuck, cx);
        }
        self.hungry = true;
        self.settle(cx);
        Next::Hungry
    }

    /// What was spent of late was spent on its exchange.
    fn charge<N: Net>(&mut self, cx: &mut Context<N>) {
        if let Some(exchange) = &mut self.exchange {
            exchange.charge(cx);
        }
    }

    fn settle<N: Net>(&mut self, cx: &mut Context<N>) {
        self.client.settle(&mut cx.lender);
        if let Some(exchange) = &mut self.exchange {
            exchange.settle(cx);
        }
        self.charge(cx);
    }

    fn end_exchange<N: Net>(&mut self, reason: Reason, cx: &mut Context<N>) -> bool {
        self.exchange.take().is_some_and(|exchange| exchange.end(reason, &mut self.client, cx))
    }

    /// What its exchanges know it by.
    fn name(&self) -> (u32, Peer) {
        (self.row, self.peer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What an idle client costs in the tables of this floor: its session, who owns its socket, its deadline. Buffers
    /// and exchanges are not held while it is idle.
    #[test]
    fn an_idle_session_is_small() {
        assert!(size_of::<Session>() <= 160, "{} bytes", size_of::<Session>());
        assert_eq!(size_of::<Owner>(), 8);
    }
}
