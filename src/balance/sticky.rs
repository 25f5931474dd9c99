//! Stickiness: a client comes back to the backend that served it, by a cookie that names it in a way of our own.
//!
//! The name is 64 bits in 16 hexadecimal digits, a hash of the backend's name under one of the cookie's. It is the same
//! in every balancer with the same configuration, after every restart, and in whatever order the backends stand: so any
//! number of balancers agree with no state between them. It says nothing to who reads it, but it is no secret: whoever
//! guesses a backend's address can see that he has guessed right, and whoever knows the name of a backend can choose it.
//!
//! Who is known by its name and takes work gets the request before any policy is asked, so its turn stays where it is;
//! who does not, being down, ejected, draining, disabled or none of ours, is as if there were no cookie: the policy picks,
//! and the response names the backend that served. With a `ttl`, each response names it, so that the time begins anew.

use super::Members;
use super::key;
use crate::config;
use crate::http::SetCookie;

/// Digits of a name.
const DIGITS: usize = 16;

/// How the backends of a pool are named to clients.
#[derive(Debug)]
pub struct Sticky {
    cookie: String,
    /// Seconds for which a client keeps it; none: until it is closed.
    ttl: Option<u64>,
    /// By row.
    names: Vec<u64>,
    /// Names with their rows, in order.
    rows: Vec<(u64, usize)>,
}

impl Sticky {
    /// As the configuration has it, for these backends.
    pub fn new(from: &config::Sticky, backends: Members<'_>) -> Sticky {
        let names: Vec<u64> = backends.iter().map(|backend| name(&from.cookie, &backend.name)).collect();
        let mut rows: Vec<(u64, usize)> = names.iter().copied().zip(0..).collect();
        rows.sort_unstable();
        Sticky { cookie: from.cookie.clone(), ttl: from.ttl.map(|ttl| ttl.as_secs()), names, rows }
    }

    /// What the cookie is called.
    pub fn cookie(&self) -> &str {
        &self.cookie
    }

    /// The row of the backend that this value names. None: it is none of ours.
    pub fn row(&self, value: &[u8]) -> Option<usize> {
        let plain = |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if value.len() != DIGITS || !value.iter().all(plain) {
            return None;
        }
        let name = u64::from_str_radix(std::str::from_utf8(value).ok()?, 16).ok()?;
        let at = self.rows.binary_search_by_key(&name, |&(name, _)| name).ok()?;
        self.rows.get(at).map(|&(_, row)| row)
    }

    /// What a client is told that the backend in this row has served, and whose cookie names `stuck`. None: it knows.
    pub fn tell(&self, row: usize, stuck: Option<usize>) -> Option<SetCookie<'_>> {
        let value = *self.names.get(row)?;
        let news = stuck != Some(row) || self.ttl.is_some();
        news.then_some(SetCookie { name: &self.cookie, value, seconds: self.ttl })
    }
}

/// The name of a backend under a cookie.
fn name(cookie: &str, backend: &str) -> u64 {
    key::hash(cookie.bytes().chain([0]).chain(backend.bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::balance::backend::tests_support::table;
    use std::time::Duration;

    fn sticky(ttl: Option<u64>, count: usize) -> Sticky {
        let config = config::Sticky { cookie: "EVENKEEL".into(), ttl: ttl.map(Duration::from_secs) };
        Sticky::new(&config, Members::all(&table(count)))
    }

    fn value(sticky: &Sticky, row: usize) -> String {
        format!("{:016x}", sticky.tell(row, None).unwrap().value)
    }

    /// If this fails, clients are sent elsewhere after an upgrade.
    #[test]
    fn a_name_is_the_same_everywhere_and_for_ever() {
        let sticky = sticky(None, 2);
        assert_eq!(value(&sticky, 0), format!("{:016x}", key::hash(*b"EVENKEEL\x00127.0.0.1:8080")));
        assert_eq!(value(&sticky, 0), "4f11dfdcb9a2db13");
        assert_ne!(name("EVENKEEL", "127.0.0.1:8080"), name("OTHER", "127.0.0.1:8080"));
    }

    #[test]
    fn each_of_many_is_found_by_its_name_and_nobody_by_another() {
        let sticky = sticky(None, 1000);
        for row in 0..1000 {
            let value = value(&sticky, row);
            assert_eq!(value.len(), DIGITS);
            assert_eq!(sticky.row(value.as_bytes()), Some(row));
            for wrong in [&value[1..], &format!("{value}0"), &value.replace(|it: char| it.is_ascii_digit(), "x")] {
                assert_eq!(sticky.row(wrong.as_bytes()), None, "{wrong}");
            }
        }
        for wrong in [
            "",
            "0000000000000000",
            "+000000000000001",
            "ABCDEF0123456789",
            "127.0.0.1:8080..",
            "\u{e9}0000000000000\u{e9}",
        ] {
            assert_eq!(sticky.row(wrong.as_bytes()), None, "{wrong}");
        }
    }

    #[test]
    fn a_client_is_told_what_it_does_not_know_or_must_hear_again() {
        let session = sticky(None, 2);
        assert!(
            session.tell(1, None).is_some() && session.tell(1, Some(0)).is_some() && session.tell(1, Some(1)).is_none()
        );
        let timed = sticky(Some(60), 2);
        assert_eq!(timed.tell(1, Some(1)).and_then(|told| told.seconds), Some(60));
    }
}
