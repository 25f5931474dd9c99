//! Garbage at the door, and nobody to talk to.

use crate::support::*;

#[test]
fn garbage_is_answered_or_closed_and_the_process_serves_on() {
    let backend = Backend::named("one");
    let mut balancer = Balancer::before(&[&backend], &["--health", "off"]);
    for seed in 0..100 {
        let mut client = balancer.client();
        let garbage = Pattern::bytes(seed, 1 + (seed as usize * 37) % 3000);
        let _ = client.send(&garbage); // may be refused before its last byte
        let _ = client.finish();
        let _ = client.remainder(); // an answer, an end or a reset
    }
    assert_eq!(balancer.client().get("/").text(), "one");
    assert!(balancer.runs());
    assert!(backend.targets().iter().all(|target| target == "/"), "garbage was forwarded");
}

#[test]
fn a_request_that_is_none_is_a_400_and_the_connection_ends() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    for bad in [
        "NONSENSE\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a\r\n\r\n",
    ] {
        let mut client = balancer.client();
        let answer = client.raw("GET", bad);
        assert_eq!((answer.status, answer.closes()), (400, true), "{bad:?}");
        client.expect_end();
    }
    assert!(backend.targets().is_empty());
}

#[test]
fn a_head_that_is_refused_is_answered_without_a_body() {
    let backend = Backend::named("one");
    let balancer = Balancer::with_file(&[&backend], "http", "[timeouts]\nheader = \"200ms\"\n");
    for bad in [
        "HEAD / HTTP/1.1\r\n\r\n",
        "\r\nHEAD / HTTP/1.1\r\nHost: a b\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\nX: y\n",
        "HEAD / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nnonsense",
        "HEAD / HTTP/1.1\r\nHos",
    ] {
        let mut client = balancer.client();
        let answer = client.raw("HEAD", bad);
        assert!([400, 408].contains(&answer.status) && answer.closes(), "{bad:?}");
        client.expect_end();
    }
}

/// A read ends before urgent data, whatever lies behind: so few bytes are no proof that there are no more.
#[test]
#[cfg(any(target_os = "linux", target_os = "android"))]
fn urgent_data_between_the_lines_does_not_hide_the_rest() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    for round in 0..100 {
        let mut client = balancer.client();
        client.send("GET / HTTP/1.1\r\n").unwrap();
        socket2::SockRef::from(client.stream()).send_out_of_band(b"!").unwrap();
        let answer = client.raw("GET", "Host: test\r\n\r\n");
        assert_eq!(answer.status, 200, "round {round}");
    }
}

#[test]
fn a_closed_stderr_does_not_end_the_process() {
    let backend = Backend::named("one");
    let args = ["--health", "off", "-vv"];
    let mut balancer = Balancer::before(&[&backend], &args);
    balancer.close_stderr();
    let mut client = balancer.client();
    assert!((0..500).all(|_| client.get("/").text() == "one"));
    for _ in 0..100 {
        assert_eq!(balancer.client().get("/").text(), "one");
    }
    assert!(balancer.runs());
    drop(client);
    balancer.terminate();
    assert_eq!(balancer.wait().code(), Some(0));
}

#[test]
fn a_stderr_that_nobody_reads_does_not_stop_the_process() {
    let backend = Backend::named("one");
    let args = ["--health", "off", "-vv"];
    let mut balancer = Balancer::before(&[&backend], &args);
    balancer.stop_reading_stderr();
    let mut client = balancer.client();
    assert!((0..4000).all(|_| client.get("/").text() == "one"), "a pipe holds 64 KiB");
    for _ in 0..200 {
        assert_eq!(balancer.client().get("/").text(), "one");
    }
    drop(client);
    balancer.terminate();
    assert_eq!(balancer.wait().code(), Some(0));
}
