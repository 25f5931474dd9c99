//! Decision receipts as JSON, and in words: `/api/requests` has the newest, `/api/requests/ID` one of all that are kept.
//!
//! An id may be shortened to as many digits as tell it apart.

use super::{Page, View};
use crate::balance::{BackendId, State};
use crate::base::Time;
use crate::http::{Status, Verb};
use crate::proxy::receipt::{Candidate, Fate, Receipt, Try};
use crate::proxy::record::NEVER;
use serde::Serialize;

/// So many of them in a list.
const LISTED: usize = 100;

/// One of them, told.
#[derive(Serialize)]
pub struct Told<'a> {
    id: String,
    method: Option<&'static str>,
    pool: &'a str,
    policy: &'static str,
    /// Not the policy chose, but the cookie that it brought.
    by_cookie: bool,
    /// None while it is under way, or if the client had left.
    status: Option<u16>,
    reason: Option<&'a str>,
    seconds_ago: f64,
    candidates: Vec<CandidateTold<'a>>,
    candidates_not_kept: u32,
    tries: Vec<TryTold<'a>>,
    tries_not_kept: u32,
    milliseconds: Milliseconds,
    words: Vec<String>,
}

#[derive(Serialize)]
struct CandidateTold<'a> {
    backend: &'a str,
    state: State,
    weight: u32,
    in_flight: u32,
    picked: bool,
}

#[derive(Serialize)]
struct TryTold<'a> {
    backend: &'a str,
    connection: &'static str,
    began: f64,
    result: &'static str,
    ended: Option<f64>,
}

/// From the end of the request's head.
#[derive(Serialize)]
struct Milliseconds {
    chosen: Option<f64>,
    connected: Option<f64>,
    answered: Option<f64>,
    over: Option<f64>,
}

/// The newest ones.
pub fn list(view: &View<'_>) -> Page {
    super::json(&newest(view, LISTED))
}

/// So many of the newest ones.
pub fn newest<'a>(view: &View<'a>, count: usize) -> Vec<Told<'a>> {
    view.receipts.iter().take(count).map(|receipt| told(receipt, view)).collect()
}

/// The one whose id begins like this.
pub fn one(id: &[u8], view: &View<'_>) -> Page {
    let wanted = String::from_utf8_lossy(id).to_ascii_lowercase();
    let mut found = view.receipts.iter().filter(|receipt| format!("{:032x}", receipt.id).starts_with(&wanted));
    match (found.next(), found.next()) {
        (Some(receipt), None) => super::json(&told(receipt, view)),
        (Some(_), Some(_)) => Page::text(Status(404), "more than one request begins like this: name more digits\n"),
        (None, _) => Page::text(Status(404), "no receipt of this request: only the last 1024 are kept\n"),
    }
}

fn told<'a>(receipt: &'a Receipt, view: &View<'a>) -> Told<'a> {
    let pool = view.backends.pool(receipt.pool);
    let since = |at: Time| (at != NEVER).then(|| milliseconds(receipt.began, at));
    let shown = |number: usize, all: u32| all.saturating_sub(number as u32);
    Told {
        id: format!("{:032x}", receipt.id),
        method: method(receipt.verb),
        pool: &pool.name,
        policy: pool.chosen_by.name(),
        by_cookie: receipt.came_back,
        status: (receipt.status != 0).then_some(receipt.status),
        reason: (!receipt.reason.is_empty()).then_some(receipt.reason),
        seconds_ago: view.now.since(receipt.began).as_secs_f64(),
        candidates: receipt.candidates().iter().map(|it| candidate(it, receipt, view)).collect(),
        candidates_not_kept: shown(receipt.candidates().len(), receipt.of),
        tries: receipt.tries().iter().map(|it| try_told(it, receipt, view)).collect(),
        tries_not_kept: shown(receipt.tries().len(), receipt.tried),
        milliseconds: Milliseconds {
            chosen: since(receipt.chosen),
            connected: since(receipt.connected),
            answered: since(receipt.answered),
            over: since(receipt.over),
        },
        words: words(receipt, view),
    }
}

fn milliseconds(from: Time, to: Time) -> f64 {
    (to.since(from).as_secs_f64() * 1e4).round() / 10.0
}

fn name<'a>(id: BackendId, view: &View<'a>) -> &'a str {
    &view.backends.get(id).name
}

fn candidate<'a>(it: &Candidate, receipt: &Receipt, view: &View<'a>) -> CandidateTold<'a> {
    let Candidate { backend, state, weight, in_flight } = *it;
    let picked = is_picked(backend, receipt);
    CandidateTold { backend: name(backend, view), state, weight, in_flight, picked }
}

fn is_picked(backend: BackendId, receipt: &Receipt) -> bool {
    receipt.tries().first().is_some_and(|first| first.backend == backend)
}

fn try_told<'a>(it: &Try, receipt: &Receipt, view: &View<'a>) -> TryTold<'a> {
    TryTold {
        backend: name(it.backend, view),
        connection: if it.pooled { "pooled" } else { "fresh" },
        began: milliseconds(receipt.began, it.at),
        result: result(it, receipt),
        ended: it.end.map(|(_, at)| milliseconds(receipt.began, at)),
    }
}

/// What a try came to. Of the last one, the end of the request says it.
fn result(it: &Try, receipt: &Receipt) -> &'static str {
    match it.end {
        Some((Fate::Refused, _)) => "no connection",
        Some((Fate::Late, _)) => "no connection in time",
        Some((Fate::Died, _)) if it.pooled => "stale: closed before a response",
        Some((Fate::Died, _)) => "died before a response",
        Some((Fate::Unwanted, _)) => "a status for which another is asked",
        Some((Fate::Silent, _)) => "no response in time",
        Some((Fate::Nonsense, _)) => "no response that is one",
        None if receipt.reason == "finished" => "served",
        None if receipt.reason.is_empty() => "under way",
        None => "failed",
    }
}

/// The method as far as it was kept.
fn method(verb: Verb) -> Option<&'static str> {
    Some(match verb {
        Verb::Get => "GET",
        Verb::Head => "HEAD",
        Verb::Post => "POST",
        Verb::Put => "PUT",
        Verb::Delete => "DELETE",
        Verb::Options => "OPTIONS",
        Verb::Trace => "TRACE",
        Verb::Patch => "PATCH",
        Verb::Connect => "CONNECT",
        Verb::Other => return None,
    })
}

/// For a human, line by line.
fn words(receipt: &Receipt, view: &View<'_>) -> Vec<String> {
    let mut lines = vec![first_line(receipt, view)];
    let pool = view.backends.pool(receipt.pool);
    let (policy, count) = (pool.chosen_by.name(), receipt.of);
    let who = if receipt.came_back { "its cookie".to_string() } else { format!("policy {policy}") };
    let chose = receipt.tries().first().map_or("nobody", |first| name(first.backend, view));
    lines.push(format!("{who} chose {chose} among {count}:"));
    lines.extend(receipt.candidates().iter().map(|it| candidate_line(it, receipt, view)));
    let seen = receipt.candidates().len() as u32;
    if count > seen {
        lines.push(format!("  and {} more, not kept", count - seen));
    }
    lines.extend((1..).zip(receipt.tries()).map(|(number, it)| try_line(number, it, receipt, view)));
    lines.push(timings_line(receipt));
    lines
}

fn first_line(receipt: &Receipt, view: &View<'_>) -> String {
    let ago = view.now.since(receipt.began).as_secs_f64();
    let (what, pool) = (method(receipt.verb).unwrap_or("request"), &view.backends.pool(receipt.pool).name);
    let ended = match (receipt.took(), receipt.status) {
        (None, _) => "under way".to_string(),
        (Some(took), 0) => format!("{} after {:.1} ms, without an answer", receipt.reason, took.as_secs_f64() * 1e3),
        (Some(took), status) => format!("{status} after {:.1} ms, {}", took.as_secs_f64() * 1e3, receipt.reason),
    };
    format!("{:032x}: {what} to pool {pool}, {ago:.1} s ago: {ended}", receipt.id)
}

fn candidate_line(it: &Candidate, receipt: &Receipt, view: &View<'_>) -> String {
    let state = format!("{:?}", it.state).to_ascii_lowercase();
    let picked = if is_picked(it.backend, receipt) { "  <- picked" } else { "" };
    format!("  {}: {state}, weight {}, {} in flight{picked}", name(it.backend, view), it.weight, it.in_flight)
}

fn try_line(number: u32, it: &Try, receipt: &Receipt, view: &View<'_>) -> String {
    let connection = if it.pooled { "a pooled" } else { "a fresh" };
    let after = milliseconds(receipt.began, it.at);
    let ended = it.end.map_or(String::new(), |(_, at)| format!(", at {:.1} ms", milliseconds(receipt.began, at)));
    let backend = name(it.backend, view);
    format!("try {number}: {backend}, {connection} connection, at {after:.1} ms: {}{ended}", result(it, receipt))
}

fn timings_line(receipt: &Receipt) -> String {
    let steps = [
        ("chosen", receipt.chosen),
        ("connected", receipt.connected),
        ("answered", receipt.answered),
        ("over", receipt.over),
    ];
    let told = steps.iter().filter(|(_, at)| *at != NEVER);
    let told: Vec<String> =
        told.map(|(step, at)| format!("{step} {:.1} ms", milliseconds(receipt.began, *at))).collect();
    format!("after its head: {}", told.join(", "))
}
