//! The wire: both ends of each connection, and what their kernels do without being asked.
//!
//! As in TCP: closing with bytes unread resets; bytes that reach a closed end are answered by a reset; a reset ends
//! both directions; a FIN ends one. Nothing here knows which end is under test. Read [`super::ready`] next.

use super::pipe::{Freight, Inbox};
use super::ready::{Kind, Slot};
use super::{Due, Outcome, Sim};
use crate::base::{Address, Time};
use crate::net::Sock;
use std::cmp::Reverse;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::time::Duration;

/// How long a deferring listener lets a silent client wait.
pub(super) const DEFERRED: Duration = Duration::from_secs(1);

/// Which end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum End {
    /// Held by the program under test.
    Inside,
    /// Held by an actor of the world.
    Far,
}

impl End {
    pub(super) fn other(self) -> End {
        match self {
            End::Inside => End::Far,
            End::Far => End::Inside,
        }
    }
}

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Calling,
    Up,
    Failed(io::ErrorKind),
}

/// One end.
#[derive(Debug)]
pub(super) struct Side {
    pub(super) inbox: Inbox,
    /// The application holds it still.
    pub(super) held: bool,
    /// It has sent a FIN.
    pub(super) finished: bool,
    /// It has sent a RST, and hears nothing any more.
    pub(super) gone: bool,
}

/// A connection.
#[derive(Debug)]
pub(super) struct Conn {
    pub(super) inside: Side,
    pub(super) far: Side,
    /// What the program under test has written and its kernel keeps for what is to follow at once.
    pub(super) kept: Vec<u8>,
    pub(super) stage: Stage,
    /// The address that was called: a listener inside or a server of the world.
    pub(super) called: Address,
    /// The address of the caller, which nobody is told of a Unix socket.
    pub(super) caller: SocketAddr,
    /// Where the program under test holds it.
    pub(super) slot: Option<u32>,
    /// It stands, and its listener is not told of it before there is something to read.
    pub(super) deferred: bool,
    /// ... and was, until its time was over.
    pub(super) kept_back: bool,
}

impl Conn {
    pub(super) fn side(&self, end: End) -> &Side {
        match end {
            End::Inside => &self.inside,
            End::Far => &self.far,
        }
    }

    pub(super) fn side_mut(&mut self, end: End) -> &mut Side {
        match end {
            End::Inside => &mut self.inside,
            End::Far => &mut self.far,
        }
    }
}

impl Sim {
    pub(super) fn new_conn(&mut self, caller: SocketAddr, called: Address) -> usize {
        let side = |window| Side { inbox: Inbox::new(window), held: true, finished: false, gone: false };
        let (inside, far) = (side(self.window()), side(self.window()));
        self.conns.push(Conn {
            inside,
            far,
            kept: Vec::new(),
            stage: Stage::Calling,
            called,
            caller,
            slot: None,
            deferred: false,
            kept_back: false,
        });
        self.conns.len() - 1
    }

    /// `from` sends bytes for which there is room.
    pub(super) fn send(&mut self, conn: usize, from: End, mut bytes: &[u8]) {
        let to = from.other();
        while !bytes.is_empty() {
            let segmented = self.luck(self.cruelty.segments);
            let count = match segmented {
                true => 1 + self.rng.below(bytes.len() as u64) as usize,
                false => bytes.len(),
            };
            let at = self.now + self.latency();
            self.conns[conn].side_mut(to).inbox.carry(&bytes[..count], at);
            self.expect_freight(conn, to);
            bytes = &bytes[count..];
        }
    }

    /// What was kept leaves.
    pub(super) fn send_kept(&mut self, conn: usize) {
        let kept = std::mem::take(&mut self.conns[conn].kept);
        self.send(conn, End::Inside, &kept);
        if !kept.is_empty() {
            self.meanwhile(conn);
        }
    }

    /// Kept bytes that nothing followed would wait for a timer (Linux: a fifth of a second).
    pub(super) fn look_for_kept(&mut self) {
        for conn in std::mem::take(&mut self.keeping) {
            if !self.conns[conn].kept.is_empty() {
                self.accuse(self.conns[conn].slot.map(Sock), "what was written for more to follow was left to itself");
            }
        }
    }

    /// The application at `from` breaks the connection. A Unix socket has no RST: all it can do is to go.
    pub(super) fn break_up(&mut self, conn: usize, from: End) {
        match self.conns[conn].called.is_unix() {
            true => self.let_go(conn, from),
            false => {
                self.send_reset(conn, from);
                self.conns[conn].side_mut(from).held = false;
            }
        }
    }

    /// `from` has said everything.
    pub(super) fn send_end(&mut self, conn: usize, from: End) {
        let side = self.conns[conn].side_mut(from);
        if side.finished || side.gone || side.inbox.reset {
            return;
        }
        side.finished = true;
        if from == End::Inside {
            self.send_kept(conn);
        }
        let rides = self.luck(self.cruelty.end_rides);
        let at = match rides {
            true => self.now,
            false => self.now + self.latency(),
        };
        let inbox = &mut self.conns[conn].side_mut(from.other()).inbox;
        inbox.dispatch(Freight::End, at);
        self.expect_freight(conn, from.other());
    }

    /// `from` breaks the connection. What it sent just before may be lost on the way: a RST is not queued behind data
    /// that could not be sent yet. This is what eats an answer that was followed by a careless close.
    pub(super) fn send_reset(&mut self, conn: usize, from: End) {
        let side = self.conns[conn].side_mut(from);
        if side.gone || side.inbox.reset {
            return;
        }
        side.gone = true;
        if from == End::Inside {
            self.conns[conn].kept.clear();
        }
        let (lost, at) = (self.luck(self.cruelty.lost), self.now + self.latency());
        let inbox = &mut self.conns[conn].side_mut(from.other()).inbox;
        if lost {
            inbox.lose_under_way();
        }
        inbox.dispatch(Freight::Reset, at);
        self.expect_freight(conn, from.other());
    }

    /// The application at `from` lets go. With bytes unread that is a reset (RFC 2525 section 2.17): the kernel may not
    /// pretend to the peer that they were taken.
    pub(super) fn let_go(&mut self, conn: usize, from: End) {
        let side = self.conns[conn].side_mut(from);
        side.held = false;
        match side.inbox.ready() {
            0 => self.send_end(conn, from),
            _ => self.send_reset(conn, from),
        }
    }

    fn expect_freight(&mut self, conn: usize, to: End) {
        let at = self.conns[conn].side(to).inbox.last;
        self.enter(at, Due::Freight(conn, to));
    }

    /// Lets everything happen that is due by now.
    pub(super) fn arrivals(&mut self) {
        while let Some(&Reverse((at, _, due))) = self.agenda.peek() {
            if at > self.now {
                break;
            }
            self.agenda.pop();
            match due {
                Due::Freight(conn, end) => self.unload(conn, end),
                Due::Knock(conn) => self.knock(conn),
                Due::Offer(conn) => {
                    self.conns[conn].kept_back = self.conns[conn].deferred;
                    self.offer(conn);
                }
                Due::Call(conn) => self.call(conn),
                Due::Answer(conn) => self.answer(conn),
                Due::Alarm => self.news = true,
            }
        }
    }

    /// When something will happen next.
    pub(super) fn next_due(&self) -> Option<Time> {
        self.agenda.peek().map(|&Reverse((at, ..))| at)
    }

    fn unload(&mut self, conn: usize, to: End) {
        while let Some(freight) = self.conns[conn].side_mut(to).inbox.unload(self.now) {
            self.moved();
            self.news |= to == End::Far;
            self.receive(conn, to, freight);
        }
        self.stir(conn);
        if to == End::Inside && !self.cruelty.portable && self.luck(self.cruelty.repeats) {
            self.tell_again(conn);
        }
        if to == End::Inside && self.conns[conn].inside.inbox.ready() > 0 {
            self.offer(conn);
        }
    }

    fn receive(&mut self, conn: usize, to: End, freight: Freight) {
        let side = self.conns[conn].side_mut(to);
        let deaf = side.gone || side.inbox.reset;
        match freight {
            Freight::Bytes(count) if deaf => side.inbox.discard(count),
            Freight::Bytes(count) if !side.held => {
                side.inbox.discard(count);
                self.send_reset(conn, to);
            }
            Freight::Bytes(count) => side.inbox.shelve(count),
            Freight::End => side.inbox.ended |= !deaf,
            Freight::Reset if deaf => {}
            Freight::Reset => self.break_off(conn, to),
        }
    }

    /// A RST reached `at`.
    fn break_off(&mut self, conn: usize, at: End) {
        let lost = self.luck(self.cruelty.lost);
        let slot = self.conns[conn].slot;
        let inbox = &mut self.conns[conn].side_mut(at).inbox;
        inbox.reset = true;
        if lost {
            inbox.lose_ready();
        }
        if at == End::Inside {
            self.conns[conn].kept.clear(); // it goes nowhere any more
            self.record("broken", slot, Some(conn), Outcome(0, 0, "reset arrived"));
        }
    }

    /// A closed listener resets whoever waits in its queue.
    pub(super) fn send_away(&mut self, listener: Sock) {
        if let Kind::Listener { queue, .. } = &mut self.slot_mut(listener).kind {
            for conn in std::mem::take(queue) {
                self.send_reset(conn, End::Inside);
                self.conns[conn].inside.held = false;
            }
        }
    }

    pub(super) fn listener(&mut self, called: &Address) -> Option<&mut Slot> {
        let index = self.slots.iter().position(|slot| match slot.as_ref().map(|slot| &slot.kind) {
            Some(Kind::Listener { at, .. }) => hears(at, called),
            _ => false,
        })?;
        self.stirred.push(index as u32);
        self.slots[index].as_mut()
    }

    /// A client's connection reaches its listener, if there is one and its queue has room.
    fn knock(&mut self, conn: usize) {
        let may_defer = self.luck(self.cruelty.defers);
        let called = self.conns[conn].called.clone();
        let deferred = self.listener(&called).is_some_and(|slot| slot.kind.defers()) && may_defer;
        let entered = deferred || self.enqueue(conn);
        self.conns[conn].deferred = deferred;
        self.conns[conn].stage = match entered {
            true => Stage::Up,
            false => Stage::Failed(ErrorKind::ConnectionRefused),
        };
        if deferred {
            self.enter(self.now + DEFERRED, Due::Offer(conn));
        }
        self.news = true;
        self.moved();
    }

    /// A connection that its listener was not told of is no longer kept from it: broken off, if nobody listens now.
    fn offer(&mut self, conn: usize) {
        if !std::mem::take(&mut self.conns[conn].deferred) {
            return;
        }
        if !self.enqueue(conn) {
            self.send_reset(conn, End::Inside);
            self.conns[conn].inside.held = false;
        }
        self.moved();
    }

    fn enqueue(&mut self, conn: usize) -> bool {
        let called = self.conns[conn].called.clone();
        match self.listener(&called).map(|slot| &mut slot.kind) {
            Some(Kind::Listener { backlog, queue, .. }) if queue.len() < *backlog => {
                queue.push_back(conn);
                true
            }
            _ => false,
        }
    }
}

/// Whether who listens at `at` is called by `called`.
fn hears(at: &Address, called: &Address) -> bool {
    match (at, called) {
        (Address::Tcp(at), Address::Tcp(called)) => {
            at.port() == called.port() && (at.ip() == called.ip() || at.ip().is_unspecified())
        }
        _ => at == called,
    }
}
