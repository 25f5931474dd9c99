//! The configuration file: what is taken makes sense and, printed, is a file that means the same; what is refused is
//! refused in words that a terminal survives, at a line that exists, with a fix.

use super::text;
use evenkeel::config::{Command, Config, Exit, Limits, ProbeKind, from_args};
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;

/// See the [module](self).
pub fn check(input: &[u8]) {
    match command("run -c f", input) {
        Ok(Command::Run { config, .. }) => {
            sensible(&config);
            printed(&config, input);
            told(&config, input);
        }
        Ok(other) => panic!("{other:?}"),
        Err(exit) => refused(&exit, input),
    }
}

/// Knows `localhost` and nobody else.
fn resolve(name: &str) -> io::Result<Vec<SocketAddr>> {
    match name.rsplit_once(':') {
        Some(("localhost", port)) => {
            let address = |host: &str| format!("{host}:{port}").parse().map_err(io::Error::other);
            Ok(vec![address("[::1]")?, address("127.0.0.1")?])
        }
        _ => Err(io::Error::other("no such name")),
    }
}

/// A command line whose files all have these bytes.
fn command(line: &str, file: &[u8]) -> Result<Command, Exit> {
    let words = ["evenkeel"].into_iter().chain(line.split(' ')).map(OsString::from);
    let read = |_: &std::path::Path| String::from_utf8(file.to_vec()).map_err(io::Error::other);
    from_args(words, &|_| None, &read, &resolve)
}

fn config(file: &[u8]) -> Config {
    match command("-c f", file) {
        Ok(Command::Run { config, .. }) => config,
        other => panic!("{other:?}: {}", text(file)),
    }
}

/// What the floors above take for granted.
fn sensible(config: &Config) {
    assert!(!config.listeners.is_empty() && !config.pools.is_empty());
    for listener in &config.listeners {
        assert!(!listener.bind.is_empty() && listener.pool < Some(config.pools.len()), "{listener:?}");
        assert!(listener.pool.is_some() || !listener.routes.is_empty(), "{listener:?}");
        assert!(listener.routes.iter().all(|route| route.pool < config.pools.len()), "{listener:?}");
    }
    for pool in &config.pools {
        assert!(!pool.backends.is_empty() && pool.backends.iter().all(|b| b.address.port() > 0), "{pool:?}");
        let health = &pool.health;
        assert!(health.fall > 0 && health.rise > 0 && !health.interval.is_zero() && !health.timeout.is_zero());
        if let ProbeKind::Http { path, expect, .. } = &health.kind {
            assert!(path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic()), "{path:?}");
            assert!(!expect.is_empty() && expect.iter().all(|r| !r.is_empty() && *r.end() < 600), "{expect:?}");
        }
    }
    let limits = config.limits;
    assert!(
        limits.head > 0 && limits.fields > 0 && limits.fields <= Limits::MOST_FIELDS && limits.target <= limits.head
    );
}

/// What `check --print` says is a file, and the same configuration; printed again it has the same values.
fn printed(config: &Config, input: &[u8]) {
    let print = |file: &[u8]| match command("check --print -c f", file) {
        Ok(Command::Check { text, .. }) => text,
        other => panic!("{other:?}: {}", text(file)),
    };
    let once = print(input);
    assert_eq!(self::config(once.as_bytes()), *config, "printed:\n{once}");
    assert_eq!(values(&print(once.as_bytes())), values(&once));
}

/// Without the comments that say where each value came from.
fn values(printed: &str) -> Vec<&str> {
    printed.lines().map(|line| line.rsplit_once(" # ").map_or(line, |(value, _)| value.trim_end())).collect()
}

/// Comments and empty lines mean nothing.
fn told(config: &Config, input: &[u8]) {
    let file = [b"# a comment\n\n", input, b"\n# [pool.x]\n"].concat();
    assert_eq!(self::config(&file), *config, "{}", text(input));
}

fn refused(exit: &Exit, input: &[u8]) {
    let said = &exit.text;
    assert_eq!((exit.code, exit.to_stdout), (2, false), "{said}");
    assert!(said.contains("fix: "), "no fix: {said}");
    let tame = |c: char| c == '\n' || !c.is_control();
    assert!(said.chars().all(tame), "a control character goes to the terminal: {said:?}");
    let lines = input.split(|&b| b == b'\n').count();
    for place in said.lines().filter_map(|line| line.strip_prefix("f:")) {
        let number: usize = place.split(':').next().and_then(|n| n.parse().ok()).unwrap_or(1);
        assert!((1..=lines).contains(&number), "line {number} of {lines}: {said}");
    }
    assert_eq!(command("run -c f", input).as_ref().err(), Some(exit), "not the same twice");
}
