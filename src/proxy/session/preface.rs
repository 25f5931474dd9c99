//! What stands before the traffic of a connection, and what is told to a backend in the same way.
//!
//! ```text
//!   accept --> Preface --PROXY header--> [ --ClientHello--> ] Head, or a tunnel
//!                |
//!                '-- not trusted, malformed, late --> closed, without a word: whoever sent it is a proxy or a TLS client
//! ```
//!
//! The header is eaten; of the ClientHello every byte goes on. What both look like is [`crate::preface`]'s; who is
//! trusted, and where a name leads, the [routing](crate::proxy::context::Routing)'s. A listener that asks for neither
//! never comes here.

use super::{Session, Step};
use crate::balance::PoolId;
use crate::base::Peer;
use crate::config::ProxyVersion;
use crate::net::Net;
use crate::preface::{Header, Refusal, client_hello, proxy_protocol};
use crate::proxy::context::{Context, Service};
use crate::proxy::end::Filled;
use crate::proxy::exchange::Exchange;
use crate::proxy::phase::Phase;
use crate::proxy::reason::Reason;

impl Session {
    /// A connection has come in: its first phase, and its tunnel if nothing stands before that.
    pub(super) fn begin_phase<N: Net>(&mut self, cx: &mut Context<N>) {
        let routing = cx.routing_of(self.service);
        let pool = routing.and_then(|routing| routing.pool);
        self.unheralded = routing.is_some_and(|routing| routing.preface.proxy_protocol);
        if routing.is_some_and(|routing| routing.preface.is_read()) {
            return self.enter(Phase::Preface, cx);
        }
        self.enter(Phase::Head, cx);
        if let (Service::Tcp(_), Some(pool)) = (self.service, pool) {
            self.dig(pool, cx);
        }
    }

    /// Reads until everything is there that stands before the traffic.
    #[cold]
    pub(super) fn read_preface<N: Net>(&mut self, budget: &mut usize, cx: &mut Context<N>) -> Step {
        let trusts = cx.routing_of(self.service).is_some_and(|routing| routing.trusts(self.peer));
        if self.unheralded && !trusts {
            log::debug!("{}: not among the trusted proxies", self.peer);
            return Step::Close(Reason::Untrusted);
        }
        loop {
            match self.judge_preface(cx) {
                Ok(Some(step)) => return step,
                Ok(None) => {}
                Err(refusal) => return self.refuse_preface(refusal, cx),
            }
            match self.client.fill(&mut cx.net, &mut cx.lender) {
                Ok(Filled::Bytes(count)) => {
                    cx.moved += count as u64;
                    *budget = budget.saturating_sub(count);
                }
                Ok(Filled::Nothing) => return Step::Wait,
                Ok(Filled::Ended) if self.client.held().is_empty() => return Step::Close(Reason::ClientDone),
                Ok(Filled::Ended | Filled::Full) => return Step::Close(Reason::BadPreface),
                Err(_) => return Step::Close(Reason::ClientReset),
            }
        }
    }

    /// What follows from what is there. Nothing: more is needed.
    fn judge_preface<N: Net>(&mut self, cx: &mut Context<N>) -> Result<Option<Step>, Refusal> {
        if self.unheralded {
            let Some((header, size)) = proxy_protocol::read(self.client.held())? else { return Ok(None) };
            self.client.consume(size);
            self.unheralded = false;
            self.believe(header);
            if !self.count_address(cx) {
                return Ok(Some(Step::Close(Reason::ClientConnections)));
            }
        }
        if !cx.routing_of(self.service).is_some_and(|routing| routing.preface.sni) {
            return Ok(Some(self.go_on(None, cx)));
        }
        // Whoever speaks no TLS hopes for no server.
        match client_hello::read(self.client.held()) {
            Ok(None) => Ok(None),
            Ok(Some(hello)) => Ok(Some(self.go_on(hello.server_name.as_deref(), cx))),
            Err(Refusal::NotTls) => Ok(Some(self.go_on(None, cx))),
            Err(refusal) => Err(refusal),
        }
    }

    /// The connection is another's from now on, if the header says whose.
    fn believe(&mut self, header: Header) {
        if let Header::Tcp { source, destination } = header {
            log::debug!("{}: speaks for {source}", self.peer);
            (self.peer, self.reached) = (source.into(), Some(Box::new(destination)));
        }
    }

    /// Now it is known whose connection it is. Whether that client may have another.
    fn count_address<N: Net>(&mut self, cx: &mut Context<N>) -> bool {
        self.counted = self.service.listener().is_some_and(|listener| cx.admit_client(listener, self.peer.ip()));
        self.counted
    }

    /// Everything has been read that stands before the traffic.
    fn go_on<N: Net>(&mut self, name: Option<&str>, cx: &mut Context<N>) -> Step {
        if !matches!(self.service, Service::Tcp(_)) {
            self.enter(Phase::Head, cx);
            return Step::Go;
        }
        let Some(pool) = cx.routing_of(self.service).and_then(|routing| routing.find_name(name)) else {
            log::debug!("{}: nobody serves {}", self.peer, name.unwrap_or("who names no server"));
            return Step::Close(Reason::NoRoute);
        };
        self.dig(pool, cx);
        self.enter(Phase::Connecting, cx);
        Step::Go
    }

    fn dig<N: Net>(&mut self, pool: PoolId, cx: &mut Context<N>) {
        let mut begin = Vec::new();
        if cx.backends.pool(pool).proxy_protocol.is_some() {
            begin = cx.lender.lend_scrap();
            self.announce(pool, cx, &mut begin);
        }
        let mut exchange = Exchange::tunnel(pool, begin, self.name(), cx);
        exchange.record.listener = self.service.listener();
        self.exchange = Some(exchange);
    }

    fn refuse_preface<N: Net>(&self, refusal: Refusal, cx: &mut Context<N>) -> Step {
        log::debug!("{}: refused: {refusal}", self.peer);
        cx.stats.ended(refusal.name());
        Step::Close(Reason::BadPreface)
    }

    /// Writes whose connection it is for a backend of `pool`, if those are told.
    pub(super) fn announce<N: Net>(&self, pool: PoolId, cx: &mut Context<N>, out: &mut Vec<u8>) {
        if let Some(version) = cx.backends.pool(pool).proxy_protocol {
            self.herald(version, cx, out);
        }
    }

    #[cold]
    fn herald<N: Net>(&self, version: ProxyVersion, cx: &mut Context<N>, out: &mut Vec<u8>) {
        let header = match self.peer {
            Peer::Unix => Header::Unknown, // paths mean nothing elsewhere, and half of the receivers know none
            Peer::Tcp(peer) => {
                let reached =
                    self.reached.as_deref().copied().or_else(|| cx.net.local_address(self.client.sock).ok()?.tcp());
                reached.map_or(Header::Unknown, |reached| Header::tcp(peer, reached))
            }
        };
        header.write(version, out);
    }
}
