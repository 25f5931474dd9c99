//! The demo on a terminal: a picture of a dozen lines and a few, and what its keys mean.
//!
//! Drawn from what the admin address says, of two moments, since rates are differences. Nothing here knows a terminal: a
//! picture is text, no line of it longer than there are columns, no more lines than rows; what there is no room for goes
//! in the order of its worth. States are words; colours only repeat them.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt::Write;

/// Rates are those between the newest moment and the oldest of so many.
const REMEMBERED: usize = 8;

/// Lines of the log, and acts with what came of them.
const LOG: usize = 4;
const ACTS: usize = 2;

/// Lines that tell what came of one.
const OUTCOME: usize = 3;

/// What a key asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// This, of `/api/demo`.
    Act(String),
    /// To leave.
    Quit,
}

/// The keys, and what each does: to the chosen backend, or by clients.
const KEYS: [(char, &str, &str, bool); 9] = [
    ('k', "kill", "its listener goes and every connection is reset", true),
    ('h', "hang", "it keeps connections and answers nobody", true),
    ('s', "slow", "each answer comes a second later", true),
    ('b', "break", "it answers everything with 500", true),
    ('r', "restart", "as if nothing had been", true),
    ('l', "load", "a gentle load, on or off", false),
    ('u', "burst", "500 requests on 50 connections", false),
    ('c', "slow-client", "one that sends byte by byte", false),
    ('g', "garbage", "heads that are none", false),
];

/// How a piece of a line looks, if there are colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ink {
    Plain,
    Bold,
    Faint,
    Good,
    Odd,
    Bad,
}

type Line = Vec<(Ink, String)>;

/// What is drawn, and what was pressed.
pub struct Picture {
    title: String,
    colours: bool,
    /// The newest last.
    moments: VecDeque<Value>,
    chosen: usize,
    help: bool,
    note: String,
}

impl Picture {
    /// With nothing to show yet but where everything is.
    pub fn new(title: String, colours: bool) -> Picture {
        Picture { title, colours, moments: VecDeque::new(), chosen: 0, help: false, note: String::new() }
    }

    /// The balancer's state, with the demo's in it.
    pub fn add(&mut self, moment: Value) {
        if self.moments.len() == REMEMBERED {
            self.moments.pop_front();
        }
        self.moments.push_back(moment);
    }

    /// A word to whoever presses keys, until the next one.
    pub fn note(&mut self, note: &str) {
        self.note = note.trim_end().to_string();
    }

    /// What these keys ask for. What a terminal sends for an arrow and its like begins with an escape and means nothing.
    pub fn press(&mut self, keys: &[u8]) -> Vec<Asked> {
        let Some(first) = keys.first() else { return Vec::new() };
        self.note.clear();
        if *first == 0x1b {
            return Vec::new();
        }
        keys.iter().filter_map(|&key| self.press_one(key.into())).collect()
    }

    fn press_one(&mut self, key: char) -> Option<Asked> {
        let backends: Vec<String> = list(&self.now()["demo"]["backends"]).map(|it| word(&it["name"])).collect();
        match key {
            '1'..='9' => {
                let chosen = key as usize - '1' as usize;
                self.chosen = if chosen < backends.len() { chosen } else { self.chosen };
            }
            '?' => self.help = !self.help,
            'q' => return Some(Asked::Quit),
            _ => {}
        }
        let &(_, deed, _, to_backend) = KEYS.iter().find(|(it, ..)| *it == key)?;
        let act = match to_backend {
            true => json!({"do": deed, "backend": backends.get(self.chosen)?}),
            false => json!({"do": deed}),
        };
        Some(Asked::Act(act.to_string()))
    }

    fn now(&self) -> &Value {
        self.moments.back().unwrap_or(&Value::Null)
    }

    fn then(&self) -> &Value {
        self.moments.front().unwrap_or(&Value::Null)
    }

    /// The picture, for so many columns and rows, with the last lines of the log.
    pub fn draw(&self, (columns, rows): (usize, usize), log: &[String]) -> String {
        let mut lines = self.head();
        let keys = keys();
        let room = rows.saturating_sub(keys.len());
        match self.help {
            true => lines.extend(help()),
            false => {
                lines.extend(self.acts(columns));
                let log = log.get(log.len().saturating_sub(LOG)..).unwrap_or_default();
                let left = room.saturating_sub(lines.len() + 1).min(log.len());
                if left > 0 {
                    lines.push(Vec::new());
                    lines.extend(log[log.len() - left..].iter().map(|line| vec![(Ink::Faint, line.clone())]));
                }
            }
        }
        lines.truncate(room);
        lines.extend(keys);
        lines.truncate(rows);
        let text: Vec<String> = lines.iter().map(|line| self.lay(line, columns)).collect();
        format!("\x1b[H{}\x1b[K\x1b[J", text.join("\x1b[K\n"))
    }

    /// A line as the terminal takes it: cut, and never a control character of anybody else's.
    fn lay(&self, line: &Line, columns: usize) -> String {
        let (mut text, mut left) = (String::new(), columns);
        for (ink, piece) in line {
            let piece: String =
                piece.chars().map(|it| if (' '..='~').contains(&it) { it } else { '?' }).take(left).collect();
            left -= piece.len();
            let _ = match (self.colours, ink) {
                (false, _) | (_, Ink::Plain) => write!(text, "{piece}"),
                (true, ink) => write!(text, "\x1b[{}m{piece}\x1b[0m", ink.code()),
            };
        }
        text
    }

    fn head(&self) -> Vec<Line> {
        let (now, demo) = (self.now(), &self.now()["demo"]);
        let state = match (now.is_null(), now["draining"] == true) {
            (true, _) => (Ink::Odd, "  (no answer yet)".into()),
            (_, true) => (Ink::Odd, "  LEAVING".into()),
            _ => (Ink::Plain, String::new()),
        };
        let counters = &now["counters"];
        let summary = format!(
            "up {} s, {} connections, {} requests/s; {} finished, {} failed; load {}",
            word(&now["uptime_seconds"]),
            word(&now["open_connections"]),
            self.rate(|moment| moment["counters"]["finished"].as_u64()),
            word(&counters["finished"]),
            word(&counters["failed"]),
            if demo["load"] == true { "ON" } else { "off" },
        );
        let columns = format!(
            "    {:<10} {:<9} {:>6} {:>9} {:>9} {:>9}  {:<8}",
            "backend", "state", "req/s", "p50", "p99", "in flight", "is"
        );
        let mut lines = vec![
            vec![(Ink::Bold, self.title.clone()), state],
            vec![(Ink::Plain, summary)],
            vec![(Ink::Odd, self.note.clone())],
            vec![(Ink::Faint, columns)],
        ];
        let all = list(&demo["backends"]).enumerate();
        lines.extend(all.map(|(number, actor)| self.backend(number, actor)));
        lines
    }

    fn backend(&self, number: usize, actor: &Value) -> Line {
        let address = &actor["address"];
        let backend = find(self.now(), address);
        let state = word(&backend["state"]);
        let ink = match state.as_str() {
            "up" | "unproven" => Ink::Good,
            "down" => Ink::Bad,
            _ => Ink::Odd,
        };
        let latency = self.latency(address);
        let quantile = |of: u64| latency.as_ref().and_then(|(bounds, counts)| quantile(bounds, counts, of));
        let mark = if number == self.chosen { ">" } else { " " };
        let rate = self.rate(|moment| find(moment, address)["requests"].as_u64());
        let numbers = format!(
            "{rate:>6} {:>9} {:>9} {:>9}  ",
            quantile(50).unwrap_or_else(|| "-".into()),
            quantile(99).unwrap_or_else(|| "-".into()),
            word(&backend["in_flight"]),
        );
        let manner = word(&actor["manner"]);
        let cause = match (backend["cause"].as_str(), state.as_str()) {
            (Some(cause), _) => cause.to_string(),
            (None, "up" | "unproven") => String::new(),
            _ => word(&backend["last_probe"]),
        };
        vec![
            (Ink::Bold, format!("{mark} {} {:<10} ", number + 1, word(&actor["name"]))),
            (ink, format!("{state:<9} ")),
            (Ink::Plain, numbers),
            (if manner == "normal" { Ink::Plain } else { Ink::Bad }, format!("{manner:<8} ")),
            (Ink::Faint, cause),
        ]
    }

    fn acts(&self, columns: usize) -> Vec<Line> {
        let log = &self.now()["demo"]["log"];
        if list(log).next().is_none() {
            let hint = "l begins a gentle load, k kills the chosen backend: what do clients notice?";
            return vec![Vec::new(), vec![(Ink::Faint, hint.into())]];
        }
        let mut lines = vec![Vec::new()];
        for act in list(log).take(ACTS) {
            let ink = if act["clients"]["failed"].as_u64() > Some(0) { Ink::Bad } else { Ink::Good };
            lines.push(vec![(Ink::Bold, headline(act)), (ink, clients(&act["clients"]))]);
            let why = fold(&word(&act["why"]), columns.saturating_sub(2));
            lines.extend(why.into_iter().map(|part| vec![(Ink::Plain, format!("  {part}"))]));
        }
        lines
    }

    /// How much something grows in a second.
    fn rate(&self, count: impl Fn(&Value) -> Option<u64>) -> String {
        let (then, now) = (self.then(), self.now());
        let span = seconds(now).zip(seconds(then)).map(|(now, then)| now - then).filter(|&span| span > 0.0);
        let grown = count(now).zip(count(then)).map(|(now, then)| now.saturating_sub(then));
        match span.zip(grown) {
            Some((span, grown)) => format!("{:.1}", grown as f64 / span),
            None => "-".into(),
        }
    }

    /// How long answers took meanwhile, if that is told: bounds in milliseconds, and how many were within each.
    fn latency(&self, address: &Value) -> Option<(Vec<f64>, Vec<u64>)> {
        let counts = |moment| -> Option<Vec<u64>> {
            let counts = find(moment, address)["latency"].as_array()?;
            Some(counts.iter().filter_map(Value::as_u64).collect())
        };
        let bounds = self.now()["latency_bounds_ms"].as_array()?.iter().filter_map(Value::as_f64).collect();
        let (now, then) = (counts(self.now())?, counts(self.then())?);
        Some((bounds, now.iter().zip(then).map(|(now, then)| now.saturating_sub(then)).collect()))
    }
}

impl Ink {
    fn code(self) -> u8 {
        match self {
            Ink::Plain => 0,
            Ink::Bold => 1,
            Ink::Faint => 2,
            Ink::Good => 32,
            Ink::Odd => 33,
            Ink::Bad => 31,
        }
    }
}

fn keys() -> [Line; 2] {
    let those = |to_backend: bool| {
        let keys = KEYS.iter().filter(|key| key.3 == to_backend).map(|(key, deed, ..)| format!("{key} {deed}"));
        keys.collect::<Vec<_>>().join("  ")
    };
    let (backend, clients) = (those(true), those(false));
    [
        vec![(Ink::Faint, format!("? help  1 2 choose a backend:  {backend}"))],
        vec![(Ink::Faint, format!("q quit  clients:  {clients}"))],
    ]
}

fn help() -> Vec<Line> {
    let mut lines = vec![Vec::new(), vec![(Ink::Bold, "to the backend that 1 or 2 has chosen:".into())]];
    let line =
        |(key, deed, what, _): &(char, &str, &str, bool)| vec![(Ink::Plain, format!("  {key}  {deed:<12} {what}"))];
    lines.extend(KEYS.iter().filter(|key| key.3).map(line));
    lines.push(vec![(Ink::Bold, "by clients:".into())]);
    lines.extend(KEYS.iter().filter(|key| !key.3).map(line));
    lines.push(vec![(Ink::Plain, "  q  quit: what is under way is finished; twice: at once".into())]);
    lines
}

/// A text in lines of so many columns, and no more of them than an outcome is worth: the end counts, so the middle goes.
fn fold(text: &str, columns: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.is_empty() || line.len() + 1 + word.len() <= columns => {
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(word);
            }
            _ => lines.push(word.into()),
        }
    }
    if lines.len() > OUTCOME {
        lines.drain(OUTCOME - 1..lines.len() - 1);
    }
    lines
}

/// An act and when it was.
pub(super) fn headline(act: &Value) -> String {
    format!("{:.1} s: {}: ", act["at"].as_f64().unwrap_or(0.0), word(&act["what"]))
}

/// What clients saw of it.
pub(super) fn clients(clients: &Value) -> String {
    let refused = clients["refused"].as_u64().filter(|&count| count > 0);
    format!(
        "{} asked, {} ok, {} failed{}, slowest {:.0} ms",
        word(&clients["asked"]),
        word(&clients["ok"]),
        word(&clients["failed"]),
        refused.map_or(String::new(), |count| format!(", {count} refused")),
        clients["slowest_ms"].as_f64().unwrap_or(0.0),
    )
}

/// The bound below which so many percent are.
fn quantile(bounds: &[f64], counts: &[u64], percent: u64) -> Option<String> {
    let all: u64 = counts.iter().sum();
    let mut below = 0;
    let place = counts.iter().position(|count| {
        below += count;
        all > 0 && below * 100 >= all * percent
    })?;
    Some(match bounds.get(place) {
        Some(bound) => format!("<{bound} ms"),
        None => format!(">{} ms", bounds.last()?),
    })
}

/// The backend of the balancer that is at this address.
pub(super) fn find<'a>(moment: &'a Value, address: &Value) -> &'a Value {
    let mut all = list(&moment["pools"]).flat_map(|pool| list(&pool["backends"]));
    all.find(|backend| backend["address"] == *address).unwrap_or(&Value::Null)
}

fn seconds(moment: &Value) -> Option<f64> {
    moment["demo"]["now"].as_f64()
}

pub(super) fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

pub(super) fn word(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => "-".into(),
    }
}

#[cfg(test)]
mod tests;
