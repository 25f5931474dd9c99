//! What an operator may ask of a backend while everything runs: to finish, to rest, to come back, to carry more or less.
//!
//! Each takes effect with the next pick; what a backend has under way it finishes. Connections that wait for work in the
//! pool are closed at once, so that who looks at the backend sees it grow empty; how many exchanges it still has is its
//! [`in_flight`](crate::balance::Backend::in_flight). Each change is one line in the log. Who is asked twice for the same
//! has done it already.

use super::Proxy;
use super::context::Context;
use crate::admin::Act;
use crate::balance::{BackendId, Order};
use crate::net::Net;

impl<N: Net> Context<N> {
    /// Does what was asked for on the admin address: the weight first, so that who is to work has it.
    pub fn perform(&mut self, act: &Act) {
        for &id in &act.backends {
            act.weight.into_iter().for_each(|weight| self.set_weight(id, weight));
            match act.order {
                Some(Order::Drain) => self.drain(id),
                Some(Order::Disable) => self.disable(id),
                Some(Order::Serve) => self.enable(id),
                Some(Order::Leave) | None => {} // who leaves does so by the configuration
            }
        }
    }

    /// A backend gets no new work. It is probed on, so that it is known to be fit when it is back.
    pub fn drain(&mut self, id: BackendId) {
        if self.order(id, Order::Drain) {
            self.empty(id, "is draining");
        }
    }

    /// A backend gets no new work, and no probe.
    pub fn disable(&mut self, id: BackendId) {
        if self.order(id, Order::Disable) {
            self.probes_due.drop(id.0);
            self.empty(id, "is disabled");
        }
    }

    /// A backend works again, if it is fit. One that was disabled is unproven, or down if it was, and probed at once.
    pub fn enable(&mut self, id: BackendId) {
        if !self.order(id, Order::Serve) {
            return;
        }
        let backend = self.backends.get(id);
        let still = if backend.weight == 0 { ", but has a weight of 0" } else { "" };
        log::warn!("backend {} is enabled{still}, as asked", backend.name);
    }

    /// A backend gets another share; at 0 it drains. At most [`MOST_WEIGHT`](crate::config::MOST_WEIGHT), which its
    /// caller checks.
    pub fn set_weight(&mut self, id: BackendId, weight: u32) {
        if !self.backends.set_weight(id, weight, self.now) {
            return;
        }
        self.tell_weight(id);
    }

    /// It has another weight; without any, nothing new goes there.
    pub(super) fn tell_weight(&mut self, id: BackendId) {
        let backend = self.backends.get(id);
        match backend.weight {
            0 => self.empty(id, "is draining, by a weight of 0"),
            weight => log::warn!("backend {} has a weight of {weight} now, as asked", backend.name),
        }
    }

    /// Whether it was told something else before. Who was disabled is asked at once how it is.
    fn order(&mut self, id: BackendId, order: Order) -> bool {
        let rested = !self.backends.get(id).is_probed();
        let news = self.backends.order(id, order, self.now);
        if news && rested && self.backends.pool(self.backends.get(id).pool).probing.is_on() {
            self.probes_due.set(id.0, self.now);
        }
        news
    }

    /// Nothing new goes there: what is kept for it is closed, and what is left is told.
    pub(super) fn empty(&mut self, id: BackendId, what: &str) {
        let closed = self.close_idle(id);
        let backend = self.backends.get(id);
        log::warn!(
            "backend {} {what}, as asked: {} in flight, {closed} idle connections closed",
            backend.name,
            backend.in_flight
        );
    }

    /// Closes what is kept open to it: how many connections.
    pub(super) fn close_idle(&mut self, id: BackendId) -> usize {
        let mut closed = 0;
        while let Some(sock) = self.idle.take(id) {
            self.close(sock);
            closed += 1;
        }
        closed
    }

    /// One exchange less is under way at a backend that gets no new work.
    #[cold]
    pub(super) fn tell_drained(&self, id: BackendId) {
        let backend = self.backends.get(id);
        if backend.in_flight == 0 {
            log::info!("backend {} is drained: nothing is in flight", backend.name);
        }
    }
}

impl<N: Net> Proxy<N> {
    /// The tables, to be changed by an operator.
    pub fn operate(&mut self) -> &mut Context<N> {
        &mut self.cx
    }
}
