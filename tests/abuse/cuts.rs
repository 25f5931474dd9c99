//! Exchanges that end in the middle: what becomes of the other side. More of them: `loopback/pieces.rs`.

use crate::support::*;
use std::io::ErrorKind;

/// Answers before it has read anything, then reads.
fn eager() -> Backend {
    Backend::http("eager", |exchange| {
        exchange.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun")?;
        exchange.body()?;
        exchange.wire.send([b'x'; 95])?;
        Ok(Then::Keep)
    })
}

#[test]
fn a_flaw_in_a_body_whose_answer_has_begun_is_named_and_ends_both_sides() {
    let backend = eager();
    let balancer = Balancer::with_file(&[&backend], "http", "");
    let mut client = balancer.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n").unwrap();
    client.final_head().unwrap();
    assert_eq!(client.take(5).unwrap(), b"begun");
    client.send("-1\r\n").unwrap();
    assert_eq!(client.take(95).unwrap_err().kind(), ErrorKind::UnexpectedEof); // cut, and plainly so
    until("the upstream connection's end", || backend.open() == 0);
    assert!(backend.last().body.is_empty(), "the backend saw no complete request");
    balancer.wait_for_line("request refused: a chunk size is not a plain hexadecimal number");
    assert_eq!(balancer.state()["counters"]["reasons"]["chunk_size"], 1);
}
