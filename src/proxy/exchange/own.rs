//! Answers of our own: whole ones, those that the house has to work for first, and those without an end.
//!
//! The last are feeds: someone watches, and is told what is new at each beat. A feed that has not been taken whole is told
//! nothing meanwhile, so a slow watcher costs one frame and no more. Its client may leave at any time, so what it says is
//! read and thrown away. What is told and when is [`watch`](crate::proxy::watch)'s.

use super::gather::{Heard, hear};
use super::{Exchange, Going, Kind, Stop, Terms};
use crate::base::Peer;
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::end::End;
use crate::proxy::flow::{Body, Flow, Pumped};
use crate::proxy::reason::Reason;
use crate::proxy::record::Record;

impl Exchange {
    /// An answer of our own, ready to be sent, to a request of which this is remembered.
    pub fn answer<N: Net>(
        terms: Terms,
        text: Vec<u8>,
        record: Record,
        of: (u32, Peer),
        cx: &mut Context<N>,
    ) -> Box<Self> {
        Exchange::own(Kind::Answer, terms, (text, record), of, cx)
    }

    /// A request to ourselves that is answered when the house has done what it asks for.
    pub fn asking<N: Net>(terms: Terms, record: Record, of: (u32, Peer), cx: &mut Context<N>) -> Box<Self> {
        Exchange::own(Kind::Asking, terms, (Vec::new(), record), of, cx)
    }

    /// An answer without an end, which begins with this.
    pub fn feed<N: Net>(
        terms: Terms,
        head: Vec<u8>,
        record: Record,
        of: (u32, Peer),
        cx: &mut Context<N>,
    ) -> Box<Self> {
        Exchange::own(Kind::Feed, terms, (head, record), of, cx)
    }

    fn own<N: Net>(
        kind: Kind,
        terms: Terms,
        (text, record): (Vec<u8>, Record),
        of: (u32, Peer),
        cx: &mut Context<N>,
    ) -> Box<Self> {
        let parts = kind == Kind::Answer && !terms.keep_alive;
        let mut exchange = Exchange::blank(kind, terms, record.heard, of, cx).placed(cx);
        (exchange.record, exchange.response) = (record, Flow::new(text, Body::Done, false).parting(parts));
        exchange
    }

    /// Whether the house works for it, and it is known by this id.
    pub fn asks(&self, id: u128) -> bool {
        self.kind == Kind::Asking && self.record.id == id
    }

    /// Whether it is a feed, and known by this id.
    pub fn is_feed(&self, id: u128) -> bool {
        self.kind == Kind::Feed && self.record.id == id
    }

    /// Whether it is an answer of our own, whole or without an end.
    pub fn is_answer(&self) -> bool {
        matches!(self.kind, Kind::Answer | Kind::Feed)
    }

    /// A feed of which everything was taken goes on with this.
    pub fn tell_more<N: Net>(&mut self, frame: &[u8], cx: &mut Context<N>) {
        let mut out = cx.lender.lend_scrap();
        out.extend_from_slice(frame);
        self.response = Flow::new(out, Body::Done, false);
    }

    /// Sends an answer of our own, or so much of a feed as there is.
    pub(super) fn say<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Going {
        let mut nobody = End::new(client.sock); // an answer of our own has no source
        match self.response.pump(&mut nobody, client, cx, budget) {
            Pumped::Complete if self.kind == Kind::Feed => Ok(()),
            Pumped::Complete => Err(Stop::Concluded),
            Pumped::Waiting => Err(Stop::Wait),
            Pumped::Later => Err(Stop::Later),
            Pumped::Hungry => Err(Stop::Hungry),
            _ => Err(Stop::Failed(Reason::ClientReset)),
        }
    }

    /// Throws away what a watcher says, until there is something to tell. It may leave.
    pub(super) fn watch<N: Net>(&mut self, client: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Going {
        self.record.moved[1] += self.response.moved;
        self.response.give_back(cx);
        self.response = Flow::default();
        client.drop_held(&mut cx.lender);
        match hear(client, cx, budget)? {
            Heard::Bytes => Ok(()),
            Heard::End | Heard::TooMuch => Err(Stop::Failed(Reason::ClientLeft)),
        }
    }
}
