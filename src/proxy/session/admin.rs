//! A request on the admin address: what it asks for is done, and a page of our own is the answer.
//!
//! Whoever asks for something with a body is heard to its end first. What an [`Act`] changes are the tables of this loop, so it is
//! done here and now, and the answer shows the tables as they are then. What only the whole house can do, such as going over to
//! another configuration, is an [`Ask`](crate::admin::Ask), for which the session waits: see [`asks`](crate::proxy::asks).

use super::head::is_bodiless;
use super::{Next, Session, Step};
use crate::admin::{self, Channel, Page, Reply};
use crate::http::{self, Malformed, Request, Verb};
use crate::net::Net;
use crate::proxy::context::Context;
use crate::proxy::exchange::{Exchange, Terms};
use crate::proxy::phase::Phase;
use crate::proxy::reason::Reason;
use crate::proxy::record::Record;

impl Session {
    /// Answers a request, or reads its body first.
    pub(super) fn show<N: Net>(
        &self,
        request: &Request<'_, '_>,
        head: &[u8],
        cx: &mut Context<N>,
    ) -> Result<Box<Exchange>, Malformed> {
        let bodiless = is_bodiless(request);
        match admin::reply(request, self.peer, bodiless.then_some(b""), &cx.view()) {
            Reply::Body => {
                let said = (Terms::from(request), head);
                Exchange::gathering(said, request.framing, self.heard, self.name(), cx)
            }
            reply => Ok(self.respond(request, bodiless, reply, cx)),
        }
    }

    /// A request is there with its body.
    pub(super) fn show_gathered<N: Net>(&mut self, cx: &mut Context<N>) -> Step {
        let gathered = self.exchange.as_mut().and_then(|exchange| exchange.take_gathered());
        let Some((head, body)) = gathered else { return Step::Close(Reason::System) };
        let mut table = http::table();
        let exchange = match http::head::request(&head, &cx.limits, &mut table) {
            Ok(request) => {
                let reply = admin::reply(&request, self.peer, Some(&body), &cx.view());
                self.respond(&request, true, reply, cx)
            }
            Err(malformed) => return self.refuse(malformed, cx), // the limits are others by now
        };
        self.end_exchange(Reason::Finished, cx);
        self.exchange = Some(exchange);
        self.enter(Phase::Answering, cx);
        Step::Go
    }

    /// Does what is asked for, and answers. Behind a request that was not read to its end, the connection closes.
    fn respond<N: Net>(
        &self,
        request: &Request<'_, '_>,
        whole: bool,
        reply: Reply,
        cx: &mut Context<N>,
    ) -> Box<Exchange> {
        let mut terms = Terms::from(request);
        terms.keep_alive &= whole && !cx.is_leaving(self.service);
        let page = match reply {
            Reply::Page(page) => page,
            Reply::Act(act) => {
                cx.perform(&act);
                admin::backends(&act.backends, &cx.view())
            }
            Reply::Ask(ask) => {
                let id = cx.rng.id();
                cx.asks.push(((self.row, id), ask));
                return Exchange::asking(terms, Record { id, ..self.new_record(cx) }, self.name(), cx);
            }
            Reply::Feed(channel) if terms.verb != Verb::Head && !cx.watchers.is_full() => {
                return self.feed(terms, channel, cx);
            }
            Reply::Feed(_) => Page::no_feed(terms.verb == Verb::Head),
            Reply::Play(body) => {
                let mut stage = cx.stage.take(); // it looks at everything but itself
                let page = admin::stage::play(stage.as_deref_mut(), &body, &cx.view());
                cx.stage = stage;
                page
            }
            Reply::Body => Page::no_body(),
        };
        self.show_page(terms, &page, cx)
    }

    fn show_page<N: Net>(&self, terms: Terms, page: &Page, cx: &mut Context<N>) -> Box<Exchange> {
        let mut out = cx.lender.lend_scrap();
        let answer = http::Answer {
            status: page.status,
            content_type: page.content_type,
            body: &page.body,
            extra: page.extra,
            close: !terms.keep_alive,
            head_only: terms.verb == Verb::Head,
            keep_alive_10: terms.says_keep_alive(),
        };
        http::answer::write(&answer, &mut out);
        Exchange::answer(terms, out, self.new_record(cx), self.name(), cx)
    }

    /// Begins to tell what is new, at once and at each beat.
    fn feed<N: Net>(&self, mut terms: Terms, channel: Channel, cx: &mut Context<N>) -> Box<Exchange> {
        let (id, mut out) = (cx.rng.id(), cx.lender.lend_scrap());
        terms.keep_alive = false; // its end is that of the connection
        cx.watchers.admit((self.row, id), channel, cx.now);
        http::answer::stream(admin::EVENTS, &mut out);
        Exchange::feed(terms, out, Record { id, ..self.new_record(cx) }, self.name(), cx)
    }

    /// Whether it is fed by the request of this id.
    pub fn is_feed(&self, id: u128) -> bool {
        self.exchange.as_ref().is_some_and(|exchange| exchange.is_feed(id))
    }

    /// Whether all that it was told was taken.
    pub fn takes_more(&self) -> bool {
        self.phase == Phase::Watching
    }

    /// Tells whoever watches what is new.
    pub fn tell_more<N: Net>(&mut self, frame: &[u8], cx: &mut Context<N>) -> Next {
        self.exchange.iter_mut().for_each(|exchange| exchange.tell_more(frame, cx));
        cx.moved += 1;
        self.enter(Phase::Answering, cx);
        self.drive(cx)
    }

    /// The house has done what the request of this id asks for. Whether it waits for that, and is to be driven.
    pub fn tell<N: Net>(&mut self, id: u128, page: &Page, cx: &mut Context<N>) -> bool {
        let leaving = cx.is_leaving(self.service);
        let Some(exchange) = self.exchange.as_mut().filter(|exchange| exchange.asks(id)) else { return false };
        let terms = exchange.terms.for_answer(exchange.terms.keep_alive && !leaving);
        self.end_exchange(Reason::Finished, cx);
        self.exchange = Some(self.show_page(terms, page, cx));
        self.enter(Phase::Answering, cx);
        true
    }
}
