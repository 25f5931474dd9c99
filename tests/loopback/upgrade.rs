//! From HTTP into a raw tunnel, as WebSocket does.

use crate::support::*;
use std::io;

const ASK: &str = "GET /chat HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
const AGREE: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                     Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

/// Agrees and sends everything back, `first` before anything.
fn tunnel(first: &'static str) -> Backend {
    Backend::http("tunnel", move |exchange| {
        exchange.wire.send(format!("{AGREE}{first}"))?;
        let (wire, mut back) = (&mut *exchange.wire, Vec::new());
        let other = wire.stream().try_clone()?;
        wire.body_into(Framing::UntilClose, &mut |bytes| {
            back.extend_from_slice(bytes);
            let _ = io::Write::write_all(&mut &other, bytes);
        })?;
        Ok(Then::Close)
    })
}

#[test]
fn an_accepted_upgrade_becomes_a_tunnel() {
    let backend = tunnel("");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    client.send(ASK).unwrap();
    let (_, head) = client.final_head().unwrap();
    assert_eq!(head.line, "HTTP/1.1 101 Switching Protocols");
    assert!(head.lists("Connection", "upgrade"));
    assert_eq!(head.get("Upgrade"), Some("websocket"));
    assert_eq!(head.get("Sec-WebSocket-Accept"), Some("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
    for size in [1, 10, 1000, 100_000] {
        let bytes = Pattern::bytes(size as u64, size);
        client.send(&bytes).unwrap();
        assert!(client.take(size).unwrap() == bytes, "{size} bytes there and back");
    }
    client.finish().unwrap();
    client.expect_end();
    let request = backend.last();
    assert!(request.head.lists("Connection", "upgrade"));
    assert_eq!(request.head.get("Upgrade"), Some("websocket"));
}

#[test]
fn bytes_right_behind_the_101_are_the_tunnels() {
    let backend = tunnel("welcome");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    client.send(ASK).unwrap();
    client.final_head().unwrap();
    assert_eq!(client.take(7).unwrap(), b"welcome");
    client.send("thanks").unwrap();
    assert_eq!(client.take(6).unwrap(), b"thanks");
}

#[test]
fn bytes_right_behind_the_request_wait_for_the_101() {
    let backend = tunnel("");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    client.send(format!("{ASK}eager")).unwrap();
    client.final_head().unwrap();
    assert_eq!(client.take(5).unwrap(), b"eager");
}

#[test]
fn a_refused_upgrade_is_a_normal_answer() {
    let backend = Backend::named("plain");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    let answer = client.raw("GET", ASK);
    assert_eq!((answer.status, answer.text().as_str(), answer.closes()), (200, "plain", false));
    assert_eq!(client.get("/next").text(), "plain");
    assert_eq!(backend.accepted(), 1);
}

#[test]
fn a_101_that_nobody_asked_for_is_a_bad_gateway() {
    let backend = tunnel("surprise");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let answer = balancer.client().get("/");
    assert_eq!(answer.status, 502);
    assert!(!answer.text().contains("surprise"));
}
