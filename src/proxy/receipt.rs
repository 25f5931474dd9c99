//! Decision receipts: for each of the last requests, who could have served it, who was picked, what each try came to,
//! and when. For whoever asks why a request went where it went: `evenkeel explain ID`, `/api/requests`.
//!
//! A ring of records of one size, each overwritten when its turn comes again, so memory is bounded and no request
//! allocates. An exchange holds a [`Slip`], its place in the ring, and writes there as things happen; a place that has
//! been overwritten since is recognised by its id and left alone. Nothing of what a request said is kept: method, status
//! and names of backends, no target and no field. In words is the [admin address](crate::admin)'s business.

use super::context::Context;
use super::exchange::Search;
use super::record::{NEVER, Record};
use crate::balance::{BackendId, PoolId, State};
use crate::base::Time;
use crate::http::Verb;
use crate::net::Net;
use std::time::Duration;

/// Requests that are remembered.
const RING: usize = 1024;

/// Candidates that are remembered of each: the one that was picked, and others in the order of the pool.
pub const MOST_CANDIDATES: usize = 6;

/// Tries that are remembered of each: the first ones.
pub const MOST_TRIES: usize = 4;

/// A place in the ring.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slip(u32);

impl Slip {
    /// No place.
    pub const NONE: Slip = Slip(u32::MAX);
}

/// A backend as it was when a pick was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Which.
    pub backend: BackendId,
    /// What it was taken for.
    pub state: State,
    /// Its weight.
    pub weight: u32,
    /// What it had in flight, which is what policies that heed the load score by, for its weight.
    pub in_flight: u32,
}

/// One connection that was tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Try {
    /// To which backend.
    pub backend: BackendId,
    /// It came from the pool of idle ones.
    pub pooled: bool,
    /// When it began.
    pub at: Time,
    /// What it came to, and when; none so far.
    pub end: Option<(Fate, Time)>,
}

/// What a try came to, if it was not the one that served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Nobody was there, or the way was barred.
    Refused,
    /// No connection in time.
    Late,
    /// It died before the first byte of a response; a pooled one was stale.
    Died,
    /// It answered with a status for which another is asked.
    Unwanted,
    /// It did not answer in time, and another is asked.
    Silent,
    /// It answered with what is no response, and another is asked.
    Nonsense,
}

/// What is remembered of one request.
#[derive(Debug, Clone, Copy)]
pub struct Receipt {
    /// The request's own.
    pub id: u128,
    /// As far as it is told apart.
    pub verb: Verb,
    /// Where it went.
    pub pool: PoolId,
    /// When its head was complete.
    pub began: Time,
    /// When the first pick was made; [`NEVER`] if it was not, as the next ones.
    pub chosen: Time,
    /// When the last connection stood.
    pub connected: Time,
    /// When the head of the response had come.
    pub answered: Time,
    /// When it was over.
    pub over: Time,
    /// What the client was told; 0: nothing, or nothing yet.
    pub status: u16,
    /// How it ended; empty: it is under way.
    pub reason: &'static str,
    candidates: [Candidate; MOST_CANDIDATES],
    seen: u8,
    /// The request brought a cookie that names who was picked.
    pub came_back: bool,
    /// Backends in the pool, so how many were not remembered.
    pub of: u32,
    tries: [Try; MOST_TRIES],
    /// How many there were, remembered or not.
    pub tried: u32,
}

const NOBODY: BackendId = BackendId(u32::MAX);

impl Receipt {
    fn new(id: u128, verb: Verb, pool: PoolId, began: Time) -> Receipt {
        let nobody = Candidate { backend: NOBODY, state: State::Unproven, weight: 0, in_flight: 0 };
        Receipt {
            id,
            verb,
            pool,
            began,
            chosen: NEVER,
            connected: NEVER,
            answered: NEVER,
            over: NEVER,
            status: 0,
            reason: "",
            candidates: [nobody; MOST_CANDIDATES],
            seen: 0,
            came_back: false,
            of: 0,
            tries: [Try { backend: NOBODY, pooled: false, at: NEVER, end: None }; MOST_TRIES],
            tried: 0,
        }
    }

    /// For another request. What is not counted any more need not be overwritten.
    fn renew(&mut self, id: u128, verb: Verb, pool: PoolId, began: Time) {
        (self.id, self.verb, self.pool, self.began) = (id, verb, pool, began);
        (self.chosen, self.connected, self.answered, self.over) = (NEVER, NEVER, NEVER, NEVER);
        (self.status, self.reason, self.seen, self.of, self.tried) = (0, "", 0, 0, 0);
    }

    /// Those that were there when the first pick was made, the picked one first.
    pub fn candidates(&self) -> &[Candidate] {
        self.candidates.get(..usize::from(self.seen)).unwrap_or_default()
    }

    /// The connections that were tried, in order.
    pub fn tries(&self) -> &[Try] {
        self.tries.get(..self.tried as usize).unwrap_or(&self.tries)
    }

    /// From the end of its head to its own.
    pub fn took(&self) -> Option<Duration> {
        (self.over != NEVER).then(|| self.over.since(self.began))
    }

    fn begin_try(&mut self, backend: BackendId, pooled: bool, at: Time) {
        if let Some(place) = self.tries.get_mut(self.tried as usize) {
            *place = Try { backend, pooled, at, end: None };
        }
        self.tried += 1;
    }

    fn end_try(&mut self, fate: Fate, now: Time) {
        let last = (self.tried as usize).checked_sub(1).and_then(|last| self.tries.get_mut(last));
        last.into_iter().for_each(|last| last.end = Some((fate, now)));
    }
}

/// The ring.
#[derive(Debug, Default)]
pub struct Receipts {
    /// Empty if nobody may ask for them. Whose id is 0 is nobody's yet.
    ring: Vec<Receipt>,
    next: usize,
}

impl Receipts {
    /// Remembers from now on. All the memory for it is taken at once, so that requests do not make it grow.
    pub fn keep(&mut self) {
        if !self.ring.is_empty() {
            return;
        }
        self.ring.resize(RING, Receipt::new(0, Verb::Other, PoolId(0), Time(0)));
    }

    fn begin(&mut self, id: u128, verb: Verb, pool: PoolId, began: Time) -> Slip {
        let place = self.next;
        let Some(old) = self.ring.get_mut(place) else { return Slip::NONE };
        old.renew(id, verb, pool, began);
        self.next = (place + 1) % RING;
        Slip(place as u32)
    }

    fn at(&mut self, slip: Slip, id: u128) -> Option<&mut Receipt> {
        self.ring.get_mut(slip.0 as usize).filter(|receipt| receipt.id == id)
    }

    /// Others may soon be known by these ids: requests of whom one was a part are forgotten.
    pub(super) fn forget(&mut self, gone: &[BackendId]) {
        let knows = |receipt: &Receipt| {
            let candidates = receipt.candidates().iter().map(|it| it.backend);
            candidates.chain(receipt.tries().iter().map(|it| it.backend)).any(|id| gone.contains(&id))
        };
        self.ring.iter_mut().filter(|receipt| knows(receipt)).for_each(|receipt| receipt.id = 0);
    }

    /// The newest first.
    pub fn iter(&self) -> impl Iterator<Item = &Receipt> {
        let (newer, older) = self.ring.split_at(self.next.min(self.ring.len()));
        newer.iter().rev().chain(older.iter().rev()).filter(|receipt| receipt.id != 0)
    }
}

impl<N: Net> Context<N> {
    /// Begins the receipt of a request that goes to `pool`.
    pub(super) fn begin_receipt(&mut self, record: &mut Record, verb: Verb, pool: PoolId) {
        record.pool = Some(pool);
        record.slip = self.receipts.begin(record.id, verb, pool, record.began);
    }

    /// A backend was picked for it, for the first time: who else was there?
    pub(super) fn note_pick(&mut self, record: &Record, search: &Search, picked: Option<BackendId>) {
        let Some(receipt) = self.receipts.at(record.slip, record.id) else { return };
        let pool = search.pool;
        receipt.came_back = picked.is_some() && search.stuck == picked;
        let members = self.backends.pool(pool).members();
        receipt.of = members.len() as u32;
        let others = members.filter(|&id| Some(id) != picked);
        let seen = picked.into_iter().chain(others).zip(&mut receipt.candidates);
        receipt.seen = seen.fold(0, |count, (backend, place)| {
            let it = self.backends.get(backend);
            *place = Candidate { backend, state: it.state(), weight: it.weight, in_flight: it.in_flight };
            count + 1
        });
    }

    /// A connection is tried for it.
    pub(super) fn note_try(&mut self, record: &Record, backend: BackendId, pooled: bool) {
        let now = self.now;
        if let Some(receipt) = self.receipts.at(record.slip, record.id) {
            receipt.begin_try(backend, pooled, now);
        }
    }

    /// The last one came to nothing.
    pub(super) fn note_fate(&mut self, record: &Record, fate: Fate) {
        let now = self.now;
        if let Some(receipt) = self.receipts.at(record.slip, record.id) {
            receipt.end_try(fate, now);
        }
    }

    /// It is over.
    pub(super) fn close_receipt(&mut self, record: &Record, status: u16) {
        let now = self.now;
        if let Some(receipt) = self.receipts.at(record.slip, record.id) {
            let Record { chosen, connected, answered, ending, .. } = *record;
            (receipt.chosen, receipt.connected, receipt.answered, receipt.over) = (chosen, connected, answered, now);
            (receipt.status, receipt.reason) = (status, ending.map_or("finished", |ending| ending.reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_keeps_the_last_ones_and_forgets_nobody_elses() {
        let mut receipts = Receipts::default();
        let begin = |receipts: &mut Receipts, id| receipts.begin(id, Verb::Get, PoolId(0), Time(0));
        assert_eq!(begin(&mut receipts, 1), Slip::NONE, "nobody asks");
        receipts.keep();
        let first = begin(&mut receipts, 1);
        assert!(receipts.at(first, 1).is_some());
        (2..=RING as u128 + 1).for_each(|id| _ = begin(&mut receipts, id));
        assert!(receipts.at(first, 1).is_none(), "another has its place");
        let ids: Vec<u128> = receipts.iter().map(|receipt| receipt.id).collect();
        assert_eq!(ids, (2..=RING as u128 + 1).rev().collect::<Vec<_>>());
    }

    #[test]
    fn tries_beyond_those_remembered_are_counted() {
        let mut receipt = Receipt::new(1, Verb::Get, PoolId(0), Time(0));
        for number in 0..6 {
            receipt.begin_try(BackendId(number), number == 0, Time(10));
            receipt.end_try(Fate::Refused, Time(20));
        }
        assert_eq!((receipt.tried, receipt.tries().len()), (6, MOST_TRIES));
        assert_eq!(receipt.tries()[1].end, Some((Fate::Refused, Time(20))));
    }

    #[test]
    fn a_receipt_is_small() {
        assert!(size_of::<Receipt>() <= 400, "{} bytes", size_of::<Receipt>());
    }
}
