//! What befalls a backend is told to [`balance`](crate::balance), and what that makes of it, to the log: one line for
//! each change, with its cause.
//!
//! Nothing is decided here. Who calls: the [prober](super::prober) and the [exchange](super::exchange) with what they
//! have seen, the [loop](super::Proxy::turn) when an ejection is over.

use super::context::Context;
use crate::balance::{BackendId, Cause, Change, Sentence, Served, State};
use crate::net::Net;
use std::time::Duration;

impl<N: Net> Context<N> {
    /// An attempt at a backend failed, a probe or a live connection: counts it, tells a change of state.
    pub fn backend_failed(&mut self, id: BackendId, cause: &Cause) {
        let backend = self.backends.get_mut(id);
        if let Some(change) = backend.health.fail(self.now, cause) {
            let Change { streak, .. } = change;
            log::warn!("backend {} is down: {cause} (failures in a row: {streak})", backend.name);
            self.tell_if_all_down(id);
        }
    }

    /// A live connection to a backend failed: that counts as a failed probe and brings the next one forward. Where
    /// nobody probes it excludes nobody, since nothing would ever bring the backend back.
    pub fn cannot_connect(&mut self, id: BackendId, cause: &Cause) {
        let backend = self.backends.get_mut(id);
        let (is_up, is_probed, pool) = (backend.is_up(), backend.is_probed(), backend.pool);
        if !self.backends.pool(pool).probing.is_on() {
            return self.backends.get_mut(id).health.note(cause);
        }
        if is_up && is_probed {
            self.probes_due.set(id.0, self.now); // not again and again once it is down
        }
        self.backend_failed(id, cause);
    }

    /// A probe of a backend passed: counts it, tells a change of state.
    pub fn backend_passed(&mut self, id: BackendId, took: Duration) {
        let backend = self.backends.get_mut(id);
        let Some(Change { from, streak, .. }) = backend.health.pass(self.now, took) else { return };
        let ms = took.as_secs_f64() * 1e3;
        if from != State::Down {
            return log::info!("backend {} is up: first probe passed in {ms:.1} ms", backend.name);
        }
        let still = match backend.state() {
            State::Ejected => ", but still ejected",
            State::Draining => ", but draining",
            _ => "",
        };
        log::warn!(
            "backend {} is up again{still}: probe passed in {ms:.1} ms (passes in a row: {streak})",
            backend.name
        );
        self.backends.returned(id, self.now);
    }

    /// How a backend has served a request: what was bad is counted, and a row of it ejects it, if that is asked for.
    pub fn backend_served(&mut self, id: BackendId, how: Served) {
        if how != Served::Well {
            self.backends.get_mut(id).errors += 1;
        }
        if self.backends.get(id).ejection().is_none() {
            return;
        }
        let Some(Sentence { span, until, streak }) = self.backends.served(id, how, self.now) else { return };
        self.ejections_due.set(id.0, until);
        let (name, span) = (&self.backends.get(id).name, span.as_secs_f64());
        log::warn!("backend {name} is ejected for {span:.1} s: {how} (bad responses in a row: {streak})");
    }

    /// Ends the ejections whose time is over.
    pub fn end_ejections(&mut self) {
        while let Some(id) = self.ejections_due.pop(self.now).map(BackendId) {
            let Some(out) = self.backends.release(id, self.now) else { continue };
            self.stats.came_due += 1;
            let backend = self.backends.get(id);
            let what = match backend.state() {
                State::Down => "is down, and no longer ejected",
                State::Draining | State::Disabled => "gets no new work, and is no longer ejected",
                _ => "is back",
            };
            log::warn!("backend {} {what}: its ejection of {:.1} s is over", backend.name, out.as_secs_f64());
        }
    }

    fn tell_if_all_down(&self, id: BackendId) {
        let pool = self.backends.pool(self.backends.get(id).pool);
        let fit = |id| self.backends.get(id).is_up() && self.backends.get(id).may_work();
        if !pool.members().any(fit) {
            log::error!("pool {}: every backend is down; each request tries each of them once", pool.name);
        }
    }
}
