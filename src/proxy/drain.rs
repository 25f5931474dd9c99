//! Leaving without loss: no new connections, what is under way is finished, then a deadline.
//!
//! Clients that are kept alive without a request stay until their next one, which is answered with `Connection: close`,
//! or until the deadline: closing on them at once would race with a request that is already on its way.

use super::Proxy;
use super::context::Service;
use super::door::Door;
use crate::base::Time;
use crate::net::Net;

/// How far leaving has come.
#[derive(Debug, Default)]
pub struct Drain {
    deadline: Option<Time>,
    now: bool,
    /// Somebody has asked for it.
    told: bool,
}

impl Drain {
    /// When leaving is over, whoever is still there.
    pub fn deadline(&self) -> Option<Time> {
        self.deadline
    }

    /// Whether waiting is over.
    pub fn is_over(&self, now: Time) -> bool {
        self.now || self.deadline.is_some_and(|deadline| deadline <= now)
    }
}

impl<N: Net> Proxy<N> {
    /// Somebody asked us to leave. The second time: now.
    pub(super) fn leave(&mut self) {
        if std::mem::replace(&mut self.drain.told, true) {
            log::info!("asked twice: leaving now, {} connections are cut", self.open_sessions());
            self.drain.now = true;
            return;
        }
        if !self.cx.draining {
            // The admin address stays open to the end, so that it can be watched.
            self.drain(|door| door.service != Service::Admin);
        }
    }

    /// Another process has taken our listeners, those of the admin address too.
    pub fn hand_over(&mut self) {
        if !self.cx.draining {
            self.drain(|_| true);
        }
    }

    /// Whether we are leaving.
    pub fn is_leaving(&self) -> bool {
        self.cx.draining
    }

    fn drain(&mut self, shuts: impl Fn(&Door) -> bool) {
        let span = self.cx.timeouts.drain;
        log::info!("leaving: {} connections have {span:?} to finish", self.open_sessions());
        self.cx.draining = true;
        self.drain.deadline = Some(self.cx.now + span);
        for door in self.doors.iter_mut().filter(|door| shuts(door)) {
            door.shut();
            self.cx.close(door.sock);
        }
    }
}
