//! Bytes of a backend that nobody asked for: they reach nobody, their connection is destroyed, and it is counted. And
//! answers that come before their request is over.

use super::play::{Play, play};
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const NEXT: &str = "GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const EVIL: &str = "HTTP/1.1 200 EVIL\r\nContent-Length: 4\r\n\r\nevil";

#[test]
fn bytes_behind_a_response_reach_nobody() {
    play(|s| {
        let (one, two) = (s.client(), s.client());
        one.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("{OK}{EVIL}"));
        one.hears_message("HTTP/1.1 200 OK", "ok");
        one.is_kept_alive();
        backend.hears_reset_or_close();
        two.says(NEXT);
        let other = s.backend_hears_request("GET /next HTTP/1.1");
        assert!(other != backend);
        two.hears_nothing_more();
        other.says(OK);
        two.hears_message("HTTP/1.1 200 OK", "ok");
        assert_eq!(s.stats().surplus, 1);
    });
}

#[test]
fn bytes_behind_a_last_chunk_reach_nobody() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n{EVIL}"));
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
        backend.hears_reset_or_close();
        assert_eq!(s.stats().surplus, 1);
    });
}

#[test]
fn bytes_on_an_idle_connection_reach_nobody() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        backend.hears_nothing_more();
        backend.says(EVIL);
        backend.hears_reset_or_close();
        client.says(NEXT);
        let other = s.backend_hears_request("GET /next HTTP/1.1");
        assert!(other != backend);
        other.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        assert_eq!(s.stats().surplus, 1);
    });
}

#[test]
fn a_408_on_an_idle_connection_is_nobodys_answer() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        backend.hears_nothing_more();
        backend.says("HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
        backend.ends();
        backend.hears_reset_or_close();
        client.is_kept_alive();
        client.says(NEXT);
        s.backend_hears_request("GET /next HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn the_end_of_an_idle_connection_is_no_surplus() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        backend.ends();
        backend.hears_end();
        client.is_kept_alive();
        client.says(NEXT);
        s.backend_hears_request("GET /next HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        assert_eq!((s.stats().surplus, s.stats().retries), (0, 0));
    });
}

#[test]
fn an_answer_before_the_body_is_over_is_delivered_at_once() {
    play(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nfirst");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears("first");
        backend.says("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno");
        client.hears_message("HTTP/1.1 413 Content Too Large", "no").has(&["Connection: close"]);
        client.says(NEXT); // the rest of the body, or so it should be
        client.hears_end();
        backend.hears_reset_or_close();
        assert!(backend.heard().is_empty());
        s.backends_were_called(1);
    });
}

#[test]
fn a_chunked_body_behind_an_early_answer_is_not_forwarded() {
    play(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears_chunks("first");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.says(format!("3\r\nend\r\n0\r\n\r\n{NEXT}"));
        client.hears_end();
        backend.hears_reset_or_close();
        s.no_backend_hears_a_last_chunk();
        s.backends_were_called(1);
    });
}

#[test]
fn the_rest_of_an_answered_request_is_not_waited_for_without_bound() {
    play(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nfirst");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.hears_end();
        s.every_session_ends(); // though the client says nothing and does not leave
    });
}

#[test]
fn an_early_answer_that_closes_says_so_and_reaches_a_client_that_goes_on_talking() {
    play(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 200000\r\n\r\nfirst");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears("first");
        backend.says("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
        backend.ends();
        client.says("x".repeat(100_000));
        client.hears_message("HTTP/1.1 403 Forbidden", "no");
        client.hears_end();
    });
}

#[test]
fn an_early_answer_is_found_behind_a_connection_that_takes_no_more() {
    Play::new().calm().run(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nfirst");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears("first");
        backend.stops_listening();
        client.says("more");
        s.blink();
        backend.says("HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 2\r\n\r\nno");
        backend.closes(); // a reset, since there is more to read
        client.says("and more");
        client.hears_message("HTTP/1.1 403 Forbidden", "no").has(&["Connection: close"]);
        client.hears_end();
    });
}

#[test]
fn a_client_that_talks_without_end_after_its_answer_is_cut() {
    let play = Play::new().uncut();
    play.simulated_only("it takes half a minute; the client that says nothing more shows it on both kernels").run(
        |s| {
            let client = s.client();
            client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\nfirst");
            let backend = s.backend_hears_request("POST / HTTP/1.1");
            backend.hears("first");
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
            for _ in 0..31 {
                client.says("more and more");
                s.time_passes(Duration::from_secs(1));
            }
            s.takes_at_most(Duration::ZERO, || s.every_session_ends());
            backend.hears_reset_or_close();
            assert!(backend.heard().is_empty());
        },
    );
}

#[test]
fn a_response_before_its_request_reaches_nobody() {
    let play = Play::new().backends(2);
    play.real_only("in a simulation a connection is known to stand before its far end can say a word").run(|s| {
        let client = s.client();
        client.says(GET);
        let hasty = s.backend_is_called();
        hasty.says(EVIL);
        client.is_answered_with(502);
        client.is_kept_alive();
        hasty.hears_reset_or_close();
        assert!(hasty.heard().is_empty());
        assert_eq!(s.stats().surplus, 1);
    });
}
