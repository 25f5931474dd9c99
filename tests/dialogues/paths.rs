//! Sockets in the file system instead of ports: what is the same, what has no address, and what a reset comes to.

use super::play::Play;
use evenkeel::config::network::Network;
use evenkeel::config::{Mode, ProxyVersion};

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn at_paths(backends: usize) -> Play {
    Play::new().backends(backends).at_paths()
}

#[test]
fn requests_and_answers_pass_and_connections_are_kept() {
    at_paths(1).run(|s| {
        let client = s.client();
        let mut first = None;
        for _ in 0..3 {
            client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
            let backend = s.backend_hears_request("POST / HTTP/1.1");
            backend.hears("hello");
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
            assert!(*first.get_or_insert(backend) == backend, "a pooled connection");
        }
        client.is_kept_alive();
        s.backends_were_called(1);
    });
}

/// Larger than the buffers of both sockets, and read late.
#[test]
fn long_bodies_pass_whole() {
    let body: Vec<u8> = (0..2_000_000u32).map(|number| (number / 3) as u8).collect();
    at_paths(1).uncut().limits(|limits| limits.bulk = 4096).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        client.stops_listening();
        backend.says([format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(), &body].concat());
        s.blink();
        client.listens_again();
        client.hears_message("HTTP/1.1 200 OK", &body);
        client.is_kept_alive();
    });
}

#[test]
fn who_has_no_address_is_unknown_and_what_has_no_host_is_localhost() {
    at_paths(1).run(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.0\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.head().has(&["Host: localhost", "X-Forwarded-For: unknown"]);
        backend.says(OK);
        client.hears_head("HTTP/1.1 200 OK").has(&["Connection: close"]);
        client.hears("ok");
        client.hears_end();
    });
}

#[test]
fn whoever_comes_through_a_path_may_be_trusted() {
    let trusting = |who: &str| {
        let network = Network::parse(who).unwrap();
        at_paths(1).listener(move |listener| listener.preface.trusted = vec![network])
    };
    for (trusted, told) in [("unix:", "192.0.2.1, unknown"), ("0.0.0.0/0", "unknown"), ("::/0", "unknown")] {
        trusting(trusted).run(|s| {
            let client = s.client();
            client.says("GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 192.0.2.1\r\n\r\n");
            let backend = s.backend_hears_request("GET / HTTP/1.1");
            backend.head().has(&[&format!("X-Forwarded-For: {told}")]);
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        });
    }
}

#[test]
fn a_proxy_behind_a_path_says_whose_connection_it_is_and_backends_are_told() {
    let play = at_paths(1).pool(|pool| pool.proxy_protocol = Some(ProxyVersion::V1)).listener(|listener| {
        (listener.mode, listener.preface.proxy_protocol) = (Mode::Tcp, true);
        listener.preface.trusted = vec![Network::parse("unix:").unwrap()];
    });
    play.run(|s| {
        let client = s.client();
        client.says("PROXY TCP4 192.0.2.7 192.0.2.8 4000 443\r\nhello");
        let backend = s.backend_hears("PROXY TCP4 192.0.2.7 192.0.2.8 4000 443\r\n");
        backend.hears("hello");
        backend.says("you");
        client.hears("you");
    });
}

#[test]
fn backends_are_told_that_nobody_knows_whose_connection_it_is() {
    at_paths(1).pool(|pool| pool.proxy_protocol = Some(ProxyVersion::V1)).listener(|l| l.mode = Mode::Tcp).run(|s| {
        let client = s.client();
        client.says("hello");
        let backend = s.backend_hears("PROXY UNKNOWN\r\n");
        backend.hears("hello");
    });
}

#[test]
fn a_path_that_nobody_listens_at_is_passed_over() {
    at_paths(2).run(|s| {
        s.backend_refuses(0);
        for _ in 0..2 {
            let client = s.client();
            client.says(GET);
            let backend = s.backend_hears_request("GET / HTTP/1.1");
            assert_eq!(backend.backend(), 1);
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        }
    });
    at_paths(1).run(|s| {
        s.backend_refuses(0);
        let client = s.client();
        client.says(GET);
        client.is_answered_with(503);
        client.is_kept_alive();
    });
}

/// There is no reset to say it with, but the framing does.
#[test]
fn a_response_that_is_cut_has_no_clean_looking_end() {
    at_paths(1).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        client.hears_head("HTTP/1.1 200 OK");
        client.hears_chunks("hello");
        backend.closes();
        client.hears_reset_or_close();
        assert!(client.heard().is_empty());
        assert_eq!(s.counted("truncated"), 1);
    });
}

#[test]
fn half_a_tunnel_goes_on_when_the_other_half_has_ended() {
    at_paths(1).listener(|listener| listener.mode = Mode::Tcp).run(|s| {
        let client = s.client();
        client.says("all of it");
        client.ends();
        let backend = s.backend_hears("all of it");
        backend.hears_end();
        backend.says("thanks");
        client.hears("thanks");
        backend.ends();
        client.hears_end();
        s.every_session_ends();
    });
}
