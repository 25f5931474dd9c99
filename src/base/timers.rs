//! Deadlines: a hierarchical timer wheel (Varghese and Lauck 1987; the shape of the Linux kernel's own).
//!
//! Six rings of 64 places. A place of ring 0 is one tick (about a millisecond) wide, a place of each further ring as
//! wide as the whole ring before it. A deadline sits in the ring where it first differs from now and moves inwards as
//! time passes, at most five times in its life. Setting, moving and dropping one costs O(1), and there is no heap:
//! the lists run through one table indexed by key, 24 bytes a key.
//!
//! Two choices. A deadline that moves *later* only notes the new moment; its entry is put right when its old place
//! comes up, so a busy connection that pushes its deadline forward a thousand times a second touches no list. And
//! deadlines are never early, but up to a tick late.

use super::Time;

const PLACES: usize = 64;
const RINGS: usize = 6;
/// log2 of a tick in nanoseconds: 2^20 ns, a little over a millisecond.
const TICK: u32 = 20;
const NONE: u32 = u32::MAX;
/// The place of an entry that is in no list.
const NOWHERE: u16 = u16::MAX;

#[derive(Debug, Clone, Copy)]
struct Entry {
    wanted: Time,
    prev: u32,
    next: u32,
    place: u16, // ring * PLACES + place within the ring
}

const FREE: Entry = Entry { wanted: Time(0), prev: NONE, next: NONE, place: NOWHERE };

#[derive(Debug, Clone, Copy)]
struct List {
    first: u32,
    last: u32,
}

/// At most one deadline for each key; keys are small numbers such as slots.
#[derive(Debug)]
pub struct Timers {
    entries: Vec<Entry>,
    lists: Box<[List]>,
    /// One bit for each place of a ring that has entries.
    occupied: [u64; RINGS],
    /// The wheel has turned to here: no entry is filed before it.
    tick: u64,
}

impl Default for Timers {
    fn default() -> Timers {
        let lists = vec![List { first: NONE, last: NONE }; RINGS * PLACES].into_boxed_slice();
        Timers { entries: Vec::new(), lists, occupied: [0; RINGS], tick: 0 }
    }
}

impl Timers {
    /// `key` is to fire at `when`, in place of whatever was set for it.
    pub fn set(&mut self, key: u32, when: Time) {
        if self.entries.len() <= key as usize {
            self.entries.resize(key as usize + 1, FREE);
        }
        let entry = &mut self.entries[key as usize];
        let (before, place) = (std::mem::replace(&mut entry.wanted, when), entry.place);
        if place == NOWHERE {
            self.file(key);
        } else if when < before && tick_of(when) < self.start_of(place) {
            self.unlink(key);
            self.file(key);
        }
    }

    /// `key` is not to fire any more.
    pub fn drop(&mut self, key: u32) {
        if self.entries.get(key as usize).is_some_and(|entry| entry.place != NOWHERE) {
            self.unlink(key);
        }
    }

    /// When `key` is to fire, if it is.
    pub fn get(&self, key: u32) -> Option<Time> {
        let entry = self.entries.get(key as usize)?;
        (entry.place != NOWHERE).then_some(entry.wanted)
    }

    /// Every key that is to fire, and when. Looks at each key that ever was.
    pub fn iter(&self) -> impl Iterator<Item = (u32, Time)> {
        let filed = |(_, entry): &(u32, &Entry)| entry.place != NOWHERE;
        (0..).zip(&self.entries).filter(filed).map(|(key, entry)| (key, entry.wanted))
    }

    /// The memory it takes, in bytes.
    pub fn memory(&self) -> usize {
        self.entries.len() * size_of::<Entry>() + self.lists.len() * size_of::<List>()
    }

    /// No deadline fires before this moment. It may be a moment at which entries only move inwards.
    pub fn next(&self) -> Option<Time> {
        self.front().map(|place| Time(self.start_of(place) << TICK))
    }

    /// Takes out one key whose moment has come, the earliest tick first, equals in the order in which they were set.
    pub fn pop(&mut self, now: Time) -> Option<u32> {
        let today = now.0 >> TICK;
        while let Some(place) = self.front() {
            let start = self.start_of(place);
            if start > today {
                break;
            }
            self.tick = self.tick.max(start);
            if let Some(key) = self.open(place) {
                return Some(key);
            }
        }
        self.tick = self.tick.max(today);
        None
    }

    /// Empties a place that has come up: of ring 0 up to the first entry that is due, of any other ring wholly, since
    /// its entries move to inner rings and nothing may be left behind them. What is due lands in ring 0.
    fn open(&mut self, place: u16) -> Option<u32> {
        loop {
            let key = self.lists[usize::from(place)].first;
            if key == NONE {
                return None;
            }
            self.unlink(key);
            let due = tick_of(self.entries[key as usize].wanted) <= self.tick;
            if due && usize::from(place) < PLACES {
                return Some(key);
            }
            self.file(key);
        }
    }

    /// The place that comes up first. Whatever is in a ring comes before all that is in the rings around it.
    fn front(&self) -> Option<u16> {
        let ring = self.occupied.iter().position(|&bits| bits != 0)?;
        let here = (self.tick >> (6 * ring)) as u32 & 63;
        let ahead = self.occupied[ring].rotate_right(here).trailing_zeros();
        Some((ring * PLACES) as u16 + ((here + ahead) & 63) as u16)
    }

    /// The first tick of a place, seen from the current tick.
    fn start_of(&self, place: u16) -> u64 {
        let (ring, place) = (u32::from(place) / 64, u64::from(place) % 64);
        let here = self.tick >> (6 * ring);
        (here + (place.wrapping_sub(here) & 63)) << (6 * ring)
    }

    fn file(&mut self, key: u32) {
        let far = self.tick + (1 << (6 * RINGS)) - (1 << (6 * (RINGS - 1)));
        let when = tick_of(self.entries[key as usize].wanted).clamp(self.tick, far);
        let differs = 63 - ((self.tick ^ when) | 63).leading_zeros();
        let ring = (differs as usize / 6).min(RINGS - 1);
        let place = (ring * PLACES) as u16 + ((when >> (6 * ring)) & 63) as u16;
        self.link(key, place);
    }

    fn link(&mut self, key: u32, place: u16) {
        let last = self.lists[usize::from(place)].last;
        let entry = &mut self.entries[key as usize];
        (entry.place, entry.prev, entry.next) = (place, last, NONE);
        match last {
            NONE => self.lists[usize::from(place)].first = key,
            last => self.entries[last as usize].next = key,
        }
        self.lists[usize::from(place)].last = key;
        self.occupied[usize::from(place) / PLACES] |= 1 << (place % 64);
    }

    fn unlink(&mut self, key: u32) {
        let Entry { prev, next, place, .. } = self.entries[key as usize];
        self.entries[key as usize].place = NOWHERE;
        let place = usize::from(place);
        match prev {
            NONE => self.lists[place].first = next,
            prev => self.entries[prev as usize].next = next,
        }
        match next {
            NONE => self.lists[place].last = prev,
            next => self.entries[next as usize].prev = prev,
        }
        if self.lists[place].first == NONE {
            self.occupied[place / PLACES] &= !(1 << (place % PLACES));
        }
    }
}

/// The first tick that is not before `when`.
fn tick_of(when: Time) -> u64 {
    when.0.div_ceil(1 << TICK)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;
    use std::collections::BTreeMap;
    use std::time::Duration;

    #[test]
    fn fires_after_its_moment_and_never_before() {
        let mut timers = Timers::default();
        timers.set(7, Time(0) + Duration::from_millis(100));
        assert_eq!(timers.pop(Time(0) + Duration::from_millis(99)), None);
        assert_eq!(timers.pop(Time(0) + Duration::from_millis(102)), Some(7));
        assert_eq!(timers.pop(Time(u64::MAX)), None);
    }

    #[test]
    fn equal_moments_fire_in_the_order_they_were_set() {
        let mut timers = Timers::default();
        for key in [3, 1, 2] {
            timers.set(key, Time(5_000_000_000));
        }
        let fired: Vec<_> = std::iter::from_fn(|| timers.pop(Time(6_000_000_000))).collect();
        assert_eq!(fired, [3, 1, 2]);
    }

    /// Against a plain sorted map: the same keys fire, none early, none more than a tick late.
    #[test]
    fn agrees_with_a_sorted_map_whatever_is_set_moved_and_dropped() {
        for seed in 0..50 {
            let mut rng = Rng::new(seed);
            let (mut timers, mut model, mut now) = (Timers::default(), BTreeMap::new(), 0u64);
            for _ in 0..500 {
                let key = rng.below(20) as u32;
                match rng.below(4) {
                    0 => {
                        timers.drop(key);
                        model.remove(&key);
                    }
                    1 => {
                        now = timers.next().map_or(now, |t| t.0.max(now)) + rng.below(1 << 22);
                        while let Some(key) = timers.pop(Time(now)) {
                            let wanted: u64 = model.remove(&key).expect("fires only what is set");
                            assert!(wanted <= now, "early");
                        }
                        assert!(model.values().all(|&w| w + (1 << TICK) > now), "late");
                    }
                    _ => {
                        let reach = 6 * rng.below(8) as u32 + 10;
                        let when = now + rng.below(1 << reach);
                        timers.set(key, Time(when));
                        model.insert(key, when);
                        assert_eq!(timers.get(key), Some(Time(when)));
                    }
                }
            }
        }
    }
}
