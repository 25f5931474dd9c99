//! Who watches: clients of the admin address that are told at each beat what is new, and need not ask again.
//!
//! A beat falls on whole multiples of its span, so that one frame serves all who watch the same. Whoever has not taken the
//! last one yet is left out. While nobody watches there is no beat, and nothing is computed.

use super::context::{Context, Owner};
use super::xray::Xray;
use super::{Proxy, Session};
use crate::admin::{self, Channel, Inside, Page, Slot, SlotSeen, TimerAhead};
use crate::base::Time;
use crate::http::Status;
use crate::net::Net;
use crate::proxy::phase::Phase;
use crate::proxy::reason::Reason;
use std::time::Duration;

/// So many may watch at once.
const MOST: usize = 32;

/// Sockets that are shown one by one, at most.
const SLOTS: usize = 2048;

/// Deadlines ahead that are.
const TIMERS: usize = 16;

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Watchers {
    all: Vec<Watcher>,
}

/// A session's row, and the id of its request, since rows have other sessions later.
#[derive(Debug, Clone, Copy)]
struct Watcher {
    row: u32,
    id: u128,
    channel: Channel,
    next: Time,
}

impl Watchers {
    /// Whether nobody more may watch.
    pub fn is_full(&self) -> bool {
        self.all.len() >= MOST
    }

    /// How many there are, some of whom may have left since the last beat.
    pub fn len(&self) -> usize {
        self.all.len()
    }

    /// Whether nobody watches.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// One more; it hears something at once.
    pub fn admit(&mut self, (row, id): (u32, u128), channel: Channel, now: Time) {
        self.all.push(Watcher { row, id, channel, next: now });
    }

    /// When the next beat is.
    pub fn due(&self) -> Option<Time> {
        self.all.iter().map(|watcher| watcher.next).min()
    }

    fn watch(&self, channel: Channel) -> bool {
        self.all.iter().any(|watcher| watcher.channel == channel)
    }
}

/// How long it is from beat to beat.
fn span(channel: Channel) -> Duration {
    match channel {
        Channel::State => Duration::from_secs(1),
        Channel::Loop => Duration::from_millis(500),
    }
}

impl<N: Net> Proxy<N> {
    /// Tells those who watch what is new, if it is time.
    #[inline]
    pub(super) fn tell_watchers(&mut self) {
        if self.cx.watchers.due().is_some_and(|due| due <= self.cx.now) {
            self.beat();
        }
    }

    #[cold]
    fn beat(&mut self) {
        self.cx.stats.came_due += 1;
        let now = self.cx.now;
        let sessions = &self.sessions;
        let is_there = |it: &Watcher| sessions.get(it.row as usize).is_some_and(|session| session.is_feed(it.id));
        self.cx.watchers.all.retain(is_there);
        if self.cx.watchers.watch(Channel::Loop) {
            self.cx.xray.get_or_insert_default();
        } else {
            self.cx.xray = None;
        }
        for channel in [Channel::State, Channel::Loop] {
            let beat = |it: &&mut Watcher| it.channel == channel && it.next <= now;
            let mut due: Vec<Watcher> = Vec::new();
            for watcher in self.cx.watchers.all.iter_mut().filter(beat) {
                watcher.next = next_beat(now, span(channel));
                due.push(*watcher);
            }
            self.tell(channel, due);
        }
    }

    fn tell(&mut self, channel: Channel, mut due: Vec<Watcher>) {
        if self.cx.unasked {
            return due.iter().for_each(|watcher| self.turn_away(watcher.row)); // its address is no more
        }
        due.retain(|watcher| self.sessions.get(watcher.row as usize).is_some_and(Session::takes_more));
        if due.is_empty() {
            return;
        }
        let frame = match channel {
            Channel::State => admin::state_event(&self.cx.view(), &self.phases()),
            Channel::Loop => admin::loop_event(&self.cx.view(), &self.inside()),
        };
        for Watcher { row, .. } in due {
            let Some(session) = self.sessions.get_mut(row as usize) else { continue };
            let next = session.tell_more(&frame, &mut self.cx);
            self.follow(row, next);
        }
    }

    /// Those who watch showed that they may when they came: where that is not enough any more, they are let go.
    pub(super) fn turn_away_all(&mut self) {
        for Watcher { row, id, .. } in std::mem::take(&mut self.cx.watchers.all) {
            if self.sessions.get(row as usize).is_some_and(|session| session.is_feed(id)) {
                self.turn_away(row);
            }
        }
    }

    fn turn_away(&mut self, row: u32) {
        if let Some(session) = self.sessions.get_mut(row as usize) {
            let next = session.end(Reason::Drained, &mut self.cx);
            self.follow(row, next);
        }
    }

    /// How many clients wait for what. Looks at each: for those who watch.
    fn phases(&self) -> [u64; Phase::ALL.len()] {
        let mut counts = [0; Phase::ALL.len()];
        let clients = self.sessions.iter().map(|(_, session)| session).filter(|session| session.is_clients());
        clients.for_each(|session| counts[session.phase() as usize] += 1);
        counts
    }

    /// What the loop looks like inside.
    fn inside(&self) -> Inside {
        let Context { deadlines, now, xray, lender, .. } = &self.cx;
        let mut ahead: Vec<(u32, Time)> = deadlines.iter().collect();
        let timers = ahead.len();
        let nearest = timers.min(TIMERS);
        if nearest < timers {
            ahead.select_nth_unstable_by_key(nearest, |(_, when)| *when);
        }
        ahead.truncate(nearest);
        ahead.sort_by_key(|(_, when)| *when);
        let timer = |(number, when): (u32, Time)| TimerAhead {
            slot: self.slot(number, self.cx.owner(crate::net::Sock(number))),
            due_in: when.since(*now),
        };
        Inside {
            slots: self.cx.owners().take(SLOTS).map(|(number, owner)| self.slot(number, owner)).collect(),
            table: self.cx.slots(),
            phases: self.phases(),
            ahead: ahead.into_iter().map(timer).collect(),
            timers,
            turns: xray.as_deref().into_iter().flat_map(Xray::turns).copied().collect(),
            lent: lender.lent(),
            buffer: lender.size(),
        }
    }

    fn slot(&self, number: u32, owner: Owner) -> Slot {
        let of_session = match owner {
            Owner::Client(row) | Owner::Upstream(row) => Some(row),
            _ => None,
        };
        let phase = of_session.and_then(|row| self.sessions.get(row as usize)).map(Session::phase);
        Slot { number, owner, session: of_session, phase }
    }

    /// One socket from near.
    pub(super) fn show_slot(&self, number: u32) -> Page {
        let owner = self.cx.owner(crate::net::Sock(number));
        let mut seen = SlotSeen { slot: number, owner: admin::owner_name(owner), ..SlotSeen::default() };
        match owner {
            Owner::Nobody => return Page::text(Status(404), "nobody owns this slot\n"),
            Owner::Door(row) => {
                let (_, leads_to) = &self.cx.listeners[row as usize];
                seen.story = format!("{}: {leads_to}", self.doors[row as usize].address);
            }
            Owner::Client(row) | Owner::Upstream(row) => {
                seen.session = Some(row);
                self.sessions.get(row as usize).into_iter().for_each(|session| session.show_to(&mut seen));
                let story = self.cx.xray.iter().flat_map(|xray| xray.story(row));
                seen.phases = story.map(|(phase, at)| (phase.name(), (at - Time(0)).as_secs_f64())).collect();
            }
            Owner::Idle(ticket) => seen.backend = self.cx.idle.backend(ticket),
            Owner::Probe(row) => seen.backend = self.prober.backend(row),
        }
        let deadline = self.cx.deadlines.get(number);
        seen.deadline_in_ms = deadline.map(|when| when.since(self.cx.now).as_secs_f64() * 1e3);
        admin::slot_page(&seen, &self.cx.view())
    }
}

/// The first whole multiple of `span` behind `now`.
fn next_beat(now: Time, span: Duration) -> Time {
    let span = span.as_nanos() as u64; // a second at most
    Time((now.0 / span + 1) * span)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beats_fall_together() {
        let second = Duration::from_secs(1);
        let at = |millis: u64| Time(millis * 1_000_000);
        assert_eq!([0, 1, 999].map(|millis| next_beat(at(millis), second)), [at(1000); 3]);
        assert_eq!(next_beat(at(1000), second), at(2000));
    }

    #[test]
    fn one_who_comes_is_told_at_once() {
        let mut watchers = Watchers::default();
        assert_eq!(watchers.due(), None);
        watchers.admit((1, 1), Channel::State, Time(5));
        watchers.admit((2, 2), Channel::Loop, Time(3));
        assert_eq!(watchers.due(), Some(Time(3)));
    }
}
