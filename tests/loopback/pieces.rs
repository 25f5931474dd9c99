//! Bytes as they really arrive: one at a time, ten requests at once, the end in the same segment as the request.

use crate::support::wire::chunked;
use crate::support::*;

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (slow, fast) = (Gate::default(), Gate::default());
    let held = slow.clone();
    let one = Backend::http("one", move |exchange| {
        held.pass();
        exchange.body()?;
        let target = exchange.request.target.clone();
        exchange.answer("200 OK", "", target.as_bytes())
    });
    let two = Backend::http("two", move |exchange| {
        fast.open();
        exchange.body()?;
        let target = exchange.request.target.clone();
        exchange.answer("200 OK", "", target.as_bytes())
    });
    let balancer = Balancer::before(&[&one, &two], &["--health", "off"]);
    let mut client = balancer.client();
    let all: String = (0..10).map(|n| client::get(&format!("/{n}"))).collect();
    client.send(all).unwrap();
    slow.wait_for(1);
    slow.open();
    for n in 0..10 {
        assert_eq!(client.response("GET").unwrap().text(), format!("/{n}"));
    }
}

#[test]
fn ten_requests_with_bodies_in_one_segment_are_ten_requests() {
    let backend = Backend::http("mirror", |exchange| {
        let body = exchange.body()?;
        exchange.answer("200 OK", "", &body)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    let mut all = Vec::new();
    for n in 0..10u8 {
        let body = vec![b'a' + n; usize::from(n)];
        if n % 2 == 0 {
            let head = format!("POST /{n} HTTP/1.1\r\nHost: test\r\nContent-Length: {n}\r\n\r\n");
            all.extend([head.as_bytes(), &body].concat());
        } else {
            let head = format!("POST /{n} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
            all.extend([head.as_bytes(), &chunked(&body, 2, "")].concat());
        }
    }
    client.send(all).unwrap();
    for n in 0..10u8 {
        assert_eq!(client.response("POST").unwrap().body, vec![b'a' + n; usize::from(n)]);
    }
    assert_eq!(backend.accepted(), 1);
}

#[test]
fn a_request_may_arrive_one_byte_at_a_time() {
    let backend = Backend::http("mirror", |exchange| {
        let body = exchange.body()?;
        exchange.answer("200 OK", "", &body)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    let plain = b"POST /a HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello".to_vec();
    let head = b"POST /b HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let pieces = [&head[..], &chunked(b"hello", 3, "A: b\r\n")].concat();
    for request in [plain, pieces] {
        for byte in &request {
            client.send([*byte]).unwrap();
        }
        assert_eq!(client.response("POST").unwrap().text(), "hello");
    }
    assert_eq!(backend.targets(), ["/a", "/b"]);
}

#[test]
fn an_answer_may_arrive_one_byte_at_a_time() {
    let backend = Backend::http("drop by drop", |exchange| {
        exchange.body()?;
        let answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nA: b\r\n\r\n";
        answer.iter().try_for_each(|byte| exchange.wire.send([*byte]))?;
        Ok(Then::Keep)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    for _ in 0..5 {
        let answer = client.get("/");
        assert_eq!((answer.text().as_str(), answer.trailers.len()), ("hello", 1));
    }
}

#[test]
fn a_request_and_its_end_in_one_segment_get_an_answer() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::before(&[&one, &two], &["--health", "off"]);
    for round in 0..200 {
        let mut client = balancer.client();
        client.send(client::get("/")).unwrap();
        client.finish().unwrap();
        let answer = client.response("GET").unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(answer.status, 200);
        client.expect_end();
    }
    assert_eq!((one.targets().len(), two.targets().len()), (100, 100));
}

#[test]
fn a_half_closed_client_gets_every_answer_it_asked_for() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::http("slow", move |exchange| {
        held.pass();
        exchange.answer("200 OK", "", &Pattern::bytes(4, 200_000))
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    client.send([client::get("/1"), client::get("/2"), client::get("/3")].concat()).unwrap();
    client.finish().unwrap();
    gate.wait_for(1);
    gate.open();
    for _ in 0..3 {
        assert!(client.response("GET").unwrap().body == Pattern::bytes(4, 200_000));
    }
    client.expect_end();
}

#[test]
fn a_client_that_leaves_releases_the_backend() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::http("slow", move |exchange| {
        held.pass();
        exchange.wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            exchange.wire.send("4\r\nmore\r\n")?; // until somebody stops it
        }
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    client.send(client::get("/")).unwrap();
    gate.wait_for(1);
    gate.open();
    client.take(100_000).unwrap();
    drop(client);
    until("the upstream connection's end", || backend.open() == 0);
}
