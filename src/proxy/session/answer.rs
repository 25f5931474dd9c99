//! Answers of our own: refusals, failures, the admin address. And how a client is let go after any answer.
//!
//! An answer goes out through the response flow like any other. A client that may still be talking is not simply closed
//! on: the kernel would reset the connection and with it the answer. It is told that we are done, what it still says is
//! thrown away for a moment, and then it is closed (lingering close, RFC 9112 section 9.6).

use super::{Exchange, Phase, Session, Step};
use crate::admin;
use crate::balance::PoolId;
use crate::http::{self, Malformed, Status, Verb, Version};
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::end::Filled;
use crate::proxy::flow::{Body, Flow, Pumped};
use crate::proxy::reason::Reason;

/// What a client that was answered may still say before we stop listening, in bytes.
const LINGER_BYTES: u64 = 1024 * 1024;

impl Session {
    /// The request's head is not what it should be.
    pub(super) fn refuse<N: Net>(&mut self, malformed: Malformed, cx: &mut Context<N>) -> Step {
        log::debug!("{}: request refused: {malformed}", self.peer);
        if self.is_clients() && !self.is_alive() {
            cx.stats.refused += 1;
        }
        cx.stats.ended(malformed.name());
        self.drop_exchange(Reason::BadRequest, cx);
        self.answer_error(malformed.status(), cx)
    }

    /// The header deadline has come and only a part of the head has.
    pub(super) fn refuse_late_head<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        log::debug!("{}: request refused: no complete head within the header time-out", self.peer);
        cx.stats.refused += u64::from(self.is_clients());
        cx.stats.ended(Reason::HeaderTimeout.name());
        self.answer_error(Status(408), cx)
    }

    /// The request's body is not what it should be. The upstream must not take what it got for a complete message.
    pub(super) fn refuse_body<N: Net>(&mut self, malformed: Malformed, cx: &mut Context<N>) -> Step {
        if self.exchange.as_ref().is_some_and(|exchange| exchange.is_answering()) {
            return Step::Close(Reason::BadRequest);
        }
        self.refuse(malformed, cx)
    }

    /// An admitted request cannot be served: the client is told, unless a response has begun.
    pub(super) fn fail<N: Net>(&mut self, reason: Reason, cx: &mut Context<N>) -> Step {
        let Some(exchange) = &mut self.exchange else { return Step::Close(reason) };
        if exchange.terms.is_tunnel || exchange.is_answering() {
            return Step::Close(reason);
        }
        let (verb, version, id) = (exchange.terms.verb, exchange.terms.version, exchange.id);
        let keep_alive = exchange.terms.keep_alive && exchange.request.is_at_hand();
        exchange.request.discard(&mut self.client);
        cx.stats.ended(reason.name());
        let status = status_of(reason);
        log::debug!("{}: answered {status}: {}", self.peer, reason.name());
        self.drop_exchange(reason, cx);
        let mut next = Box::new(Exchange::blank(PoolId(0), cx));
        (next.terms.verb, next.terms.version, next.id) = (verb, version, id);
        next.terms.keep_alive = keep_alive && !cx.draining;
        self.send_error(status, next, cx)
    }

    /// Answers with an error and lets the client go.
    fn answer_error<N: Net>(&mut self, status: Status, cx: &mut Context<N>) -> Step {
        let exchange = Box::new(Exchange::blank(PoolId(0), cx));
        self.send_error(status, exchange, cx)
    }

    fn send_error<N: Net>(&mut self, status: Status, exchange: Box<Exchange>, cx: &mut Context<N>) -> Step {
        let mut out = cx.lender.lend_scrap();
        let (keep_alive, id, head_only) = (exchange.terms.keep_alive, exchange.id, exchange.terms.verb == Verb::Head);
        let keep_alive_10 = keep_alive && exchange.terms.version == Version::V10;
        http::answer::error(status, id, !keep_alive, head_only, keep_alive_10, &mut out);
        self.send_answer(exchange, out, cx)
    }

    /// Answers a request, whose head is the first `size` bytes held, with a page of our own.
    pub(super) fn answer_page<N: Net>(
        &mut self,
        size: usize,
        mut exchange: Box<Exchange>,
        page: &admin::Page,
        cx: &mut Context<N>,
    ) -> Step {
        let has_body = page.asked_with_body;
        exchange.terms.keep_alive &= !has_body && !cx.draining;
        let mut out = cx.lender.lend_scrap();
        let answer = http::Answer {
            status: page.status,
            content_type: page.content_type,
            body: &page.body,
            extra: page.extra,
            close: !exchange.terms.keep_alive,
            head_only: exchange.terms.verb == Verb::Head,
            keep_alive_10: exchange.terms.keep_alive && exchange.terms.version == Version::V10,
        };
        http::answer::write(&answer, &mut out);
        self.client.consume(size);
        self.scan = http::Scan::default();
        self.send_answer(exchange, out, cx)
    }

    fn send_answer<N: Net>(&mut self, mut exchange: Box<Exchange>, out: Vec<u8>, cx: &mut Context<N>) -> Step {
        exchange.response = Flow::new(out, Body::Done, false);
        self.exchange = Some(exchange);
        self.enter(Phase::Answering, cx);
        Step::Go
    }

    /// Sends an answer of our own.
    pub(super) fn answering<N: Net>(&mut self, cx: &mut Context<N>, budget: &mut usize) -> Step {
        let Session { client, exchange: Some(exchange), .. } = self else { return Step::Close(Reason::System) };
        let mut nobody = crate::proxy::end::End::new(client.sock);
        let before = exchange.response.moved;
        let pumped = exchange.response.pump(&mut nobody, client, cx, budget);
        let (moved, keep_alive) = (exchange.response.moved - before, exchange.terms.keep_alive);
        self.moved += moved;
        if self.is_clients() {
            cx.stats.bytes_down += moved;
        }
        match pumped {
            Pumped::Complete => {
                self.drop_exchange(Reason::Answered, cx);
                self.after_answer(keep_alive, keep_alive, cx)
            }
            Pumped::Waiting => Step::Wait,
            Pumped::Hungry => Step::Hungry,
            _ => Step::Close(Reason::ClientReset),
        }
    }

    /// The client has its answer: on to its next request, or let it go. `whole`: its request was read to the end.
    pub(super) fn after_answer<N: Net>(&mut self, keep_alive: bool, whole: bool, cx: &mut Context<N>) -> Step {
        if keep_alive {
            self.enter(Phase::Idle, cx);
            return Step::Go;
        }
        if self.client.ended || (whole && self.client.held().is_empty() && !self.client.readable) {
            return Step::Close(Reason::Closed);
        }
        cx.net.finish(self.client.sock);
        self.moved += 1;
        self.client.drop_held(&mut cx.lender);
        self.lingered = 0;
        self.enter(Phase::Lingering, cx);
        Step::Go
    }

    /// Throws away what an answered client still says, for a while.
    pub(super) fn lingering<N: Net>(&mut self, cx: &mut Context<N>, budget: &mut usize) -> Step {
        loop {
            match self.client.fill(&mut cx.net, &mut cx.lender) {
                Ok(Filled::Bytes(count)) => {
                    self.client.drop_held(&mut cx.lender);
                    self.count_up(count, cx);
                    self.lingered += count as u64;
                    *budget = budget.saturating_sub(count);
                }
                Ok(Filled::Nothing) => return Step::Wait,
                Ok(Filled::Ended | Filled::Full) | Err(_) => return Step::Close(Reason::Closed),
            }
            if self.lingered > LINGER_BYTES {
                return Step::Close(Reason::Closed);
            }
            if *budget == 0 && self.client.readable {
                return Step::Hungry;
            }
        }
    }
}

/// What a client is told.
fn status_of(reason: Reason) -> Status {
    match reason {
        Reason::BodyTimeout => Status(408),
        Reason::NoBackend => Status(503),
        Reason::ConnectTimeout | Reason::ResponseTimeout => Status(504),
        _ => Status(502),
    }
}
