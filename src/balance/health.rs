//! Rise and fall: so many failures in a row exclude a backend, so many successes include it again.
//!
//! ```text
//!   unproven --pass--> up --fall failures in a row--> down --rise passes in a row--> up
//!       `------------fall failures in a row------------^
//! ```
//!
//! Passes and failures cancel each other's streak, so a backend that alternates stays where it is. This file counts; it
//! does not probe (the prober does) and does not choose (a policy does).

use crate::base::Time;
use serde::Serialize;
use std::fmt;
use std::time::Duration;

/// Whether a backend is to be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Used, though no probe has passed yet: the state at the start.
    Unproven,
    /// Used.
    Up,
    /// Excluded until it has passed `rise` probes in a row.
    Down,
    /// Excluded for a time because it served live traffic badly, whatever its probes say: see
    /// [`ejection`](super::ejection). Health itself never says this nor what follows,
    /// [`Backend::state`](super::Backend::state) does.
    Ejected,
    /// By the operator's word it gets no new work: it is drained, or has a weight of 0.
    Draining,
    /// By the operator's word it gets no new work and is not probed.
    Disabled,
}

/// Why an attempt at a backend, a probe or a request, failed. Told verbatim in the log and the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// What was being done.
    pub step: Step,
    /// An error of the operating system in words, an unexpected status, a time-out.
    pub what: String,
    /// How long the attempt had taken.
    pub took: Duration,
}

/// How far an attempt came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// The TCP connection.
    Connect,
    /// Sending the probe's request.
    Send,
    /// Waiting for the answer.
    Response,
    /// The status of the answer.
    Status,
    /// The text in its body.
    Body,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let step = match self.step {
            Step::Connect => "connect",
            Step::Send => "send",
            Step::Response => "response",
            Step::Status => "status",
            Step::Body => "body",
        };
        write!(f, "{step}: {} after {:.1} ms", self.what, self.took.as_secs_f64() * 1e3)
    }
}

/// A change of state, for the one line in the log that every change gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The state before.
    pub from: State,
    /// The state now.
    pub to: State,
    /// How many attempts in a row led to it.
    pub streak: u32,
}

/// The health of one backend.
#[derive(Debug, Clone)]
pub struct Health {
    state: State,
    since: Time,
    /// Attempts in a row that speak against the present state.
    against: u32,
    /// When the first of them was over.
    first: Time,
    /// From the first failure seen to the last exclusion.
    fell_in: Option<Duration>,
    falls: u64,
    rises: u64,
    fall: u32,
    rise: u32,
    /// The last thing that happened, in words.
    last: String,
}

impl Health {
    /// A backend that nobody has tried yet. `fall` and `rise` are at least 1.
    pub fn new(fall: u32, rise: u32) -> Health {
        Health {
            state: State::Unproven,
            since: Time(0),
            against: 0,
            first: Time(0),
            fell_in: None,
            falls: 0,
            rises: 0,
            fall,
            rise,
            last: "not probed yet".into(),
        }
    }

    /// Nobody asks any more: what was known of it is forgotten.
    pub(super) fn forget(&mut self, now: Time) {
        (self.state, self.since, self.against, self.last) = (State::Unproven, now, 0, "not probed".into());
    }

    /// Other numbers of failures and passes count from now on.
    pub(super) fn set_terms(&mut self, fall: u32, rise: u32) {
        (self.fall, self.rise) = (fall, rise);
    }

    /// The state now.
    pub fn state(&self) -> State {
        self.state
    }

    /// Since when.
    pub fn since(&self) -> Time {
        self.since
    }

    /// The last attempt in words.
    pub fn last(&self) -> &str {
        &self.last
    }

    /// How long the last exclusion took, from the first failure seen.
    pub fn fell_in(&self) -> Option<Duration> {
        self.fell_in
    }

    /// How often it was excluded.
    pub fn falls(&self) -> u64 {
        self.falls
    }

    /// How often it was included: again, or proven for the first time.
    pub fn rises(&self) -> u64 {
        self.rises
    }

    /// Whether a policy may pick this backend while a better one exists.
    pub fn usable(&self) -> bool {
        self.state != State::Down
    }

    /// Whether the state is about to change or has not been settled: probes come faster then.
    pub fn unsettled(&self) -> bool {
        self.against > 0 || self.state == State::Unproven
    }

    /// An attempt succeeded.
    pub fn pass(&mut self, now: Time, took: Duration) -> Option<Change> {
        self.last = format!("passed in {:.1} ms", took.as_secs_f64() * 1e3);
        match self.state {
            State::Unproven => self.turn(State::Up, 1, now),
            State::Down => self.count(self.rise, State::Up, now),
            _ => {
                self.against = 0;
                None
            }
        }
    }

    /// An attempt failed.
    pub fn fail(&mut self, now: Time, cause: &Cause) -> Option<Change> {
        self.last = cause.to_string();
        if self.state == State::Down {
            self.against = 0;
            return None;
        }
        self.count(self.fall, State::Down, now)
    }

    /// What was known of a fit backend may no longer hold: it is to be proven anew. One that is down stays so.
    pub fn doubt(&mut self, now: Time) {
        if self.state == State::Up {
            (self.state, self.since) = (State::Unproven, now);
        }
        self.against = 0;
    }

    /// An attempt failed, and nothing is made of it.
    pub fn note(&mut self, cause: &Cause) {
        self.last = cause.to_string();
    }

    fn count(&mut self, enough: u32, to: State, now: Time) -> Option<Change> {
        if self.against == 0 {
            self.first = now;
        }
        self.against += 1;
        if self.against < enough {
            return None;
        }
        self.turn(to, self.against, now)
    }

    fn turn(&mut self, to: State, streak: u32, now: Time) -> Option<Change> {
        let from = std::mem::replace(&mut self.state, to);
        if to == State::Down {
            (self.fell_in, self.falls) = (Some(now - self.first), self.falls + 1);
        } else {
            self.rises += 1;
        }
        (self.since, self.against) = (now, 0);
        Some(Change { from, to, streak })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Rng;

    const NOW: Time = Time(0);

    fn refused() -> Cause {
        Cause { step: Step::Connect, what: "connection refused".into(), took: Duration::from_micros(300) }
    }

    #[test]
    fn falls_after_three_failures_in_a_row_and_rises_after_two_passes() {
        let mut health = Health::new(3, 2);
        assert_eq!(health.pass(NOW, Duration::ZERO).map(|c| c.to), Some(State::Up));
        let fell: Vec<_> = (0..4).map(|_| health.fail(NOW, &refused()).is_some()).collect();
        assert_eq!(fell, [false, false, true, false]);
        let rose: Vec<_> = (0..3).map(|_| health.pass(NOW, Duration::ZERO).is_some()).collect();
        assert_eq!(rose, [false, true, false]);
    }

    #[test]
    fn it_measures_from_the_first_failure_of_the_streak() {
        let mut health = Health::new(3, 2);
        let mut at = |second, fails| match fails {
            true => health.fail(Time(second), &refused()).map(|change| (change.to, health.fell_in())),
            false => health.pass(Time(second), Duration::ZERO).map(|change| (change.to, health.fell_in())),
        };
        assert!(at(0, false).is_some());
        for (second, fails) in [(1, true), (2, true), (3, false), (10, true), (14, true)] {
            assert_eq!(at(second, fails), None);
        }
        assert_eq!(at(15, true), Some((State::Down, Some(Duration::from_nanos(5)))));
    }

    #[test]
    fn an_unproven_backend_is_used_and_can_fall() {
        let mut health = Health::new(2, 1);
        assert!(health.usable() && health.unsettled());
        health.fail(NOW, &refused());
        assert_eq!(health.fail(NOW, &refused()).map(|c| (c.from, c.to)), Some((State::Unproven, State::Down)));
        assert_eq!(health.last(), "connect: connection refused after 0.3 ms");
    }

    /// Whatever comes: down needs `fall` failures in a row just before, up needs `rise` passes.
    #[test]
    fn only_unbroken_streaks_change_the_state() {
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let (fall, rise) = (1 + rng.below(4) as u32, 1 + rng.below(4) as u32);
            let (mut health, mut passes, mut failures) = (Health::new(fall, rise), 0, 0);
            for _ in 0..200 {
                let before = health.state();
                let change = if rng.chance(1, 2) {
                    (passes, failures) = (passes + 1, 0);
                    health.pass(NOW, Duration::ZERO)
                } else {
                    (passes, failures) = (0, failures + 1);
                    health.fail(NOW, &refused())
                };
                match change.map(|c| c.to) {
                    Some(State::Down) => assert!(failures >= fall),
                    Some(_) => assert!(before == State::Unproven || passes >= rise),
                    None => assert_eq!(before, health.state()),
                }
            }
        }
    }
}
