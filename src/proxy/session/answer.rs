//! How a client is answered by ourselves, and how it is let go after any answer.
//!
//! A client that may still be talking is not simply closed on: the kernel would reset the connection and with it the
//! answer. It is told that we are done, what it still says is thrown away for a moment, and then it is closed (lingering
//! close, RFC 9112 section 9.6).

use super::{Session, Step};
use crate::http::{self, Malformed, Status, Verb};
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::end::Filled;
use crate::proxy::exchange::{Exchange, Terms};
use crate::proxy::phase::{LONGEST_LINGER, Phase};
use crate::proxy::reason::Reason;
use crate::proxy::record::Record;

impl Session {
    /// The request is not what it should be, in its head or its body. What the upstream got of it must not be taken for
    /// a complete message: ending the exchange resets it.
    pub(super) fn refuse<N: Net>(&mut self, malformed: Malformed, cx: &mut Context<N>) -> Step {
        log::debug!("{}: request refused: {malformed}", self.peer);
        cx.stats.ended(malformed.name());
        if self.exchange.as_ref().is_some_and(|exchange| exchange.is_answering()) {
            return self.cut(Reason::BadRequest, cx);
        }
        if self.exchange.is_none() {
            cx.stats.refused += u64::from(self.is_clients());
        }
        let (terms, mut record) = self.terms_of_refusal(cx);
        record.refused(malformed.name());
        self.end_exchange(Reason::BadRequest, cx);
        self.answer(malformed.status(), terms, record, cx)
    }

    /// The header deadline has come and only a part of the head has.
    pub(super) fn refuse_late<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        log::debug!("{}: request refused: no complete head within the header time-out", self.peer);
        cx.stats.refused += u64::from(self.is_clients());
        cx.stats.ended(Reason::HeaderTimeout.name());
        let (terms, mut record) = self.terms_of_refusal(cx);
        record.end(Reason::HeaderTimeout, self.phase);
        self.answer(Status(408), terms, record, cx)
    }

    /// Whom a refusal answers: even one of a head that nobody understood has no body if that asked for HEAD.
    fn terms_of_refusal<N: Net>(&mut self, cx: &Context<N>) -> (Terms, Record) {
        match &mut self.exchange {
            Some(exchange) => (exchange.terms.for_answer(false), exchange.record.take()),
            None => (Terms::unread(Verb::glimpsed(self.client.held())), self.new_record(cx)),
        }
    }

    /// An exchange cannot be done: the client is told, unless a response has begun.
    pub(super) fn fail<N: Net>(&mut self, reason: Reason, cx: &mut Context<N>) -> Step {
        let Some(exchange) = &mut self.exchange else { return Step::Close(reason) };
        if exchange.is_answer() || exchange.is_open_ended() || reason == Reason::ClientReset {
            return Step::Close(reason);
        }
        if exchange.is_answering() {
            cx.stats.ended(reason.name());
            return self.cut(reason, cx);
        }
        let terms = exchange.terms.for_answer(exchange.keeps_client() && !cx.draining);
        cx.stats.ended(reason.name());
        log::debug!("{}: {} fails: {}", self.peer, exchange.story(), reason.name());
        let record = exchange.hand_on_record(reason);
        self.end_exchange(reason, cx);
        self.answer(status_of(reason), terms, record, cx)
    }

    /// A response that has begun cannot be finished. Where only the end of the connection would tell, it ends with a
    /// reset. Otherwise the client sees by itself that its response is cut, and what it was sent before must not be lost
    /// to a reset.
    fn cut<N: Net>(&mut self, reason: Reason, cx: &mut Context<N>) -> Step {
        if self.exchange.as_ref().is_some_and(|exchange| exchange.is_open_ended()) {
            return Step::Close(reason);
        }
        self.end_exchange(reason, cx);
        self.let_go(cx)
    }

    fn answer<N: Net>(&mut self, status: Status, mut terms: Terms, mut record: Record, cx: &mut Context<N>) -> Step {
        if record.id == 0 {
            record.id = u128::from(cx.rng.bits());
        }
        terms.status = status.0;
        let mut out = cx.lender.lend_scrap();
        let head_only = terms.verb == Verb::Head;
        http::answer::error(status, record.id, !terms.keep_alive, head_only, terms.says_keep_alive(), &mut out);
        self.exchange = Some(Exchange::answer(terms, out, record, self.name(), cx));
        self.enter(Phase::Answering, cx);
        Step::Go
    }

    /// An exchange is done: on to the client's next request, or let it go.
    pub(super) fn conclude<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        let Some(exchange) = &mut self.exchange else { return Step::Close(Reason::System) };
        if exchange.is_tunnel() {
            return Step::Close(Reason::Finished);
        }
        if !exchange.is_answer() {
            exchange.tell(cx);
        }
        let (whole, keep_alive) = (exchange.is_whole(), exchange.keeps_client());
        let refused = exchange.is_answer() && !keep_alive;
        let is_last = exchange.terms.is_last;
        // Nobody told of what an unwatched client said meanwhile. One that stays is told of when it is watched, in the next
        // turn: by then a pooled connection that spoke before it asked again is thrown away. After its last word, a head
        // alone, it said nothing.
        self.client.readable |= !(keep_alive || self.client.watched || is_last && exchange.is_head_only());
        self.end_exchange(Reason::Finished, cx);
        if keep_alive {
            self.enter(Phase::Idle, cx);
            return Step::Go;
        }
        if whole && self.client.readable && self.client.held().is_empty() {
            let _ = self.client.fill(&mut cx.net, &mut cx.lender); // is there more, or is it only not known yet?
        }
        // Whoever has not announced it may be saying something just now, and would be reset for it.
        let silent = whole && is_last && !refused && self.client.held().is_empty() && !self.client.readable;
        if silent {
            cx.net.finish(self.client.sock); // the answer leaves even if it has broken its word, and closing resets it
            return Step::Close(Reason::Closed);
        }
        self.let_go(cx)
    }

    /// Tells the client that we are done, and hears it out for a moment.
    fn let_go<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        cx.net.finish(self.client.sock);
        cx.moved += 1;
        if self.client.ended {
            return Step::Close(Reason::Closed);
        }
        self.client.drop_held(&mut cx.lender);
        self.last_word = cx.now + LONGEST_LINGER;
        self.enter(Phase::Lingering, cx);
        Step::Go
    }

    /// Throws away what an answered client still says: as long as it says something, within bounds.
    #[inline(never)]
    pub(super) fn linger<N: Net>(&mut self, budget: &mut usize, cx: &mut Context<N>) -> Step {
        let before = cx.moved;
        let step = loop {
            match self.client.fill(&mut cx.net, &mut cx.lender) {
                Ok(Filled::Bytes(count)) => {
                    self.client.drop_held(&mut cx.lender);
                    cx.moved += count as u64;
                    *budget = budget.saturating_sub(count);
                }
                Ok(Filled::Nothing) => break Step::Wait,
                Ok(Filled::Ended | Filled::Full) | Err(_) => break Step::Close(Reason::Closed),
            }
            if *budget == 0 && self.client.readable {
                break Step::Hungry;
            }
        };
        if cx.moved != before {
            self.enter(Phase::Lingering, cx);
        }
        step
    }
}

/// What a client is told.
fn status_of(reason: Reason) -> Status {
    match reason {
        Reason::BodyTimeout => Status(408),
        Reason::NoBackend | Reason::QueueFull | Reason::QueueTimeout => Status(503),
        Reason::ConnectTimeout | Reason::ResponseTimeout => Status(504),
        _ => Status(502),
    }
}
