//! Every waiting has an end, and every end a name. The limits are short here and nothing is measured: the test waits
//! until the end has come, and asks what it was called.

use crate::support::*;

/// Waits until an ending of this name was counted.
#[track_caller]
fn ended_by(balancer: &Balancer, name: &str) {
    until(&format!("an ending named {name}"), || balancer.state()["counters"]["reasons"][name].as_u64() > Some(0));
}

fn limited(backends: &[&Backend], mode: &str, limit: &str) -> Balancer {
    Balancer::with_file(backends, mode, &format!("[timeouts]\n{limit} = \"300ms\""))
}

#[test]
fn a_head_that_does_not_end_is_a_408() {
    let backend = Backend::named("one");
    let balancer = limited(&[&backend], "http", "header");
    let mut client = balancer.client();
    client.send("GET / HTTP/1.1\r\nHost: te").unwrap();
    let answer = client.response("GET").unwrap();
    assert_eq!((answer.status, answer.closes()), (408, true));
    client.expect_end();
    ended_by(&balancer, "header_timeout");
    assert!(backend.targets().is_empty());
}

#[test]
fn a_client_that_never_says_anything_is_let_go() {
    let backend = Backend::named("one");
    let balancer = limited(&[&backend], "http", "header");
    let mut client = balancer.client();
    let _ = client.remainder(); // with a 408 or without
}

#[test]
fn a_backend_that_does_not_answer_is_a_504() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::http("silent", move |exchange| {
        held.pass();
        exchange.name_it()
    });
    let balancer = limited(&[&backend], "http", "response");
    let answer = balancer.client().get("/");
    assert_eq!(answer.status, 504);
    ended_by(&balancer, "response_timeout");
    gate.open();
}

#[test]
fn a_backend_that_stops_in_the_middle_truncates() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::http("stuck", move |exchange| {
        exchange.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this")?;
        held.pass();
        Ok(Then::Close)
    });
    let balancer = limited(&[&backend], "http", "response");
    balancer.client().try_get("/").expect_err("a body cut short");
    ended_by(&balancer, "response_timeout");
    gate.open();
}

#[test]
fn an_idle_kept_alive_client_is_closed_in_silence() {
    let backend = Backend::named("one");
    let balancer = limited(&[&backend], "http", "client_idle");
    let mut client = balancer.client();
    assert_eq!(client.get("/").status, 200);
    client.expect_end();
    ended_by(&balancer, "idle_timeout");
}

#[test]
fn a_body_that_stops_coming_is_a_408() {
    let backend = Backend::http("one", |exchange| exchange.name_it());
    let balancer = limited(&[&backend], "http", "body");
    let mut client = balancer.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\nonly this").unwrap();
    let answer = client.response("POST").unwrap();
    assert_eq!((answer.status, answer.closes()), (408, true));
    ended_by(&balancer, "body_timeout");
    until("the upstream connection's end", || backend.open() == 0);
    assert!(backend.requests().iter().all(|r| r.body.is_empty()), "the backend saw no complete request");
}

#[test]
fn a_connection_that_does_not_come_about_moves_on() {
    let one = Backend::named("one");
    let full = full();
    let full_address = full.1.to_string();
    let text = format!(
        "admin = \"127.0.0.1:0\"\n[listener.main]\nbind = \"127.0.0.1:0\"\npool = \"main\"\n[pool.main]\n\
         backends = [\"{}\", \"{}\"]\nhealth = {{ kind = \"off\" }}\n[timeouts]\nconnect = \"300ms\"\n",
        full_address, one.address
    );
    let file = balancer::scratch(&text);
    let balancer = Balancer::start(&["-c", file.path(), "-v"]);
    let mut client = balancer.client();
    for _ in 0..4 {
        assert_eq!(client.get("/").text(), "one");
    }
}

#[test]
fn a_silent_tunnel_ends() {
    let backend = Backend::tcp("echo", backend::echo);
    let balancer = limited(&[&backend], "tcp", "tunnel");
    let mut client = balancer.client();
    client.send("hello").unwrap();
    assert_eq!(client.take(5).unwrap(), b"hello");
    let _ = client.remainder(); // an end or a reset, either tells
    ended_by(&balancer, "tunnel_timeout");
    until("the upstream connection's end", || backend.open() == 0);
}
