//! Floor 1: how much is let in at once: through a listener, from one client, to one backend.
//!
//! What is done with it is in [`balance::client_limit`](crate::balance::client_limit),
//! [`balance::room`](crate::balance::room) and [`balance::queue`](crate::balance::queue).

use super::error::{Errors, Place, Said, Wrong};
use super::settle::Work;
use super::table::Value;
use super::{Mode, duration, error};
use std::time::Duration;

/// What one client address may have of a listener.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ClientLimit {
    /// Connections at once.
    pub connections: Option<u32>,
    /// Requests.
    pub requests: Option<Rate>,
    /// Requests at once after a silence; none: those of one second, at least one.
    pub burst: Option<u32>,
}

/// So many in so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// At least one.
    pub count: u32,
    /// A second, a minute or an hour.
    pub per: Duration,
}

/// A pool's queue, for when all its backends are full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Queue {
    /// So many may wait.
    pub length: u32,
    /// For so long.
    pub timeout: Duration,
}

impl ClientLimit {
    /// Requests at once after a silence.
    pub fn depth(&self) -> u32 {
        let second = |rate: Rate| (f64::from(rate.count) / rate.per.as_secs_f64()) as u32;
        self.burst.or(self.requests.map(second)).unwrap_or(1).max(1)
    }
}

/// What a listener says of it, as typed.
#[derive(Debug, Default)]
#[allow(missing_docs)] // the keys of a listener and of its `client_limit`
pub struct OfListener {
    pub max_connections: Option<Said<u32>>,
    pub connections: Option<Said<u32>>,
    pub requests: Option<Said<Rate>>,
    pub burst: Option<Said<u32>>,
}

/// What a pool says of it, as typed.
#[derive(Debug, Default)]
#[allow(missing_docs)] // the keys of a pool and of its `queue`
pub struct OfPool {
    pub max_inflight: Option<Said<u32>>,
    pub queue: Option<Queued>,
}

/// `queue` as typed: that it is there means that it is asked for.
#[derive(Debug)]
#[allow(missing_docs)] // its keys
pub struct Queued {
    pub place: Place,
    pub length: Option<Said<u32>>,
    pub timeout: Option<Said<Duration>>,
}

impl OfListener {
    /// This one, with what `upper` says instead where it says something.
    pub fn under(self, upper: OfListener) -> OfListener {
        OfListener {
            max_connections: upper.max_connections.or(self.max_connections),
            connections: upper.connections.or(self.connections),
            requests: upper.requests.or(self.requests),
            burst: upper.burst.or(self.burst),
        }
    }

    /// Whether it makes sense: requests are counted where there are any, and a burst is one of requests.
    pub fn check(&self, mode: Mode, errors: &mut Errors) {
        if let Some(requests) = self.requests.as_ref().filter(|_| mode == Mode::Tcp) {
            let what = "this listener is in mode tcp, where there are no requests";
            let fix = "limit connections instead: client_limit = { connections = 100 }";
            errors.push(Wrong::new(what, fix).at(requests.place.clone()));
        }
        if let Some(burst) = self.burst.as_ref().filter(|_| self.requests.is_none()) {
            let wrong =
                Wrong::new("a burst of which requests?", "write requests = \"50/s\" beside it, or leave it out");
            errors.push(wrong.at(burst.place.clone()));
        }
    }
}

impl OfPool {
    /// This one, with what `upper` says instead where it says something.
    pub fn under(self, upper: OfPool) -> OfPool {
        OfPool { max_inflight: upper.max_inflight.or(self.max_inflight), queue: upper.queue.or(self.queue) }
    }

    /// Whether it makes sense: nobody waits for backends that are never full.
    pub fn check(&self, errors: &mut Errors) {
        if let Some(queue) = self.queue.as_ref().filter(|_| self.max_inflight.is_none()) {
            let wrong = Wrong::new("a queue for backends that are never full", "write max_inflight = 100 beside it");
            errors.push(wrong.at(queue.place.clone()));
        }
    }
}

impl Work<'_> {
    pub(super) fn limits_of_listener(&mut self, said: OfListener, mode: Mode) -> (Option<u32>, Option<ClientLimit>) {
        said.check(mode, self.errors);
        let most = self.if_said("max_connections", said.max_connections, u32::to_string);
        let limit = ClientLimit {
            connections: self.if_said("client_limit.connections", said.connections, u32::to_string),
            requests: self.if_said("client_limit.requests", said.requests, show_rate),
            burst: self.if_said("client_limit.burst", said.burst, u32::to_string),
        };
        (most, (limit != ClientLimit::default()).then_some(limit))
    }

    pub(super) fn limits_of_pool(&mut self, said: OfPool) -> (Option<u32>, Option<Queue>) {
        said.check(self.errors);
        let most = self.if_said("max_inflight", said.max_inflight, u32::to_string);
        let queue = said.queue.map(|queue| Queue {
            length: self.value("queue.length", queue.length, 50, u32::to_string),
            timeout: self.value("queue.timeout", queue.timeout, Duration::from_secs(1), show_span),
        });
        (most, queue)
    }
}

fn count(value: &Value<'_>, errors: &mut Errors) -> Option<Said<u32>> {
    let said = errors.keep(value.number(1..=u64::from(u32::MAX)))?;
    Some(Said::new(u32::try_from(said.value).unwrap_or(u32::MAX), said.place))
}

/// Reads `max_connections`, `max_inflight`.
pub fn most(value: Option<Value<'_>>, errors: &mut Errors) -> Option<Said<u32>> {
    value.and_then(|value| count(&value, errors))
}

/// Reads `client_limit` of a listener.
pub fn client(value: Option<Value<'_>>, of: &str, into: &mut OfListener, errors: &mut Errors) {
    const LIKE: &str = "client_limit = { connections = 100, requests = \"50/s\", burst = 100 }";
    let Some(value) = value else { return };
    let Some(mut table) = errors.keep(value.table(format!("client_limit of {of}"), LIKE)) else { return };
    into.connections = most(table.take("connections"), errors);
    into.requests = table.take("requests").and_then(|it| errors.keep(it.parsed("50/s", rate)));
    into.burst = most(table.take("burst"), errors);
    table.finish(errors);
}

/// Reads `queue` of a pool.
pub fn queue(value: Option<Value<'_>>, of: &str, errors: &mut Errors) -> Option<Queued> {
    let value = value?;
    let mut table = errors.keep(value.table(format!("queue of {of}"), "queue = { length = 50, timeout = \"1s\" }"))?;
    let length = most(table.take("length"), errors);
    let timeout = table.take("timeout").and_then(|timeout| errors.keep(timeout.duration()));
    table.finish(errors);
    Some(Queued { place: value.said(()).place, length, timeout })
}

/// `50/s`, `100/m` or `1000/h`.
fn rate(text: &str) -> Result<Rate, Wrong> {
    let parse = || {
        let (count, unit) = text.split_once('/')?;
        let plain = !count.is_empty() && count.bytes().all(|byte| byte.is_ascii_digit());
        let count = plain.then(|| count.parse().ok()).flatten().filter(|&count| (1..=1_000_000).contains(&count))?;
        let per = match unit {
            "s" => 1,
            "m" => 60,
            "h" => 3600,
            _ => return None,
        };
        Some(Rate { count, per: Duration::from_secs(per) })
    };
    let fix = "write requests by second, minute or hour: \"50/s\", \"100/m\", \"1000/h\", at most 1000000";
    parse().ok_or_else(|| Wrong::new(format!("{} is no rate", error::quote(text)), fix))
}

/// A rate as it is written in a file, in quotes.
pub fn show_rate(rate: &Rate) -> String {
    let unit = match rate.per.as_secs() {
        1 => "s",
        60 => "m",
        _ => "h",
    };
    format!("\"{}/{unit}\"", rate.count)
}

/// A span, in quotes.
pub fn show_span(span: &Duration) -> String {
    format!("{:?}", duration::show(*span))
}

#[cfg(test)]
mod tests {
    use super::super::testing::*;
    use super::*;
    use crate::config::{Command, Config};

    const ALL: &str = "max_inflight = 100\nqueue = { length = 50, timeout = \"1s\" }\n[listener.web]\n\
        bind = \"127.0.0.1:5001\"\nmax_connections = 1000\n\
        client_limit = { connections = 100, requests = \"50/s\", burst = 200 }";

    fn file(more: &str) -> String {
        format!("[pool.app]\nbackends = [\"127.0.0.1:8080\"]\n{more}\n")
    }

    fn config(more: &str) -> Config {
        config_of(&file(more))
    }

    #[test]
    fn all_reach_their_places_and_are_off_unless_asked_for() {
        let all = config(ALL);
        let (pool, listener) = (first_pool(&all), first_listener(&all));
        assert_eq!(pool.max_inflight, Some(100));
        assert_eq!(pool.queue, Some(Queue { length: 50, timeout: Duration::from_secs(1) }));
        assert_eq!(listener.max_connections, Some(1000));
        let rate = Rate { count: 50, per: Duration::from_secs(1) };
        let limit = ClientLimit { connections: Some(100), requests: Some(rate), burst: Some(200) };
        assert_eq!(listener.client_limit, Some(limit));
        let none = config("");
        let (pool, listener) = (first_pool(&none), first_listener(&none));
        assert_eq!((pool.max_inflight, pool.queue), (None, None));
        assert_eq!((listener.max_connections, listener.client_limit), (None, None));
    }

    #[test]
    fn a_queue_and_a_burst_have_defaults() {
        let queue = first_pool(&config("max_inflight = 1\nqueue = {}")).queue;
        assert_eq!(queue, Some(Queue { length: 50, timeout: Duration::from_secs(1) }));
        for (rate, depth) in [("50/s", 50), ("1/s", 1), ("600/m", 10), ("10/m", 1), ("7200/h", 2)] {
            let all = config(&format!("[listener.web]\nclient_limit = {{ requests = \"{rate}\" }}"));
            assert_eq!(first_listener(&all).client_limit.map(|limit| limit.depth()), Some(depth), "{rate}");
        }
    }

    #[test]
    fn what_is_printed_means_the_same() {
        for more in [ALL, "max_inflight = 1", "[listener.web]\nclient_limit = { requests = \"3/h\" }", ""] {
            let Ok(Command::Check { text, .. }) = command("check --print -c f", &[], &file(more)) else {
                panic!("refused");
            };
            assert_eq!(config_of(&text), config(more), "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_their_fix() {
        let web = |more: &str| file(&format!("[listener.web]\n{more}"));
        for (file, what, fix) in [
            (file("max_inflight = 0"), "3:16: ", "1"),
            (file("max_inflight = \"many\""), "whole number", "the number alone"),
            (file("queue = { length = 5 }"), "3:9: a queue for backends that are never full", "max_inflight = 100"),
            (file("max_inflight = 1\nqueue = 5"), "must be a table", "length = 50"),
            (
                file("max_inflight = 1\nqueue = { lenght = 5 }"),
                "unknown key \"lenght\" in queue of [pool.app]",
                "length",
            ),
            (web("max_connections = 0"), "4:19: ", "1"),
            (web("client_limit = { requests = \"50\" }"), "4:29: \"50\" is no rate", "\"50/s\""),
            (web("client_limit = { requests = \"0/s\" }"), "\"0/s\" is no rate", "\"50/s\""),
            (web("client_limit = { burst = 5 }"), "4:26: a burst of which requests?", "50/s"),
            (
                web("mode = \"tcp\"\nclient_limit = { requests = \"5/s\" }"),
                "where there are no requests",
                "connections",
            ),
        ] {
            let text = refusal_of(&file);
            assert!(text.contains(what) && text.contains(fix), "{file}\n{text}");
        }
    }
}
