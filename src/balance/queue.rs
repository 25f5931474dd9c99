//! Queues of pools whose backends are all full: who waits, in which order, and who is next.
//!
//! First in, first out, but for who comes back from a backend that could not serve it: that one goes to the front. Joining
//! and leaving cost O(1), and so does calling the next: only who has tried the free backend already is passed over.
//! Whoever waits has a deadline with its session; here is no time.

use super::backend::BackendId;
use super::pool::PoolId;
use crate::config;
use slab::Slab;

/// No other.
const NONE: u32 = u32::MAX;

/// A place in a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ticket {
    pool: PoolId,
    place: u32,
}

#[derive(Debug)]
struct Waiting {
    who: u32,
    tried: Box<[BackendId]>,
    before: u32,
    behind: u32,
}

#[derive(Debug)]
struct Queue {
    waiting: Slab<Waiting>,
    first: u32,
    last: u32,
    most: u32,
}

/// The queues of all pools.
#[derive(Debug, Default)]
pub struct Queues {
    all: Vec<Queue>,
    waiting: usize,
}

impl Queues {
    /// So many may wait for backends of this pool from now on; whoever waits already stays.
    pub fn set(&mut self, pool: PoolId, queue: Option<config::Queue>) {
        let row = usize::from(pool.0);
        if self.all.len() <= row {
            self.all.resize_with(row + 1, || Queue { waiting: Slab::new(), first: NONE, last: NONE, most: 0 });
        }
        self.all[row].most = queue.map_or(0, |queue| queue.length);
    }

    /// How many wait, everywhere.
    #[inline]
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// How many wait for backends of this pool.
    #[inline]
    pub fn length(&self, pool: PoolId) -> usize {
        self.all.get(usize::from(pool.0)).map_or(0, |queue| queue.waiting.len())
    }

    /// The session `who`, for which these were `tried`, waits: at the front, if it was served before. Nothing: the queue is full.
    pub fn join(&mut self, pool: PoolId, who: u32, tried: &[BackendId], front: bool) -> Option<Ticket> {
        let queue = self.all.get_mut(usize::from(pool.0))?;
        if queue.waiting.len() >= queue.most as usize {
            return None;
        }
        let (before, behind) = if front { (NONE, queue.first) } else { (queue.last, NONE) };
        let place = queue.waiting.insert(Waiting { who, tried: tried.into(), before, behind }) as u32;
        queue.link(before, behind, [place, place]);
        self.waiting += 1;
        Some(Ticket { pool, place })
    }

    /// It waits no longer.
    pub fn leave(&mut self, ticket: Ticket) {
        let Some(queue) = self.all.get_mut(usize::from(ticket.pool.0)) else { return };
        if let Some(Waiting { before, behind, .. }) = queue.waiting.try_remove(ticket.place as usize) {
            queue.link(before, behind, [behind, before]);
            self.waiting -= 1;
        }
    }

    /// The first in this queue whom a place would help, as `helps` knows of the backends it has tried. It stays where it
    /// is until it [leaves](Queues::leave).
    pub fn next(&self, pool: PoolId, helps: impl Fn(&[BackendId]) -> bool) -> Option<u32> {
        let queue = self.all.get(usize::from(pool.0))?;
        let mut at = queue.first;
        while let Some(waiting) = queue.waiting.get(at as usize) {
            if helps(&waiting.tried) {
                return Some(waiting.who);
            }
            at = waiting.behind;
        }
        None
    }
}

impl Queue {
    /// Whoever is `before` is followed by the first of these, whoever is `behind` follows the second.
    fn link(&mut self, before: u32, behind: u32, [first, last]: [u32; 2]) {
        match self.waiting.get_mut(before as usize) {
            Some(waiting) => waiting.behind = first,
            None => self.first = first,
        }
        match self.waiting.get_mut(behind as usize) {
            Some(waiting) => waiting.before = last,
            None => self.last = last,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const POOL: PoolId = PoolId(0);

    fn queues(length: u32) -> Queues {
        let queue = Some(config::Queue { length, timeout: std::time::Duration::from_secs(1) });
        let mut queues = Queues::default();
        queues.set(POOL, queue);
        queues
    }

    fn first(queues: &Queues) -> Option<u32> {
        queues.next(POOL, |_| true)
    }

    #[test]
    fn without_a_queue_nobody_waits() {
        let mut queues = Queues::default();
        queues.set(POOL, None);
        assert_eq!(queues.join(POOL, 1, &[], false), None);
        assert_eq!(first(&queues), None);
    }

    #[test]
    fn who_has_tried_the_free_backend_is_passed_over_and_keeps_its_place() {
        let mut queues = queues(9);
        let (a, b) = (BackendId(0), BackendId(1));
        queues.join(POOL, 1, &[a], false);
        let second = queues.join(POOL, 2, &[], false).unwrap();
        assert_eq!(queues.next(POOL, |tried| !tried.contains(&a)), Some(2));
        queues.leave(second);
        assert_eq!(queues.next(POOL, |tried| !tried.contains(&a)), None);
        assert_eq!(queues.next(POOL, |tried| !tried.contains(&b)), Some(1));
    }

    proptest! {
        /// Beside a plain list, whoever joins, at whichever end, and leaves, from wherever.
        #[test]
        fn it_is_what_a_list_would_be(deeds in prop::collection::vec((0..4u8, any::<prop::sample::Index>()), 0..200)) {
            let mut queues = queues(20);
            let mut list: Vec<(u32, Ticket)> = Vec::new();
            for (who, (deed, index)) in (0..).zip(deeds) {
                match deed {
                    0 | 1 => {
                        let front = deed == 0;
                        let ticket = queues.join(POOL, who, &[], front);
                        prop_assert_eq!(ticket.is_some(), list.len() < 20);
                        if let Some(ticket) = ticket {
                            list.insert(if front { 0 } else { list.len() }, (who, ticket));
                        }
                    }
                    2 if !list.is_empty() => queues.leave(list.remove(index.index(list.len())).1),
                    _ if !list.is_empty() => queues.leave(list.remove(0).1),
                    _ => {}
                }
                prop_assert_eq!(first(&queues), list.first().map(|(who, _)| *who));
                prop_assert_eq!((queues.waiting(), queues.length(POOL)), (list.len(), list.len()));
            }
            while !list.is_empty() {
                prop_assert_eq!(first(&queues), Some(list[0].0));
                queues.leave(list.remove(0).1);
            }
            prop_assert_eq!(first(&queues), None);
        }
    }
}
