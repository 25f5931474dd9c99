//! Ejection: live traffic excludes a backend for a time, whatever its probes say.
//!
//! ```text
//!   in --`consecutive` requests in a row served badly--> out --`base` times the ejections remembered--> in
//! ```
//!
//! Badly: a status from 500 up, no connection, no response before it died or in time, a response that is broken or
//! cut. What is a client's doing, and what we answer ourselves, says nothing; nor does a pooled connection that died,
//! which is stale more often than not. Any request served well ends the row.
//!
//! Of a pool no more than `share` is out at once, rounded down: of three backends at 50 % it is one, of one none. That
//! is Envoy's rule without its exception that one may always go: in a small pool the exception would be all there is.
//! Who would go too far stays, and is asked again at its next failure. Backends of weight 0 do not count.
//!
//! It ends by itself. Each further ejection lasts one `base` longer, until [`LONGEST`]; each `base` without one is
//! forgiven. This file counts; it does not choose, and does not know who else is out: [`Backends`](super::Backends) does.

use crate::base::Time;
use crate::config;
use std::fmt;
use std::time::Duration;

/// No ejection lasts longer, unless `base` does.
pub const LONGEST: Duration = Duration::from_secs(300);

/// How a backend served one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Served {
    /// Well, as far as we can tell.
    Well,
    /// With this status of its own, 500 or above.
    Status(u16),
    /// Not: for this reason.
    Failed(&'static str),
}

impl fmt::Display for Served {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Served::Well => f.write_str("served well"),
            Served::Status(status) => write!(f, "status {status}"),
            Served::Failed(reason) => f.write_str(reason),
        }
    }
}

/// An ejection, for the one line in the log that it gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sentence {
    /// How long it lasts.
    pub span: Duration,
    /// When it is over.
    pub until: Time,
    /// How many requests in a row led to it.
    pub streak: u32,
}

/// What live traffic says of one backend.
#[derive(Debug, Clone)]
pub struct Ejection {
    terms: config::Ejection,
    /// Requests in a row that it served badly, and when the first of them was over.
    streak: u32,
    first: Time,
    /// Ejections that are not yet forgiven.
    times: u32,
    /// Since when it has been out, or in.
    since: Time,
    out: bool,
    took: Option<Duration>,
}

impl Ejection {
    /// A backend of which nothing bad is known.
    pub fn new(terms: config::Ejection) -> Ejection {
        Ejection { terms, streak: 0, first: Time(0), times: 0, since: Time(0), out: false, took: None }
    }

    /// It is out.
    pub fn is_out(&self) -> bool {
        self.out
    }

    /// Since when it has been out, or in again.
    pub fn since(&self) -> Time {
        self.since
    }

    /// How long the last ejection took, from the first failure of its row.
    pub fn took(&self) -> Option<Duration> {
        self.took
    }

    /// A request was served; true: it is to be ejected, if so many may be.
    pub fn served(&mut self, how: Served, now: Time) -> bool {
        if how == Served::Well {
            self.streak = 0;
            return false;
        }
        if self.streak == 0 {
            self.first = now;
        }
        self.streak = self.streak.saturating_add(1);
        self.streak >= self.terms.consecutive && !self.out
    }

    /// It goes out.
    pub fn eject(&mut self, now: Time) -> Sentence {
        let base = self.terms.base.as_nanos().max(1);
        let forgiven = (now - self.since).as_nanos() / base;
        let most = u32::try_from(LONGEST.as_nanos() / base).unwrap_or(u32::MAX).max(1);
        self.times = self.times.saturating_sub(u32::try_from(forgiven).unwrap_or(u32::MAX)).saturating_add(1).min(most);
        let (span, streak) = (self.terms.base.saturating_mul(self.times), self.streak);
        (self.out, self.since, self.took) = (true, now, Some(now - self.first));
        Sentence { span, until: now + span, streak }
    }

    /// Its time is over: how long it was out. Nothing if it was not.
    pub fn release(&mut self, now: Time) -> Option<Duration> {
        let out = std::mem::take(&mut self.out).then(|| now - self.since);
        if out.is_some() {
            (self.since, self.streak) = (now, 0);
        }
        out
    }
}

/// How many of so many backends may be out at once.
pub fn most(share: u32, of: usize) -> usize {
    of * share as usize / 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    const BAD: Served = Served::Status(503);

    fn at(seconds: u64) -> Time {
        Time(0) + Duration::from_secs(seconds)
    }

    fn ejection(consecutive: u32) -> Ejection {
        Ejection::new(config::Ejection { consecutive, ..config::Ejection::default() })
    }

    fn out_for(ejection: &mut Ejection, now: u64) -> u64 {
        assert!(ejection.served(BAD, at(now)));
        let sentence = ejection.eject(at(now));
        assert_eq!(ejection.release(sentence.until), Some(sentence.span));
        sentence.span.as_secs()
    }

    #[test]
    fn a_row_of_failures_ejects_and_one_success_ends_the_row() {
        let mut ejection = ejection(3);
        let all = [BAD, Served::Failed("closed"), Served::Well, BAD, BAD, BAD];
        let due: Vec<bool> = (0..).zip(all).map(|(second, how)| ejection.served(how, at(second))).collect();
        assert_eq!(due, [false, false, false, false, false, true]);
        let sentence = ejection.eject(at(5));
        assert_eq!(sentence, Sentence { span: Duration::from_secs(10), until: at(15), streak: 3 });
        assert_eq!(ejection.took(), Some(Duration::from_secs(2)));
        assert!(ejection.is_out() && !ejection.served(BAD, at(6)), "who is out is not ejected again");
        assert_eq!((ejection.release(at(15)), ejection.release(at(15))), (Some(Duration::from_secs(10)), None));
        assert!(!ejection.served(BAD, at(16)), "a new row");
    }

    #[test]
    fn each_ejection_lasts_longer_and_good_behaviour_is_forgiven() {
        let mut ejection = ejection(1);
        let spans = [100, 111, 132, 163, 500].map(|now| out_for(&mut ejection, now));
        // Each began a second after the last had ended, but for the last one: after 29.7 times the base.
        assert_eq!(spans, [10, 20, 30, 40, 10]);
    }

    #[test]
    fn no_ejection_outlasts_the_longest_and_each_is_a_multiple_of_the_base() {
        let mut rng = Rng::new(1);
        for consecutive in 1..4 {
            let (mut ejection, mut now) = (ejection(consecutive), at(1000));
            for _ in 0..200 {
                if ejection.served(BAD, now) {
                    let sentence = ejection.eject(now);
                    assert!(sentence.span <= LONGEST && sentence.span.as_secs().is_multiple_of(10));
                    now = sentence.until;
                    ejection.release(now);
                }
                now = now + Duration::from_secs(rng.below(3));
            }
            assert_eq!(out_for_at(&mut ejection, now), LONGEST, "who never behaves is out for the longest");
        }
        let mut rare = Ejection::new(config::Ejection { consecutive: 1, base: 2 * LONGEST, share: 50 });
        assert_eq!(out_for(&mut rare, 5), 600);
    }

    fn out_for_at(ejection: &mut Ejection, now: Time) -> Duration {
        while !ejection.served(BAD, now) {}
        ejection.eject(now).span
    }

    #[test]
    fn a_share_is_rounded_down() {
        let shares = [(50, 1, 0), (50, 2, 1), (50, 3, 1), (100, 3, 3), (10, 9, 0), (10, 10, 1), (33, 3, 0), (34, 3, 1)];
        for (share, of, meant) in shares {
            assert_eq!(most(share, of), meant, "{share} % of {of}");
        }
    }
}
