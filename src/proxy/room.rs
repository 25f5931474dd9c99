//! Letting clients in while there is room, and making some.
//!
//! There is room while fewer clients are inside than `limits.connections` says, and while descriptors are left for what
//! those inside need: a connection to a backend, a probe. That accepting fails is no reason to send anybody away: it may be
//! over in a moment, and then the [door](super::door) has rested. When there is none, the client that has been kept alive without
//! a request for the longest goes, as in nginx, and only if there is no such client do others wait outside.
//!
//! Who that is costs the plain path nothing: nobody keeps a list. When one is needed, it is made by a look at all
//! sessions, oldest first, and used up before there is another look; who has asked for something since is not in it any
//! more, and who fell idle since is younger than all that are. Looks are a moment apart, so that a house full of busy
//! clients is not searched without end.

use super::crowd::Alarm;
use super::door::Door;
use super::reason::Reason;
use super::session::Session;
use super::{ADMITTED_AT_ONCE, Proxy, queue};
use crate::base::Time;
use crate::config::Limits;
use crate::net::Net;
use std::collections::VecDeque;
use std::time::Duration;

/// From one look for idle clients to the next.
const LOOK: Duration = Duration::from_millis(50);

/// Descriptors kept for connections to backends and for probes, unless that is more than a quarter of all.
const MARGIN: usize = 64;

/// How much room there is.
pub struct Room {
    most: usize,
    descriptors: usize,
    /// There is none: told once, and not each time that one leaves and another comes.
    full: bool,
    alarm: Alarm,
    /// Idle clients, oldest first, with the moments at which they would be closed for that.
    idle: VecDeque<(Time, u32)>,
    look_again: Time,
}

impl Room {
    pub(super) fn new() -> Room {
        Room {
            most: 0,
            descriptors: 0,
            full: false,
            alarm: Alarm::default(),
            idle: VecDeque::new(),
            look_again: Time(0),
        }
    }

    /// There is as much of it as these say. Whoever is inside stays.
    pub(super) fn fit(&mut self, limits: &Limits) {
        self.most = limits.connections;
        self.descriptors = limits.descriptors - MARGIN.min(limits.descriptors / 4);
    }
}

impl<N: Net> Proxy<N> {
    fn has_room(&self) -> bool {
        let Room { most, descriptors, .. } = self.room;
        (most == 0 || self.open_sessions() < most) && (descriptors == 0 || self.cx.owned() < descriptors)
    }

    /// Whether a client that waits at this door may come in: an operator may even when it is full.
    pub(super) fn lets_in(&self, door: &Door) -> bool {
        match door.service.listener() {
            Some(listener) => self.has_room() && self.cx.has_room(listener),
            None => true,
        }
    }

    /// When it is worth looking for idle clients again, if somebody waits outside for one to go.
    pub(super) fn next_look(&self) -> Option<Time> {
        let open = |door: &Door| door.service.listener().is_some_and(|listener| self.cx.has_room(listener));
        let waits = !self.has_room() && self.doors.iter().any(|door| door.is_waiting() && open(door));
        waits.then_some(self.room.look_again)
    }

    /// Lets clients in.
    pub(super) fn admit(&mut self) {
        if std::mem::take(&mut self.cx.relief) {
            self.doors.iter_mut().for_each(Door::wake);
        }
        for row in 0..self.doors.len() {
            for _ in 0..ADMITTED_AT_ONCE {
                if !self.admit_one(row) {
                    break;
                }
            }
        }
        self.note_fullness();
    }

    /// Lets one client in by this door. Whether there may be another.
    fn admit_one(&mut self, row: usize) -> bool {
        let service = self.doors[row].service;
        if !self.doors[row].is_waiting() {
            return false;
        }
        if let Some(listener) = service.listener()
            && (!self.cx.crowd_has_room(listener) || !(self.has_room() || self.find_idle().is_some()))
        {
            return false;
        }
        let Some((client, peer)) = self.doors[row].admit(&mut self.cx) else { return false };
        if let Some(listener) = service.listener()
            && !self.cx.routing_of(service).is_some_and(|routing| routing.preface.proxy_protocol) // not known yet
            && !self.cx.admit_client(listener, peer.ip())
        {
            self.cx.stats.ended(Reason::ClientConnections.name());
            self.cx.net.reset(client.sock);
            return true;
        }
        if service.listener().is_some() && !self.has_room() {
            self.make_room(); // only now is it known that somebody was at the door
        }
        let entry = self.sessions.vacant_entry();
        let number = entry.key() as u32;
        self.admins += usize::from(service.listener().is_none());
        let session = Session::new(client, peer, number, service, &mut self.cx);
        queue(entry.insert(session), number, &mut self.ready);
        true
    }

    /// Closes the client that has been idle for the longest, if there is one.
    fn make_room(&mut self) {
        if let Some(row) = self.find_idle()
            && let Some(session) = self.sessions.get_mut(row as usize)
        {
            let next = session.end(Reason::MadeRoom, &mut self.cx);
            self.follow(row, next);
        }
    }

    /// The client that has been idle for the longest; it stays the first.
    fn find_idle(&mut self) -> Option<u32> {
        loop {
            while let Some(&(until, row)) = self.room.idle.front() {
                let session = self.sessions.get(row as usize);
                if session.is_some_and(|session| session.idle_until(&self.cx) == Some(until)) {
                    return Some(row);
                }
                self.room.idle.pop_front();
            }
            if !self.look_for_idle() {
                return None;
            }
        }
    }

    fn look_for_idle(&mut self) -> bool {
        if self.cx.now < self.room.look_again {
            return false;
        }
        self.room.look_again = self.cx.now + LOOK;
        self.cx.stats.came_due += 1;
        let idle = |(row, session): (usize, &Session)| Some((session.idle_until(&self.cx)?, row as u32));
        let mut all: Vec<(Time, u32)> = self.sessions.iter().filter_map(idle).collect();
        all.sort_unstable();
        self.room.idle = all.into();
        !self.room.idle.is_empty()
    }

    /// Tells once when the last place is taken, however many wait outside.
    fn note_fullness(&mut self) {
        let full = !self.has_room();
        if full && !self.room.full {
            self.cx.stats.full += 1;
            let open = self.open_sessions();
            if self.room.alarm.rings(self.cx.now) {
                log::warn!(
                    "full: {open} connections are open; idle ones go when others come, or these wait until one closes"
                );
            }
        }
        self.room.full = full;
    }
}
