//! What the balancer did between two moments, in words: the difference of its own counters, and nothing else.
//!
//! A demo says after each act what became of it. Whether clients noticed is theirs to say, by what they
//! [saw](super::load::Seen); why, is read off the counters here. What they do not tell is not told.

use super::load::Sight;
use crate::admin::View;
use crate::balance::{Backend, State};
use crate::base::Address;
use crate::base::tally::{FINISHED, Tally};
use crate::proxy::reason::Reason;
use std::collections::BTreeMap;
use std::time::Duration;

/// The balancer's counters at one moment, as far as they bear on an act.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Account {
    /// In the order of those who ask; none: it is in no pool.
    backends: Vec<Option<OfBackend>>,
    /// By reason: requests sent once more.
    retries: BTreeMap<&'static str, u64>,
    /// Those that were not, for want of budget.
    denied: u64,
    /// By reason: requests that failed.
    failed: BTreeMap<&'static str, u64>,
    /// Backends' own errors that were passed on to clients.
    errors: u64,
    /// By reason: requests that were turned down before any backend heard of them.
    refused: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Clone, Default, PartialEq)]
struct OfBackend {
    connect_failures: u64,
    falls: u64,
    rises: u64,
    ejections: u64,
    out: Option<State>,
    last: String,
}

impl Account {
    /// The counters now, of the backends at these addresses.
    pub fn now<'a>(view: &View<'_>, at: impl Iterator<Item = &'a Address>) -> Account {
        let all = || view.backends.pools().flat_map(|(_, members)| members.iter());
        let backends = at.map(|at| all().find(|backend| backend.address == *at).map(of_backend)).collect();
        let mut account = Account { backends, ..Account::default() };
        for number in 0..view.backends.pools().count() {
            view.tallies.get(number as u16).into_iter().for_each(|tally| account.take(tally));
        }
        for (_, reason, count) in view.tallies.nowhere.endings().filter(|(_, reason, _)| *reason != FINISHED) {
            *account.refused.entry(reason).or_default() += count;
        }
        account
    }

    fn take(&mut self, tally: &Tally) {
        tally.retries().for_each(|(why, count)| *self.retries.entry(why).or_default() += count);
        self.denied += tally.denied;
        for (class, reason, count) in tally.endings() {
            match reason {
                FINISHED if class == "5xx" => self.errors += count,
                FINISHED => {}
                _ => *self.failed.entry(reason).or_default() += count,
            }
        }
    }

    /// What happened since `before`, each thing in a few words; the backends are called by these names.
    fn since(&self, before: &Account, names: &[String]) -> Vec<String> {
        let mut told = Vec::new();
        let both = |(now, then)| Option::zip(Option::as_ref(now), Option::as_ref(then));
        let pairs = || names.iter().zip(self.backends.iter().zip(&before.backends).map(both));
        let seen = || pairs().filter_map(|(name, pair)| pair.map(|(now, then)| (name, now, then)));
        let elsewhere = more(&self.failed, &before.failed).all(|(why, _)| NOWHERE.iter().all(|it| it.name() != why));
        told.extend(seen().filter_map(|(name, now, then)| now.unreached(then, name, elsewhere)));
        told.extend(more(&self.retries, &before.retries).map(|(why, count)| again(why, count)));
        told.extend(some(self.denied - before.denied, |n| {
            format!("{} not sent again: the budget for retries was used up", were(n, "request"))
        }));
        told.extend(more(&self.failed, &before.failed).map(|(why, n)| format!("{} failed: {why}", s(n, "request"))));
        told.extend(some(self.errors - before.errors, |n| format!("{} passed on", were(n, "error of a backend"))));
        let refused: Vec<_> = more(&self.refused, &before.refused).collect();
        told.extend(some(refused.iter().map(|(_, count)| count).sum(), |n| {
            let reasons: Vec<&str> = refused.iter().map(|(reason, _)| *reason).collect();
            format!("{} turned down before a backend heard of them ({})", were(n, "request"), reasons.join(", "))
        }));
        told.extend(seen().flat_map(|(name, now, then)| now.change(then, name)));
        told
    }

    /// Why clients saw what they saw since `before`.
    pub fn why(&self, before: &Account, names: &[String], clients: &Sight) -> String {
        let told = self.since(before, names);
        let verdict = verdict(clients);
        match told.is_empty() {
            true => format!("the balancer had nothing to put right: {verdict}"),
            false => format!("{}: {verdict}", told.join("; ")),
        }
    }
}

fn of_backend(backend: &Backend) -> OfBackend {
    let state = backend.state();
    OfBackend {
        connect_failures: backend.connect_failures,
        falls: backend.health.falls(),
        rises: backend.health.rises(),
        ejections: backend.ejections,
        out: matches!(state, State::Down | State::Ejected).then_some(state),
        last: backend.health.last().to_string(),
    }
}

impl OfBackend {
    /// Whether all went `elsewhere` then.
    fn unreached(&self, before: &OfBackend, name: &str, elsewhere: bool) -> Option<String> {
        let failed = self.connect_failures.saturating_sub(before.connect_failures);
        let then = if elsewhere { " and went elsewhere at once" } else { "" };
        some(failed, |n| format!("{} to {name} failed{then}", s(n, "connection")))
    }

    /// What became of it.
    fn change(&self, before: &OfBackend, name: &str) -> Vec<String> {
        let mut told = Vec::new();
        if self.ejections > before.ejections {
            told.push(format!("live traffic had {name} ejected"));
        }
        if self.falls > before.falls {
            let cause = (self.out == Some(State::Down)).then(|| format!(" ({})", self.last));
            told.push(format!("{name} was taken out{}", cause.unwrap_or_default()));
        }
        let was_out = before.out.is_some() || self.falls > before.falls || self.ejections > before.ejections;
        if self.out.is_none() && was_out {
            told.push(format!("{name} is back"));
        }
        told
    }
}

/// How requests fail that no backend could be reached for.
const NOWHERE: [Reason; 2] = [Reason::NoBackend, Reason::ConnectTimeout];

/// What clients noticed.
fn verdict(clients: &Sight) -> String {
    let slowest = clients.slowest.as_secs_f64();
    match clients {
        Sight { failed, .. } if *failed > 0 => format!("{} failed for clients", s(*failed, "request")),
        Sight { asked: 0, ok: 0, refused: 0, .. } => "no client has asked since".into(),
        Sight { ok: 0, refused: 0, .. } => "no client has heard an answer".into(),
        _ if clients.slowest >= NOTICED => format!("no request failed, the slowest took {slowest:.1} s"),
        _ => "no client noticed".into(),
    }
}

/// Who waits so long notices.
const NOTICED: Duration = Duration::from_millis(300);

/// Requests that were sent once more, for one of the reasons of [`Again`](crate::base::tally::Again).
fn again(why: &str, count: u64) -> String {
    match why {
        "stale" => format!("{} met a kept connection that had died and went on a fresh one", s(count, "request")),
        "died" => format!("{} lost the connection before an answer and went to another backend", s(count, "request")),
        "status" => format!("{} not passed on: another backend was asked", were(count, "error of a backend")),
        "timeout" => format!("{} had no answer in time and went to another backend", s(count, "request")),
        _ => format!("{} had no proper answer and went to another backend", s(count, "request")),
    }
}

/// What has grown, and by how much.
fn more<'a>(
    now: &'a BTreeMap<&'static str, u64>,
    before: &'a BTreeMap<&'static str, u64>,
) -> impl Iterator<Item = (&'static str, u64)> + 'a {
    let grown = |(&why, &count): (&&'static str, &u64)| (why, count - before.get(why).copied().unwrap_or(0));
    now.iter().map(grown).filter(|&(_, count)| count > 0)
}

fn some(count: u64, words: impl FnOnce(u64) -> String) -> Option<String> {
    (count > 0).then(|| words(count))
}

/// So many of something.
fn s(count: u64, what: &str) -> String {
    match (count, what) {
        (1, _) => format!("1 {what}"),
        (_, "error of a backend") => format!("{count} errors of backends"),
        _ => format!("{count} {what}s"),
    }
}

fn were(count: u64, what: &str) -> String {
    format!("{} {}", s(count, what), if count == 1 { "was" } else { "were" })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["one".into(), "two".into()]
    }

    fn calm() -> Account {
        Account { backends: vec![Some(OfBackend::default()); 2], ..Account::default() }
    }

    fn sight(ok: u64, failed: u64, slowest: u64) -> Sight {
        Sight { asked: ok + failed, ok, failed, refused: 0, slowest: Duration::from_millis(slowest) }
    }

    #[test]
    fn a_death_under_load_is_told_by_what_was_counted() {
        let mut after = calm();
        after.retries = [("died", 2), ("stale", 1), ("status", 0)].into();
        let down = OfBackend {
            connect_failures: 3,
            falls: 1,
            out: Some(State::Down),
            last: "connect: refused".into(),
            ..OfBackend::default()
        };
        after.backends[0] = Some(down);
        assert_eq!(
            after.why(&calm(), &names(), &sight(100, 0, 3)),
            "3 connections to one failed and went elsewhere at once; 2 requests lost the connection before an answer and \
             went to another backend; 1 request met a kept connection that had died and went on a fresh one; one was taken \
             out (connect: refused): no client noticed"
        );
    }

    #[test]
    fn who_goes_and_returns_is_back_once() {
        let out = OfBackend { falls: 1, out: Some(State::Down), ..OfBackend::default() };
        let back = OfBackend { falls: 1, rises: 1, out: None, ..OfBackend::default() };
        assert_eq!(back.change(&out, "one"), ["one is back"]);
        assert_eq!(back.change(&OfBackend::default(), "one"), ["one was taken out", "one is back"]);
        assert!(back.change(&back, "one").is_empty());
    }

    #[test]
    fn what_clients_noticed_is_not_hidden() {
        let mut after = calm();
        after.failed = [("response_timeout", 1)].into();
        after.denied = 1;
        let why = after.why(&calm(), &names(), &sight(5, 1, 2000));
        assert_eq!(
            why,
            "1 request was not sent again: the budget for retries was used up; 1 request failed: response_timeout: 1 \
             request failed for clients"
        );
        let why = calm().why(&calm(), &names(), &sight(5, 0, 1000));
        assert_eq!(why, "the balancer had nothing to put right: no request failed, the slowest took 1.0 s");
        assert!(calm().why(&calm(), &names(), &sight(0, 0, 0)).ends_with(": no client has asked since"));
        let waits = Sight { asked: 1, ..Sight::default() };
        assert!(calm().why(&calm(), &names(), &waits).ends_with(": no client has heard an answer"));
    }

    #[test]
    fn who_has_nowhere_to_go_did_not_go_elsewhere() {
        let mut after = calm();
        after.failed = [("no_backend", 2)].into();
        after.backends =
            [2, 1].map(|connect_failures| Some(OfBackend { connect_failures, ..OfBackend::default() })).into();
        assert_eq!(
            after.why(&calm(), &names(), &sight(0, 2, 1)),
            "2 connections to one failed; 1 connection to two failed; 2 requests failed: no_backend: 2 requests failed for \
             clients"
        );
    }

    #[test]
    fn one_that_is_not_there_does_nothing_in_the_name_of_another() {
        let (mut before, mut after) = (calm(), calm());
        let out = OfBackend { falls: 1, out: Some(State::Down), ..OfBackend::default() };
        (before.backends[0], after.backends) = (Some(out.clone()), vec![None, Some(out)]);
        assert_eq!(after.since(&before, &names()), ["two was taken out ()"]);
    }

    #[test]
    fn nonsense_is_told_by_its_kinds() {
        let mut after = calm();
        after.refused = [("bare_lf", 1), ("host_twice", 2)].into();
        let refused = Sight { asked: 3, refused: 3, ..Sight::default() };
        assert_eq!(
            after.why(&calm(), &names(), &refused),
            "3 requests were turned down before a backend heard of them (bare_lf, host_twice): no client noticed"
        );
    }
}
