//! Floor 1, tests only: a command line, an environment, a file and a resolver in one call.

use super::args::{Command, Exit, from_args};
use super::{Config, Listener, Pool};
use crate::base::Address;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::net::SocketAddr;
use std::path::Path;

/// The file of INTERFACE, without what is still to come.
pub const GOOD: &str = r#"
admin = "127.0.0.1:5002"

[listener.web]
bind = "127.0.0.1:5001"
mode = "http"
pool = "app"

[pool.app]
policy = "round-robin"
backends = ["127.0.0.1:8080", { address = "127.0.0.1:8081", weight = 2 }]
health = { kind = "http", path = "/", expect = "200-399", interval = "5s", timeout = "2s", fall = 3, rise = 2 }

[timeouts]
connect = "3s"
header = "10s"
body = "30s"
response = "30s"
client_idle = "60s"
upstream_idle = "4s"
tunnel = "1h"
drain = "8s"

[limits]
head = "16KiB"
target = "8KiB"
fields = 100
body = 0
connections = 0
"#;

thread_local! {
    /// Which key was looked for in which kind of table, and whether one had it.
    static ASKED: RefCell<BTreeMap<(String, &'static str), bool>> = const { RefCell::new(BTreeMap::new()) };
}

/// Notes that `key` was looked for in the table of that title, without the operator's own names.
pub fn note(title: &str, key: &'static str, found: bool) {
    let kind = title.split('.').next().unwrap_or(title).to_string();
    ASKED.with_borrow_mut(|asked| *asked.entry((kind, key)).or_default() |= found);
}

/// What was looked for in this thread until now, and forgets it.
pub fn asked() -> BTreeMap<(String, &'static str), bool> {
    ASKED.take()
}

/// An address in numbers.
pub fn at(text: &str) -> Address {
    Address::Tcp(text.parse().unwrap())
}

/// Knows `localhost` (both families), `one` and nobody else.
pub fn resolve(name: &str) -> io::Result<Vec<SocketAddr>> {
    let (host, port) = name.rsplit_once(':').unwrap_or((name, ""));
    let found = match host {
        "localhost" => vec![format!("[::1]:{port}"), format!("127.0.0.1:{port}")],
        "one" => vec![format!("10.0.0.1:{port}")],
        _ => return Err(io::Error::other("no such name")),
    };
    Ok(found.iter().map(|text| text.parse().unwrap()).collect())
}

/// A command line split at spaces, variables, and the text of every file.
pub fn command(line: &str, env: &[(&str, &str)], file: &str) -> Result<Command, Exit> {
    let words = ["evenkeel"].into_iter().chain(line.split_whitespace());
    let look_up = |name: &str| {
        let found = env.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| value.to_string())
    };
    let read = |path: &Path| match path.ends_with("missing.toml") {
        true => Err(io::Error::from(io::ErrorKind::NotFound)),
        false => Ok(file.to_string()),
    };
    from_args(words.map(OsString::from), &look_up, &read, &resolve)
}

/// What a command line and variables come to.
pub fn config_env(line: &str, env: &[(&str, &str)], file: &str) -> Config {
    match command(line, env, file) {
        Ok(Command::Run { config, .. }) => config,
        Ok(other) => panic!("{other:?}"),
        Err(exit) => panic!("{}", exit.text),
    }
}

/// What a command line comes to.
pub fn config(line: &str) -> Config {
    config_env(line, &[], "")
}

/// What a file comes to.
pub fn config_of(file: &str) -> Config {
    config_env("-c evenkeel.toml", &[], file)
}

/// Why a command line is refused.
pub fn refusal(line: &str) -> String {
    refusal_with(line, &[], "")
}

/// Why a file is refused.
pub fn refusal_of(file: &str) -> String {
    refusal_with("-c evenkeel.toml", &[], file)
}

/// Why all of it together is refused.
pub fn refusal_with(line: &str, env: &[(&str, &str)], file: &str) -> String {
    let exit = command(line, env, file).expect_err("this is wrong");
    assert_eq!((exit.code, exit.to_stdout), (2, false), "{}", exit.text);
    exit.text
}

/// The first pool.
pub fn first_pool(config: &Config) -> &Pool {
    config.pools.first().unwrap()
}

/// The first listener.
pub fn first_listener(config: &Config) -> &Listener {
    config.listeners.first().unwrap()
}

/// Names and weights of the first pool's backends.
pub fn backends(config: &Config) -> Vec<(&str, u32)> {
    first_pool(config).backends.iter().map(|one| (one.name.as_str(), one.weight)).collect()
}
