//! How long a backend that fails can hurt clients, computed from what was configured.
//!
//! ```text
//!   probe passed   it fails        first probe fails      fall-th probe fails: down
//!        |-------------x------------------|---...---|---------------|
//!        '- at most the interval, a tenth more -'   '- min(interval, 1 s), a tenth more, for each that is still needed
//! ```
//!
//! A probe begins when its time has come and the last one is over, whichever is later. One that is refused fails at
//! once; one that hears nothing when its time-out is over. That bounds how long probes alone take. Live traffic is
//! counted and not timed: so many failed requests in a row exclude a backend as well, and how long they take is up to
//! the clients.
//!
//! What these bounds leave out: the time bytes travel, and probes that could not be made for lack of descriptors.
//! Measured values stand beside them in the API: [`Health::fell_in`](super::Health::fell_in) and
//! [`Ejection::took`](super::ejection::Ejection::took).

use crate::config::{Config, Health, Listener, Mode, Pool, ProbeKind};
use serde::{Serialize, Serializer};
use std::fmt;
use std::time::Duration;

/// Probes of a backend whose state is about to change come at least this often.
pub const UNSETTLED: Duration = Duration::from_secs(1);

/// A timer is late by a tick, a little over a millisecond, and then by what else the loop does first.
const LATE: Duration = Duration::from_millis(2);

/// What three kinds of failing can cost the clients of one pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Budget {
    /// Its port refuses connections. Clients notice nothing while another backend is left.
    pub refused: Hurt,
    /// Nothing comes from it, as from a machine that is gone.
    pub silent: Hurt,
    /// It answers with errors, and its probe does as well.
    pub failing: Hurt,
}

/// What one kind of failing can cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Hurt {
    /// Probes alone exclude it within this time, in seconds; none: they never do.
    #[serde(rename = "excluded_within_seconds", serialize_with = "seconds")]
    pub within: Option<Duration>,
    /// So many requests in a row that fail exclude it, whatever probes say; none: no number does.
    #[serde(rename = "excluded_after_requests")]
    pub after: Option<u32>,
    /// So long one request may wait for it until it is sent to another backend, in seconds.
    #[serde(rename = "delays_by_seconds", serialize_with = "second")]
    pub delays: Duration,
    /// So long one request that cannot be sent to another may wait until it fails, in seconds.
    #[serde(rename = "fails_after_seconds", serialize_with = "seconds")]
    pub fails: Option<Duration>,
}

impl Budget {
    /// For one pool of a configuration.
    pub fn of(pool: &Pool, config: &Config) -> Budget {
        let (health, timeouts) = (&pool.health, &config.timeouts);
        let ejected = most_to_eject(pool);
        let first = |one: Option<u32>, two: Option<u32>| one.into_iter().chain(two).min();
        let probed = health.kind != ProbeKind::Off;
        let connects = first(probed.then_some(health.fall), ejected); // without probes nobody would be back
        let to_us = |listener: &&Listener| {
            listener.pool.and_then(|at| config.pools.get(at)).is_some_and(|it| it.name == pool.name)
        };
        let bytes_only = config.listeners.iter().filter(to_us).any(|listener| listener.mode == Mode::Tcp);
        let speaks = matches!(health.kind, ProbeKind::Http { .. });
        Budget {
            refused: Hurt {
                within: probed.then(|| exclusion(health, Duration::ZERO)),
                after: connects,
                delays: Duration::ZERO,
                fails: None,
            },
            silent: Hurt {
                within: probed.then(|| exclusion(health, health.timeout)),
                after: connects,
                delays: timeouts.connect,
                fails: Some(timeouts.response),
            },
            failing: Hurt {
                within: speaks.then(|| exclusion(health, Duration::ZERO)),
                after: ejected.filter(|_| !bytes_only), // what passes through a tunnel is nothing to us
                delays: Duration::ZERO,
                fails: Some(Duration::ZERO),
            },
        }
    }
}

/// After how many requests a backend of the pool is ejected, if one may be at all.
fn most_to_eject(pool: &Pool) -> Option<u32> {
    let count = pool.backends.iter().filter(|backend| backend.weight > 0).count();
    let terms = pool.health.ejection?;
    (super::ejection::most(terms.share, count) > 0).then_some(terms.consecutive)
}

/// From the moment a backend fails until probes that take so long to fail have excluded it, at most.
pub fn exclusion(health: &Health, fails_in: Duration) -> Duration {
    let next = |span: Duration, last: Duration| (span + span / 10).max(last);
    // The last one that passed may have taken as long as it may.
    let first = next(health.interval, health.timeout);
    let further = next(health.interval.min(UNSETTLED), fails_in).saturating_mul(health.fall.saturating_sub(1));
    let late = LATE.saturating_mul(health.fall.saturating_mul(2)); // each begins and ends by a timer
    first.saturating_add(further).saturating_add(fails_in).saturating_add(late)
}

impl fmt::Display for Budget {
    /// One line, for the log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {}; silent: {}; failing: {}", self.refused, self.silent, self.failing)
    }
}

/// Some lines of comment, for who reads a configuration.
pub fn block(pool: &str, budget: &Budget) -> String {
    let Budget { refused, silent, failing } = budget;
    format!(
        "\n\n# pool {pool}: how a failing backend hurts\n#   refused  {refused}\n#   silent   {silent}\n#   failing  {failing}"
    )
}

impl fmt::Display for Hurt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.within, self.after) {
            (Some(within), Some(after)) => write!(f, "out within {}, or {}", say(within), requests(after))?,
            (Some(within), None) => write!(f, "out within {} if its probe fails too", say(within))?,
            (None, Some(after)) => write!(f, "out after {}", requests(after))?,
            (None, None) => f.write_str("never out")?,
        }
        match (self.delays, self.fails) {
            (Duration::ZERO, None) => f.write_str(", no request lost"),
            (Duration::ZERO, Some(_)) => f.write_str(", requests fail meanwhile"),
            (delays, fails) => {
                write!(f, ", a request waits {}", say(delays))?;
                fails.map_or(Ok(()), |fails| write!(f, ", on a connection that stood {}", say(fails)))
            }
        }
    }
}

fn requests(count: u32) -> String {
    format!("{count} failed request{} in a row", if count == 1 { "" } else { "s" })
}

/// Tenths of a second are as exact as anybody needs; rounded up, since it is a bound.
fn say(span: Duration) -> String {
    let tenths = span.as_millis().div_ceil(100);
    format!("{}.{} s", tenths / 10, tenths % 10)
}

fn seconds<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs_f64()).serialize(serializer)
}

fn second<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    span.as_secs_f64().serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Command, from_args};

    /// Of two backends, with these flags over this in the file.
    fn budget_of(file: &str, line: &str) -> Budget {
        let file = format!("[pool.main]\nbackends = [\"127.0.0.1:1\", \"127.0.0.1:2\"]\n{file}");
        let words = ["evenkeel", "-c", "f"].into_iter().chain(line.split_whitespace());
        let lost = |_: &str| Err(std::io::ErrorKind::NotFound.into());
        match from_args(words.map(Into::into), &|_| None, &|_| Ok(file.clone()), &lost) {
            Ok(Command::Run { config, .. }) => Budget::of(&config.pools[0], &config),
            other => panic!("{other:?}"),
        }
    }

    fn budget(line: &str) -> Budget {
        budget_of("", line)
    }

    #[test]
    fn ejection_counts_where_it_can_happen() {
        let after = |file: &str, line: &str| {
            let Budget { refused, silent, failing } = budget_of(file, line);
            [refused.after, silent.after, failing.after]
        };
        assert_eq!(after("ejection = { consecutive = 2 }", ""), [Some(2); 3]);
        assert_eq!(after("ejection = { consecutive = 5 }", ""), [Some(3), Some(3), Some(5)]);
        assert_eq!(after("ejection = { consecutive = 2 }", "--mode tcp"), [Some(2), Some(2), None]);
        assert_eq!(after("ejection = { share = \"49%\" }", ""), [Some(3), Some(3), None], "nobody may go");
    }

    #[test]
    fn the_defaults_are_told_in_one_line() {
        assert_eq!(
            budget("").to_string(),
            "refused: out within 7.8 s, or 3 failed requests in a row, no request lost; \
             silent: out within 11.6 s, or 3 failed requests in a row, a request waits 3.0 s, on a connection that stood \
             30.0 s; failing: out within 7.8 s if its probe fails too, requests fail meanwhile"
        );
        let off = "refused: never out, no request lost; ";
        assert!(budget("--health off").to_string().starts_with(off));
        assert!(budget("--health tcp").to_string().ends_with("failing: never out, requests fail meanwhile"));
    }
}
