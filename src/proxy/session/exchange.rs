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
    /// The pool that serves it.
    pub pool: PoolId,
    /// Backends tried on fresh connections, in vain.
    pub tried: Vec<BackendId>,
    /// Its backend was chosen once: further choices do not advance the rotation.
    pub picked: bool,
    /// Pooled connections are not to be used any more.
    pub fresh_only: bool,
    /// What it ends with if no backend is left.
    pub blame: Reason,
    /// It counts as a request: a client's, with a head that was in order.
    pub admitted: bool,
    /// Bytes pass both ways and mean nothing to us.
    pub is_tunnel: bool,
    /// Ours to name it by.
    pub id: u128,
    /// Where the backend's address goes as Host, when the client sent none.
    pub host_gap: Option<Range<usize>>,
    /// Method and target, kept only while somebody reads the log.
    pub story: Option<Box<str>>,
    pub(super) verb: Verb,
    pub(super) version: Version,
    /// The client's connection outlives this exchange, as far as we know by now.
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
    wants_upgrade: bool,
    /// The upstream takes no more of the request; its response may still come.
    request_cut: bool,
    scan: Scan,
    stage: Stage,
    interims: u32,
    status: u16,
    upstream_keep_alive: bool,
    /// The response ends by closing, so that a cut must be made plain by a reset.
    until_close: bool,
    began: Time,
    pub(super) finished: [bool; 2],
}

impl Exchange {
    /// An exchange for a request whose head was read.
    pub fn asked<N: Net>(request: &Request<'_, '_>, cx: &mut Context<N>) -> Exchange {
        Exchange {
            verb: request.verb,
            version: request.version,
            keep_alive: request.keep_alive,
            expects_continue: request.expects_continue,
            wants_upgrade: request.upgrade.is_some(),
            ..Exchange::blank(cx)
        }
    }

    /// A tunnel to a backend of `pool`.
    pub fn tunnel<N: Net>(pool: PoolId, cx: &mut Context<N>) -> Exchange {
        Exchange { pool, admitted: true, is_tunnel: true, ..Exchange::blank(cx) }
    }

    /// An exchange about nothing: what an answer of our own is sent through when no request could be read.
    pub fn blank<N: Net>(cx: &mut Context<N>) -> Exchange {
        Exchange {
            upstream: None,
            request: Flow::default(),
            response: Flow::default(),
            pool: PoolId(0),
            tried: Vec::new(),
            picked: false,
            fresh_only: false,
            blame: Reason::NoBackend,
            admitted: false,
            is_tunnel: false,
            id: u128::from(cx.rng.bits()) << 64 | u128::from(cx.rng.bits()),
            host_gap: None,
            story: None,
            verb: Verb::Other,
            version: Version::V11,
            keep_alive: false,
            expects_continue: false,
            wants_upgrade: false,
            request_cut: false,
            scan: Scan::default(),
            stage: Stage::Head,
            interims: 0,
            status: 0,
            upstream_keep_alive: false,
            until_close: false,
            began: cx.now,
            finished: [false; 2],
        }
    }

    /// Whether it may be sent to a backend once more.
    pub fn may_go_again(&self) -> bool {
        let repeatable = self.verb.is_idempotent() || self.request.untouched();
        repeatable && self.request.can_start_over()
    }

    /// To be sent from its first byte on another connection.
    pub fn start_over(&mut self) {
        self.request.start_over();
        (self.request_cut, self.scan) = (false, Scan::default());
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
            None if self.is_tunnel => "connection",
            None => "request",
        }
    }

    /// Whether a byte of the final response may have reached the client.
    pub(super) fn answering(&self) -> bool {
        self.stage == Stage::Final || self.response.owes()
    }

    /// The request is at the upstream, or as much of it as will ever be.
    fn request_over(&self) -> bool {
        self.request_cut || self.request.is_complete()
    }

    fn phase(&self) -> Phase {
        match self.stage {
            Stage::Final | Stage::Interim if self.response.owes() => Phase::Delivering,
            Stage::Final => Phase::Receiving,
            _ if self.request_over() => Phase::Awaiting,
            _ => Phase::Sending,
        }
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
        let Exchange { upstream: Some(upstream), request, .. } = exchange.as_mut() else {
            return Step::Close(Reason::System);
        };
        if exchange.request_cut || request.is_complete() {
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
                exchange.request_cut = true;
                upstream.end.readable = true;
                Step::Wait
            }
        }
    }

    /// Upstream to client: a head if one is due, then what flows.
    fn receive_response<N: Net>(&mut self, cx: &mut Context<N>, budget: &mut usize) -> Step {
        loop {
            let Some(exchange) = &self.exchange else { return Step::Close(Reason::System) };
            let step = match exchange.stage {
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
                Ok(Filled::Ended) if upstream.end.held().is_empty() => return self.upstream_died(None, cx),
                Err(error) if upstream.end.held().is_empty() => return self.upstream_died(Some(error), cx),
                Ok(Filled::Ended) | Err(_) => return self.bad_response(&"it ends within its head", cx),
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
        let Some(upstream) = &mut exchange.upstream else { return Step::Close(Reason::System) };
        let mut table = http::table();
        let head = upstream.end.held().get(..size).unwrap_or_default();
        let response = match http::response(head, exchange.verb, &cx.limits, &mut table) {
            Ok(response) => response,
            Err(malformed) => return self.bad_response(&malformed, cx),
        };
        exchange.request.forget(client); // a response has begun: nothing is sent twice from here on
        exchange.scan = Scan::default();
        let stage = match response.status {
            101 if exchange.wants_upgrade && response.upgrade.is_some() => {
                exchange.is_tunnel = true;
                Stage::Final
            }
            101 => return self.bad_response(&"it switches protocols unasked", cx),
            100..=199 if exchange.interims >= MOST_INTERIM => return self.bad_response(&"too many interim ones", cx),
            100..=199 => Stage::Interim,
            _ => Stage::Final,
        };
        let mut out = cx.lender.lend_scrap();
        let flow = match stage {
            Stage::Interim => exchange.interim(&response, &mut out),
            _ => exchange.last(&response, cx.draining, &mut out),
        };
        let (body, chunking) = flow;
        upstream.end.consume(size);
        exchange.stage = stage;
        exchange.response.drop_all(&mut cx.lender);
        exchange.response = Flow::new(out, body, chunking);
        match exchange.response.begin(&mut upstream.end, &cx.limits) {
            Ok(()) => Step::Go,
            Err(malformed) => self.bad_response(&malformed, cx),
        }
    }

    /// Pumps what the response flow carries.
    fn deliver<N: Net>(&mut self, cx: &mut Context<N>, budget: &mut usize) -> Step {
        let Session { client, exchange: Some(exchange), .. } = self else { return Step::Close(Reason::System) };
        let Exchange { upstream: Some(upstream), response, .. } = exchange.as_mut() else {
            return Step::Close(Reason::System);
        };
        let before = response.moved;
        let pumped = response.pump(&mut upstream.end, client, cx, budget);
        let moved = response.moved - before;
        self.moved += moved;
        cx.stats.bytes_down += moved;
        match pumped {
            Pumped::Complete if exchange.stage == Stage::Interim => {
                exchange.stage = Stage::Head;
                Step::Go
            }
            Pumped::Complete if exchange.is_tunnel => self.switch_to_tunnel(cx),
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
        let keep_alive = exchange.keep_alive && whole && !cx.draining;
        let reusable = exchange.upstream_keep_alive && whole;
        log::debug!(
            "{}: response {} sent back to client, {} bytes in {:.1} ms",
            self.peer,
            exchange.status,
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
        if let Some(upstream) = upstream {
            // Whatever it was told so far, it must not take it for a complete request.
            if exchange.is_tunnel && reason == Reason::Finished {
                cx.close(upstream.end.sock);
            } else {
                cx.reset(upstream.end.sock);
            }
        }
        let torn = exchange.until_close && exchange.stage == Stage::Final && !exchange.response.is_complete();
        exchange.request.drop_all(&mut cx.lender);
        exchange.response.drop_all(&mut cx.lender);
        if exchange.admitted {
            let ended = if reason == Reason::Finished { &mut cx.stats.finished } else { &mut cx.stats.failed };
            *ended += 1;
        }
        (torn || exchange.is_tunnel) && reason != Reason::Finished
    }

    /// The deadline for sending has come: it is the client's fault, unless the upstream is what does not take more.
    pub(super) fn sending_late<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        let Some(exchange) = &self.exchange else { return Step::Close(Reason::System) };
        let waits_for_continue = exchange.expects_continue && exchange.request.carried == 0;
        match exchange.request.owes() || waits_for_continue {
            true => self.fail(Reason::ResponseTimeout, cx),
            false => self.fail(Reason::BodyTimeout, cx),
        }
    }
}

impl Exchange {
    /// An interim response is passed on to a client that knows of them (RFC 9110 section 15.2).
    fn interim(&mut self, response: &Response<'_, '_>, out: &mut Vec<u8>) -> (Body, bool) {
        self.interims += 1;
        if self.version == Version::V11 {
            http::rewrite_response(response, Framing::None, Persist::Silent, out);
        }
        (Body::Done, false)
    }

    /// The final response: how its body goes out and whether the client stays.
    fn last(&mut self, response: &Response<'_, '_>, draining: bool, out: &mut Vec<u8>) -> (Body, bool) {
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
        http::rewrite_response(response, framing, persist, out);
        (response.framing.into(), framing == Framing::Chunked)
    }
}
