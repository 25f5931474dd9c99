//! Bytes both ways that mean nothing to us: TCP mode, and HTTP connections after `101 Switching Protocols`.
//!
//! Each direction ends by itself: when one side has said everything and all of it was passed on, the other side is told
//! with a FIN of its own, and the opposite direction goes on.

use super::{Exchange, Going, Stop, connected};
use crate::net::{Net, Sock};
use crate::proxy::context::Context;
use crate::proxy::end::End;
use crate::proxy::flow::Pumped;
use crate::proxy::reason::Reason;

impl Exchange {
    /// Moves both directions as far as they go.
    pub(super) fn pass<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Going {
        let upstream = &mut connected(&mut self.upstream)?.end;
        let before = (self.request.moved, self.response.moved);
        let up = self.request.pump(client, upstream, cx, budget);
        cx.stats.bytes_up += self.request.moved - before.0;
        if matches!(up, Pumped::Later) {
            return Err(Stop::Later); // an end of the other direction must not come before what this one owes
        }
        let down = self.response.pump(upstream, client, cx, budget);
        cx.stats.bytes_down += self.response.moved - before.1;
        let upstream = upstream.sock;
        self.carry_end(0, &up, upstream, cx);
        self.carry_end(1, &down, client.sock, cx);
        Err(after(&up, &down))
    }

    /// Tells one side, once, that the other has said everything.
    fn carry_end<N: Net>(&mut self, side: usize, pumped: &Pumped, to: Sock, cx: &mut Context<N>) {
        if matches!(pumped, Pumped::Complete) && !std::mem::replace(&mut self.told[side], true) {
            cx.net.finish(to);
            cx.moved += 1;
        }
    }
}

/// What the two directions come to together.
fn after(up: &Pumped, down: &Pumped) -> Stop {
    use Pumped::{Complete, Cut, Hungry, Later, SinkGone, SourceGone};
    match (up, down) {
        (SourceGone(_) | SinkGone(_) | Cut, _) | (_, SourceGone(_) | SinkGone(_) | Cut) => {
            Stop::Failed(Reason::TunnelReset)
        }
        (_, Later) => Stop::Later,
        (Complete, Complete) => Stop::Concluded,
        (Hungry, _) | (_, Hungry) => Stop::Hungry,
        _ => Stop::Wait,
    }
}
