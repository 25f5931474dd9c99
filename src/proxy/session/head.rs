//! From the first byte of a request to its exchange: read the head, check it, write it anew.
//!
//! The rules of HTTP are in [`crate::http`]; here is only what a session does about them.

use super::{Session, Step};
use crate::http::{self, Framing, Malformed, Onward, Request, Scan, Status, Verb};
use crate::net::Net;
use crate::proxy::asked::Asked;
use crate::proxy::context::{Context, Service};
use crate::proxy::end::Filled;
use crate::proxy::exchange::{Exchange, Search, Terms};
use crate::proxy::flow::Flow;
use crate::proxy::phase::Phase;
use crate::proxy::reason::Reason;
use crate::proxy::record::Record;
use std::time::Duration;

impl Session {
    /// Reads until a head is complete, and admits or refuses it.
    pub(super) fn read_head<N: Net>(&mut self, budget: &mut usize, cx: &mut Context<N>) -> Step {
        loop {
            if *budget == 0 {
                return Step::Hungry; // many small requests that we answer ourselves are work, too
            }
            if !self.client.held().is_empty() {
                match self.admit(cx) {
                    Some(step) => return step,
                    None if self.phase == Phase::Idle => self.enter(Phase::Head, cx), // whatever comes in between
                    None => {}
                }
            }
            match self.client.fill(&mut cx.net, &mut cx.lender) {
                Ok(Filled::Bytes(count)) => {
                    if self.client.held().len() == count {
                        self.heard = cx.now;
                    }
                    cx.moved += count as u64;
                    *budget = budget.saturating_sub(count);
                }
                Ok(Filled::Nothing) => return Step::Wait,
                Ok(Filled::Full) => return self.refuse(Malformed::HeadTooLarge, cx),
                Ok(Filled::Ended) if self.client.held().is_empty() => return Step::Close(Reason::ClientDone),
                Ok(Filled::Ended) => return self.refuse(Malformed::HeadCut, cx),
                Err(_) => return Step::Close(Reason::ClientReset),
            }
        }
    }

    /// Begins what the head asks for that is held, or refuses it. None: it is not complete.
    #[inline(never)] // its room for fields is 8 KiB of stack, which no other step is to set up
    fn admit<N: Net>(&mut self, cx: &mut Context<N>) -> Option<Step> {
        let mut table = http::table();
        let held = self.client.held();
        let admitted = match http::head::next_request(&mut self.scan, held, &cx.limits, &mut table) {
            Ok(None) => return None,
            Ok(Some((ref request, size))) => match self.service {
                Service::Http(listener) => Ok((size, self.serve(request, listener, cx))),
                Service::Admin => self.show(request, &held[..size], cx).map(|exchange| (size, exchange)),
                Service::Tcp(..) => Err(Malformed::NotHttp), // it reads no heads; our status is not its client's to see
            },
            Err(malformed) => Err(malformed),
        };
        Some(match admitted {
            Ok((size, exchange)) => self.begin(size, exchange, cx),
            Err(malformed) => self.refuse(malformed, cx),
        })
    }

    /// The head's bytes are used up; what is behind them is its body or the next request.
    fn begin<N: Net>(&mut self, size: usize, mut exchange: Box<Exchange>, cx: &mut Context<N>) -> Step {
        self.client.consume(size);
        self.scan = Scan::default();
        self.heard = cx.now; // of a pipelined request nothing better is known
        let begun = if exchange.is_request() { exchange.begin(&mut self.client, &cx.limits) } else { Ok(()) };
        self.exchange = Some(exchange);
        match begun {
            Ok(()) => Step::Go,
            Err(malformed) => self.refuse(malformed, cx),
        }
    }

    /// A client's request: forwarded, unless it ends here.
    fn serve<N: Net>(&self, request: &Request<'_, '_>, listener: u16, cx: &mut Context<N>) -> Box<Exchange> {
        let id = cx.rng.id();
        // Max-Forwards: 0 makes us the recipient (RFC 9110 section 7.6.2).
        if matches!(request.verb, Verb::Options | Verb::Trace) && request.max_forwards == Some(0) {
            let answer = |close, says, out: &mut _| http::answer::last_hop(request.verb, id, close, says, out);
            let status = if request.verb == Verb::Options { Status(200) } else { Status(501) };
            return self.answer_here(request, (id, status, Reason::Answered), answer, cx);
        }
        if let Err(wait) = cx.may_ask(listener, self.peer.ip()) {
            return self.answer_too_many(request, wait, id, cx);
        }
        let Some(pool) = cx.routing[usize::from(listener)].find(request) else {
            cx.stats.ended(Reason::NoRoute.name());
            let head = request.verb == Verb::Head;
            let answer = |close, says, out: &mut _| http::answer::error(Status(404), id, close, head, says, out);
            return self.answer_here(request, (id, Status(404), Reason::NoRoute), answer, cx);
        };
        let (mut terms, mut out) = (Terms::from(request), cx.lender.lend_scrap());
        terms.keep_alive &= !cx.routing[usize::from(listener)].leaving;
        self.announce(pool, cx, &mut out);
        let cookie = cx.backends.pool(pool).cookie();
        let trusted = cx.routing[usize::from(listener)].trusts(self.peer);
        let onward = Onward { client: self.peer, backend: "", id, trusted, proto: "http", cookie };
        let host_gap = http::rewrite::request(request, &onward, &mut out);
        let flow = Flow::new(out, request.framing.into(), request.framing == Framing::Chunked)
            .limited(cx.limits.body)
            .trailers(request.drops_trailers);
        let key = cx.backends.key(pool, Some(request), self.peer);
        let search = Search::new(pool, key, cx).stuck(cx.backends.stuck(pool, request));
        let mut exchange = Exchange::request(terms, flow, search, self.heard, self.name(), cx);
        exchange.record.name(id);
        exchange.record.listener = Some(listener);
        exchange.record.asked = asked(request, cx);
        cx.begin_receipt(&mut exchange.record, request.verb, pool);
        exchange.lacks_host(host_gap);
        exchange
    }

    /// Its client asks faster than it may.
    #[cold]
    fn answer_too_many<N: Net>(
        &self,
        request: &Request<'_, '_>,
        wait: Duration,
        id: u128,
        cx: &mut Context<N>,
    ) -> Box<Exchange> {
        cx.stats.ended(Reason::ClientRequests.name());
        let (head, seconds) = (request.verb == Verb::Head, wait.as_nanos().div_ceil(1_000_000_000) as u64);
        let answer = |close, says, out: &mut _| http::answer::too_many(seconds.max(1), id, close, head, says, out);
        self.answer_here(request, (id, Status(429), Reason::ClientRequests), answer, cx)
    }

    /// A client's request ends here, with what `answer` writes: told whether the connection closes and whether to say
    /// that it does not.
    fn answer_here<N: Net>(
        &self,
        request: &Request<'_, '_>,
        (id, status, reason): (u128, Status, Reason),
        answer: impl FnOnce(bool, bool, &mut Vec<u8>),
        cx: &mut Context<N>,
    ) -> Box<Exchange> {
        cx.stats.answered += 1;
        let (mut terms, mut out) = (Terms::from(request), cx.lender.lend_scrap());
        terms.keep_alive &= is_bodiless(request) && !cx.is_leaving(self.service);
        terms.status = status.0;
        answer(!terms.keep_alive, terms.says_keep_alive(), &mut out);
        let mut record = Record { id, asked: asked(request, cx), ..self.new_record(cx) };
        record.end(reason, Phase::Head);
        Exchange::answer(terms, out, record, self.name(), cx)
    }

    /// Nothing but the moments is known of it yet.
    pub(super) fn new_record<N: Net>(&self, cx: &Context<N>) -> Record {
        Record { counts: self.is_clients(), listener: self.service.listener(), ..Record::new(self.heard, cx.now) }
    }
}

/// What is asked for, if somebody reads it.
fn asked<N: Net>(request: &Request<'_, '_>, cx: &mut Context<N>) -> Option<Box<Asked>> {
    match &mut cx.access {
        Some(access) => Some(Asked::of(request, access.tells_fields(), access.lend())),
        None => log::log_enabled!(log::Level::Debug).then(|| Asked::of(request, false, Box::default())),
    }
}

/// Whether nothing follows the head: a body that nobody reads would be taken for the next request.
pub(super) fn is_bodiless(request: &Request<'_, '_>) -> bool {
    matches!(request.framing, Framing::None | Framing::Length(0))
}
