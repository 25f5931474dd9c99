//! `Expect: 100-continue`, and protocols that are switched to.

use super::play::{Play, play};
use std::time::Duration;

const ASK: &str = "PUT /up HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 35\r\n\r\n";
const BODY: &str = "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"; // looks like a request
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_100_from_the_backend_calls_for_the_body() {
    play(|s| {
        let client = s.client();
        client.says(ASK);
        let backend = s.backend_hears_request("PUT /up HTTP/1.1");
        backend.head().has(&["Expect: 100-continue", "Content-Length: 35"]);
        client.hears_nothing_more(); // no 100 of our own
        backend.says("HTTP/1.1 100 Continue\r\n\r\n");
        client.hears("HTTP/1.1 100 Continue\r\n\r\n");
        backend.hears_nothing_more();
        client.says(BODY);
        backend.hears(BODY);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn a_client_that_does_not_wait_for_100_is_served() {
    play(|s| {
        let client = s.client();
        client.says(format!("{ASK}{}", BODY));
        let backend = s.backend_hears_request("PUT /up HTTP/1.1");
        backend.hears(BODY);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn a_final_answer_without_100_ends_the_exchange() {
    play(|s| {
        let client = s.client();
        client.says(ASK);
        let backend = s.backend_hears_request("PUT /up HTTP/1.1");
        backend.says("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
        client.hears_message("HTTP/1.1 403 Forbidden", "no").has(&["Connection: close"]);
        client.says(BODY); // neither sent on as a body nor taken for a request
        client.hears_end();
        backend.hears_reset_or_close();
        s.backends_were_called(1);
        assert!(backend.heard().is_empty());
    });
}

#[test]
fn an_expectation_of_http_1_0_is_ignored() {
    play(|s| {
        let client = s.client();
        client.says("PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi");
        let backend = s.backend_hears_request("PUT / HTTP/1.1");
        backend.hears("hi");
        backend.says(format!("HTTP/1.1 100 Continue\r\n\r\n{OK}"));
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.hears_end();
    });
}

#[test]
fn a_backend_that_says_neither_go_on_nor_stop_is_waited_for_a_bounded_time() {
    let short = Duration::from_millis(300);
    Play::new().timeouts(|timeouts| (timeouts.body, timeouts.response) = (short, short)).run(|s| {
        let client = s.client();
        client.says(ASK);
        let backend = s.backend_hears_request("PUT /up HTTP/1.1");
        client.is_refused_with(504);
        backend.hears_reset();
    });
}

const CHAT: &str = "GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";

#[test]
fn bytes_said_early_are_no_tunnel_until_the_101() {
    play(|s| {
        let client = s.client();
        client.says(format!("{CHAT}early"));
        let backend = s.backend_hears_request("GET /chat HTTP/1.1");
        backend.head().has(&["Connection: Upgrade", "Upgrade: websocket"]);
        backend.hears_nothing_more();
        backend.says(SWITCH);
        client.hears_head("HTTP/1.1 101 Switching Protocols").has(&["Connection: Upgrade", "Upgrade: websocket"]);
        backend.hears("early");
        backend.says("down");
        client.hears("down");
        client.says("GET / HTTP/1.1\r\n\r\n\0");
        backend.hears("GET / HTTP/1.1\r\n\r\n\0");
        client.ends();
        backend.hears_end();
        backend.says("still");
        client.hears("still");
        backend.ends();
        client.hears_end();
    });
}

#[test]
fn bytes_behind_the_101_are_the_tunnels() {
    play(|s| {
        let client = s.client();
        client.says(CHAT);
        let backend = s.backend_hears_request("GET /chat HTTP/1.1");
        backend.says(format!("{SWITCH}welcome"));
        client.hears_head("HTTP/1.1 101 Switching Protocols");
        client.hears("welcome");
    });
}

#[test]
fn a_refused_upgrade_is_an_ordinary_answer() {
    play(|s| {
        let client = s.client();
        client.says(format!("{CHAT}GET /next HTTP/1.1\r\nHost: h\r\n\r\n"));
        let backend = s.backend_hears_request("GET /chat HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        backend.hears_head("GET /next HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
        s.backends_were_called(1);
    });
}

#[test]
fn a_101_that_nobody_asked_for_is_a_bad_gateway() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("{SWITCH}surprise"));
        client.is_answered_with(502);
        client.is_kept_alive();
        backend.hears_reset_or_close();
    });
}

#[test]
fn a_101_to_another_protocol_than_asked_for_is_a_bad_gateway() {
    play(|s| {
        let client = s.client();
        client.says(CHAT);
        let backend = s.backend_hears_request("GET /chat HTTP/1.1");
        backend.says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: telnet\r\n\r\nsurprise");
        client.is_answered_with(502);
        backend.hears_reset_or_close();
    });
}

#[test]
fn the_body_of_an_upgrade_request_is_framed_like_any_other() {
    play(|s| {
        let client = s.client();
        client.says(
            "POST /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 4\r\n\r\n",
        );
        client.says("bodytunnel");
        let backend = s.backend_hears_request("POST /chat HTTP/1.1");
        backend.hears("body");
        backend.hears_nothing_more();
        backend.says(SWITCH);
        client.hears_head("HTTP/1.1 101 Switching Protocols");
        backend.hears("tunnel");
    });
}

#[test]
fn a_101_before_the_body_is_over_is_a_bad_gateway() {
    play(|s| {
        let client = s.client();
        client.says("POST /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 9\r\n\r\nbody");
        let backend = s.backend_hears_request("POST /chat HTTP/1.1");
        backend.hears("body");
        backend.says(SWITCH);
        client.is_refused_with(502); // RFC 9110 7.8: the request comes first
        backend.hears_reset();
    });
}

#[test]
fn a_tunnel_that_is_reset_is_reset_on_the_other_side() {
    play(|s| {
        for client_breaks in [true, false] {
            let client = s.client();
            client.says(CHAT);
            let backend = s.backend_hears_request("GET /chat HTTP/1.1");
            backend.says(SWITCH);
            client.hears_head("HTTP/1.1 101 Switching Protocols");
            if client_breaks {
                client.resets();
                backend.hears_reset();
            } else {
                backend.resets();
                client.hears_reset();
            }
        }
    });
}

#[test]
fn an_upgrade_of_http_1_0_is_not_offered_on() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.0\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.head().lacks(&["Upgrade", "Connection"]);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.hears_end();
    });
}
