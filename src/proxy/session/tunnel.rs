//! Bytes both ways that mean nothing to us: TCP mode, and HTTP connections after `101 Switching Protocols`.
//!
//! Each direction ends by itself: when one side has said everything and all of it was passed on, the other side is told
//! with a FIN of its own, and the opposite direction goes on.

use super::{Exchange, Phase, Session, Step};
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::flow::{Body, Flow, Pumped};
use crate::proxy::reason::Reason;

impl Session {
    /// The backend has switched protocols and the client knows: what either says from now on passes as it is.
    pub(super) fn switch_to_tunnel<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        let Some(exchange) = &mut self.exchange else { return Step::Close(Reason::System) };
        if !exchange.request.is_complete() {
            return Step::Close(Reason::BadResponse); // a body is still on its way: what is it the body of?
        }
        log::debug!("{}: {} upgraded", self.peer, exchange.story());
        exchange.request.drop_all(&mut cx.lender);
        exchange.response.drop_all(&mut cx.lender);
        exchange.request = Flow::new(Vec::new(), Body::UntilClose, false);
        exchange.response = Flow::new(Vec::new(), Body::UntilClose, false);
        self.enter(Phase::Tunnel, cx);
        Step::Go
    }

    /// Moves both directions as far as they go.
    pub(super) fn tunnel<N: Net>(&mut self, cx: &mut Context<N>, budget: &mut usize) -> Step {
        let Session { client, exchange: Some(exchange), .. } = self else { return Step::Close(Reason::System) };
        let Exchange { upstream: Some(upstream), request, response, .. } = exchange.as_mut() else {
            return Step::Close(Reason::System);
        };
        let before = (request.moved, response.moved);
        let up = request.pump(client, &mut upstream.end, cx, budget);
        let down = response.pump(&mut upstream.end, client, cx, budget);
        let moved = (request.moved - before.0, response.moved - before.1);
        cx.stats.bytes_up += moved.0;
        cx.stats.bytes_down += moved.1;
        self.moved += moved.0 + moved.1;
        for (pumped, to, finished) in [(&up, &upstream.end, 0), (&down, &*client, 1)].map(|(p, t, i)| (p, t.sock, i)) {
            if matches!(pumped, Pumped::Complete) && !std::mem::replace(&mut exchange.finished[finished], true) {
                cx.net.finish(to);
                self.moved += 1;
            }
        }
        if moved != (0, 0) {
            self.enter(Phase::Tunnel, cx);
        }
        after(&up, &down)
    }
}

/// What the two directions come to together.
fn after(up: &Pumped, down: &Pumped) -> Step {
    match (up, down) {
        (Pumped::SourceGone(_) | Pumped::SinkGone(_), _) | (_, Pumped::SourceGone(_) | Pumped::SinkGone(_)) => {
            Step::Close(Reason::TunnelReset)
        }
        (Pumped::Complete, Pumped::Complete) => Step::Close(Reason::Finished),
        (Pumped::Hungry, _) | (_, Pumped::Hungry) => Step::Hungry,
        _ => Step::Wait,
    }
}
