//! Too much of everything: fields, heads, targets, chunk sizes, extensions, trailers. Each is refused by name before it
//! costs anything, and the client can read why.

use super::house::{FEW, House};
use crate::support::*;

const QUICK: &str = "[timeouts]\nupstream_idle = \"100ms\"";

/// Sends it from a thread, for the answer comes before all of it is taken; the status of the answer.
fn status_of(house: &House, bytes: &[u8]) -> u16 {
    let mut client = house.balancer.client();
    let mut writer = client.stream().try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || std::io::Write::write_all(&mut writer, bytes)); // it may be let go in the middle
        let answer = client.response("POST").unwrap();
        assert!(answer.closes());
        answer.status
    })
}

fn head(more: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: test\r\n{more}\r\n").into_bytes()
}

fn chunks(more: &str) -> Vec<u8> {
    format!("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n{more}").into_bytes()
}

/// What is too large, the status it gets, and the reason it is counted under.
fn table() -> Vec<(Vec<u8>, u16, &'static str)> {
    let long = "a".repeat(500_000);
    vec![
        (head(&"X: y\r\n".repeat(101)), 431, "too_many_fields"),
        (head(&"X: y\r\n".repeat(50_000)), 431, "head_too_large"),
        (head(&format!("X: {long}\r\n")), 431, "head_too_large"),
        (head(&format!("{long}: y\r\n")), 431, "head_too_large"),
        (format!("GET /{long} HTTP/1.1\r\nHost: test\r\n\r\n").into_bytes(), 414, "target_too_long"),
        (format!("{long} / HTTP/1.1\r\nHost: test\r\n\r\n").into_bytes(), 501, "method_too_long"),
        ("\r\n".repeat(100_000).into_bytes(), 400, "empty_lines"),
        (chunks(&format!("5;{long}\r\nhello\r\n0\r\n\r\n")), 400, "chunk_extension"),
        (chunks(&format!("5;a=\"{long}\"\r\nhello\r\n0\r\n\r\n")), 400, "chunk_extension"),
        (chunks(&format!("{}5\r\nhello\r\n0\r\n\r\n", "0".repeat(500_000))), 400, "chunk_size"),
        (chunks("ffffffffffffffff\r\nhello"), 400, "chunk_size"),
        (chunks(&format!("0\r\nX: {long}\r\n\r\n")), 431, "head_too_large"),
        (chunks(&format!("0\r\n{}\r\n", "X: y\r\n".repeat(50_000))), 431, "head_too_large"),
    ]
}

#[test]
fn too_much_is_refused_by_name() {
    let house = House::new(QUICK);
    let mut odd = Vec::new();
    for (bytes, status, reason) in table() {
        let before = house.ended_by(reason);
        let refused = house.balancer.lines(&["request refused:"]).len();
        let heard = status_of(&house, &bytes);
        if (heard, house.ended_by(reason)) != (status, before + 1) {
            odd.push(format!("{:?}: {heard}, not {status} {reason}", String::from_utf8_lossy(&bytes[..90])));
        }
        until("its line in the log", || house.balancer.lines(&["request refused:"]).len() == refused + 1);
    }
    assert!(odd.is_empty(), "{odd:#?}\n{}", house.counters());
    house.is_sound();
    assert_eq!(house.refusals(), table().len() as u64);
}

#[test]
fn too_much_from_many_leaves_nothing_behind() {
    let house = House::new(QUICK);
    let table = table();
    house.stays_flat(FEW, |house| {
        for (bytes, status, _) in table.iter().cycle().take(100) {
            assert_eq!(status_of(house, bytes), *status);
        }
    });
}

/// A body of many small chunks costs no more than its bytes.
#[test]
fn a_body_in_crumbs_passes() {
    let house = House::new(QUICK);
    let body = "1;x=\"y\"\r\na\r\n".repeat(100_000) + "0\r\n\r\n";
    let head = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = house.balancer.client().raw("POST", [head, &body].concat());
    assert_eq!(answer.text(), "fine");
    house.is_sound();
}
