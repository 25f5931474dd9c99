//! Errors of our own: no body to HEAD, nothing about who we are, readable to the end, counted by reason.

use super::play::{Play, play};

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_failure_is_told_without_a_body_to_head() {
    play(|s| {
        let client = s.client();
        client.says("HEAD / HTTP/1.1\r\nHost: h\r\n\r\n");
        s.backend_hears_request("HEAD / HTTP/1.1").says("garbage\r\n");
        client.hears_own_head(502);
        client.is_kept_alive();
        client.says(GET);
        s.backend_hears_request("GET / HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_refusal_is_told_without_a_body_to_head() {
    play(|s| {
        let client = s.client();
        client.says("HEAD / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n");
        client.hears_own_head(400).has(&["Connection: close"]);
        client.hears_end();
        s.no_backend_hears_anything();
    });
}

#[test]
fn a_refusal_of_a_body_is_told_without_a_body_to_head() {
    play(|s| {
        let client = s.client();
        client.says("HEAD / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
        let backend = s.backend_hears_request("HEAD / HTTP/1.1");
        client.says("zz\r\n");
        client.hears_own_head(400).has(&["Connection: close"]);
        client.hears_end();
        backend.hears_reset();
    });
}

#[test]
fn a_refusal_can_be_read_by_a_client_that_goes_on_talking() {
    Play::new().uncut().run(|s| {
        let client = s.client();
        client.says(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +200000\r\n\r\n{}", "x".repeat(50_000)));
        client.says("x".repeat(50_000));
        client.is_refused_with(400);
        client.says("x".repeat(50_000));
        client.ends();
        s.every_session_ends();
        assert_eq!(s.counted("length"), 1);
    });
}

#[test]
fn a_failure_keeps_the_client() {
    play(|s| {
        let client = s.client();
        client.says(format!("{GET}{GET}"));
        s.backend_hears_request("GET / HTTP/1.1").says("garbage\r\n");
        client.is_answered_with(502).lacks(&["Connection"]);
        s.backend_hears_request("GET / HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn a_failure_in_the_middle_of_a_body_ends_the_client() {
    play(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\nfirst");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears("first");
        backend.says("garbage\r\n");
        client.is_answered_with(502).has(&["Connection: close"]);
        client.says(GET);
        client.hears_end();
        s.backends_were_called(1);
    });
}

#[test]
fn no_backend_left_is_503() {
    play(|s| {
        s.backend_refuses(0);
        let client = s.client();
        client.says(GET);
        client.is_answered_with(503).has(&["Retry-After: 1"]);
        client.is_kept_alive();
        assert_eq!(s.counted("no_backend"), 1);
    });
}

#[test]
fn a_response_of_our_own_keeps_the_order_of_pipelined_ones() {
    play(|s| {
        let client = s.client();
        client.says(format!("{GET}GET /bad HTTP/1.1\r\n\r\n{GET}"));
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        client.hears_nothing_more();
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_refused_with(400);
        backend.hears_nothing_more();
        s.backends_were_called(1);
    });
}
