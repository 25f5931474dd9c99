//! One end of a connection as its kernel sees it: what has arrived and what is still on its way to it.
//!
//! No chance and no clock here: whoever sends says when it arrives. Read [`super::wire`] next.

use crate::base::Time;
use std::collections::VecDeque;

/// What travels to an end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Freight {
    Bytes(usize),
    End,
    Reset,
}

/// Everything on its way to one end of a connection, and everything that has arrived there.
#[derive(Debug)]
pub(super) struct Inbox {
    /// The `ready` bytes that arrived, then those under way.
    bytes: VecDeque<u8>,
    ready: usize,
    under_way: VecDeque<(Time, Freight)>,
    window: usize,
    /// Nothing overtakes: the next freight arrives no earlier than this.
    pub(super) last: Time,
    /// A FIN has arrived. It may have bytes before it that are not read yet.
    pub(super) ended: bool,
    /// A RST has arrived.
    pub(super) reset: bool,
}

impl Inbox {
    pub(super) fn new(window: usize) -> Inbox {
        Inbox {
            bytes: VecDeque::new(),
            ready: 0,
            under_way: VecDeque::new(),
            window,
            last: Time(0),
            ended: false,
            reset: false,
        }
    }

    /// How many bytes may be read now.
    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    /// Whether nothing more can arrive before some of it was read.
    pub(super) fn is_full(&self) -> bool {
        self.ready == self.window
    }

    /// How many bytes may be sent here now.
    pub(super) fn room(&self) -> usize {
        self.window - self.bytes.len()
    }

    /// Whether the sender is told that it may go on. A kernel wakes a writer when a good part of
    /// the window is free (Linux: a third), not for a byte.
    pub(super) fn roomy(&self) -> bool {
        self.room() * 3 >= self.window
    }

    /// Whether a read would bring bytes, an end or an error.
    pub(super) fn readable(&self) -> bool {
        self.ready > 0 || self.ended || self.reset
    }

    /// Sends `bytes`, of which there must be no more than [`Inbox::room`], to arrive at `at`.
    pub(super) fn carry(&mut self, bytes: &[u8], at: Time) {
        self.bytes.extend(bytes);
        self.dispatch(Freight::Bytes(bytes.len()), at);
    }

    /// Sends a FIN or a RST to arrive at `at`.
    pub(super) fn dispatch(&mut self, freight: Freight, at: Time) {
        self.last = self.last.max(at);
        self.under_way.push_back((self.last, freight));
    }

    /// The next freight that has arrived by `now`. The caller says what becomes of it.
    pub(super) fn unload(&mut self, now: Time) -> Option<Freight> {
        let &(at, freight) = self.under_way.front()?;
        if at > now {
            return None;
        }
        self.under_way.pop_front();
        Some(freight)
    }

    /// `count` bytes that were under way may be read.
    pub(super) fn shelve(&mut self, count: usize) {
        self.ready += count;
    }

    /// `count` bytes that were under way are thrown away: nobody is there to read them.
    pub(super) fn discard(&mut self, count: usize) {
        self.bytes.drain(self.ready..self.ready + count);
    }

    /// All that is under way is lost.
    pub(super) fn lose_under_way(&mut self) {
        self.bytes.truncate(self.ready);
        self.under_way.clear();
    }

    /// All that arrived and was not read is lost.
    pub(super) fn lose_ready(&mut self) {
        self.bytes.drain(..self.ready);
        self.ready = 0;
    }

    /// Reads up to `into.len()` bytes.
    pub(super) fn take(&mut self, into: &mut [u8]) -> usize {
        let count = into.len().min(self.ready);
        let (front, back) = self.bytes.as_slices();
        let of_front = count.min(front.len());
        into[..of_front].copy_from_slice(&front[..of_front]);
        into[of_front..count].copy_from_slice(&back[..count - of_front]);
        self.bytes.drain(..count);
        self.ready -= count;
        count
    }
}
