//! Reaching a backend: a pooled connection or a fresh one, and how it is let go of. What is done when it fails, once a
//! connection stood, is in `retry.rs`.

use super::{Exchange, Going, Stop, connected};
use crate::balance::health::Step;
use crate::balance::queue::Ticket;
use crate::balance::room::Outlook;
use crate::balance::{BackendId, Cause, PoolId, Served, Wanted};
use crate::base::Time;
use crate::net::{self, Net};
use crate::proxy::context::{Context, Owner};
use crate::proxy::end::{End, Filled};
use crate::proxy::reason::Reason;
use crate::proxy::receipt::Fate;
use crate::proxy::record::NEVER;
use std::io;

/// The upstream side of an exchange.
pub struct Upstream {
    /// Its connection.
    pub end: End,
    /// To which backend.
    pub backend: BackendId,
    /// It was used before and came from the pool.
    pub pooled: bool,
    /// Its connection stands.
    pub connected: bool,
    /// When it was begun or taken.
    pub since: Time,
}

/// How far the search for a backend has come.
#[derive(Debug)]
pub struct Search {
    /// Where.
    pub pool: PoolId,
    /// What the request is known by, to the policies that hash.
    key: u64,
    /// The backend to which its client comes back, as its cookie says.
    pub stuck: Option<BackendId>,
    /// Backends tried on fresh connections, in vain, and those whose response was turned down.
    pub(super) tried: Vec<BackendId>,
    /// Where its request waits for a backend that is not full, and until when.
    pub(super) ticket: Option<Ticket>,
    pub(super) until: Time,
    /// It waited, and its turn has come.
    pub(super) called: bool,
    /// A backend was picked before: further picks do not advance the rotation.
    pub(super) picked: bool,
    /// Its backends are told whose connection they serve, so that it can serve nobody else.
    private: bool,
    /// Pooled connections are not to be used any more.
    pub(super) fresh_only: bool,
    /// What the request ends with if no backend is left.
    pub(super) blame: Reason,
}

impl Search {
    /// A search among the backends of `pool` for a request of this [key](crate::balance::Backends::key), not begun.
    pub fn new<N: Net>(pool: PoolId, key: u64, cx: &Context<N>) -> Search {
        let private = cx.backends.pool(pool).proxy_protocol.is_some();
        Search { pool, key, private, fresh_only: private, ..Search::blank() }
    }

    /// One for nothing.
    pub(super) fn blank() -> Search {
        let (pool, tried, blame) = (PoolId(0), Vec::new(), Reason::NoBackend);
        Search {
            pool,
            key: 0,
            stuck: None,
            tried,
            ticket: None,
            until: NEVER,
            called: false,
            picked: false,
            private: false,
            fresh_only: false,
            blame,
        }
    }

    /// The same for a request whose client comes back to this backend, if it takes work.
    pub fn stuck(self, stuck: Option<BackendId>) -> Search {
        Search { stuck, ..self }
    }
}

impl Exchange {
    /// Chooses a backend, or hears how the connection to one came out.
    pub(super) fn connecting<N: Net>(&mut self, cx: &mut Context<N>) -> Going {
        let Some(upstream) = &mut self.upstream else { return self.reach(cx) };
        if !upstream.end.readable && !upstream.end.writable {
            return Err(Stop::Wait);
        }
        match cx.net.outcome(upstream.end.sock) {
            None => {
                (upstream.end.readable, upstream.end.writable) = (false, false);
                Err(Stop::Wait)
            }
            Some(Ok(())) => {
                (upstream.end.writable, upstream.connected) = (true, true);
                self.record.connected = cx.now;
                cx.backends.connected(upstream.backend, cx.now - upstream.since);
                cx.moved += 1;
                if self.is_tunnel() {
                    self.judge(Served::Well, cx); // what passes through it is not ours to judge
                }
                self.hear_out_of_turn(cx)
            }
            Some(Err(error)) => self.connect_failed(&error, cx),
        }
    }

    /// Looks, if an event said that there is something, whether a fresh connection speaks before it was asked: such
    /// bytes would be taken for the answer. One that ended already is spared the request, which may be a POST.
    fn hear_out_of_turn<N: Net>(&mut self, cx: &mut Context<N>) -> Going {
        if self.is_tunnel() {
            return Ok(());
        }
        let end = &mut connected(&mut self.upstream)?.end;
        match end.fill(&mut cx.net, &mut cx.lender) {
            Ok(Filled::Nothing | Filled::Full) => Ok(()),
            Ok(Filled::Bytes(_)) => {
                cx.stats.surplus += 1;
                self.bad_head(&"it came before the request", cx)
            }
            Ok(Filled::Ended) => self.upstream_died(None, cx),
            Err(error) => self.upstream_died(Some(error), cx),
        }
    }

    /// The connect deadline has come.
    pub fn connect_late<N: Net>(&mut self, cx: &mut Context<N>) -> Result<(), Stop> {
        self.connect_failed(&io::ErrorKind::TimedOut.into(), cx)
    }

    /// Chooses a backend and finds a connection to it.
    pub(super) fn reach<N: Net>(&mut self, cx: &mut Context<N>) -> Going {
        if cx.queues.waiting() > 0 && self.is_overtaking(cx) {
            cx.backends.relieve(); // there may be a place that is none for those before it
            return self.line_up(false, cx);
        }
        loop {
            let again = std::mem::replace(&mut self.search.picked, true);
            let Search { tried, key, stuck, .. } = &self.search;
            let wanted = Wanted { tried, again, key: *key, stuck: *stuck, now: cx.now };
            let picked = cx.backends.pick(self.search.pool, &wanted);
            if picked.is_none() && cx.backends.outlook(self.search.pool, tried) == Outlook::Busy {
                self.search.picked = again;
                return self.line_up(again || self.search.called, cx);
            }
            if !again {
                cx.note_pick(&self.record, &self.search, picked);
            }
            let Some(id) = picked else {
                return Err(Stop::Failed(self.search.blame));
            };
            if self.reuse(id, cx) || self.open(id, cx) {
                return Ok(());
            }
        }
    }

    /// Takes a pooled connection to this backend, if one may be used.
    fn reuse<N: Net>(&mut self, backend: BackendId, cx: &mut Context<N>) -> bool {
        if self.search.fresh_only || self.is_tunnel() {
            return false;
        }
        let Some(sock) = cx.idle.take(backend) else { return false };
        cx.stats.reused += 1;
        cx.own(sock, Owner::Upstream(self.row)); // its deadline stays: it means nothing now, and is moved when it is idle
        self.attach(Upstream { end: End::new(sock), backend, pooled: true, connected: true, since: cx.now }, cx);
        true
    }

    /// Begins a fresh connection to this backend. False: it failed at once, and counts as tried.
    pub(super) fn open<N: Net>(&mut self, backend: BackendId, cx: &mut Context<N>) -> bool {
        cx.stats.connects += 1;
        let address = cx.backends.get(backend).address.clone();
        match cx.connect(&address, Owner::Upstream(self.row), Some(self.search.pool)) {
            Ok(end) => {
                self.attach(Upstream { end, backend, pooled: false, connected: false, since: cx.now }, cx);
                true
            }
            Err(error) => {
                self.record.tries(backend, cx.now);
                cx.note_try(&self.record, backend, false);
                self.cannot_reach(backend, cx.now, &error, cx);
                false
            }
        }
    }

    /// The one door through which an exchange gets its upstream.
    fn attach<N: Net>(&mut self, upstream: Upstream, cx: &mut Context<N>) {
        cx.backends.begin(upstream.backend);
        self.record.tries(upstream.backend, cx.now);
        cx.note_try(&self.record, upstream.backend, upstream.pooled);
        self.record.connected = if upstream.connected { cx.now } else { NEVER };
        let backend = cx.backends.get(upstream.backend);
        log::debug!("{}: forwarding {} to backend {}", self.peer, self.story(), backend.name);
        if let Some(gap) = self.host_gap.take() {
            self.host_gap = Some(gap.start..gap.start + backend.host().len());
            self.request.rewrite(gap, backend.host().as_bytes());
        }
        self.upstream = Some(upstream);
        cx.moved += 1;
    }

    /// The one door through which it loses it.
    pub(super) fn detach<N: Net>(&mut self, cx: &mut Context<N>) -> Option<Upstream> {
        let mut upstream = self.upstream.take()?;
        cx.backends.end(upstream.backend);
        if !cx.backends.get(upstream.backend).may_work() {
            cx.tell_drained(upstream.backend);
        }
        upstream.end.drop_held(&mut cx.lender);
        Some(upstream)
    }

    fn connect_failed<N: Net>(&mut self, error: &io::Error, cx: &mut Context<N>) -> Going {
        if let Some(Upstream { end, backend, since, .. }) = self.detach(cx) {
            cx.close(end.sock);
            self.cannot_reach(backend, since, error, cx);
        }
        self.reach(cx)
    }

    /// A failed connection counts against the backend, and it is not tried again.
    fn cannot_reach<N: Net>(&mut self, id: BackendId, since: Time, error: &io::Error, cx: &mut Context<N>) {
        self.search.tried.push(id);
        let (blame, fate) = match error.kind() {
            io::ErrorKind::TimedOut => (Reason::ConnectTimeout, Fate::Late),
            _ => (Reason::NoBackend, Fate::Refused),
        };
        self.search.blame = blame;
        cx.note_fate(&self.record, fate);
        let backend = cx.backends.get_mut(id);
        backend.connect_failures += 1;
        log::debug!("{}: backend {} cannot be reached: {error}", self.peer, backend.name);
        if !net::is_our_trouble(error) {
            cx.cannot_connect(id, &Cause { step: Step::Connect, what: error.to_string(), took: cx.now - since });
            cx.backend_served(id, Served::Failed("no connection"));
        }
    }

    /// Lets go of the upstream: into the pool after a whole response, if everything is in order, even if the client has
    /// left before it had all of it. Else it is closed, or reset if the request has failed: whatever the backend was
    /// told, it must not take it for complete.
    pub(super) fn let_go<N: Net>(&mut self, finished: bool, cx: &mut Context<N>) {
        let done = self.request.is_complete() && self.is_response_at_hand();
        if done && let Some(upstream) = &mut self.upstream {
            self.response.discard(&mut upstream.end); // nobody takes it any more, or it was taken
        }
        let reusable =
            done && !self.search.private && self.terms.upstream_keep_alive && !cx.draining && self.is_silent(cx);
        let Some(Upstream { end, backend, .. }) = self.detach(cx) else { return };
        if reusable && cx.backends.get(backend).may_work() {
            let ticket = cx.idle.put(backend, end.sock);
            cx.own(end.sock, Owner::Idle(ticket));
            cx.deadlines.set(end.sock.0, cx.now + cx.timeouts.upstream_idle);
        } else if finished {
            cx.close(end.sock);
        } else {
            cx.reset(end.sock);
        }
    }

    /// Whether a connection that delivered a response holds nothing more. Bytes behind a complete response belong to
    /// nobody: they must not become another client's answer.
    fn is_silent<N: Net>(&mut self, cx: &mut Context<N>) -> bool {
        let Some(Upstream { end, backend, .. }) = &mut self.upstream else { return false };
        if end.readable && end.held().is_empty() {
            let _ = end.fill(&mut cx.net, &mut cx.lender); // an error leaves it readable
        }
        if !end.held().is_empty() {
            cx.stats.surplus += 1;
            log::warn!("backend {}: bytes after a complete response", cx.backends.get(*backend).name);
        }
        end.held().is_empty() && !end.readable && !end.ended && !end.broken
    }
}
