//! Kept-alive connections on both sides, and the pool between.

use crate::support::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn one_upstream_connection_serves_many_requests_and_many_clients() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    for _ in 0..5 {
        let mut client = balancer.client();
        for _ in 0..20 {
            assert_eq!(client.get("/").text(), "one");
        }
    }
    assert_eq!((backend.accepted(), backend.targets().len()), (1, 100));
}

#[test]
fn the_connection_pooled_last_is_used_first() {
    let gates = [Gate::default(), Gate::default()];
    let held = gates.clone();
    let backend = Backend::http("one", move |exchange| {
        match exchange.request.target.as_str() {
            "/0" => held[0].pass(),
            "/1" => held[1].pass(),
            _ => {}
        }
        exchange.name_it()
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut clients = [balancer.client(), balancer.client()];
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(client::get(&format!("/{number}"))).unwrap();
        gates[number].wait_for(1);
    }
    for (gate, client) in gates.iter().zip(&mut clients) {
        gate.open();
        client.response("GET").unwrap(); // pooled in this order
    }
    for _ in 0..10 {
        clients[0].get("/later");
    }
    let requests = backend.requests();
    assert_eq!(backend.accepted(), 2);
    assert!(requests[2..].iter().all(|r| r.connection == 1), "the older connection was used");
}

#[test]
fn a_pooled_connection_is_closed_after_its_idle_limit() {
    let backend = Backend::named("one");
    let balancer = Balancer::with_file(&[&backend], "http", "[timeouts]\nupstream_idle = \"200ms\"");
    let mut client = balancer.client();
    client.get("/");
    until("the pooled connection's end", || backend.open() == 0);
    assert_eq!(client.get("/").text(), "one");
    assert_eq!(backend.accepted(), 2);
}

/// Readiness comes through poll(2).
const POLLS: bool = cfg!(mio_unsupported_force_poll_poll);

#[test]
fn a_pooled_connection_that_says_something_is_never_handed_out() {
    let told = Arc::new(AtomicUsize::new(0));
    let same = Arc::clone(&told);
    let backend = Backend::http("chatty", move |exchange| {
        exchange.name_it()?;
        if exchange.request.target == "/surplus" {
            exchange.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison")?;
            same.fetch_add(1, Ordering::SeqCst);
        }
        Ok(Then::Keep)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let counted = || balancer.state()["counters"]["surplus"].as_u64();
    let mut client = balancer.client();
    for round in 1..=100 {
        assert_eq!(client.get("/surplus").text(), "chatty", "round {round}");
        // Sent over loopback is arrived: from here on the balancer's kernel has it.
        until("the surplus", || told.load(Ordering::SeqCst) == round);
        // But poll(2) looks at one socket after the other: it may have passed this one just before, and tell of the next
        // request alone. There nobody can know more than what it was told.
        until("it to be noticed", || !POLLS || counted() == Some(round as u64));
        assert_eq!(client.get("/next").text(), "chatty", "round {round}");
    }
    until("every surplus to be counted, behind a response or on an idle connection", || counted() == Some(100));
}

#[test]
fn a_backend_that_closes_after_each_answer_costs_nobody_anything() {
    let backend = Backend::http("closing", |exchange| {
        exchange.body()?;
        exchange.answer("200 OK", "Connection: close\r\n", b"bye")?;
        Ok(Then::Close)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    for _ in 0..50 {
        let answer = client.get("/");
        assert_eq!((answer.text().as_str(), answer.closes()), ("bye", false));
    }
    assert_eq!(backend.accepted(), 50);
}

#[test]
fn a_client_that_asks_to_close_is_closed() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    let answer = client.raw("GET", "GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
    assert_eq!((answer.text().as_str(), answer.closes()), ("one", true));
    client.expect_end();
    balancer.client().get("/");
    assert_eq!(backend.accepted(), 1, "the client's wish is not the upstream's");
}
