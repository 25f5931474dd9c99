//! Exchanges that end in the middle: what becomes of the other side. More of them: `loopback/pieces.rs`.

use super::house::wait_for_a_stall;
use crate::support::*;
use socket2::SockRef;
use std::io::{ErrorKind, Write};
use std::time::Duration;

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

/// Asks without reading until nothing moves any more: a whole small response lies in the balancer's hands, undelivered.
fn stuff(balancer: &Balancer) -> Client {
    let client = balancer.client();
    let mut stream = client.stream();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let many = "GET / HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1000);
    while stream.write(many.as_bytes()).is_ok() {}
    wait_for_a_stall(balancer, "bytes_down");
    client
}

#[test]
fn a_client_that_leaves_a_complete_response_behind_costs_no_upstream_connection() {
    let backend = Backend::http("one", |exchange| exchange.answer("200 OK", "", &[b'x'; 8000]));
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    for _ in 0..3 {
        let client = stuff(&balancer);
        SockRef::from(client.stream()).set_linger(Some(Duration::ZERO)).unwrap(); // closing becomes a RST
        drop(client);
        until("the client's end", || balancer.state()["open_connections"] == 0);
        assert_eq!(balancer.client().get("/").body.len(), 8000);
    }
    assert_eq!(backend.accepted(), 1);
}

/// Says all of it before it listens, as many clients do.
fn deaf(balancer: &Balancer, head: &str, body: usize) -> u16 {
    let mut client = balancer.client();
    client.send(head).unwrap();
    client.send(vec![b'x'; body]).unwrap();
    client.response("POST").unwrap().status
}

#[test]
fn a_client_that_listens_only_after_a_large_body_hears_why_it_was_refused() {
    const BODY: usize = 12 * 1024 * 1024;
    let backend = Backend::http("early", |exchange| {
        exchange.answer("413 Content Too Large", "Connection: close\r\n", b"too much")?;
        Ok(Then::Close)
    });
    let balancer = Balancer::with_file(&[&backend], "http", "");
    let length = format!("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {BODY}\r\n");
    assert_eq!(deaf(&balancer, &format!("{length}Bad Name: x\r\n\r\n"), BODY), 400);
    assert_eq!(deaf(&balancer, &format!("{length}Expect: more\r\n\r\n"), BODY), 417);
    assert_eq!(deaf(&balancer, &format!("{length}\r\n"), BODY), 413);
}
