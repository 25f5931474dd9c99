//! Issue by issue, statement by statement: what is refused, what is mended, what passes.
//!
//! Here are the verbs; the tables stand in the files, one per subject.

#[path = "language/answers.rs"]
mod answers;
#[path = "language/chunks.rs"]
mod chunks;
#[path = "language/requests.rs"]
mod requests;
#[path = "language/responses.rs"]
mod responses;
#[path = "language/rewriting.rs"]
mod rewriting;
#[path = "language/splits.rs"]
mod splits;

use evenkeel::base::Peer;
use evenkeel::http::*;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// As if all bytes had come at once. None: more is needed. Whoever looks for the head's end first sees the same.
fn judge<T>(bytes: &[u8], limits: &Limits, look: impl FnOnce(&Request) -> T) -> Result<Option<T>, Malformed> {
    let (mut room, mut other) = (table(), table());
    let found = head::next_request(&mut Scan::default(), bytes, limits, &mut room);
    let apart = match Scan::default().request(bytes, limits) {
        Ok(Some(size)) => head::request(&bytes[..size], limits, &mut other).map(|head| Some((head, size))),
        other => other.map(|_| None),
    };
    assert_eq!(format!("{found:?}"), format!("{apart:?}"));
    found.map(|found| found.map(|(head, _)| look(&head)))
}

/// As [`judge`] with the default limits, of a head that is whole and right.
fn look<T>(bytes: impl AsRef<[u8]>, look: impl FnOnce(&Request) -> T) -> T {
    judge(bytes.as_ref(), &Limits::default(), look).expect("refused").expect("not whole")
}

/// Why the request is refused.
fn refusal(bytes: impl AsRef<[u8]>) -> Option<Malformed> {
    judge(bytes.as_ref(), &Limits::default(), |_| ()).err()
}

const ONWARD: Onward = Onward {
    client: Peer::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::new(10, 0, 0, 9)), 4000)),
    backend: "backend:8080",
    id: 0xabc,
    trusted: false,
    proto: "http",
    cookie: None,
};

/// What a backend would be sent, without the lines that we add.
fn sent(bytes: impl AsRef<[u8]>) -> String {
    let all = sent_whole(bytes, &ONWARD);
    let added =
        |line: &&str| !line.starts_with("X-Forwarded-") && *line != "X-Request-Id: 00000000000000000000000000000abc";
    all.split("\r\n").filter(added).collect::<Vec<_>>().join("\r\n")
}

fn sent_whole(bytes: impl AsRef<[u8]>, onward: &Onward) -> String {
    let mut out = Vec::new();
    look(bytes, |head| rewrite::request(head, onward, &mut out));
    String::from_utf8_lossy(&out).into_owned()
}

/// `GET / HTTP/1.1`, Host, and these lines.
fn with(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: h\r\n{lines}\r\n\r\n")
}

/// This request line, and Host.
fn line(line: &str) -> String {
    format!("{line}\r\nHost: h\r\n\r\n")
}

fn judge_response<T>(
    bytes: &[u8],
    asked: Verb,
    limits: &Limits,
    look: impl FnOnce(&Response) -> T,
) -> Result<Option<T>, Malformed> {
    let (mut room, mut other) = (table(), table());
    let found = head::next_response(&mut Scan::default(), bytes, asked, limits, &mut room);
    let apart = match Scan::default().response(bytes, limits) {
        Ok(Some(size)) => head::response(&bytes[..size], asked, limits, &mut other).map(|head| Some((head, size))),
        other => other.map(|_| None),
    };
    assert_eq!(format!("{found:?}"), format!("{apart:?}"));
    found.map(|found| found.map(|(head, _)| look(&head)))
}
