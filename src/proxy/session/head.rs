//! From the first byte of a request to the choice of a backend: read the head, check it, write it anew.
//!
//! The rules of HTTP are in [`crate::http`]; here is only what a session does about them.

use super::{Exchange, Phase, Session, Step};
use crate::admin;
use crate::balance::PoolId;
use crate::config::Mode;
use crate::http::{self, Framing, Malformed, Onward, Request, Status, Verb};
use crate::net::Net;
use crate::proxy::context::{Context, Service};
use crate::proxy::end::Filled;
use crate::proxy::flow::Flow;
use crate::proxy::reason::Reason;

impl Session {
    /// Reads until a head is complete, and admits or refuses it.
    pub(super) fn read_head<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        loop {
            if !self.client.held().is_empty() {
                if self.phase == Phase::Idle {
                    self.enter(Phase::Head, cx); // from the first byte on, whatever arrives in between
                }
                match self.scan.request(self.client.held(), &cx.limits) {
                    Ok(Some(size)) => return self.admit(size, cx),
                    Ok(None) => {}
                    Err(malformed) => return self.refuse(malformed, cx),
                }
            }
            match self.client.fill(&mut cx.net, &mut cx.lender) {
                Ok(Filled::Bytes(count)) => self.count_up(count, cx),
                Ok(Filled::Nothing) => return Step::Wait,
                Ok(Filled::Full) => return self.refuse(Malformed::HeadTooLarge, cx),
                Ok(Filled::Ended) if self.client.held().is_empty() => {
                    return Step::Close(Reason::ClientDone);
                }
                Ok(Filled::Ended) => return self.refuse(Malformed::HeadCut, cx),
                Err(_) => return Step::Close(Reason::ClientReset),
            }
        }
    }

    pub(super) fn count_up<N: Net>(&mut self, count: usize, cx: &mut Context<N>) {
        self.moved += count as u64;
        if self.is_clients() {
            cx.stats.bytes_up += count as u64;
        }
    }

    /// A head is complete: `size` bytes of what is held.
    fn admit<N: Net>(&mut self, size: usize, cx: &mut Context<N>) -> Step {
        let mut table = http::table();
        let head = self.client.held().get(..size).unwrap_or_default();
        let request = match http::head::request(head, &cx.limits, &mut table) {
            Ok(request) => request,
            Err(malformed) => return self.refuse(malformed, cx),
        };
        let pool = if let Service::Pool(pool, _) = self.service { pool } else { PoolId(0) };
        let mut exchange = Box::new(Exchange::asked(&request, pool, cx));
        match self.service {
            Service::Pool(..) if stops_here(&request) => {
                let status = if request.verb == Verb::Options { Status(200) } else { Status(501) };
                let page = admin::Page::empty(status);
                self.answer_page(size, exchange, &page, cx)
            }
            Service::Pool(..) if over(request.framing, cx.limits.body) => self.refuse(Malformed::BodyTooLarge, cx),
            Service::Pool(_, Mode::Http) => {
                let mut out = cx.lender.lend_scrap();
                let onward =
                    Onward { client: self.peer.ip(), backend: "", id: exchange.id, trusted: false, proto: "http" };
                exchange.host_gap = http::rewrite::request(&request, &onward, &mut out);
                if log::log_enabled!(log::Level::Debug) {
                    let target = String::from_utf8_lossy(request.target);
                    exchange.story = Some(format!("{} {target}", request.method).into());
                }
                exchange.request = Flow::new(out, request.framing.into(), request.framing == Framing::Chunked);
                self.forward(size, exchange, cx)
            }
            _ => {
                let page = admin::page(&request, &cx.backends, &cx.stats, cx.draining, cx.now);
                self.answer_page(size, exchange, &page, cx)
            }
        }
    }

    /// The request is admitted: its head leaves the client's buffer, its body follows through the flow.
    fn forward<N: Net>(&mut self, size: usize, exchange: Box<Exchange>, cx: &mut Context<N>) -> Step {
        self.begin_exchange(size, exchange);
        let Some(exchange) = &mut self.exchange else { return Step::Close(Reason::System) };
        exchange.admitted = true;
        cx.stats.admitted += 1;
        if let Err(malformed) = exchange.request.begin(&mut self.client, &cx.limits) {
            return self.refuse(malformed, cx);
        }
        exchange.request.keep_if_whole();
        self.reach(cx)
    }

    /// The head's bytes are used up; the next head will be looked for from its first byte.
    pub(super) fn begin_exchange(&mut self, size: usize, exchange: Box<Exchange>) {
        self.client.consume(size);
        self.scan = http::Scan::default();
        self.exchange = Some(exchange);
    }
}

/// `Max-Forwards: 0` on OPTIONS and TRACE makes us the recipient (RFC 9110 section 7.6.2).
fn stops_here(request: &Request<'_, '_>) -> bool {
    matches!(request.verb, Verb::Options | Verb::Trace) && request.max_forwards == Some(0)
}

fn over(framing: Framing, limit: u64) -> bool {
    limit > 0 && matches!(framing, Framing::Length(length) if length > limit)
}
