//! What an exchange tells of the backend that served it: whether it served it well, for
//! [ejection](crate::balance::ejection).
//!
//! | what happened | told when | said of the backend |
//! |---|---|---|
//! | no connection | at once, for each backend that is tried | badly, unless it is our own trouble |
//! | a fresh connection died before a response | at once, for each | badly |
//! | a pooled one did | | nothing: it was stale |
//! | a tunnel stands, or the protocol was switched | then | well |
//! | the response is whole | when it is delivered | badly if its status is 500 or above, else well |
//! | the response is late, cut or broken | when that is seen | badly |
//! | the client left, stalled or was wrong; we are leaving | | nothing |
//!
//! Each request says one thing at most of each connection made for it: whoever lost its upstream has told already.

use super::Exchange;
use crate::balance::Served;
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::reason::Reason;

/// What the end of a request for this reason, with this status of the backend, says of it.
#[inline]
pub(super) fn of_request(reason: Reason, status: u16) -> Option<Served> {
    match reason {
        Reason::Finished if status >= 500 => Some(Served::Status(status)),
        Reason::Finished => Some(Served::Well),
        Reason::ResponseTimeout => Some(Served::Failed("no response in time")),
        Reason::Truncated => Some(Served::Failed("response cut")),
        Reason::BadResponse => Some(Served::Failed("bad response")),
        _ => None,
    }
}

impl Exchange {
    /// Tells how its present backend served. Tunnels say nothing when they end.
    #[inline]
    pub(super) fn judge<N: Net>(&self, served: Served, cx: &mut Context<N>) {
        if let Some(upstream) = &self.upstream {
            cx.backend_served(upstream.backend, served);
        }
    }
}
