//! The two flows of a request: client to upstream, upstream to client.
//!
//! The response may begin, and even end, before the request does; interim responses pass before the final one. Which
//! head means what is [`terms`](super::terms)'; where a body ends is [`flow`](crate::proxy::flow)'s.

use super::terms::Stage;
use super::{Exchange, Going, Kind, Stop, Upstream, connected, raw};
use crate::balance::Served;
use crate::http::{self, Framing, Malformed, Scan};
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::end::{End, Filled};
use crate::proxy::flow::{Flow, Pumped};
use crate::proxy::phase::Phase;
use crate::proxy::reason::Reason;

impl Exchange {
    pub(super) fn talk_phase(&self) -> Phase {
        let sent = self.terms.request_cut || self.request.is_complete();
        match self.terms.stage {
            Stage::Final | Stage::Interim if self.response.owes() => Phase::Delivering,
            Stage::Final => Phase::Receiving,
            _ if sent => Phase::Awaiting,
            _ => Phase::Sending,
        }
    }

    /// Moves both directions as far as they go.
    pub(super) fn talk<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Going {
        let sent = self.send_request(client, cx, budget);
        if matches!(sent, Err(Stop::Failed(_) | Stop::Refused(_) | Stop::Later)) {
            return sent;
        }
        match (self.receive_response(client, cx, budget), sent) {
            (Err(Stop::Wait), Err(Stop::Hungry)) => Err(Stop::Hungry),
            (received, _) => received,
        }
    }

    /// Client to upstream. It stops even when all is sent: there is nothing more to do for this direction.
    fn send_request<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Going {
        if self.terms.request_cut || self.request.is_complete() {
            return Err(Stop::Wait);
        }
        let upstream = connected(&mut self.upstream)?;
        let before = self.request.moved;
        let pumped = self.request.pump(client, &mut upstream.end, cx, budget);
        cx.stats.bytes_up += self.request.moved - before;
        match pumped {
            Pumped::Complete | Pumped::Waiting => Err(Stop::Wait),
            Pumped::Later => Err(Stop::Later),
            Pumped::Hungry => Err(Stop::Hungry),
            Pumped::Malformed(malformed) => Err(Stop::Refused(malformed)),
            Pumped::Cut => Err(Stop::Refused(Malformed::BodyCut)),
            Pumped::SourceGone(_) => Err(Stop::Failed(Reason::ClientReset)),
            Pumped::SinkGone(_) => {
                // It may have answered before it closed (RFC 9112 section 9.5): look before giving up.
                self.terms.request_cut = true;
                upstream.end.readable = true;
                Err(Stop::Wait)
            }
        }
    }

    /// Upstream to client: heads as they come, and what flows behind them. It goes on when there is a new upstream.
    fn receive_response<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Going {
        while self.kind == Kind::Request {
            match self.terms.stage {
                Stage::Head => {
                    self.find_head(client, cx)?;
                    if self.terms.stage == Stage::Head {
                        return Ok(()); // there is a new upstream, which is to hear the request first
                    }
                }
                Stage::Interim | Stage::Final => self.deliver(client, cx, budget)?,
            }
        }
        Ok(())
    }

    /// Reads until a response head is complete, and takes it. If the client is not to see it, or the upstream died, there
    /// is a new one.
    fn find_head<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>) -> Going {
        loop {
            let some = !connected(&mut self.upstream)?.end.held().is_empty();
            if some && (self.turn_down(cx)? || self.take_head(client, cx)?) {
                return Ok(());
            }
            let end = &mut connected(&mut self.upstream)?.end;
            let died = match end.fill(&mut cx.net, &mut cx.lender) {
                Ok(Filled::Bytes(count)) => {
                    cx.moved += count as u64;
                    continue;
                }
                Ok(Filled::Nothing) => return Err(Stop::Wait),
                Ok(Filled::Full) => return self.bad_head(&Malformed::HeadTooLarge, cx),
                Ok(Filled::Ended) => None,
                Err(error) => Some(error),
            };
            if !end.held().is_empty() {
                return self.bad_head(&Malformed::HeadCut, cx);
            }
            return self.upstream_died(died, cx);
        }
    }

    pub(super) fn bad_response<N: Net, T>(&self, why: &dyn std::fmt::Display, cx: &Context<N>) -> Result<T, Stop> {
        if let Some(upstream) = &self.upstream {
            log::warn!("backend {}: bad response: {why}", cx.backends.get(upstream.backend).name);
        }
        Err(Stop::Failed(Reason::BadResponse))
    }

    /// A response head leaves the upstream's buffer and is written anew. False: it is not complete.
    #[inline(never)] // for its room, as `Session::admit`
    fn take_head<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>) -> Result<bool, Stop> {
        let Upstream { end, backend, since, .. } = connected(&mut self.upstream)?;
        let mut table = http::table();
        let found = http::head::next_response(&mut self.scan, end.held(), self.terms.verb, &cx.limits, &mut table);
        let (head, size) = match found {
            Ok(Some(found)) => found,
            Ok(None) => return Ok(false),
            Err(malformed) => return self.bad_head(&malformed, cx).map(|()| true),
        };
        self.scan = Scan::default();
        if let Err(why) = self.terms.accept(&head, self.request.is_complete()) {
            return self.bad_head(&why, cx).map(|()| true);
        }
        self.request.forget(client); // a response has begun: nothing is sent twice from here on
        self.record.answered = cx.now; // the last of them is the final one
        if self.terms.stage == Stage::Final {
            cx.backends.answered(*backend, cx.now - *since);
        }
        let mut out = cx.lender.lend_scrap();
        // An answer of known length to half a request ends the connection, and says so in time (RFC 9112 section 9.6).
        let early = !self.request.is_at_hand() && matches!(head.framing, Framing::None | Framing::Length(_));
        let cookie = cx.backends.tell_client(*backend, self.search.stuck);
        let (body, chunking) = self.terms.write(&head, cx.draining || early, cookie, &mut out);
        let (drops_trailers, parts) = (head.drops_trailers, self.terms.is_parting());
        end.consume(size);
        self.response.give_back(cx);
        self.response = Flow::new(out, body, chunking).trailers(drops_trailers).parting(parts);
        match self.response.begin(end, &cx.limits) {
            Ok(()) => Ok(true),
            Err(malformed) => self.bad_response(&malformed, cx),
        }
    }

    /// Pumps what the response flow carries.
    fn deliver<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Going {
        let upstream = connected(&mut self.upstream)?;
        let before = self.response.moved;
        let pumped = self.response.pump(&mut upstream.end, client, cx, budget);
        cx.stats.bytes_down += self.response.moved - before;
        match pumped {
            Pumped::Complete if self.terms.stage == Stage::Interim => {
                self.terms.stage = Stage::Head;
                Ok(())
            }
            Pumped::Complete if self.terms.upgraded => {
                self.switch_protocols(client, cx);
                Ok(())
            }
            Pumped::Complete => Err(Stop::Concluded),
            Pumped::Waiting => Err(Stop::Wait),
            Pumped::Later => Err(Stop::Later),
            Pumped::Hungry => Err(Stop::Hungry),
            Pumped::SinkGone(_) => Err(Stop::Failed(Reason::ClientReset)),
            Pumped::Cut | Pumped::SourceGone(_) => Err(Stop::Failed(Reason::Truncated)),
            Pumped::Malformed(malformed) => self.bad_response(&malformed, cx),
        }
    }

    /// Whether the upstream has said all of its final response, delivered or not.
    pub(super) fn is_response_at_hand(&self) -> bool {
        self.kind == Kind::Request
            && self.terms.stage == Stage::Final
            && !self.terms.upgraded
            && self.response.is_at_hand()
    }

    /// The backend has switched protocols and the client knows: what either says from now on passes as it is.
    fn switch_protocols<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>) {
        log::debug!("{}: {} upgraded", self.peer, self.story());
        self.judge(Served::Well, cx);
        self.record.moved = [self.request.moved, self.response.moved];
        self.request.discard(client);
        self.request.give_back(cx);
        self.response.give_back(cx);
        (self.request, self.response, self.kind) = (raw(), raw(), Kind::Tunnel);
    }

    /// The deadline for sending has come: whose fault is it? The upstream's if it takes no more, or said neither go on
    /// nor stop to a client that waits to hear it; else the client's.
    pub fn who_stalls(&self) -> Reason {
        let waits_for_continue = self.terms.expects_continue && self.request.carried == 0;
        match self.request.owes() || waits_for_continue {
            true => Reason::ResponseTimeout,
            false => Reason::BodyTimeout,
        }
    }
}
