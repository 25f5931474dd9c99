//! The tables, in Markdown: one for each scenario, and one that says how evenkeel stands in all of them.

use crate::peers::Peer;
use crate::round::{Row, Sample};
use crate::scenario::{Scenario, Shape};

/// The table of one scenario.
pub fn table(scenario: &Scenario, rows: &[Row]) -> String {
    let columns = columns(scenario);
    let mut text = format!("\n### {}: {} ({})\n\n", scenario.name, scenario.says, scenario.connections);
    let heads: Vec<&str> = columns.iter().map(|column| column.0).collect();
    text += &format!("| balancer | {} | of HAProxy |\n|---|{}---:|\n", heads.join(" | "), "---:|".repeat(heads.len()));
    let judged = judged(scenario)[0].1;
    for row in rows {
        let cells: Vec<String> = columns.iter().map(|column| (column.1)(row)).collect();
        let ratio = ratio(judged(row), of(judged, rows, Peer::Haproxy));
        text += &format!("| {} | {} | {ratio} |\n", row.peer, cells.join(" | "));
    }
    text
}

/// How evenkeel stands: its lines for the last table.
pub fn lines(scenario: &Scenario, rows: &[Row]) -> Vec<String> {
    judged(scenario).into_iter().filter_map(|what| line(scenario, what, rows)).collect()
}

fn line(scenario: &Scenario, (what, judged): Judged, rows: &[Row]) -> Option<String> {
    let ours = of(judged, rows, Peer::Evenkeel)?;
    let peers = [Peer::Haproxy, Peer::Spliced, Peer::Nginx];
    let known = peers.into_iter().filter_map(|peer| Some((of(judged, rows, peer)?, peer)));
    let best = known.filter(|(value, _)| *value > 0.0).min_by(|one, other| one.0.total_cmp(&other.0));
    let name = best.map_or(String::new(), |(_, peer)| format!(" ({peer})"));
    let against = |peer| ratio(ours, of(judged, rows, peer));
    let (haproxy, spliced, nginx, relay) =
        (against(Peer::Haproxy), against(Peer::Spliced), against(Peer::Nginx), against(Peer::Relay));
    let best = ratio(ours, best.map(|(value, _)| value));
    Some(format!(
        "| {} | {} | {best}{name} | {haproxy} | {spliced} | {nginx} | {relay} |",
        scenario.name,
        yardstick(scenario, what, ours)
    ))
}

/// What stands above those lines.
pub const SUMMARY: &str = "\n### evenkeel against each, smaller is better\n\n\
    | scenario | evenkeel | of the best peer | of HAProxy | of HAProxy, spliced | of nginx | of the relay |\n\
    |---|---:|---:|---:|---:|---:|---:|";

type Column = (&'static str, Box<dyn Fn(&Row) -> String>);

fn columns(scenario: &Scenario) -> Vec<Column> {
    let memory: Column = ("resident", Box::new(|row| format!("{:.1} MiB", median(row, |s| s.resident) / MIB)));
    let growth: Column = ("for each connection", Box::new(|row| format!("{:.0} B", median(row, |s| s.growth))));
    let rate: Column = ("requests/s", Box::new(|row| format!("{:.0}", median(row, |s| s.rate))));
    let cost: Column = ("CPU per request", Box::new(|row| format!("{:.2} µs", median(row, |s| s.cpu) / 1e3)));
    let speed: Column = ("GB/s", Box::new(|row| format!("{:.2}", median(row, |s| s.rate))));
    let weight: Column = ("CPU per GB", Box::new(|row| format!("{:.0} ms", median(row, |s| s.cpu) / 1e6)));
    let beside: Column = ("GB/s beside it", Box::new(|row| format!("{:.2}", median(row, |s| s.beside))));
    let user: Column = ("in user space", Box::new(user_share));
    let calls =
        |what| -> Column { (what, Box::new(|row| row.calls.map_or("–".into(), |calls| format!("{calls:.2}")))) };
    let latency =
        [micros("p50", |s| s.p50, middle), micros("p99", |s| s.p99, middle), micros("p99.9", |s| s.p999, middle)];
    let quietly = [micros("p99, quietly", |s| s.p99, quiet), micros("p99.9, quietly", |s| s.p999, quiet)];
    let mut columns = match scenario.shape {
        Shape::Idle => return vec![memory, growth],
        Shape::Fair => vec![rate, beside],
        Shape::Tail => vec![rate, cost, user],
        Shape::Busy if scenario.is_bulk() => vec![speed, weight, user, calls("calls per MiB")],
        Shape::Busy => vec![rate, cost, user, calls("calls per request")],
    };
    columns.extend(latency);
    if matches!(scenario.shape, Shape::Tail) {
        columns.extend(quietly);
    }
    columns.push(memory);
    columns
}

/// A column of latencies.
fn micros(name: &'static str, of: fn(&Sample) -> f64, over: fn(Vec<f64>) -> f64) -> Column {
    let cell = move |row: &Row| match over(latencies(row, of)) {
        0.0 => "–".into(),
        nanos => format!("{:.0} µs", nanos / 1e3),
    };
    (name, Box::new(cell))
}

/// Of the rounds in which anything was answered in whole.
fn latencies(row: &Row, of: fn(&Sample) -> f64) -> Vec<f64> {
    row.samples.iter().map(of).filter(|nanos| *nanos > 0.0).collect()
}

const MIB: f64 = 1024.0 * 1024.0;

/// Something that counts, and how much of it a row has.
type Judged = (&'static str, fn(&Row) -> f64);

/// What counts in this scenario, the most important first.
fn judged(scenario: &Scenario) -> Vec<Judged> {
    match scenario.shape {
        Shape::Busy if scenario.is_bulk() => vec![("CPU per GB", |row| median(row, |sample| sample.cpu))],
        Shape::Busy => vec![("CPU per request", |row| median(row, |sample| sample.cpu))],
        Shape::Fair => vec![("p99", |row| median(row, |sample| sample.p99))],
        Shape::Tail => vec![
            ("p99", |row| quiet(latencies(row, |sample| sample.p99))),
            ("p99.9", |row| quiet(latencies(row, |sample| sample.p999))),
        ],
        Shape::Idle => vec![("memory", |row| median(row, |sample| sample.growth))],
    }
}

fn of(judged: fn(&Row) -> f64, rows: &[Row], peer: Peer) -> Option<f64> {
    rows.iter().find(|row| row.peer == peer).map(judged)
}

fn yardstick(scenario: &Scenario, what: &str, value: f64) -> String {
    match scenario.shape {
        Shape::Busy if scenario.is_bulk() => format!("{:.0} ms of {what}", value / 1e6),
        Shape::Busy => format!("{:.2} µs of {what}", value / 1e3),
        Shape::Tail | Shape::Fair => format!("{what} {:.0} µs", value / 1e3),
        Shape::Idle => format!("{value:.0} B per connection"),
    }
}

fn ratio(ours: f64, theirs: Option<f64>) -> String {
    match theirs {
        Some(theirs) if theirs > 0.0 => format!("{:.2}", ours / theirs),
        _ => "–".into(),
    }
}

/// Over the rounds.
fn median(row: &Row, of: impl Fn(&Sample) -> f64) -> f64 {
    middle(row.samples.iter().map(of).collect())
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => 0.0,
        length => f64::midpoint(values[(length - 1) / 2], values[length / 2]),
    }
}

/// What a quarter of the rounds stays below: where a machine stops for a while, its stops make the tail of whoever has the
/// turn, and only ever add to it.
fn quiet(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 4).copied().unwrap_or_default()
}

/// Ticks are coarse, so this is over all rounds together, and of a few it is not told.
fn user_share(row: &Row) -> String {
    let (user, system) = row.samples.iter().fold((0, 0), |sum, s| (sum.0 + s.ticks.0, sum.1 + s.ticks.1));
    let all = user + system;
    if all < 50 { "–".into() } else { format!("{:.0} %", 100.0 * user as f64 / all as f64) }
}
