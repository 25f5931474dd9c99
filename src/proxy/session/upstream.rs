//! Reaching a backend: a pooled connection or a fresh one, and what to do when it fails.
//!
//! | what happened | what is done |
//! |---|---|
//! | connecting failed | another backend, always; each is tried once |
//! | a pooled connection died before a response byte | the same backend once more, on a fresh connection |
//! | a fresh connection died before a response byte | another backend |
//!
//! The last two only if nothing was sent yet, or the method is safe or idempotent (RFC 9110 section 9.2.2) and the
//! request is still whole at hand. A POST of which a byte was sent is never sent twice.

use super::{Phase, Session, Step};
use crate::balance::health::Step as At;
use crate::balance::{BackendId, Cause, PoolId};
use crate::base::Time;
use crate::net::Net;
use crate::proxy::context::{Context, Owner};
use crate::proxy::end::End;
use crate::proxy::reason::Reason;
use std::io;

/// The upstream side of an exchange.
pub struct Upstream {
    /// Its connection.
    pub end: End,
    /// To which backend.
    pub backend: BackendId,
    /// It was used before and came from the pool.
    pub pooled: bool,
    /// When it was begun or taken.
    pub since: Time,
}

impl Session {
    /// TCP mode: no head to wait for, the pool is known.
    pub(super) fn open_tunnel<N: Net>(&mut self, pool: PoolId, cx: &mut Context<N>) {
        let exchange = Box::new(super::Exchange::tunnel(pool, cx));
        cx.stats.admitted += 1;
        self.exchange = Some(exchange);
        self.enter(Phase::Connecting, cx); // the first drive chooses the backend
    }

    /// Chooses a backend and finds a connection to it.
    pub(super) fn reach<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        loop {
            let Some(exchange) = &mut self.exchange else { return Step::Close(Reason::System) };
            let again = std::mem::replace(&mut exchange.search.picked, true);
            let Some(id) = cx.backends.pick(exchange.search.pool, &exchange.search.tried, again) else {
                let reason = exchange.search.blame;
                return self.fail(reason, cx);
            };
            if self.reuse(id, cx) || self.open(id, cx) {
                return Step::Go;
            }
        }
    }

    /// Takes a pooled connection to this backend, if one may be used.
    fn reuse<N: Net>(&mut self, id: BackendId, cx: &mut Context<N>) -> bool {
        let wanted =
            self.exchange.as_ref().is_some_and(|exchange| !exchange.search.fresh_only && !exchange.terms.is_tunnel);
        let Some(sock) = wanted.then(|| cx.idle.take(id)).flatten() else { return false };
        cx.stats.reused += 1;
        self.attach(Upstream { end: End::new(sock), backend: id, pooled: true, since: cx.now }, cx);
        self.enter(Phase::Sending, cx);
        true
    }

    /// Begins a fresh connection to this backend. False: it failed at once, and counts as tried.
    fn open<N: Net>(&mut self, id: BackendId, cx: &mut Context<N>) -> bool {
        let address = cx.backends.get(id).address;
        cx.stats.connects += 1;
        match cx.connect(address, Owner::Upstream(self.row)) {
            Ok(end) => {
                self.attach(Upstream { end, backend: id, pooled: false, since: cx.now }, cx);
                self.enter(Phase::Connecting, cx);
                true
            }
            Err(error) => {
                self.connect_failed(id, cx.now, &error, cx);
                false
            }
        }
    }

    /// The one door through which an exchange gets its upstream.
    fn attach<N: Net>(&mut self, upstream: Upstream, cx: &mut Context<N>) {
        let Some(exchange) = &mut self.exchange else { return };
        cx.own(upstream.end.sock, Owner::Upstream(self.row));
        cx.deadlines.drop(upstream.end.sock.0);
        let backend = cx.backends.get_mut(upstream.backend);
        backend.in_flight += 1;
        backend.requests += 1;
        log::debug!("{}: forwarding {} to backend {}", self.peer, exchange.story(), backend.name);
        exchange.address(&backend.name);
        exchange.upstream = Some(upstream);
    }

    /// The one door through which it loses it.
    pub(super) fn detach<N: Net>(&mut self, cx: &mut Context<N>) -> Option<Upstream> {
        let mut upstream = self.exchange.as_mut()?.upstream.take()?;
        cx.backends.get_mut(upstream.backend).in_flight -= 1;
        upstream.end.drop_held(&mut cx.lender);
        Some(upstream)
    }

    /// An event came while connecting; or, in TCP mode, nothing was chosen yet.
    pub(super) fn connecting<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        let Some(exchange) = &mut self.exchange else { return Step::Close(Reason::System) };
        let Some(upstream) = &mut exchange.upstream else { return self.reach(cx) };
        if !upstream.end.readable && !upstream.end.writable {
            return Step::Wait;
        }
        match cx.net.outcome(upstream.end.sock) {
            None => {
                (upstream.end.readable, upstream.end.writable) = (false, false);
                Step::Wait
            }
            Some(Ok(())) => {
                upstream.end.writable = true;
                let phase = if exchange.terms.is_tunnel { Phase::Tunnel } else { Phase::Sending };
                self.enter(phase, cx);
                Step::Go
            }
            Some(Err(error)) => self.connect_again(&error, cx),
        }
    }

    /// The connect deadline has come.
    pub(super) fn connect_late<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        let late = io::Error::from(io::ErrorKind::TimedOut);
        self.connect_again(&late, cx)
    }

    fn connect_again<N: Net>(&mut self, error: &io::Error, cx: &mut Context<N>) -> Step {
        if let Some(upstream) = self.detach(cx) {
            cx.close(upstream.end.sock);
            self.connect_failed(upstream.backend, upstream.since, error, cx);
        }
        self.reach(cx)
    }

    /// Counts against the backend's health, brings its next probe forward, and it is not tried again.
    fn connect_failed<N: Net>(&mut self, id: BackendId, since: Time, error: &io::Error, cx: &mut Context<N>) {
        let Some(exchange) = &mut self.exchange else { return };
        exchange.search.tried.push(id);
        exchange.search.blame = match error.kind() {
            io::ErrorKind::TimedOut => Reason::ConnectTimeout,
            _ => Reason::NoBackend,
        };
        let backend = cx.backends.get_mut(id);
        backend.connect_failures += 1;
        log::debug!("{}: backend {} cannot be reached: {error}", self.peer, backend.name);
        if is_ours(error) {
            return;
        }
        cx.backend_failed(id, &Cause { step: At::Connect, what: error.to_string(), took: cx.now - since });
        cx.probes_due.set(id.0, cx.now);
    }

    /// The upstream connection ended before the first byte of a response.
    pub(super) fn upstream_died<N: Net>(&mut self, error: Option<io::Error>, cx: &mut Context<N>) -> Step {
        let Some(Upstream { end, backend, pooled, .. }) = self.detach(cx) else { return Step::Close(Reason::System) };
        cx.close(end.sock);
        let Some(exchange) = &mut self.exchange else { return Step::Close(Reason::System) };
        let cause = error.map_or_else(|| "closed".into(), |error| error.to_string());
        let name = &cx.backends.get(backend).name;
        log::debug!("{}: backend {name} gave no response: {cause}", self.peer);
        exchange.search.blame = Reason::UpstreamDied;
        if !exchange.may_go_again() {
            return self.fail(Reason::UpstreamDied, cx);
        }
        exchange.start_over();
        exchange.search.fresh_only = true; // the last try is on a fresh connection
        cx.stats.retries += 1;
        if !pooled {
            exchange.search.tried.push(backend);
        } else if self.open(backend, cx) {
            return Step::Go; // a stale connection says nothing about its backend
        }
        self.reach(cx)
    }

    /// Lets go of the upstream after a whole response: into the pool if it is in order, else closed.
    pub(super) fn release<N: Net>(&mut self, reusable: bool, cx: &mut Context<N>) {
        let reusable = reusable && !cx.draining && self.upstream_is_silent(cx);
        let Some(upstream) = self.detach(cx) else { return };
        let sock = upstream.end.sock;
        if !reusable {
            return cx.close(sock);
        }
        let ticket = cx.idle.put(upstream.backend, sock);
        cx.own(sock, Owner::Idle(ticket));
        cx.deadlines.set(sock.0, cx.now + cx.timeouts.upstream_idle);
    }

    /// Whether a connection that delivered a response holds nothing more. Bytes behind a complete response belong to
    /// nobody: they must not become another client's answer.
    fn upstream_is_silent<N: Net>(&mut self, cx: &mut Context<N>) -> bool {
        let Some(upstream) = self.exchange.as_mut().and_then(|exchange| exchange.upstream.as_mut()) else {
            return false;
        };
        if upstream.end.readable && upstream.end.held().is_empty() {
            let _ = upstream.end.fill(&mut cx.net, &mut cx.lender); // an error leaves it readable
        }
        if !upstream.end.held().is_empty() {
            cx.stats.surplus += 1;
            log::warn!("backend {}: bytes after a complete response", cx.backends.get(upstream.backend).name);
        }
        upstream.end.held().is_empty() && !upstream.end.readable && !upstream.end.ended && !upstream.end.broken
    }
}

/// Out of descriptors or memory: our own trouble, which says nothing about a backend.
fn is_ours(error: &io::Error) -> bool {
    // EMFILE and ENFILE have no ErrorKind of their own; their numbers are the same on Linux and the BSDs.
    matches!(error.raw_os_error(), Some(23 | 24)) || error.kind() == io::ErrorKind::OutOfMemory
}
