//! An exchange: one request and its response, with the upstream that serves it. Or a tunnel, or an answer of our own.
//!
//! ```text
//!   Connecting --connected--> Sending --sent--> Awaiting --final head--> Receiving --> concluded
//!     |    ^                    |                |    ^                    |    ^
//!     |    '-- next backend ----+---- retry -----'    '- 1xx passed on     v    |
//!     |                         '-- 101 --> Tunnel --> concluded         Delivering (the client is slow)
//!     |'-- none left --> failed
//!     '-- all full --> Queued --called--> Connecting
//! ```
//!
//! Two flows, each with its own end (law 11): either may finish first. Nothing here assigns a phase: [`Exchange::phase`]
//! says which one follows from how far things have come, and the [session](super::session) enters it. An exchange never
//! ends itself either: it stops with a [`Stop`] and the session draws the conclusion.
//!
//! [`Exchange::drive`] is the door in. Finding a connection is in `upstream.rs`, waiting for one in `line.rs`, what is
//! done when it fails in `retry.rs`, a request to ourselves in `gather.rs`, answers of our own in `own.rs`, the two flows of a request in `talk.rs`, raw
//! bytes in `tunnel.rs`, what the two sides agreed on in `terms.rs`.

mod gather;
mod judge;
mod line;
mod own;
mod retry;
mod seen;
mod talk;
mod terms;
mod tunnel;
mod upstream;

pub use terms::Terms;
pub use upstream::{Search, Upstream};

use super::access::Ended;
use super::context::Context;
use super::end::End;
use super::flow::{Body, Flow};
use super::phase::Phase;
use super::reason::Reason;
use super::receipt::Slip;
use super::record::Record;
use crate::balance::PoolId;
use crate::base::{Peer, Time};
use crate::http::{Malformed, Scan, Verb};
use crate::net::{Cost, Net, Sock};
use gather::Gathered;
use std::ops::Range;
use terms::Stage;

/// What an exchange carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A request to a backend and its response.
    Request,
    /// Bytes that mean nothing to us, both ways.
    Tunnel,
    /// An answer of our own.
    Answer,
    /// One without an end.
    Feed,
    /// A request to ourselves, of which not all has come.
    Gathering,
    /// A request to ourselves, whose answer the house is working on.
    Asking,
}

/// Why an exchange does not go on for now, or at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// Nothing can be done before an event.
    Wait,
    /// There is something brief to send, and others are to be heard first.
    Later,
    /// The budget of this turn is used up.
    Hungry,
    /// It is done: every byte is delivered.
    Concluded,
    /// A request to ourselves is whole: see [`Exchange::take_gathered`].
    Gathered,
    /// It cannot be done.
    Failed(Reason),
    /// The client's part in it is not what it should be.
    Refused(Malformed),
}

/// What an exchange does next: goes on, or stops.
type Going = Result<(), Stop>;

/// One request and its response, or a tunnel, or an answer of our own.
pub struct Exchange {
    kind: Kind,
    /// Client to upstream.
    request: Flow,
    /// Upstream, or we ourselves, to client.
    response: Flow,
    upstream: Option<Upstream>,
    search: Search,
    /// What the two sides have agreed on.
    pub terms: Terms,
    scan: Scan,
    /// It counts as a request: a client's, with a head that was in order.
    admitted: bool,
    /// Where the backend's address goes as Host, when the client sent none.
    host_gap: Option<Range<usize>>,
    /// In a tunnel: which sides were told that the other has said everything, the upstream first.
    told: [bool; 2],
    /// What is remembered of it.
    pub record: Record,
    /// A request to ourselves, as far as it has come.
    gathered: Option<Box<Gathered>>,
    /// The session it belongs to: its row and its client.
    row: u32,
    peer: Peer,
}

impl Exchange {
    /// A request of the client `peer` of session `row`, written anew as `head`, to be served by who is found.
    pub fn request<N: Net>(
        terms: Terms,
        head: Flow,
        search: Search,
        heard: Time,
        of: (u32, Peer),
        cx: &mut Context<N>,
    ) -> Box<Self> {
        cx.stats.admitted += 1;
        cx.backends.asked(search.pool);
        let blank = Exchange::blank(Kind::Request, terms, heard, of, cx);
        Exchange { request: head, search, admitted: true, ..blank }.placed(cx)
    }

    /// A tunnel to a backend of `pool`, to which we say something ourselves at first.
    pub fn tunnel<N: Net>(pool: PoolId, begin: Vec<u8>, of: (u32, Peer), cx: &mut Context<N>) -> Box<Self> {
        cx.stats.admitted += 1;
        let id = cx.rng.id();
        let mut exchange = Exchange::blank(Kind::Tunnel, Terms::default(), cx.now, of, cx).placed(cx);
        exchange.record.name(id);
        cx.begin_receipt(&mut exchange.record, Verb::Other, pool);
        (exchange.request, exchange.response, exchange.admitted) = (raw(), raw(), true);
        exchange.request = Flow::new(begin, Body::UntilClose, false);
        exchange.search = Search::new(pool, cx.backends.key(pool, None, of.1), cx);
        exchange
    }

    /// It is large and requests are many: inlined, it is made where it stays.
    #[inline(always)]
    fn blank<N: Net>(kind: Kind, terms: Terms, heard: Time, (row, peer): (u32, Peer), cx: &Context<N>) -> Self {
        Exchange {
            kind,
            request: Flow::default(),
            response: Flow::default(),
            upstream: None,
            search: Search::blank(),
            terms,
            scan: Scan::default(),
            admitted: false,
            host_gap: None,
            told: [false; 2],
            record: Record::new(heard, cx.now),
            gathered: None,
            row,
            peer,
        }
    }

    /// In the memory of one that is over, if there is some.
    #[inline(always)]
    fn placed<N: Net>(self, cx: &mut Context<N>) -> Box<Self> {
        match cx.exchanges.take() {
            Some(mut old) => {
                *old = self;
                old
            }
            None => Box::new(self),
        }
    }

    /// Says where its head still lacks the backend's address as Host.
    pub fn lacks_host(&mut self, gap: Option<Range<usize>>) {
        self.host_gap = gap;
    }

    /// Whether it counts as a request.
    pub fn is_admitted(&self) -> bool {
        self.admitted
    }

    /// Whether bytes pass that mean nothing to us.
    pub fn is_tunnel(&self) -> bool {
        self.kind == Kind::Tunnel
    }

    /// Whether it is a request to a backend.
    pub fn is_request(&self) -> bool {
        self.kind == Kind::Request
    }

    /// The upstream's end, if it is on this socket.
    pub fn end_of(&mut self, sock: Sock) -> Option<&mut End> {
        self.upstream.as_mut().map(|upstream| &mut upstream.end).filter(|end| end.sock == sock)
    }

    /// Takes what the client already sent of the body, so that it leaves with the head.
    pub fn begin(&mut self, client: &mut End, limits: &crate::config::Limits) -> Result<(), Malformed> {
        self.request.begin(client, limits)?;
        self.request.keep_if_whole();
        Ok(())
    }

    /// What is waited for, as far as things have come.
    pub fn phase(&self) -> Phase {
        match self.kind {
            Kind::Feed if self.response.is_complete() => Phase::Watching,
            Kind::Answer | Kind::Feed => Phase::Answering,
            Kind::Gathering => Phase::Gathering,
            Kind::Asking => Phase::Asking,
            _ if self.search.ticket.is_some() => Phase::Queued,
            _ if !self.upstream.as_ref().is_some_and(|upstream| upstream.connected) => Phase::Connecting,
            Kind::Tunnel => Phase::Tunnel,
            Kind::Request => self.talk_phase(),
        }
    }

    /// Until when it waits for a backend that is not full.
    pub fn queued_until(&self) -> Time {
        self.search.until
    }

    /// Does everything that can be done without waiting; says why it stopped.
    pub fn drive<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Stop {
        loop {
            let going = match self.phase() {
                Phase::Connecting => self.connecting(cx),
                Phase::Queued => self.wait_in_line(),
                Phase::Tunnel => self.pass(client, cx, budget),
                Phase::Answering => self.say(client, cx, budget),
                Phase::Watching => self.watch(client, cx, budget),
                Phase::Gathering => self.gather(client, cx, budget),
                Phase::Asking => Err(Stop::Wait),
                _ => self.talk(client, cx, budget),
            };
            if let Err(stop) = going {
                return stop;
            }
        }
    }

    /// Whether the client was sent a part of a response, so that any other answer would be taken for its rest.
    pub fn is_answering(&self) -> bool {
        self.kind == Kind::Tunnel || (self.terms.stage != Stage::Head && !self.response.untouched())
    }

    /// Whether nothing but the end of the connection tells the client where what it was sent ends.
    pub fn is_open_ended(&self) -> bool {
        self.is_tunnel() || (self.terms.until_close && self.is_answering())
    }

    /// Whether the request was read to its end, whatever became of it.
    pub fn is_whole(&self) -> bool {
        self.request.is_at_hand()
    }

    /// Whether the request had no body.
    pub fn is_head_only(&self) -> bool {
        self.is_whole() && self.request.carried == 0
    }

    /// Whether the client's connection may be used for another request, once this one was answered.
    pub fn keeps_client(&self) -> bool {
        self.terms.keep_alive && self.is_whole()
    }

    /// It ends: counted once, its buffers given back, its upstream let go of. Whether the client must be shown by a
    /// reset that what it was sent is not whole.
    pub fn end<N: Net>(mut self: Box<Self>, reason: Reason, client: &mut End, cx: &mut Context<N>) -> bool {
        self.close_record(reason, cx);
        self.leave_line(cx);
        let finished = reason == Reason::Finished;
        let torn = !finished && self.is_open_ended();
        if self.kind == Kind::Request
            && let Some(served) = judge::of_request(reason, self.terms.status)
        {
            self.judge(served, cx);
        }
        self.let_go(finished, cx);
        self.request.discard(client);
        self.request.give_back(cx);
        self.response.give_back(cx);
        if self.admitted {
            *(if finished { &mut cx.stats.finished } else { &mut cx.stats.failed }) += 1;
        }
        self.gathered = None; // it may be large; what little else it has goes when another takes its place
        cx.exchanges.put(self);
        torn
    }

    /// Gives back what no byte is in (law 5).
    pub fn settle<N: Net>(&mut self, cx: &mut Context<N>) {
        if let Some(upstream) = &mut self.upstream {
            upstream.end.settle(&mut cx.lender);
        }
    }

    /// What was spent of late was spent on it.
    pub fn charge<N: Net>(&mut self, cx: &mut Context<N>) {
        self.record.cost += cx.spent();
    }

    /// How it went, for the log. What was spent is charged now: what is spent next may be another's.
    pub fn tell<N: Net>(&mut self, cx: &mut Context<N>) {
        self.charge(cx);
        let took = (cx.now - self.record.began).as_secs_f64() * 1e3;
        let (status, bytes, Cost { calls, .. }) = (self.terms.status, self.response.moved, self.record.cost);
        log::debug!(
            "{}: response {status} sent back to client, {bytes} bytes in {took:.1} ms and {calls} system calls",
            self.peer
        );
    }

    /// A request is over: its receipt is closed, its line written. Unless what is remembered went on to an answer.
    fn close_record<N: Net>(&mut self, reason: Reason, cx: &mut Context<N>) {
        if !self.record.counts && self.record.slip == Slip::NONE {
            return;
        }
        if reason != Reason::Finished {
            self.record.end(reason, self.phase()); // without an ending, it has finished
        }
        cx.close_receipt(&self.record, self.terms.status);
        if self.record.counts {
            cx.tally(&self.record, self.terms.status, self.is_tunnel());
            if cx.access.is_some() {
                self.write_line(cx);
            }
        }
    }

    #[inline(never)] // it is large, and often there is no log
    fn write_line<N: Net>(&mut self, cx: &mut Context<N>) {
        self.charge(cx);
        let (moved, status) = ([self.request.moved, self.response.moved], self.terms.status);
        let record = &mut self.record;
        cx.log_access(Ended { record, client: self.peer, status, moved, body: self.response.carried });
    }

    /// What is remembered of it goes on to the answer that takes its place.
    pub fn hand_on_record(&mut self, reason: Reason) -> Record {
        self.record.end(reason, self.phase());
        self.record.moved[0] += self.request.moved;
        self.record.take()
    }
}

/// A flow of bytes that mean nothing to us.
fn raw() -> Flow {
    Flow::new(Vec::new(), Body::UntilClose, false)
}

/// The upstream that [`Exchange::phase`] has seen to be there.
fn connected(upstream: &mut Option<Upstream>) -> Result<&mut Upstream, Stop> {
    upstream.as_mut().ok_or(Stop::Failed(Reason::System))
}
