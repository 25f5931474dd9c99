//! One request and its response: two flows, each with its own end (law 11).
//!
//! The request flows from the client to the upstream, the response back; either may finish first. Interim responses
//! (1xx) pass through the response flow before the final one does.

use super::upstream::Upstream;
use super::{Phase, Session, Step};
use crate::balance::{BackendId, PoolId};
use crate::base::Time;
use crate::http::{self, Framing, Persist, Request, Response, Scan, Verb, Version};
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::end::Filled;
use crate::proxy::flow::{Body, Flow, Pumped};
use crate::proxy::reason::Reason;
use std::ops::Range;

/// More interim responses than this are a flood.
const MOST_INTERIM: u32 = 16;

/// What the response flow carries now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Nothing: a response head is awaited.
    Head,
    /// An interim response.
    Interim,
    /// The final response.
    Final,
}

/// One request and its response, or a tunnel.
pub struct Exchange {
    /// The other side, once chosen.
    pub upstream: Option<Upstream>,
    /// Client to upstream.
    pub request: Flow,
    /// Upstream to client.
    pub response: Flow,
    /// How far the search for a backend has come.
    pub search: Search,
    /// What the two sides have agreed on.
    pub terms: Terms,
    /// It counts as a request: a client's, with a head that was in order.
    pub admitted: bool,
    /// Ours to name it by.
    pub id: u128,
    /// Where the backend's address goes as Host, when the client sent none.
    pub host_gap: Option<Range<usize>>,
    /// Method and target, kept only while somebody reads the log.
    pub story: Option<Box<str>>,
    /// In a tunnel: which sides were told that the other has said everything, the upstream first.
    pub finished: [bool; 2],
    scan: Scan,
    began: Time,
}

/// How far the search for a backend has come.
#[derive(Debug)]
pub struct Search {
    /// The pool that serves the request.
    pub pool: PoolId,
    /// Backends tried on fresh connections, in vain.
    pub tried: Vec<BackendId>,
    /// A backend was picked before: further picks do not advance the rotation.
    pub picked: bool,
    /// Pooled connections are not to be used any more.
    pub fresh_only: bool,
    /// What the request ends with if no backend is left.
    pub blame: Reason,
}

/// What the two sides have agreed on, and how far that has come.
#[derive(Debug)]
pub struct Terms {
    /// The method, as far as it matters here.
    pub verb: Verb,
    /// What the client speaks.
    pub version: Version,
    /// The client's connection outlives this exchange, as far as we know by now.
    pub keep_alive: bool,
    /// The client holds its body back until it hears something.
    pub expects_continue: bool,
    /// The client asked for another protocol, and we passed that on.
    pub wants_upgrade: bool,
    /// Bytes pass both ways and mean nothing to us.
    pub is_tunnel: bool,
    /// The upstream takes no more of the request; its response may still come.
    request_cut: bool,
    stage: Stage,
    interims: u32,
    status: u16,
    upstream_keep_alive: bool,
    /// The response ends by closing, so that a cut must be made plain by a reset.
    until_close: bool,
}

impl Exchange {
    /// An exchange for a request whose head was read, to be served by `pool`.
    pub fn asked<N: Net>(request: &Request<'_, '_>, pool: PoolId, cx: &mut Context<N>) -> Exchange {
        let mut exchange = Exchange::blank(pool, cx);
        let terms = &mut exchange.terms;
        (terms.verb, terms.version, terms.keep_alive) = (request.verb, request.version, request.keep_alive);
        terms.expects_continue = request.expects_continue;
        terms.wants_upgrade = request.upgrade.is_some();
        exchange
    }

    /// A tunnel to a backend of `pool`.
    pub fn tunnel<N: Net>(pool: PoolId, cx: &mut Context<N>) -> Exchange {
        let mut exchange = Exchange { admitted: true, ..Exchange::blank(pool, cx) };
        exchange.terms.is_tunnel = true;
        exchange.request = Flow::new(Vec::new(), Body::UntilClose, false);
        exchange.response = Flow::new(Vec::new(), Body::UntilClose, false);
        exchange
    }

    /// An exchange about nothing: what an answer of our own is sent through when no request could be read.
    pub fn blank<N: Net>(pool: PoolId, cx: &mut Context<N>) -> Exchange {
        Exchange {
            upstream: None,
            request: Flow::default(),
            response: Flow::default(),
            search: Search { pool, tried: Vec::new(), picked: false, fresh_only: false, blame: Reason::NoBackend },
            terms: Terms::blank(),
            admitted: false,
            id: u128::from(cx.rng.bits()) << 64 | u128::from(cx.rng.bits()),
            host_gap: None,
            story: None,
            finished: [false; 2],
            scan: Scan::default(),
            began: cx.now,
        }
    }

    /// Whether it may be sent to a backend once more.
    pub fn may_go_again(&self) -> bool {
        let repeatable = self.terms.verb.is_idempotent() || self.request.untouched();
        repeatable && self.request.can_start_over()
    }

    /// To be sent from its first byte on another connection.
    pub fn start_over(&mut self) {
        self.request.start_over();
        (self.terms.request_cut, self.scan) = (false, Scan::default());
    }

    /// Writes the backend's address where the client's Host is missing.
    pub fn address(&mut self, backend: &str) {
        if let Some(gap) = self.host_gap.take() {
            self.request.rewrite(gap.clone(), backend.as_bytes());
            self.host_gap = Some(gap.start..gap.start + backend.len());
        }
    }

    /// What is forwarded, for the log.
    pub fn story(&self) -> &str {
        match &self.story {
            Some(story) => story,
            None if self.terms.is_tunnel => "connection",
            None => "request",
        }
    }

    /// Whether a part of a response was sent to the client, so that another answer would be taken for its rest.
    pub fn is_answering(&self) -> bool {
        self.terms.stage != Stage::Head && !self.response.untouched()
    }

    /// What the exchange waits for now.
    fn phase(&self) -> Phase {
        let sent = self.terms.request_cut || self.request.is_complete();
        match self.terms.stage {
            Stage::Final | Stage::Interim if self.response.owes() => Phase::Delivering,
            Stage::Final => Phase::Receiving,
            _ if sent => Phase::Awaiting,
            _ => Phase::Sending,
        }
    }

    /// Whether the client saw the beginning of a response whose end would look like a clean one.
    fn is_torn(&self) -> bool {
        self.terms.is_tunnel || (self.terms.until_close && self.is_answering() && !self.response.is_complete())
    }
}

impl Session {
    /// Moves both directions as far as they go.
    pub(super) fn exchange<N: Net>(&mut self, cx: &mut Context<N>, budget: &mut usize) -> Step {
        let before = self.moved;
        let request = self.send_request(cx, budget);
        if !matches!(request, Step::Wait | Step::Hungry) {
            return request;
        }
        let response = self.receive_response(cx, budget);
        if !matches!(response, Step::Wait | Step::Hungry) {
            return response;
        }
        let Some(exchange) = &self.exchange else { return Step::Close(Reason::System) };
        let phase = exchange.phase();
        if phase != self.phase || before != self.moved {
            self.enter(phase, cx);
        }
        if request == Step::Hungry { request } else { response }
    }

    /// Client to upstream. `Wait` also when all of it is sent.
    fn send_request<N: Net>(&mut self, cx: &mut Context<N>, budget: &mut usize) -> Step {
        let Session { client, exchange: Some(exchange), .. } = self else { return Step::Close(Reason::System) };
        let Exchange { upstream: Some(upstream), request, terms, .. } = exchange.as_mut() else {
            return Step::Close(Reason::System);
        };
        if terms.request_cut || request.is_complete() {
            return Step::Wait;
        }
        let before = request.moved;
        let pumped = request.pump(client, &mut upstream.end, cx, budget);
        let (moved, carried) = (request.moved - before, request.carried);
        self.moved += moved;
        cx.stats.bytes_up += moved;
        if cx.limits.body > 0 && carried > cx.limits.body {
            return self.refuse_body(http::Malformed::BodyTooLarge, cx);
        }
        match pumped {
            Pumped::Complete | Pumped::Waiting => Step::Wait,
            Pumped::Hungry => Step::Hungry,
            Pumped::Malformed(malformed) => self.refuse_body(malformed, cx),
            Pumped::Cut => self.refuse_body(http::Malformed::BodyCut, cx),
            Pumped::SourceGone(_) => Step::Close(Reason::ClientReset),
            Pumped::SinkGone(_) => {
                // It may have answered before it closed (RFC 9112 section 9.5): look before giving up.
                terms.request_cut = true;
                upstream.end.readable = true;
                Step::Wait
            }
        }
    }

    /// Upstream to client: a head if one is due, then what flows.
    fn receive_response<N: Net>(&mut self, cx: &mut Context<N>, budget: &mut usize) -> Step {
        loop {
            let Some(exchange) = &self.exchange else { return Step::Close(Reason::System) };
            let step = match exchange.terms.stage {
                Stage::Head => self.read_response_head(cx),
                Stage::Interim | Stage::Final => self.deliver(cx, budget),
            };
            match (step, self.phase) {
                (Step::Go, Phase::Sending | Phase::Awaiting | Phase::Receiving | Phase::Delivering) => {}
                _ => return step,
            }
        }
    }

    fn read_response_head<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        loop {
            let Some(exchange) = &mut self.exchange else { return Step::Close(Reason::System) };
            let Some(upstream) = &mut exchange.upstream else { return Step::Close(Reason::System) };
            if !upstream.end.held().is_empty() {
                match exchange.scan.response(upstream.end.held(), &cx.limits) {
                    Ok(Some(size)) => return self.take_response_head(size, cx),
                    Ok(None) => {}
                    Err(malformed) => return self.bad_response(&malformed, cx),
                }
            }
            match upstream.end.fill(&mut cx.net, &mut cx.lender) {
                Ok(Filled::Bytes(count)) => self.count_down(count, cx),
                Ok(Filled::Nothing) => return Step::Wait,
                Ok(Filled::Full) => return self.bad_response(&http::Malformed::HeadTooLarge, cx),
                Ok(Filled::Ended) if upstream.end.held().is_empty() => {
                    return self.upstream_died(None, cx);
                }
                Err(error) if upstream.end.held().is_empty() => {
                    return self.upstream_died(Some(error), cx);
                }
                Ok(Filled::Ended) | Err(_) => {
                    return self.bad_response(&"it ends within its head", cx);
                }
            }
        }
    }

    pub(super) fn count_down<N: Net>(&mut self, count: usize, cx: &mut Context<N>) {
        self.moved += count as u64;
        cx.stats.bytes_down += count as u64;
    }

    fn bad_response<N: Net>(&mut self, why: &dyn std::fmt::Display, cx: &mut Context<N>) -> Step {
        if let Some(upstream) = self.exchange.as_ref().and_then(|exchange| exchange.upstream.as_ref()) {
            log::warn!("backend {}: bad response: {why}", cx.backends.get(upstream.backend).name);
        }
        self.fail(Reason::BadResponse, cx)
    }

    /// A response head is complete: it leaves the upstream's buffer and is written anew.
    fn take_response_head<N: Net>(&mut self, size: usize, cx: &mut Context<N>) -> Step {
        let Session { client, exchange: Some(exchange), .. } = self else { return Step::Close(Reason::System) };
        let Exchange { upstream: Some(upstream), request, response, terms, scan, .. } = exchange.as_mut() else {
            return Step::Close(Reason::System);
        };
        request.forget(client); // a response has begun: nothing is sent twice from here on
        *scan = Scan::default();
        let mut table = http::table();
        let head = upstream.end.held().get(..size).unwrap_or_default();
        let head = match http::head::response(head, terms.verb, &cx.limits, &mut table) {
            Ok(head) => head,
            Err(malformed) => return self.bad_response(&malformed, cx),
        };
        if let Err(why) = terms.accept(&head) {
            return self.bad_response(&why, cx);
        }
        let mut out = cx.lender.lend_scrap();
        let (body, chunking) = match terms.stage {
            Stage::Interim => terms.write_interim(&head, &mut out),
            _ => terms.write_final(&head, cx.draining, &mut out),
        };
        upstream.end.consume(size);
        response.drop_all(&mut cx.lender);
        *response = Flow::new(out, body, chunking);
        match response.begin(&mut upstream.end, &cx.limits) {
            Ok(()) => Step::Go,
            Err(malformed) => self.bad_response(&malformed, cx),
        }
    }

    /// Pumps what the response flow carries.
    fn deliver<N: Net>(&mut self, cx: &mut Context<N>, budget: &mut usize) -> Step {
        let Session { client, exchange: Some(exchange), .. } = self else { return Step::Close(Reason::System) };
        let Exchange { upstream: Some(upstream), response, terms, .. } = exchange.as_mut() else {
            return Step::Close(Reason::System);
        };
        let before = response.moved;
        let pumped = response.pump(&mut upstream.end, client, cx, budget);
        let moved = response.moved - before;
        self.moved += moved;
        cx.stats.bytes_down += moved;
        match pumped {
            Pumped::Complete if terms.stage == Stage::Interim => {
                terms.stage = Stage::Head;
                Step::Go
            }
            Pumped::Complete if terms.is_tunnel => self.switch_to_tunnel(cx),
            Pumped::Complete => self.conclude(cx),
            Pumped::Waiting => Step::Wait,
            Pumped::Hungry => Step::Hungry,
            Pumped::SinkGone(_) => Step::Close(Reason::ClientReset),
            Pumped::Cut | Pumped::SourceGone(_) => Step::Close(Reason::Truncated),
            Pumped::Malformed(_) => Step::Close(Reason::BadResponse),
        }
    }

    /// The response is delivered whole: the upstream goes back to the pool, the client may ask again.
    fn conclude<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        let Some(exchange) = &mut self.exchange else { return Step::Close(Reason::System) };
        let whole = exchange.request.is_complete();
        let keep_alive = exchange.terms.keep_alive && whole && !cx.draining;
        let reusable = exchange.terms.upstream_keep_alive && whole;
        log::debug!(
            "{}: response {} sent back to client, {} bytes in {:.1} ms",
            self.peer,
            exchange.terms.status,
            exchange.response.moved,
            (cx.now - exchange.began).as_secs_f64() * 1e3
        );
        self.release(reusable, cx);
        self.drop_exchange(Reason::Finished, cx);
        self.after_answer(keep_alive, whole, cx)
    }

    /// Ends the exchange, if there is one: counted once, its buffers given back, its upstream closed if it still has
    /// one. Whether the client must be shown by a reset that its response was cut.
    pub(super) fn drop_exchange<N: Net>(&mut self, reason: Reason, cx: &mut Context<N>) -> bool {
        let upstream = self.detach(cx);
        let Some(mut exchange) = self.exchange.take() else { return false };
        let finished = reason == Reason::Finished;
        match upstream {
            Some(upstream) if finished => cx.close(upstream.end.sock),
            // Whatever it was told so far, it must not take it for a complete request.
            Some(upstream) => cx.reset(upstream.end.sock),
            None => {}
        }
        let torn = exchange.is_torn() && !finished;
        exchange.request.drop_all(&mut cx.lender);
        exchange.response.drop_all(&mut cx.lender);
        if exchange.admitted {
            *(if finished { &mut cx.stats.finished } else { &mut cx.stats.failed }) += 1;
        }
        torn
    }

    /// The deadline for sending has come: it is the client's fault, unless the upstream is what does not take more.
    pub(super) fn sending_late<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        let Some(exchange) = &self.exchange else { return Step::Close(Reason::System) };
        let waits_for_continue = exchange.terms.expects_continue && exchange.request.carried == 0;
        match exchange.request.owes() || waits_for_continue {
            true => self.fail(Reason::ResponseTimeout, cx),
            false => self.fail(Reason::BodyTimeout, cx),
        }
    }
}

impl Terms {
    fn blank() -> Terms {
        Terms {
            verb: Verb::Other,
            version: Version::V11,
            keep_alive: false,
            expects_continue: false,
            wants_upgrade: false,
            is_tunnel: false,
            request_cut: false,
            stage: Stage::Head,
            interims: 0,
            status: 0,
            upstream_keep_alive: false,
            until_close: false,
        }
    }

    /// What a response head means for the exchange. Errors: it may not be.
    fn accept(&mut self, head: &Response<'_, '_>) -> Result<(), &'static str> {
        self.stage = match head.status {
            101 if self.wants_upgrade && head.upgrade.is_some() => Stage::Final,
            101 => return Err("it switches protocols unasked"),
            100..=199 if self.interims >= MOST_INTERIM => return Err("too many interim ones"),
            100..=199 => Stage::Interim,
            _ => Stage::Final,
        };
        self.is_tunnel = head.status == 101;
        Ok(())
    }

    /// An interim response is passed on to a client that knows of them (RFC 9110 section 15.2).
    fn write_interim(&mut self, response: &Response<'_, '_>, out: &mut Vec<u8>) -> (Body, bool) {
        self.interims += 1;
        if self.version == Version::V11 {
            http::rewrite::response(response, Framing::None, Persist::Silent, out);
        }
        (Body::Done, false)
    }

    /// The final response: how its body goes out and whether the client stays.
    fn write_final(&mut self, response: &Response<'_, '_>, draining: bool, out: &mut Vec<u8>) -> (Body, bool) {
        let old_client = self.version == Version::V10;
        let framing = match response.framing {
            Framing::Chunked | Framing::UntilClose if old_client => Framing::UntilClose,
            Framing::UntilClose => Framing::Chunked,
            other => other,
        };
        self.until_close = framing == Framing::UntilClose;
        self.status = response.status;
        self.upstream_keep_alive = response.keep_alive && response.framing != Framing::UntilClose;
        self.keep_alive &= !draining && !self.until_close && !self.request_cut;
        let persist = match self.keep_alive {
            _ if self.is_tunnel => Persist::Upgrade,
            false => Persist::Close,
            true if old_client => Persist::KeepAlive,
            true => Persist::Silent,
        };
        http::rewrite::response(response, framing, persist, out);
        (response.framing.into(), framing == Framing::Chunked)
    }
}
