//! What is due when, and what is done then: deadlines of sockets, probes, ejected backends, what can wait for a moment,
//! those who watch, memory to free, a beat.
//!
//! Who waits for something sets its deadline ([`Context::deadlines`](super::context::Context::deadlines)); the loop asks
//! here how long it may sleep and, at the end of each turn, attends to what has come.

use super::access::Access;
use super::context::{Context, Owner};
use super::moments::Moments;
use super::session::Session;
use super::{Proxy, TRIMMED_EVERY};
use crate::base::Time;
use crate::net::{Net, Sock};

impl<N: Net> Proxy<N> {
    /// When something is due next, if nothing happens before.
    pub(super) fn next_deadline(&mut self) -> Option<Time> {
        let trim = self.untrimmed.then(|| self.trimmed + TRIMMED_EVERY);
        let Context { deadlines, probes_due, ejections_due, .. } = &self.cx;
        let (sockets, probes, returns) = (deadlines.next(), probes_due.next(), ejections_due.next());
        let lines = self.cx.access.as_ref().and_then(Access::due);
        let (watchers, drain) = (self.cx.watchers.due(), self.drain.deadline());
        let moments = [self.next_moment(|cx| &mut cx.graces), self.next_moment(|cx| &mut cx.gatherings)];
        let next = [sockets, probes, returns, lines, watchers, drain, self.next_look(), trim, self.beat.due()];
        next.into_iter().chain(moments).flatten().min()
    }

    /// When somebody's moment of one kind ends next. Nobody is woken for those who have gone since.
    fn next_moment(&mut self, kind: fn(&mut Context<N>) -> &mut Moments) -> Option<Time> {
        while let Some((until, sock)) = kind(&mut self.cx).first() {
            if self.holder_of(sock).is_some_and(|(_, session)| session.is_put_off(sock)) {
                return Some(until);
            }
            kind(&mut self.cx).pop(until);
        }
        None
    }

    /// The session that a socket belongs to, if it does, and its row.
    fn holder_of(&mut self, sock: Sock) -> Option<(u32, &mut Session)> {
        let (Owner::Client(row) | Owner::Upstream(row)) = self.cx.owner(sock) else { return None };
        Some((row, self.sessions.get_mut(row as usize)?))
    }

    /// Attends to every deadline that has come.
    pub(super) fn expire(&mut self) {
        while let Some(number) = self.cx.deadlines.pop(self.cx.now) {
            let sock = Sock(number);
            match self.cx.owner(sock) {
                Owner::Client(row) => {
                    if let Some(session) = self.sessions.get_mut(row as usize) {
                        let next = session.expire(&mut self.cx);
                        self.follow(row, next);
                    }
                }
                Owner::Idle(ticket) => drop(self.drop_idle(ticket, sock)),
                Owner::Probe(row) => self.prober.expire(row, &mut self.cx),
                Owner::Door(row) => self.doors[row as usize].wake(),
                Owner::Upstream(_) | Owner::Nobody => continue, // it means nothing any more
            }
            self.cx.stats.came_due += 1;
        }
        self.end_moments();
        self.cx.end_ejections();
        self.serve_queues();
        self.prober.begin_due(&mut self.cx);
        self.tell_watchers();
    }

    /// Watches the clients whose backends take their time, and fetches what has come of much.
    fn end_moments(&mut self) {
        let now = self.cx.now;
        while let Some(sock) = self.cx.graces.pop(now).or_else(|| self.cx.gatherings.pop(now)) {
            self.cx.stats.came_due += 1;
            if let Owner::Client(row) | Owner::Upstream(row) = self.cx.owner(sock)
                && let Some(session) = self.sessions.get_mut(row as usize)
            {
                let next = session.see_to(sock, &mut self.cx);
                self.follow(row, next);
            }
        }
    }
}
