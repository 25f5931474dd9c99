//! How requests ended, pool by pool: each once, by status class and reason, with how long it took. And what the loop did.
//!
//! What ends well, which is nearly everything, is a place in an array; only what ends otherwise is looked up. The numbers
//! are added up where the line of the access log is written, whether one is or not, so that the two agree.

use super::histogram::{self, Histogram};
use super::time::Time;
use std::collections::BTreeMap;
use std::time::Duration;

/// What a client was told, by its first digit. First: nothing, since it had left, or bytes mean nothing to us.
pub const CLASSES: [&str; 7] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx", "other"];

/// What became of a request that ended in full.
pub const FINISHED: &str = "finished";

/// Why a request was sent once more. The order is that of [`Again::ALL`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// A pooled connection was stale.
    Stale,
    /// A fresh connection died before a byte of a response.
    Died,
    /// A response had a status for which another backend is asked.
    Status,
    /// What came was no response.
    BadResponse,
    /// No response came in time.
    Timeout,
}

impl Again {
    /// All of them, by name.
    pub const ALL: [(Again, &str); 5] = [
        (Again::Stale, "stale"),
        (Again::Died, "died"),
        (Again::Status, "status"),
        (Again::BadResponse, "bad_response"),
        (Again::Timeout, "timeout"),
    ];
}

/// The requests of one pool, and the connections forwarded to it in TCP mode.
#[derive(Debug, Clone)]
pub struct Tally {
    finished: [u64; CLASSES.len()],
    otherwise: BTreeMap<(&'static str, usize), u64>,
    /// From the first byte of a request to the last of its answer; tunnels left out.
    pub durations: Histogram,
    retries: [u64; Again::ALL.len()],
    /// Those that were not, because the budget was used up.
    pub denied: u64,
}

impl Default for Tally {
    fn default() -> Tally {
        let durations = Histogram::new(&histogram::REQUESTS);
        Tally {
            finished: [0; CLASSES.len()],
            otherwise: BTreeMap::new(),
            durations,
            retries: [0; Again::ALL.len()],
            denied: 0,
        }
    }
}

impl Tally {
    /// One has ended: its client was told this status (0: nothing), and it has `failed` for this reason, if it has.
    #[inline]
    pub fn ended(&mut self, status: u16, failed: Option<&'static str>) {
        let class = usize::from(status / 100).min(CLASSES.len() - 1);
        match failed {
            None => self.finished[class] += 1,
            Some(reason) => self.count_failed(reason, class),
        }
    }

    #[cold]
    fn count_failed(&mut self, reason: &'static str, class: usize) {
        *self.otherwise.entry((reason, class)).or_default() += 1;
    }

    /// One is sent once more.
    pub fn again(&mut self, why: Again) {
        self.retries[why as usize] += 1;
    }

    /// How many ended: class, reason, number. Those that ended in full come first, every class of them.
    pub fn endings(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        let finished = CLASSES.into_iter().zip(self.finished).map(|(class, count)| (class, FINISHED, count));
        let named = |(&(reason, class), &count): (&(&'static str, usize), &u64)| (CLASSES[class], reason, count);
        finished.chain(self.otherwise.iter().map(named))
    }

    /// How many ended, in all.
    pub fn total(&self) -> u64 {
        self.endings().map(|(.., count)| count).sum()
    }

    /// How many were sent once more, by reason.
    pub fn retries(&self) -> impl Iterator<Item = (&'static str, u64)> {
        Again::ALL.into_iter().zip(self.retries).map(|((_, name), count)| (name, count))
    }
}

/// All requests of one loop, and its turns.
#[derive(Debug, Clone)]
pub struct Tallies {
    pools: Vec<Tally>,
    /// Requests that got as far as no pool.
    pub nowhere: Tally,
    /// How long each turn has worked.
    pub turns: Histogram,
    /// When the first turn began to wait.
    pub since: Time,
}

impl Default for Tallies {
    fn default() -> Tallies {
        let turns = Histogram::new(&histogram::TURNS);
        Tallies { pools: Vec::new(), nowhere: Tally::default(), turns, since: Time(0) }
    }
}

impl Tallies {
    /// There are so many pools now. What was counted in those that were there stays.
    pub fn fit(&mut self, pools: usize) {
        let more = pools.max(self.pools.len());
        self.pools.resize_with(more, Tally::default);
    }

    /// The pool of this number.
    #[inline]
    pub fn of(&mut self, pool: u16) -> &mut Tally {
        self.pools.get_mut(usize::from(pool)).unwrap_or(&mut self.nowhere)
    }

    /// The same, to be read.
    pub fn get(&self, pool: u16) -> Option<&Tally> {
        self.pools.get(usize::from(pool))
    }

    /// How many requests ended, in all.
    pub fn total(&self) -> u64 {
        self.pools.iter().map(Tally::total).sum::<u64>() + self.nowhere.total()
    }

    /// How many were sent once more, in all.
    pub fn retried(&self) -> u64 {
        self.pools.iter().flat_map(Tally::retries).map(|(_, count)| count).sum()
    }

    /// How long the loop has waited until `now`, the moment at which its last wait was over.
    pub fn waited(&self, now: Time) -> Duration {
        now.since(self.since).saturating_sub(self.turns.sum())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_ending_has_one_place() {
        let mut tally = Tally::default();
        for status in [0, 101, 200, 204, 302, 404, 503, 600, 999] {
            tally.ended(status, None);
        }
        tally.ended(504, Some("response_timeout"));
        tally.ended(504, Some("response_timeout"));
        tally.ended(0, Some("response_timeout"));
        let all: Vec<_> = tally.endings().map(|(class, _, count)| (class, count)).collect();
        let finished = [("none", 1), ("1xx", 1), ("2xx", 2), ("3xx", 1), ("4xx", 1), ("5xx", 1), ("other", 2)];
        assert_eq!(all[..7], finished);
        assert_eq!(all[7..], [("none", 1), ("5xx", 2)]);
        assert_eq!(tally.total(), 12);
    }

    #[test]
    fn reasons_to_go_again_stand_where_they_are_counted() {
        for (place, (why, _)) in Again::ALL.into_iter().enumerate() {
            assert_eq!(why as usize, place);
        }
    }

    #[test]
    fn who_has_no_pool_is_counted_all_the_same() {
        let mut tallies = Tallies::default();
        tallies.fit(1);
        tallies.of(0).ended(200, None);
        tallies.of(1).ended(400, Some("host_missing"));
        assert_eq!((tallies.get(0).map(Tally::total), tallies.nowhere.total(), tallies.total()), (Some(1), 1, 2));
    }
}
