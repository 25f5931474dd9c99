//! Who is told what, and when: slots, the edges they are owed, and the batches that `wait` returns.
//!
//! ```text
//!           read says Nothing or more: false             readable comes true
//!   [told] ----------------------------------> [owed] -----------------------> [due] --- wait, now or later ---> [told]
//! ```
//!
//! An edge is owed from the moment a call said that there is nothing more; it falls due when that stops being true.
//! Beyond that the only events are lies (`spurious`) and the news that a connection broke. Read [`super::inside`]
//! next for the calls.

use super::wire::{Conn, Stage};
use super::{Outcome, PATIENCE, Sim};
use crate::base::{Address, Time};
use crate::net::{Event, Sock};
use std::collections::VecDeque;
use std::time::Duration;

/// What a slot holds.
#[derive(Debug)]
pub(super) enum Kind {
    Listener {
        at: Address,
        backlog: usize,
        defers: bool,
        queue: VecDeque<usize>,
    },
    Stream {
        conn: usize,
        /// It was accepted, or its outcome was told.
        known: bool,
    },
}

impl Kind {
    /// Whether it listens for clients that speak first.
    pub(super) fn defers(&self) -> bool {
        matches!(self, Kind::Listener { defers: true, .. })
    }
}

/// A socket of the program under test.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) kind: Kind,
    pub(super) watched: bool,
    /// A call said that nothing is there: an edge is owed when something is.
    pub(super) read_owed: bool,
    /// A call said that no more is taken: an edge is owed when more is.
    pub(super) write_owed: bool,
    /// So many bytes must be there before it is told of them.
    pub(super) low_water: usize,
    /// Bytes and ends are not told of.
    muted: bool,
    pub(super) end_told: bool,
    pub(super) error_told: bool,
    broken_told: bool,
    due: Edges,
}

/// Edges that fell due and were not told yet.
#[derive(Debug, Clone, Copy, Default)]
struct Edges {
    readable: bool,
    writable: bool,
    broken: bool,
}

impl Edges {
    fn any(self) -> bool {
        self.readable || self.writable || self.broken
    }

    fn only_broken(self) -> bool {
        self.broken && !self.readable && !self.writable
    }

    fn event(self, slot: u32) -> Event {
        let Edges { readable, writable, broken } = self;
        let sock = Sock(slot);
        Event::Ready { sock, readable, writable, broken }
    }
}

impl Slot {
    pub(super) fn new(kind: Kind, watched: bool) -> Slot {
        Slot {
            kind,
            watched,
            read_owed: watched,
            write_owed: false,
            low_water: 1,
            muted: false,
            end_told: false,
            error_told: false,
            broken_told: false,
            due: Edges::default(),
        }
    }

    /// Leaves bytes and ends untold, those of which an event is due already as well; or tells of all that is there.
    pub(super) fn mute(&mut self, muted: bool) {
        (self.muted, self.read_owed) = (muted, true);
        self.due.readable &= !muted;
    }

    /// The connection, and the number it is known by to actors and in the trace.
    pub(super) fn conn(&self) -> Option<usize> {
        match self.kind {
            Kind::Stream { conn, .. } => Some(conn),
            Kind::Listener { .. } => None,
        }
    }

    fn readable(&self, conns: &[Conn]) -> bool {
        match &self.kind {
            Kind::Listener { queue, .. } => !queue.is_empty(),
            Kind::Stream { conn, .. } => {
                let (conn, inbox) = (&conns[*conn], &conns[*conn].inside.inbox);
                let end = inbox.ended && !self.end_told;
                let failed = matches!(conn.stage, Stage::Failed(_));
                let much = inbox.ready() >= self.low_water || inbox.is_full();
                much || end || inbox.reset || failed
            }
        }
    }

    fn writable(&self, conns: &[Conn]) -> bool {
        match self.kind {
            Kind::Listener { .. } => false,
            Kind::Stream { conn, known } => match conns[conn].stage {
                Stage::Calling => false,
                Stage::Failed(_) => true,
                Stage::Up => !known || conns[conn].inside.inbox.reset || conns[conn].far.inbox.roomy(),
            },
        }
    }

    fn broken(&self, conns: &[Conn]) -> bool {
        self.conn().is_some_and(|conn| conns[conn].inside.inbox.reset || matches!(conns[conn].stage, Stage::Failed(_)))
    }

    /// Lets edges fall due that have become true. A reset is told once even to whom nothing is owed, since epoll and
    /// kqueue do; the portable selector has disarmed itself and does not.
    fn look(&mut self, conns: &[Conn], portable: bool) {
        if !self.watched {
            return;
        }
        if self.read_owed && !self.muted && self.readable(conns) {
            (self.read_owed, self.due.readable) = (false, true);
        }
        if self.write_owed && self.writable(conns) {
            (self.write_owed, self.due.writable) = (false, true);
        }
        let hidden = portable && !self.due.any();
        if !self.broken_told && !hidden && self.broken(conns) {
            self.broken_told = true;
            self.due = Edges { readable: true, writable: true, broken: true };
        }
    }
}

impl Sim {
    pub(super) fn give(&mut self, slot: Slot) -> Sock {
        self.moved();
        let index = self.free.pop().unwrap_or(self.slots.len() as u32);
        if index as usize == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[index as usize] = Some(slot);
        self.stirred.push(index);
        Sock(index)
    }

    pub(super) fn release(&mut self, sock: Sock) {
        self.moved();
        if let Some(conn) = self.slot(sock).conn() {
            self.conns[conn].slot = None;
        }
        self.slots[sock.0 as usize] = None;
        self.closed.push(sock.0);
    }

    /// A socket that is open, or a panic.
    pub(super) fn slot(&self, sock: Sock) -> &Slot {
        match self.slots.get(sock.0 as usize) {
            Some(Some(slot)) => slot,
            _ => self.accuse(Some(sock), "a call on a closed socket"),
        }
    }

    pub(super) fn slot_mut(&mut self, sock: Sock) -> &mut Slot {
        self.slot(sock);
        self.stirred.push(sock.0);
        self.slots[sock.0 as usize].as_mut().expect("just seen")
    }

    /// The first act of a turn: slots are freed, idleness is judged.
    pub(super) fn open_turn(&mut self) {
        self.free.append(&mut self.closed);
        self.idle_turns += 1;
        if self.idle_turns > PATIENCE {
            self.accuse(None, "the loop spins: turn after turn nothing moves and no time passes");
        }
    }

    /// Moves the clock to whatever comes first, until there is something to tell, or to do for the world.
    pub(super) fn jump(&mut self, until: Option<Time>, events: &mut Vec<Event>) {
        while events.is_empty() && !self.news && until.is_none_or(|until| until > self.now) {
            let next = self.next_due();
            let Some(to) = next.into_iter().chain(until).min() else {
                self.silent = true;
                return;
            };
            if to > self.now {
                let late = match until == Some(to) {
                    true => self.up_to(self.cruelty.late),
                    false => Duration::ZERO,
                };
                self.now = to + late;
                self.moved();
            }
            self.arrivals();
            self.gather(events);
        }
    }

    /// Collects the events of one batch. An empty batch while edges are due does not happen twice on end.
    pub(super) fn gather(&mut self, events: &mut Vec<Event>) {
        let mut stirred = std::mem::take(&mut self.stirred);
        stirred.sort_unstable();
        stirred.dedup();
        for &index in &stirred {
            if let Some(slot) = &mut self.slots[index as usize] {
                slot.look(&self.conns, self.cruelty.portable);
            }
        }
        self.pick(&stirred, events, self.cruelty.held_back);
        if events.is_empty() {
            self.pick(&stirred, events, 0);
        }
        stirred.retain(|&index| self.slots[index as usize].as_ref().is_some_and(|slot| slot.due.any()));
        self.stirred = stirred;
        events.extend(self.signals.drain(..).map(Event::Signal));
        if self.luck(self.cruelty.spurious) {
            self.lie(events);
        }
        self.rng.shuffle(events);
    }

    fn pick(&mut self, stirred: &[u32], events: &mut Vec<Event>, held_back: u16) {
        for index in stirred.iter().map(|&index| index as usize) {
            let due = self.slots[index].as_ref().map_or_else(Edges::default, |slot| slot.due);
            if !due.any() || self.luck(held_back) {
                continue;
            }
            let told = match self.luck(self.cruelty.apart) {
                true => self.half(due),
                false => due,
            };
            if told.only_broken() {
                events.push(told.event(index as u32)); // and no more: what broke is a reason to look
                self.told(index, Edges::default());
                continue;
            }
            let rest = Edges {
                readable: due.readable && !told.readable,
                writable: due.writable && !told.writable,
                broken: due.broken && !told.broken,
            };
            let told = self.embellish(index, told);
            events.push(told.event(index as u32));
            let later = !rest.any() || self.luck(held_back);
            if !later {
                events.push(rest.event(index as u32));
            }
            self.told(index, if later { rest } else { Edges::default() });
        }
    }

    /// So much is still to be told of a slot.
    fn told(&mut self, index: usize, rest: Edges) {
        if let Some(slot) = &mut self.slots[index] {
            slot.due = rest;
        }
    }

    /// One of two filters' events (kqueue has one for reading and one for writing); that of the reset goes with either,
    /// or stands for both.
    fn half(&mut self, due: Edges) -> Edges {
        if due.broken && self.rng.chance(1, 3) {
            return Edges { readable: false, writable: false, broken: true };
        }
        let first = self.rng.chance(1, 2);
        Edges {
            readable: due.readable && (first || !due.writable),
            writable: due.writable && (!first || !due.readable),
            broken: due.broken && (self.rng.chance(1, 2) || !(due.readable || due.writable)),
        }
    }

    /// An epoll event tells all that is true at the moment, not only what changed.
    fn embellish(&mut self, index: usize, told: Edges) -> Edges {
        match &self.slots[index] {
            Some(slot) if !self.cruelty.portable && self.rng.chance(1, 2) => Edges {
                readable: told.readable || slot.readable(&self.conns),
                writable: told.writable || slot.writable(&self.conns),
                broken: told.broken,
            },
            _ => told,
        }
    }

    /// Readiness that may be true or not: of a socket that moved on meanwhile, of a wakeup shared with another. Never
    /// `broken`, which no kernel says in vain, and never of a socket that is not watched.
    fn lie(&mut self, events: &mut Vec<Event>) {
        let watched: Vec<u32> = (0..)
            .zip(&self.slots)
            .filter(|(_, slot)| slot.as_ref().is_some_and(|slot| slot.watched))
            .map(|(index, _)| index)
            .collect();
        if let Some(&index) = self.rng.one_of(&watched) {
            let readable = self.rng.chance(2, 3);
            let listener = self.slots[index as usize].as_ref().is_some_and(|slot| slot.conn().is_none());
            let edges = Edges {
                readable: readable || listener,
                writable: !listener && (!readable || self.rng.chance(1, 3)),
                broken: false,
            };
            events.push(edges.event(index));
        }
    }

    pub(super) fn record_events(&mut self, events: &[Event]) {
        for &event in events {
            match event {
                Event::Ready { sock, readable, writable, broken } => {
                    let said = match (readable, writable, broken) {
                        (true, true, false) => "readable writable",
                        (true, false, false) => "readable",
                        (false, true, false) => "writable",
                        _ => "broken",
                    };
                    let conn = self.slots[sock.0 as usize].as_ref().and_then(Slot::conn);
                    let flags = usize::from(readable) + 2 * usize::from(writable) + 4 * usize::from(broken);
                    self.record("event", Some(sock.0), conn, Outcome(0, flags, said));
                }
                Event::Signal(signal) => self.record("signal", None, None, Outcome(0, signal as usize, "")),
            }
        }
    }
}
