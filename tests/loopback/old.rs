//! HTTP/1.0 clients: older than chunks, than keep-alive and than `Host`.

use crate::support::*;

#[test]
fn without_keep_alive_the_connection_ends_after_the_answer() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    let answer = client.raw("GET", "GET /old HTTP/1.0\r\nHost: test\r\n\r\n");
    assert_eq!((answer.text().as_str(), answer.head.lists("Connection", "keep-alive")), ("one", false));
    client.expect_end();
    let request = backend.last();
    assert_eq!((request.target.as_str(), request.head.get("Host")), ("/old", Some("test")));
}

#[test]
fn without_host_the_backends_address_takes_its_place() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    assert_eq!(balancer.client().raw("GET", "GET / HTTP/1.0\r\n\r\n").text(), "one");
    assert_eq!(backend.last().head.get("Host"), Some(backend.address.to_string().as_str()));
}

#[test]
fn with_keep_alive_the_connection_stays() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    for _ in 0..3 {
        let answer = client.raw("GET", "GET / HTTP/1.0\r\nHost: test\r\nConnection: Keep-Alive\r\n\r\n");
        assert_eq!((answer.text().as_str(), answer.head.lists("Connection", "keep-alive")), ("one", true));
    }
    assert_eq!(backend.accepted(), 1);
}

#[test]
fn a_chunked_answer_is_unwrapped_for_it() {
    let backend = Backend::http("chunks", |exchange| {
        exchange.wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        exchange.wire.send(wire::chunked(&Pattern::bytes(5, 100_000), 999, "Sum: 1\r\n"))?;
        Ok(Then::Keep)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    for keep in ["", "Connection: keep-alive\r\n"] {
        let mut client = balancer.client();
        let answer = client.raw("GET", format!("GET / HTTP/1.0\r\nHost: test\r\n{keep}\r\n"));
        assert_eq!(answer.framing, Framing::UntilClose);
        assert!(answer.body == Pattern::bytes(5, 100_000));
    }
}

#[test]
fn it_is_sent_no_interim_answer() {
    let backend = Backend::http("hints", |exchange| {
        exchange.wire.send("HTTP/1.1 103 Early Hints\r\n\r\n")?;
        exchange.name_it()
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let answer = balancer.client().raw("GET", "GET / HTTP/1.0\r\nHost: test\r\n\r\n");
    assert_eq!((answer.text().as_str(), answer.interim.len()), ("hints", 0));
}

#[test]
fn a_body_by_length_passes() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let answer = balancer.client().raw("POST", "POST / HTTP/1.0\r\nContent-Length: 4\r\n\r\nbody");
    assert_eq!(answer.text(), "one");
    assert_eq!(backend.last().body, b"body");
}
