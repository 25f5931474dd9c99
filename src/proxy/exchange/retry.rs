//! Sending a request once more: when, to whom, and at whose cost.
//!
//! | what happened | what is done | if | paid for |
//! |---|---|---|---|
//! | connecting failed | another backend; each is tried once, and while one is left that takes work, only such | always | no |
//! | a pooled connection died before a response byte | the same backend once more, on a fresh connection, unless it is excluded | it may be sent again | no |
//! | a fresh connection died before a response byte | another backend, each once | it may be sent again | yes |
//! | a response whose status `retry_on` names | another backend that takes work, or the response passes | idempotent and at hand | yes |
//! | no response in time, and it names 504 | the same | idempotent and at hand | yes |
//! | no response head that is one, and it names 502 | the same | idempotent and at hand | yes |
//!
//! *May be sent again*: nothing was sent yet, or the method is safe or idempotent (RFC 9110 section 9.2.2) and the request
//! is still whole at hand. A POST of which a byte was sent is never sent twice. Once the client was told anything, be it
//! an interim response, nothing is sent again. A backend that was tried on a fresh connection, or has answered, is not
//! tried again. Who pays is the pool's [budget](crate::balance::retry_budget), which says why the first two are free.
//!
//! A response that is turned down leaves its connection to the pool only if it is whole in the buffer that brought its
//! head; a longer one is not waited for. The connection of a backend that is late, or that said nonsense, is reset.

use super::terms::Stage;
use super::{Exchange, Going, Stop, Upstream, connected};
use crate::balance::{PoolId, Served};
use crate::base::tally::Again;
use crate::http::{self, Framing, Scan};
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::flow::Flow;
use crate::proxy::reason::Reason;
use crate::proxy::receipt::Fate;
use std::fmt::Display;
use std::io;

/// Where a status line has the first digit of its status.
const CLASS: usize = "HTTP/1.1 ".len();

impl Exchange {
    /// The upstream connection ended before the first byte of a response.
    pub(super) fn upstream_died<N: Net>(&mut self, error: Option<io::Error>, cx: &mut Context<N>) -> Going {
        connected(&mut self.upstream)?;
        let Some(Upstream { end, backend, pooled, .. }) = self.detach(cx) else { return Ok(()) };
        cx.close(end.sock);
        cx.note_fate(&self.record, Fate::Died);
        let name = &cx.backends.get(backend).name;
        let cause = error.map_or_else(|| "closed".into(), |error| error.to_string());
        log::debug!("{}: backend {name} gave no response: {cause}", self.peer);
        if !pooled {
            cx.backend_served(backend, Served::Failed("connection died before a response"));
        }
        if !self.may_go_again() {
            return Err(Stop::Failed(Reason::UpstreamDied));
        }
        if !pooled {
            self.search.tried.push(backend);
            self.pay_for_the_next(cx)?;
        }
        (self.search.fresh_only, self.search.blame) = (true, Reason::UpstreamDied); // the last try is on a fresh one
        self.start_over(if pooled { Again::Stale } else { Again::Died }, cx);
        if pooled && cx.backends.get(backend).takes_work() && self.open(backend, cx) {
            return Ok(()); // a stale connection says nothing about its backend; but others may have said that it is unfit
        }
        self.reach(cx)
    }

    /// Whether the request may be sent to a backend once more.
    fn may_go_again(&self) -> bool {
        let repeatable = self.terms.verb.is_idempotent() || self.request.untouched();
        repeatable && self.request.can_start_over()
    }

    /// Another backend is asked, if one is left and the budget has something for it.
    fn pay_for_the_next<N: Net>(&self, cx: &mut Context<N>) -> Going {
        if !cx.backends.is_left(self.search.pool, &self.search.tried, false) {
            return Err(Stop::Failed(Reason::UpstreamDied));
        }
        match pay(self.search.pool, cx) {
            true => Ok(()),
            false => Err(Stop::Failed(Reason::RetryDenied)),
        }
    }

    fn start_over<N: Net>(&mut self, why: Again, cx: &mut Context<N>) {
        cx.stats.retries += 1;
        cx.tallies.of(self.search.pool.0).again(why);
        self.request.start_over();
        (self.terms.request_cut, self.scan) = (false, Scan::default());
    }

    /// Whether the request is to be sent elsewhere instead of ending with this status, be it a backend's or ours. If so,
    /// that is paid for.
    fn goes_elsewhere<N: Net>(&mut self, status: u16, cx: &mut Context<N>) -> bool {
        let pool = self.search.pool;
        let repeatable = self.terms.verb.is_idempotent() && self.request.can_start_over() && self.terms.nothing_said();
        let Some(upstream) = self.upstream.as_ref().filter(|_| repeatable) else { return false };
        if !cx.backends.pool(pool).retries_on(status) {
            return false;
        }
        self.search.tried.push(upstream.backend);
        cx.backends.is_left(pool, &self.search.tried, true) && pay(pool, cx)
    }

    /// Whether a response head is complete that the client is not to see: then there is another upstream.
    #[inline]
    pub(super) fn turn_down<N: Net>(&mut self, cx: &mut Context<N>) -> Result<bool, Stop> {
        match self.upstream.as_ref().and_then(|upstream| upstream.end.held().get(CLASS)) {
            Some(b'5') => self.turn_down_error(cx),
            _ => Ok(false),
        }
    }

    #[cold]
    fn turn_down_error<N: Net>(&mut self, cx: &mut Context<N>) -> Result<bool, Stop> {
        let (mut table, held) = (http::table(), connected(&mut self.upstream)?.end.held());
        let found = http::head::next_response(&mut self.scan, held, self.terms.verb, &cx.limits, &mut table);
        let Ok(Some((head, size))) = found else { return Ok(false) };
        let (status, framing, keep_alive) = (head.status, head.framing, head.keep_alive);
        if !self.goes_elsewhere(status, cx) {
            return Ok(false);
        }
        log::debug!("{}: {} goes elsewhere: status {status}", self.peer, self.story());
        self.judge(Served::Status(status), cx);
        cx.note_fate(&self.record, Fate::Unwanted);
        self.leave(size, framing, keep_alive, cx);
        self.start_over(Again::Status, cx);
        self.reach(cx).map(|()| true)
    }

    /// Lets go of an upstream whose response nobody wants: its head has `size` bytes.
    fn leave<N: Net>(&mut self, size: usize, framing: Framing, keep_alive: bool, cx: &mut Context<N>) {
        let Some(upstream) = &mut self.upstream else { return };
        upstream.end.consume(size);
        self.response.give_back(cx);
        self.response = Flow::new(Vec::new(), framing.into(), false);
        let _ = self.response.begin(&mut upstream.end, &cx.limits); // what is malformed is not at hand
        (self.terms.stage, self.terms.upstream_keep_alive) = (Stage::Final, keep_alive);
        let asked = self.request.is_complete();
        self.let_go(asked, cx);
        (self.terms.stage, self.terms.upstream_keep_alive) = (Stage::Head, false);
        self.response.give_back(cx);
        self.response = Flow::default();
    }

    /// What came is no response head.
    pub(super) fn bad_head<N: Net>(&mut self, why: &dyn Display, cx: &mut Context<N>) -> Going {
        let bad = self.bad_response(why, cx);
        match self.goes_elsewhere(502, cx) {
            true => self.flee(Served::Failed("bad response"), Fate::Nonsense, cx),
            false => bad,
        }
    }

    /// The deadline for a response has come, and none has begun.
    pub fn response_late<N: Net>(&mut self, cx: &mut Context<N>) -> Going {
        match self.goes_elsewhere(504, cx) {
            true => self.flee(Served::Failed("no response in time"), Fate::Silent, cx),
            false => Err(Stop::Failed(Reason::ResponseTimeout)),
        }
    }

    /// Breaks with the present backend, who has done so, and goes elsewhere.
    fn flee<N: Net>(&mut self, how: Served, fate: Fate, cx: &mut Context<N>) -> Going {
        log::debug!("{}: {} goes elsewhere: {how}", self.peer, self.story());
        self.judge(how, cx);
        cx.note_fate(&self.record, fate);
        if let Some(upstream) = self.detach(cx) {
            cx.reset(upstream.end.sock);
        }
        self.start_over(if fate == Fate::Silent { Again::Timeout } else { Again::BadResponse }, cx);
        self.reach(cx)
    }
}

/// Takes what a retry costs out of its pool's budget, or counts that it could not.
fn pay<N: Net>(pool: PoolId, cx: &mut Context<N>) -> bool {
    let paid = cx.backends.may_retry(pool);
    cx.stats.retry_denied += u64::from(!paid);
    cx.tallies.of(pool.0).denied += u64::from(!paid);
    paid
}
