//! The state of a balancer as a table that a human reads.
//!
//! Columns are as wide as what is in them. What is missing, since another version says less, is a dash.

use serde_json::Value;
use std::fmt::Write;

const COLUMNS: [&str; 8] = ["pool", "backend", "state", "since", "weight", "in flight", "requests", "cause"];

/// Whether a column holds numbers, which end below each other.
const NUMBERS: [bool; 8] = [false, false, false, true, true, true, true, false];

/// All that there is to be told of a balancer's `/api/state`.
pub(super) fn state(state: &Value) -> String {
    let mut text = format!(
        "evenkeel {}, up {}{}: {} connections open, {} requests finished, {} failed\n",
        word(&state["version"]),
        span(&state["uptime_seconds"]),
        if state["draining"] == true { ", DRAINING" } else { "" },
        word(&state["open_connections"]),
        word(&state["counters"]["finished"]),
        word(&state["counters"]["failed"]),
    );
    for listener in list(&state["listeners"]) {
        let _ = writeln!(text, "{} -> {}", word(&listener["address"]), word(&listener["leads_to"]));
    }
    let mut rows = Vec::new();
    for pool in list(&state["pools"]) {
        let name = word(&pool["name"]);
        rows.extend(list(&pool["backends"]).map(|backend| row(&name, backend)));
    }
    rows.extend(list(&state["departing"]).map(|backend| row("(removed)", backend)));
    text.push('\n');
    lay(&rows, &mut text);
    for pool in list(&state["pools"]).filter(|pool| pool["queued"].as_u64().is_some_and(|queued| queued > 0)) {
        let _ = writeln!(text, "pool {}: {} requests are queued", word(&pool["name"]), word(&pool["queued"]));
    }
    text
}

/// The backends of an answer about some.
pub(super) fn backends(answer: &Value) -> String {
    let rows: Vec<Row> = list(&answer["backends"]).map(|backend| row(&word(&backend["pool"]), backend)).collect();
    let mut text = String::new();
    lay(&rows, &mut text);
    text
}

type Row = [String; 8];

fn row(pool: &str, backend: &Value) -> Row {
    let most = backend["max_inflight"].as_u64().map_or(String::new(), |most| format!("/{most}"));
    [
        pool.to_string(),
        word(&backend["name"]),
        word(&backend["state"]),
        span(&backend["for_seconds"]),
        word(&backend["weight"]),
        word(&backend["in_flight"]) + &most,
        word(&backend["requests"]),
        cause(backend),
    ]
}

/// Why it is in its state, as far as that is known.
fn cause(backend: &Value) -> String {
    let last = word(&backend["last_probe"]);
    match backend["state"].as_str() {
        Some("draining") if backend["weight"] == 0 => "a weight of 0".into(),
        Some("draining" | "disabled") => format!("as asked; {} by itself", word(&backend["health"])),
        Some("ejected") => "failures of live traffic".into(),
        _ => last,
    }
}

fn lay(rows: &[Row], text: &mut String) {
    let head = COLUMNS.map(String::from);
    let all = || std::iter::once(&head).chain(rows);
    let width = |column: usize| all().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    for row in all() {
        let mut line = String::new();
        for ((cell, width), number) in row.iter().zip(widths).zip(NUMBERS) {
            let _ = if number { write!(line, "{cell:>width$}  ") } else { write!(line, "{cell:<width$}  ") };
        }
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn word(value: &Value) -> String {
    match value {
        Value::String(text) if text.is_empty() => "-".into(),
        Value::String(text) => harmless(text),
        Value::Number(number) => number.to_string(),
        _ => "-".into(),
    }
}

/// Nothing in it is an order to the terminal.
pub(super) fn harmless(text: &str) -> String {
    text.chars().map(|it| if it.is_control() && it != '\n' { '?' } else { it }).collect()
}

/// A number of seconds, at a glance.
fn span(seconds: &Value) -> String {
    match seconds.as_u64() {
        Some(seconds @ 0..60) => format!("{seconds}s"),
        Some(seconds @ 60..3600) => format!("{}m{:02}s", seconds / 60, seconds % 60),
        Some(seconds @ 3600..86400) => format!("{}h{:02}m", seconds / 3600, seconds / 60 % 60),
        Some(seconds) => format!("{}d{:02}h", seconds / 86400, seconds / 3600 % 24),
        None => "-".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_state_is_a_table() {
        let backend = |name: &str, state: &str, weight: u32| {
            json!({"name": name, "state": state, "health": "up", "for_seconds": 75, "weight": weight, "in_flight": 3,
                   "requests": 1200, "last_probe": "200 OK", "max_inflight": null})
        };
        let mut full = backend("10.0.0.1:80", "up", 1);
        full["max_inflight"] = 9.into();
        let all = json!({
            "version": "0.1.0", "uptime_seconds": 90_061, "draining": true, "open_connections": 2,
            "counters": {"finished": 5, "failed": 1},
            "listeners": [{"address": "127.0.0.1:5001", "leads_to": "pool app"}],
            "pools": [{"name": "app", "queued": 4, "backends":
                [full, backend("b", "draining", 0), backend("c", "disabled", 2), backend("d", "ejected", 1)]}],
            "departing": [backend("e", "draining", 1)],
        });
        let expected = "\
evenkeel 0.1.0, up 1d01h, DRAINING: 2 connections open, 5 requests finished, 1 failed
127.0.0.1:5001 -> pool app

pool       backend      state     since  weight  in flight  requests  cause
app        10.0.0.1:80  up        1m15s       1        3/9      1200  200 OK
app        b            draining  1m15s       0          3      1200  a weight of 0
app        c            disabled  1m15s       2          3      1200  as asked; up by itself
app        d            ejected   1m15s       1          3      1200  failures of live traffic
(removed)  e            draining  1m15s       1          3      1200  as asked; up by itself
pool app: 4 requests are queued
";
        assert_eq!(state(&all), expected);
    }

    #[test]
    fn what_is_missing_is_a_dash_and_nothing_speaks_to_the_terminal() {
        assert!(state(&json!({})).starts_with("evenkeel -, up -: - connections open"));
        let text = backends(&json!({"backends": [{"pool": "a", "name": "\u{1b}[31m"}]}));
        assert_eq!(text.lines().last(), Some("a     ?[31m    -          -       -          -         -  -"));
    }

    #[test]
    fn spans_are_told_at_a_glance() {
        for (seconds, text) in
            [(0, "0s"), (59, "59s"), (60, "1m00s"), (3599, "59m59s"), (3600, "1h00m"), (86_400, "1d00h")]
        {
            assert_eq!(span(&json!(seconds)), text);
        }
    }
}
