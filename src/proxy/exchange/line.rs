//! Waiting for a backend, when all that could serve are full.
//!
//! Nobody overtakes: while somebody waits, who comes goes behind them. Whose turn it is, is called by the
//! [loop](super::super::Proxy), one at a time and at once, so a place that is free needs no guard. A request that was
//! served already, and has to go elsewhere, waits at the front. It has let go of its own place by then, so it never waits
//! for itself.

use super::{Exchange, Going, Stop};
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::reason::Reason;

impl Exchange {
    /// Whether others wait for what this one is about to take, and came before.
    #[cold]
    pub(super) fn is_overtaking<N: Net>(&self, cx: &Context<N>) -> bool {
        let first_time = !self.search.picked && !self.search.called;
        first_time && cx.queues.length(self.search.pool) > 0
    }

    /// It waits, if there is a place to.
    #[cold]
    pub(super) fn line_up<N: Net>(&mut self, front: bool, cx: &mut Context<N>) -> Going {
        let pool = self.search.pool;
        let Some(ticket) = cx.queues.join(pool, self.row, &self.search.tried, front) else {
            cx.tell_shedding(pool, "are turned down");
            return Err(Stop::Failed(Reason::QueueFull));
        };
        cx.stats.queued += 1;
        cx.tell_shedding(pool, "wait");
        (self.search.ticket, self.search.until) = (Some(ticket), cx.now + cx.backends.pool(pool).patience);
        Err(Stop::Wait)
    }

    /// Nothing can be done but wait. A client that has only half closed is still there, as far as anybody can tell.
    pub(super) fn wait_in_line(&mut self) -> Going {
        Err(Stop::Wait)
    }

    /// Its turn has come.
    pub fn call<N: Net>(&mut self, cx: &mut Context<N>) {
        self.leave_line(cx);
        self.search.called = true;
        cx.moved += 1;
    }

    /// It waits no longer, for whatever reason.
    pub(super) fn leave_line<N: Net>(&mut self, cx: &mut Context<N>) {
        if let Some(ticket) = self.search.ticket.take() {
            cx.queues.leave(ticket);
        }
    }
}
