//! Floor 5: `evenkeel ctl` and `evenkeel explain`: what the command line says to a running balancer, and how its answers
//! look on a terminal.
//!
//! A process of its own, with no loop: each question is asked over the [admin address](crate::admin) by
//! [`host::ask`](crate::host::ask). What it answers is JSON, of which nothing is taken for granted: it may be another
//! version's.

mod table;

use crate::config::say::{Deed, Say, Target};
use crate::host::ask::{self, Question};
use serde_json::Value;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::time::Duration;

/// Why it came to nothing, for stderr.
pub type Failure = String;

/// Says it, and writes what there is to be told to standard output.
pub fn run(say: &Say, to: &Target) -> Result<(), Failure> {
    match say {
        Say::State { json: true } => {
            print(&table::harmless(&String::from_utf8_lossy(&get(to, "/api/state")?))).map(drop)
        }
        Say::State { json: false } => print(&table::state(&state(to)?)).map(drop),
        Say::Order(name, deed) => {
            let body = match deed {
                Deed::Drain => "{\"action\":\"drain\"}".to_string(),
                Deed::Disable => "{\"action\":\"disable\"}".to_string(),
                Deed::Enable => "{\"action\":\"enable\"}".to_string(),
                Deed::Weight(weight) => format!("{{\"weight\":{weight}}}"),
                Deed::Add(weight) => format!("{{\"action\":\"add\",\"weight\":{weight}}}"),
                Deed::Remove => "{\"action\":\"remove\"}".to_string(),
            };
            let answer = post(to, &format!("/api/backends/{}", escape(name)), &body)?;
            print(&table::backends(&json(&answer, to)?)).map(drop)
        }
        Say::Reload => print(&table::harmless(&String::from_utf8_lossy(&post(to, "/api/reload", "")?))).map(drop),
        Say::Watch { interval, count } => watch(to, *interval, *count),
    }
}

/// The receipt of a request, in words.
pub fn explain(id: &str, to: &Target) -> Result<(), Failure> {
    let receipt = json(&get(to, &format!("/api/requests/{id}"))?, to)?;
    let words = receipt["words"].as_array().ok_or_else(|| stranger(to))?;
    let lines: Vec<&str> = words.iter().filter_map(Value::as_str).collect();
    print(&table::harmless(&(lines.join("\n") + "\n"))).map(drop)
}

/// The state, again and again: over itself on a terminal, else one below the other. Nobody reads it any more: done.
fn watch(to: &Target, interval: Duration, count: Option<u32>) -> Result<(), Failure> {
    let anew = if io::stdout().is_terminal() { "\x1b[H\x1b[J" } else { "" };
    let mut left = count;
    loop {
        let text = format!("{anew}{}", table::state(&state(to)?));
        left = left.map(|left| left - 1);
        let last = left == Some(0);
        let gap = if anew.is_empty() && !last { "\n" } else { "" };
        if !print(&(text + gap))? || last {
            return Ok(());
        }
        ask::pause(interval);
    }
}

/// Whether somebody still reads. A pipe that was closed is no failure: whoever read has enough.
fn print(text: &str) -> Result<bool, Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(format!("cannot write: {error}")),
    }
}

fn state(to: &Target) -> Result<Value, Failure> {
    json(&get(to, "/api/state")?, to)
}

fn json(answer: &[u8], to: &Target) -> Result<Value, Failure> {
    serde_json::from_slice(answer).map_err(|_| stranger(to))
}

fn stranger(to: &Target) -> Failure {
    format!("{} does not answer as a balancer does\n  fix: name the admin address with --admin", to.shown)
}

fn get(to: &Target, path: &str) -> Result<Vec<u8>, Failure> {
    answer(to, Question { method: "GET", path, body: "", token: to.token.as_ref() })
}

fn post(to: &Target, path: &str, body: &str) -> Result<Vec<u8>, Failure> {
    answer(to, Question { method: "POST", path, body, token: to.token.as_ref() })
}

/// The body of an answer to which nothing is wrong; else what it says.
fn answer(to: &Target, question: Question<'_>) -> Result<Vec<u8>, Failure> {
    let (status, body) = ask::ask(&to.addresses, question).map_err(|error| {
        let fix = "name the admin address of a running balancer with --admin";
        format!("cannot ask {}: {error}\n  fix: {fix}", to.shown)
    })?;
    let words = || table::harmless(String::from_utf8_lossy(&body).trim_end());
    match status {
        200..=299 => Ok(body),
        401 => {
            let what = if to.token.is_some() { "knows another token" } else { "wants to be shown a token" };
            let fix = "set EVENKEEL_ADMIN_TOKEN or EVENKEEL_ADMIN_TOKEN_FILE, or use --token-file";
            Err(format!("{} {what}\n  fix: {fix}", to.shown))
        }
        _ => Err(words()),
    }
}

/// A name as a part of a path.
fn escape(name: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~:/".contains(&byte);
    let one = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    name.bytes().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_parts_of_a_path() {
        assert_eq!(escape("app/127.0.0.1:80"), "app/127.0.0.1:80");
        assert_eq!(escape("[::1]:80?a#b%"), "%5B::1%5D:80%3Fa%23b%25");
    }
}
