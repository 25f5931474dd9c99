//! A request to ourselves, whose body is read to its end before anything is made of it.
//!
//! Its head is kept as it came and read once more when all is there, so that nothing of a parsed head has to outlive the
//! buffer that it borrows from. What it asks for is the [admin address](crate::admin)'s to say.

use super::{Exchange, Going, Kind, Stop, Terms};
use crate::base::{Peer, Time};
use crate::http::{Framing, Malformed};
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::end::{End, Filled};
use crate::proxy::flow::{Body, Flow, Pumped};
use crate::proxy::reason::Reason;

/// No request to ourselves is larger, whatever clients may send.
const LONGEST: u64 = 64 * 1024;

/// A request to ourselves, as far as it has come.
#[derive(Debug)]
pub(super) struct Gathered {
    head: Vec<u8>,
    body: Vec<u8>,
}

/// What a client says to ourselves.
pub(super) enum Heard {
    /// Some bytes, which its end holds now.
    Bytes,
    /// Nothing more.
    End,
    /// More than its end can hold.
    TooMuch,
}

/// Reads once what a client says to ourselves.
pub(super) fn hear<N: Net>(client: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Result<Heard, Stop> {
    if *budget == 0 && client.readable {
        return Err(Stop::Hungry);
    }
    match client.fill(&mut cx.net, &mut cx.lender) {
        Ok(Filled::Bytes(count)) => {
            cx.moved += count as u64;
            *budget = budget.saturating_sub(count);
            Ok(Heard::Bytes)
        }
        Ok(Filled::Nothing) => Err(Stop::Wait),
        Ok(Filled::Ended) => Ok(Heard::End),
        Ok(Filled::Full) => Ok(Heard::TooMuch),
        Err(_) => Err(Stop::Failed(Reason::ClientReset)),
    }
}

impl Exchange {
    /// Reads a body that is framed like this, behind `head`. Errors: it is too large.
    pub fn gathering<N: Net>(
        (terms, head): (Terms, &[u8]),
        framing: Framing,
        heard: Time,
        of: (u32, Peer),
        cx: &mut Context<N>,
    ) -> Result<Box<Exchange>, Malformed> {
        if matches!(framing, Framing::Length(length) if length > LONGEST) {
            return Err(Malformed::BodyTooLarge);
        }
        let waits = terms.expects_continue;
        let mut exchange = Exchange::blank(Kind::Gathering, terms, heard, of, cx).placed(cx);
        exchange.request = Flow::new(Vec::new(), framing.into(), false).limited(LONGEST);
        if waits {
            let mut out = cx.lender.lend_scrap();
            out.extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            exchange.response = Flow::new(out, Body::Done, false);
        }
        exchange.gathered = Some(Box::new(Gathered { head: head.to_vec(), body: Vec::new() }));
        Ok(exchange)
    }

    /// The head and the body of a request to ourselves, once.
    pub fn take_gathered(&mut self) -> Option<(Vec<u8>, Vec<u8>)> {
        self.gathered.take().map(|all| (all.head, all.body))
    }

    pub(super) fn gather<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Going {
        let mut nobody = End::new(client.sock);
        match self.response.pump(&mut nobody, client, cx, budget) {
            Pumped::Complete => {}
            Pumped::Waiting => return Err(Stop::Wait),
            Pumped::Later => return Err(Stop::Later),
            Pumped::Hungry => return Err(Stop::Hungry),
            _ => return Err(Stop::Failed(Reason::ClientReset)),
        }
        let Some(gathered) = &mut self.gathered else { return Err(Stop::Failed(Reason::System)) };
        while self.request.collect(client, &mut gathered.body, &cx.limits).map_err(Stop::Refused)? {}
        if self.request.is_at_hand() {
            return Err(Stop::Gathered);
        }
        match hear(client, cx, budget)? {
            Heard::Bytes => Ok(()),
            Heard::End => Err(Stop::Refused(Malformed::BodyCut)),
            Heard::TooMuch => Err(Stop::Refused(Malformed::HeadTooLarge)),
        }
    }
}
