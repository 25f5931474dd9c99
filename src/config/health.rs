//! Floor 1: how the health of a pool's backends is judged, as meant; and the words for it that a file alone has.
//!
//! What these do is in [`balance`](crate::balance): probes, rise and fall, ejection, slow start.

use super::error::{Wrong, quote};
use std::ops::RangeInclusive;
use std::time::Duration;

/// How the health of a pool's backends is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    /// What a probe does.
    pub kind: ProbeKind,
    /// The port that is probed; none: the backend's own.
    pub port: Option<u16>,
    /// From the start of a probe to the start of the next.
    pub interval: Duration,
    /// From the start of a probe until it counts as failed.
    pub timeout: Duration,
    /// So many failures in a row exclude a backend; at least 1.
    pub fall: u32,
    /// So many successes in a row include it again; at least 1.
    pub rise: u32,
    /// When live traffic excludes a backend; none: it does not.
    pub ejection: Option<Ejection>,
    /// For so long a backend that returns gets less than its share; none: it gets all of it at once.
    pub slow_start: Option<Duration>,
}

impl Default for Health {
    fn default() -> Health {
        Health {
            kind: ProbeKind::get("/"),
            port: None,
            interval: Duration::from_secs(5),
            timeout: Duration::from_secs(2),
            fall: 3,
            rise: 2,
            ejection: None,
            slow_start: None,
        }
    }
}

/// What a probe does.
#[derive(Debug, Clone, PartialEq)]
pub enum ProbeKind {
    /// Nothing: every backend counts as up until live traffic says otherwise.
    Off,
    /// Connects.
    Tcp,
    /// `GET path`, with an expected answer.
    Http {
        /// The request target.
        path: String,
        /// The status is within any of these ranges.
        expect: Vec<RangeInclusive<u16>>,
        /// The body holds this text.
        body: Option<String>,
        /// Names and values of further fields. One of ours of the same name is left out.
        headers: Vec<(String, String)>,
    },
}

impl ProbeKind {
    /// `GET path` and nothing more to it.
    pub fn get(path: &str) -> ProbeKind {
        ProbeKind::Http { path: path.into(), expect: vec![200..=399], body: None, headers: Vec::new() }
    }
}

/// When live traffic excludes a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ejection {
    /// So many requests in a row that it served badly; at least 1.
    pub consecutive: u32,
    /// So many of the pool's backends at once at most, in percent.
    pub share: u32,
    /// For so long, times the number of ejections that are not yet forgotten.
    pub base: Duration,
}

impl Default for Ejection {
    fn default() -> Ejection {
        Ejection { consecutive: 5, share: 50, base: Duration::from_secs(10) }
    }
}

/// A share of a pool: `1%` to `100%`.
pub fn share(text: &str) -> Result<u32, Wrong> {
    let digits = text.strip_suffix('%').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
    let share = digits.and_then(|digits| digits.parse().ok()).filter(|share| (1..=100).contains(share));
    share.ok_or_else(|| Wrong::new(format!("bad share {}", quote(text)), "write a share from \"1%\" to \"100%\""))
}

/// What the body of an answer to a probe holds.
pub fn body(text: &str) -> Result<String, Wrong> {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    match (1..=LONGEST_TEXT).contains(&text.len()) && plain {
        true => Ok(text.to_string()),
        false => Err(Wrong::new(
            format!("bad text {}", quote(text)),
            format!("write 1 to {LONGEST_TEXT} printable ASCII characters that the body of every good answer holds"),
        )),
    }
}

/// The longest text that is looked for, and the longest value of a field.
const LONGEST_TEXT: usize = 1000;

/// Fields that say where a message or a connection ends: the probe's own affair.
const OURS: [&str; 6] = ["connection", "content-length", "transfer-encoding", "expect", "upgrade", "te"];

/// A field of a probe (RFC 9110 section 5.1: its name is a token).
pub fn field(name: &str, value: &str) -> Result<(), Wrong> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let printable = value.len() <= LONGEST_TEXT && value.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if name.is_empty() || name.len() > LONGEST_TEXT || !name.bytes().all(token) {
        let fix = "a name has letters, digits and hyphens, as in headers = { Host = \"app.example.com\" }";
        return Err(Wrong::new(format!("{} is no name of a header", quote(name)), fix));
    }
    if !printable || value.trim() != value {
        let fix = "write printable ASCII, with no space at either end";
        return Err(Wrong::new(format!("bad value {} of header {name}", quote(value)), fix));
    }
    match OURS.contains(&name.to_ascii_lowercase().as_str()) {
        true => Err(Wrong::new(format!("a probe decides on {name} itself"), "leave it out")),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::ProbeKind;
    use super::super::testing::*;
    use super::*;
    use crate::config::Command;

    const HEALTH: &str = "health = { expect = \"200-299,404\", body = \"all \\\"well\\\"\", port = 9000, \
        headers = { Host = \"app.example\", X-Probe = \"1\" } }\nslow_start = \"30s\"\n\
        ejection = { consecutive = 3, share = \"20%\", base = \"1s\" }";

    fn file(more: &str) -> String {
        format!("[pool.app]\nbackends = [\"127.0.0.1:8080\"]\n{more}\n")
    }

    fn health(more: &str) -> Health {
        first_pool(&config_of(&file(more))).health.clone()
    }

    #[test]
    fn every_key_reaches_its_place_and_what_is_left_out_is_off() {
        let meant = Health {
            kind: ProbeKind::Http {
                path: "/".into(),
                expect: vec![200..=299, 404..=404],
                body: Some("all \"well\"".into()),
                headers: vec![("Host".into(), "app.example".into()), ("X-Probe".into(), "1".into())],
            },
            port: Some(9000),
            ejection: Some(Ejection { consecutive: 3, share: 20, base: Duration::from_secs(1) }),
            slow_start: Some(Duration::from_secs(30)),
            ..Health::default()
        };
        assert_eq!(health(HEALTH), meant);
        assert_eq!(health(""), Health::default());
        assert_eq!(health("ejection = {}").ejection, Some(Ejection::default()));
        assert_eq!(health("health = { kind = \"tcp\", port = 1 }").port, Some(1));
    }

    #[test]
    fn what_is_printed_means_the_same() {
        for more in [HEALTH, "ejection = {}", "slow_start = \"1m\"", ""] {
            let Ok(Command::Check { text, .. }) = command("check --print -c f", &[], &file(more)) else {
                panic!("refused");
            };
            assert_eq!(config_of(&text), config_of(&file(more)), "{text}");
            assert_eq!(text.contains("ejection."), more.contains("ejection"), "{text}");
        }
    }

    #[test]
    fn mistakes_are_told_with_their_place_and_their_fix() {
        for (more, what, fix) in [
            ("health = { bdoy = \"x\" }", "3:12: unknown key \"bdoy\"", "did you mean \"body\"?"),
            ("health = { haeders = {} }", "3:12: unknown key \"haeders\"", "did you mean \"headers\"?"),
            ("health = { port = 0 }", "3:19: bad number", "1 to 65535"),
            ("health = { body = \"\" }", "3:19: bad text", "printable"),
            ("health = { headers = { \"a b\" = \"x\" } }", "is no name of a header", "letters"),
            ("health = { headers = { Host = \"x\", host = \"y\" } }", "header host is named twice", "one of them"),
            ("health = { headers = { Connection = \"x\" } }", "decides on Connection itself", "leave it out"),
            ("health = { headers = { A = \"x\\ny\" } }", "bad value", "printable"),
            ("health = { headers = { A = 1 } }", "must be a text", "in quotes"),
            ("health = { kind = \"tcp\", body = \"x\" }", "no path and no status", "\"http\""),
            ("ejection = 5", "must be a table", "consecutive = 5"),
            ("ejection = { share = \"0%\" }", "3:22: bad share \"0%\"", "\"1%\" to \"100%\""),
            ("ejection = { share = \"50\" }", "bad share", "\"100%\""),
            ("ejection = { consecutve = 5 }", "unknown key \"consecutve\" in ejection of [pool.app]", "consecutive"),
            ("ejection = { consecutive = 0 }", "bad number", "at least 1"),
            ("ejection = { base = \"0s\" }", "a duration of zero", "longer"),
            ("slow_start = 30", "has no unit", "\"30s\""),
            ("slowstart = \"30s\"", "unknown key \"slowstart\" in [pool.app]", "did you mean \"slow_start\"?"),
        ] {
            let text = refusal_of(&file(more));
            assert!(text.contains(what) && text.contains(fix), "{more}\n{text}");
        }
    }
}
