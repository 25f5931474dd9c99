//! Crowds: who is let in, who waits for a backend, and who goes when it is too many.
//!
//! The rules are in [`balance`](crate::balance); here is what the loop does about them.

use super::Proxy;
use super::context::Context;
use super::context::Service;
use crate::balance::PoolId;
use crate::balance::client_limit::ClientLimit;
use crate::balance::room::Outlook;
use crate::base::{Rng, Time};
use crate::config::{self, Listener};
use crate::net::Net;
use std::net::IpAddr;
use std::time::Duration;

/// What was quiet for so long and begins again is told again.
const QUIET: Duration = Duration::from_secs(10);

/// Tells once that something begins, and not how often it happens.
#[derive(Debug, Default)]
pub struct Alarm {
    last: Option<Time>,
}

impl Alarm {
    /// It happens. Whether it begins.
    pub fn rings(&mut self, now: Time) -> bool {
        let last = self.last.replace(now);
        last.is_none_or(|last| now.since(last) >= QUIET)
    }
}

/// The clients of one listener.
#[derive(Debug)]
pub struct Crowd {
    /// The listener's name.
    pub name: String,
    /// How many are inside.
    pub open: u32,
    /// How many have come so far.
    pub accepted: u64,
    most: u32,
    /// There is no room for another: told once.
    full: bool,
    terms: Option<config::ClientLimit>,
    clients: Option<ClientLimit>,
    alarm: Alarm,
}

impl<N: Net> Context<N> {
    fn crowd(&mut self, listener: u16) -> Option<&mut Crowd> {
        self.crowds.get_mut(usize::from(listener))
    }

    /// Whether this listener may let in another client.
    pub(super) fn has_room(&self, listener: u16) -> bool {
        self.crowds.get(usize::from(listener)).is_none_or(|crowd| crowd.open < crowd.most)
    }

    /// The same, told once when somebody has to wait outside for it.
    pub(super) fn crowd_has_room(&mut self, listener: u16) -> bool {
        let has_room = self.has_room(listener);
        if let Some(crowd) = self.crowd(listener)
            && !has_room
            && !std::mem::replace(&mut crowd.full, true)
        {
            log::warn!("listener {}: {} connections are open, others wait until one closes", crowd.name, crowd.open);
            self.stats.listener_full += 1;
        }
        has_room
    }

    /// A client is inside.
    pub(super) fn enter(&mut self, service: Service) {
        if let Some(crowd) = service.listener().and_then(|listener| self.crowd(listener)) {
            crowd.open += 1;
            crowd.accepted += 1;
        }
    }

    /// It has left, and its address, if it was counted, has one connection less.
    pub(super) fn leave(&mut self, service: Service, ip: Option<IpAddr>) {
        let now = self.now;
        let Some(crowd) = service.listener().and_then(|listener| self.crowd(listener)) else { return };
        crowd.open -= 1;
        crowd.full &= crowd.open + 1 >= crowd.most; // it may be told again when more than one place was free
        if let (Some(clients), Some(ip)) = (&mut crowd.clients, ip) {
            clients.leave(ip, now);
        }
    }

    /// Whether a client with this address may have another connection to this listener: to be asked once for each, as
    /// soon as the address is known. Who comes through a Unix socket has none, and no limit.
    pub fn admit_client(&mut self, listener: u16, ip: Option<IpAddr>) -> bool {
        let now = self.now;
        let Some(ip) = ip else { return true };
        let Some(crowd) = self.crowd(listener) else { return true };
        if crowd.clients.as_mut().is_none_or(|clients| clients.arrive(ip, now)) {
            return true;
        }
        crowd.tell(ip, "connections", now);
        false
    }

    /// A client with this address is inside, however many of its may be.
    pub(super) fn count_client(&mut self, listener: u16, ip: IpAddr) {
        let now = self.now;
        if let Some(clients) = self.crowd(listener).and_then(|crowd| crowd.clients.as_mut()) {
            clients.seat(ip, now);
        }
    }

    /// Whether a client with this address may ask something now. Errors: how long it is to wait.
    #[inline]
    pub(super) fn may_ask(&mut self, listener: u16, ip: Option<IpAddr>) -> Result<(), Duration> {
        let now = self.now;
        let Some(crowd) = self.crowd(listener) else { return Ok(()) };
        let (Some(clients), Some(ip)) = (&mut crowd.clients, ip) else { return Ok(()) };
        let may = clients.ask(ip, now);
        if may.is_err() {
            crowd.tell(ip, "requests", now);
        }
        may
    }

    /// Requests of this pool find all backends full, and wait or are turned down: told when it begins.
    #[cold]
    pub(super) fn tell_shedding(&mut self, pool: PoolId, what: &'static str) {
        let row = usize::from(pool.0) * 2 + usize::from(what != "wait");
        if self.alarms.len() <= row {
            self.alarms.resize_with(row + 1, Alarm::default);
        }
        if self.alarms[row].rings(self.now) {
            log::warn!("pool {}: all backends are full; requests {what}", self.backends.pool(pool).name);
        }
    }

    /// The session whose turn it is in this pool's queue, if there is a place for it.
    fn next_in_line(&mut self, pool: PoolId) -> Option<u32> {
        if self.queues.length(pool) == 0 {
            return None;
        }
        // When all that take work are full, there may still be somebody who has tried them, and for whom others are left.
        let open = self.backends.may_serve(pool);
        let helps = |tried: &[_]| (open || !tried.is_empty()) && self.backends.outlook(pool, tried) != Outlook::Busy;
        self.queues.next(pool, helps)
    }
}

impl<N: Net> Proxy<N> {
    /// Hands places at backends that have become free to those who wait for them, in their order.
    #[inline]
    pub(super) fn serve_queues(&mut self) {
        if self.cx.queues.waiting() > 0 && self.cx.backends.has_relief() {
            self.serve_waiting();
        }
    }

    #[cold]
    fn serve_waiting(&mut self) {
        while self.cx.backends.take_relief() {
            for pool in (0..self.cx.backends.pools().count()).map(|number| PoolId(number as u16)) {
                while let Some(row) = self.cx.next_in_line(pool) {
                    let Some(session) = self.sessions.get_mut(row as usize) else { break };
                    let next = session.call(&mut self.cx);
                    self.follow(row, next);
                }
            }
        }
    }

    /// Whether nobody waits for a place that is free. For tests.
    pub fn check_queues(&self) -> Result<(), String> {
        for (number, (pool, _)) in self.cx.backends.pools().enumerate() {
            let id = PoolId(number as u16);
            let helps = |tried: &[_]| self.cx.backends.outlook(id, tried) == Outlook::Room;
            if !self.cx.backends.has_relief() && self.cx.queues.next(id, helps).is_some() {
                return Err(format!("pool {}: somebody waits for a place that is free", pool.name));
            }
        }
        Ok(())
    }
}

impl Crowd {
    /// Nobody, at this listener.
    pub(super) fn new(listener: &Listener, rng: &mut Rng) -> Crowd {
        Crowd {
            name: listener.name.clone(),
            open: 0,
            accepted: 0,
            most: listener.max_connections.unwrap_or(u32::MAX),
            full: false,
            terms: listener.client_limit,
            clients: listener.client_limit.map(|limit| ClientLimit::new(&limit, rng)),
            alarm: Alarm::default(),
        }
    }

    /// Whether nobody is inside.
    pub(super) fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Other limits from now on. Who is inside stays; true: and is to be [counted anew](Context::count_client).
    pub(super) fn change(&mut self, listener: &Listener, rng: &mut Rng) -> bool {
        self.most = listener.max_connections.unwrap_or(u32::MAX);
        self.full &= self.open >= self.most;
        if self.terms == listener.client_limit {
            return false;
        }
        self.terms = listener.client_limit;
        self.clients = listener.client_limit.map(|limit| ClientLimit::new(&limit, rng));
        true
    }

    fn tell(&mut self, ip: IpAddr, what: &str, now: Time) {
        if self.alarm.rings(now) {
            log::warn!("listener {}: clients have more {what} than client_limit allows, {ip} first", self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_rings_when_something_begins_and_not_while_it_goes_on() {
        let mut alarm = Alarm::default();
        let at = |seconds| Time(0) + Duration::from_secs(seconds);
        let rings: Vec<bool> = [0, 1, 9, 18, 28, 29].map(|seconds| alarm.rings(at(seconds))).to_vec();
        assert_eq!(rings, [true, false, false, false, true, false]);
    }
}
