//! Each waiting has its end: with its status, or silently where a status would be wrong.

use super::play::{Play, play};
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SHORT: Duration = Duration::from_millis(250);
const LONG: Duration = Duration::from_millis(600);
const STEP: Duration = Duration::from_millis(50);

#[test]
fn a_slow_head_ends_at_the_header_timeout_whatever_arrives_in_between() {
    Play::new().timeouts(|timeouts| timeouts.header = LONG).run(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: h\r\n");
        for _ in 0..4 {
            client.says("X: y\r\n");
            s.time_passes(STEP);
        }
        client.hears_nothing_more();
        for _ in 0..12 {
            client.says("X: y\r\n");
            s.time_passes(STEP);
        }
        assert_eq!(s.counted("header_timeout"), 1, "it is over already");
        client.is_refused_with(408);
        s.no_backend_hears_anything();
    });
}

#[test]
fn a_slow_second_head_ends_with_408_too() {
    Play::new().timeouts(|timeouts| timeouts.header = SHORT).run(|s| {
        let client = s.client();
        client.says(GET);
        s.backend_hears_request("GET / HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.says("GET / HT");
        client.is_refused_with(408);
    });
}

#[test]
fn a_client_that_says_nothing_is_closed_silently() {
    Play::new().timeouts(|timeouts| timeouts.header = SHORT).run(|s| {
        let client = s.client();
        client.hears_end();
        s.every_session_ends();
    });
}

#[test]
fn an_idle_client_is_closed_silently() {
    Play::new().timeouts(|timeouts| timeouts.client_idle = SHORT).run(|s| {
        let client = s.client();
        client.says(GET);
        s.backend_hears_request("GET / HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.hears_end();
        s.every_session_ends();
        assert_eq!(s.counted("idle_timeout"), 1);
    });
}

#[test]
fn a_body_that_stops_ends_with_408() {
    Play::new().timeouts(|timeouts| timeouts.body = SHORT).run(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears("hello");
        client.is_refused_with(408);
        backend.hears_reset();
        assert_eq!(s.counted("body_timeout"), 1);
    });
}

#[test]
fn a_body_that_goes_on_slowly_passes() {
    Play::new().timeouts(|timeouts| timeouts.body = SHORT).run(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\n");
        for _ in 0..10 {
            s.time_passes(STEP);
            client.says("x");
        }
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears("xxxxxxxxxx");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn a_backend_that_cannot_be_reached_in_time_is_504() {
    let play = Play::new().timeouts(|timeouts| timeouts.connect = SHORT);
    play.simulated_only("loopback never leaves a call unanswered").run(|s| {
        s.backend_swallows(0);
        let client = s.client();
        client.says(GET);
        client.is_answered_with(504);
        client.is_kept_alive();
        assert_eq!(s.counted("connect_timeout"), 1);
    });
}

#[test]
fn a_backend_that_says_nothing_is_504() {
    Play::new().timeouts(|timeouts| timeouts.response = SHORT).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        client.is_answered_with(504);
        client.is_kept_alive();
        backend.hears_reset_or_close();
        s.backends_were_called(1); // it may still be at it: not asked again
        assert_eq!(s.counted("response_timeout"), 1);
    });
}

#[test]
fn a_response_that_stops_is_a_truncation() {
    Play::new().timeouts(|timeouts| timeouts.response = SHORT).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        client.hears_head("HTTP/1.1 200 OK");
        client.hears("hello");
        client.hears_reset_or_close();
        assert!(client.heard().is_empty());
        backend.hears_reset_or_close();
    });
}

#[test]
fn a_response_head_that_stops_is_504() {
    Play::new().timeouts(|timeouts| timeouts.response = SHORT).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nConte");
        client.is_answered_with(504);
        backend.hears_reset_or_close();
    });
}

#[test]
fn a_response_that_goes_on_slowly_passes() {
    Play::new().timeouts(|timeouts| timeouts.response = SHORT).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n");
        for _ in 0..10 {
            s.time_passes(STEP);
            backend.says("x");
        }
        client.hears_message("HTTP/1.1 200 OK", "xxxxxxxxxx");
        client.is_kept_alive();
    });
}

#[test]
fn a_client_that_takes_nothing_is_given_up() {
    let play = Play::new().timeouts(|timeouts| timeouts.client_idle = SHORT);
    play.simulated_only("the buffers of loopback take megabytes").run(|s| {
        let client = s.client();
        client.says(GET);
        client.stops_listening();
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n{}", "x".repeat(1_000_000)));
        backend.hears_reset_or_close();
        s.every_session_ends();
        assert_eq!(s.counted("client_stalled"), 1);
    });
}

#[test]
fn a_pooled_connection_is_closed_when_it_was_idle_for_long_enough() {
    Play::new().timeouts(|timeouts| timeouts.upstream_idle = SHORT).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        backend.hears_end();
        client.is_kept_alive();
        assert_eq!(s.stats().surplus, 0);
    });
}

#[test]
fn a_silent_tunnel_is_cut() {
    Play::new().timeouts(|timeouts| timeouts.tunnel = SHORT).run(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        client.hears_head("HTTP/1.1 101 Switching Protocols");
        client.hears_reset_or_close();
        backend.hears_reset_or_close();
        assert_eq!(s.counted("tunnel_timeout"), 1);
    });
}

#[test]
fn no_timeout_is_needed_for_an_ordinary_exchange() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        s.backend_hears_request("GET / HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.ends();
        client.hears_end();
        s.every_session_ends();
        assert_eq!(s.counted("client_done"), 1);
    });
}
