//! How fast a source is: whether it is worth to wait for much of it.
//!
//! Bytes are counted from one moment to the next ([`GATHERING`]), so that it does not matter in which pieces they come: over
//! loopback a body comes faster than it can be taken, over a link one segment at a time, and yet a moment brings many.

use crate::base::Time;
use crate::proxy::moments::GATHERING;

/// A source that brings this part of a buffer in a moment comes in bulk: 4 KiB, which is 16 Mbit/s. Less would be cheaper
/// to read as it comes.
const MUCH: usize = 4;

/// What a source brought of late.
#[derive(Debug, Default)]
pub struct Pace {
    /// It comes in bulk.
    bulk: bool,
    /// Bytes that came since it was last judged.
    came: usize,
    /// When that was, or when it was first looked at. None: never.
    since: Option<Time>,
}

impl Pace {
    /// A source of which nothing is known but whether it has promised much.
    pub fn promised(much: bool) -> Pace {
        Pace { bulk: much, ..Pace::default() }
    }

    /// Whether it comes in bulk.
    pub fn is_bulk(&self) -> bool {
        self.bulk
    }

    /// It brought so many bytes.
    pub fn came(&mut self, count: usize) {
        self.came += count;
    }

    /// So many bytes were read into a buffer of `room`. It comes in bulk if that is full, or if it has promised more and a
    /// moment brings enough of it.
    pub fn read(&mut self, count: usize, room: usize, promised: bool, now: Time) {
        self.came += count;
        let already = self.came >= room / MUCH;
        let enough = self.judge(room, now).unwrap_or(already); // whatever is made of it, so that old bytes do not count for ever
        self.bulk = count >= room || promised && enough;
    }

    /// It has nothing more for now; a buffer has so much `room`.
    pub fn paused(&mut self, room: usize, now: Time) {
        self.bulk = self.judge(room, now).unwrap_or(self.bulk);
    }

    /// Whether each moment brought enough since it was last judged. None: less than a moment says nothing yet.
    fn judge(&mut self, room: usize, now: Time) -> Option<bool> {
        let span = now - *self.since.get_or_insert(now);
        if span < GATHERING {
            return None;
        }
        let enough = self.came as u128 * GATHERING.as_nanos() >= (room / MUCH) as u128 * span.as_nanos();
        (self.came, self.since) = (0, Some(now));
        Some(enough)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const ROOM: usize = 16 * 1024;

    fn at(micros: u64) -> Time {
        Time(0) + Duration::from_micros(micros)
    }

    #[test]
    fn a_link_s_segments_are_bulk_if_a_moment_brings_many() {
        let mut fast = Pace::default();
        fast.read(1448, ROOM, true, at(10_000));
        assert!(!fast.is_bulk());
        fast.read(1448, ROOM, true, at(10_100));
        fast.read(1448, ROOM, true, at(10_200));
        assert!(fast.is_bulk());

        let mut slow = Pace::default();
        for segment in 1..100 {
            slow.read(1448, ROOM, true, at(segment * 1_200));
            assert!(!slow.is_bulk());
        }
    }

    #[test]
    fn without_a_promise_only_a_full_buffer_is_bulk() {
        let mut pace = Pace::default();
        pace.read(ROOM - 1, ROOM, false, at(1));
        assert!(!pace.is_bulk());
        pace.read(ROOM, ROOM, false, at(2));
        assert!(pace.is_bulk());
    }

    #[test]
    fn what_came_long_ago_does_not_count() {
        let mut pace = Pace::default();
        for reading in 1..100 {
            pace.read(100, ROOM, false, at(reading * 10_000));
        }
        pace.read(ROOM, ROOM, false, at(1_000_000));
        pace.paused(ROOM, at(1_000_000));
        pace.came(100);
        pace.paused(ROOM, at(1_010_000));
        assert!(!pace.is_bulk());
    }

    #[test]
    fn who_brings_too_little_in_a_moment_is_no_bulk_any_more() {
        let mut pace = Pace::promised(true);
        pace.paused(ROOM, at(5_000)); // nobody had looked before
        for moment in [6_000, 6_900] {
            pace.came(1448);
            pace.paused(ROOM, at(moment));
            assert!(pace.is_bulk());
        }
        pace.paused(ROOM, at(7_000));
        assert!(!pace.is_bulk());
    }

    #[test]
    fn who_brings_enough_stays_bulk_until_a_moment_brings_nothing() {
        let mut pace = Pace::promised(true);
        for moment in 1..10 {
            pace.came(3 * 1448);
            pace.paused(ROOM, at(moment * 2_000));
            assert!(pace.is_bulk());
        }
        pace.paused(ROOM, at(20_000));
        assert!(!pace.is_bulk());
    }

    #[test]
    fn a_burst_after_a_silence_is_no_bulk_unless_it_fills_a_buffer() {
        let mut pace = Pace::default();
        pace.read(1448, ROOM, true, at(0));
        pace.read(5 * 1448, ROOM, true, at(10_000_000));
        assert!(!pace.is_bulk());
        pace.read(ROOM, ROOM, true, at(20_000_000));
        assert!(pace.is_bulk());
    }
}
