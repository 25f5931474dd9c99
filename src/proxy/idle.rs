//! Upstream connections kept alive between requests: last in, first out for each backend.
//!
//! The last one in is the warmest and the least likely to have been closed by its backend; the oldest ones run into
//! their idle deadline. Every one stays watched: an idle connection that turns readable has ended or talks out of turn,
//! and is taken out at once, from anywhere in its stack, in O(1). This file keeps the stacks; closing is its caller's.

use crate::balance::BackendId;
use crate::net::Sock;
use slab::Slab;

#[derive(Debug)]
struct Kept {
    sock: Sock,
    backend: BackendId,
    /// The one that came before it in the same stack, and the one that came after.
    older: Option<u32>,
    newer: Option<u32>,
}

/// The idle upstream connections of one loop.
#[derive(Debug, Default)]
pub struct Idle {
    kept: Slab<Kept>,
    newest: Vec<Option<u32>>,
}

impl Idle {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.kept.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Keeps `sock`; the answer is the ticket for [`Idle::remove`].
    pub fn put(&mut self, backend: BackendId, sock: Sock) -> u32 {
        let stack = backend.0 as usize;
        if self.newest.len() <= stack {
            self.newest.resize(stack + 1, None);
        }
        let older = self.newest[stack];
        let ticket = self.kept.insert(Kept { sock, backend, older, newer: None }) as u32;
        if let Some(older) = older {
            self.kept[older as usize].newer = Some(ticket);
        }
        self.newest[stack] = Some(ticket);
        ticket
    }

    /// To whom the connection of this ticket goes.
    pub fn backend(&self, ticket: u32) -> Option<BackendId> {
        self.kept.get(ticket as usize).map(|kept| kept.backend)
    }

    /// Takes out the newest connection to `backend`.
    pub fn take(&mut self, backend: BackendId) -> Option<Sock> {
        let ticket = self.newest.get(backend.0 as usize).copied().flatten()?;
        self.remove(ticket).map(|(sock, _)| sock)
    }

    /// Takes out one connection, wherever it stands.
    pub fn remove(&mut self, ticket: u32) -> Option<(Sock, BackendId)> {
        let Kept { sock, backend, older, newer } = self.kept.try_remove(ticket as usize)?;
        if let Some(older) = older {
            self.kept[older as usize].newer = newer;
        }
        match newer {
            Some(newer) => self.kept[newer as usize].older = older,
            None => self.newest[backend.0 as usize] = older,
        }
        Some((sock, backend))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_in_is_the_first_one_out_for_each_backend() {
        let (a, b) = (BackendId(0), BackendId(3));
        let mut idle = Idle::default();
        for sock in 1..=3 {
            idle.put(a, Sock(sock));
        }
        idle.put(b, Sock(9));
        assert_eq!((idle.take(a), idle.take(b), idle.take(b)), (Some(Sock(3)), Some(Sock(9)), None));
        assert_eq!((idle.take(a), idle.take(a), idle.take(a)), (Some(Sock(2)), Some(Sock(1)), None));
        assert!(idle.is_empty());
    }

    #[test]
    fn one_can_be_taken_from_the_middle() {
        let backend = BackendId(0);
        let mut idle = Idle::default();
        let tickets: Vec<_> = (0..4).map(|sock| idle.put(backend, Sock(sock))).collect();
        assert_eq!(idle.remove(tickets[1]), Some((Sock(1), backend)));
        assert_eq!(idle.remove(tickets[3]), Some((Sock(3), backend)));
        assert_eq!(idle.remove(tickets[3]), None);
        assert_eq!((idle.take(backend), idle.take(backend), idle.take(backend)), (Some(Sock(2)), Some(Sock(0)), None));
    }
}
