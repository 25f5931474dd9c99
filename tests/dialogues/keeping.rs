//! Connections: who is kept, in which order requests are served, and what happens when a side leaves.

use super::play::{Play, play};

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n")
}

#[test]
fn both_connections_are_kept_by_default() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        for _ in 0..3 {
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok").lacks(&["Connection"]);
            client.is_kept_alive();
            client.says(GET);
            backend.hears_head("GET / HTTP/1.1").lacks(&["Connection"]);
        }
        s.backends_were_called(1);
    });
}

#[test]
fn a_client_that_wants_to_close_is_closed() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: h\r\nConnection: CLOSE\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.head().lacks(&["Connection"]);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok").has(&["Connection: close"]);
        client.hears_end();
        backend.hears_nothing_more(); // kept for somebody else
    });
}

#[test]
fn nothing_after_connection_close_is_served() {
    play(|s| {
        let client = s.client();
        client.says(format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n{}", get("/after")));
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.hears_reset_or_close(); // it broke its word: what it says beyond its last request is not waited for
        backend.hears_nothing_more();
        s.backends_were_called(1);
    });
}

#[test]
fn what_came_with_the_last_request_is_thrown_away_and_not_answered_by_a_reset() {
    Play::new().calm().run(|s| {
        let client = s.client();
        client.says(format!("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n{}", get("/after")));
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.hears_end();
        backend.hears_nothing_more();
        s.backends_were_called(1);
    });
}

#[test]
fn http_1_0_is_closed_unless_it_asks_not_to_be() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
        s.backend_hears_request("GET / HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok").has(&["Connection: keep-alive"]);
        client.is_kept_alive();
        client.says("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
        s.backend_hears_request("GET / HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok").has(&["Connection: close"]);
        client.hears_end();
    });
}

#[test]
fn a_backend_that_closes_does_not_close_the_client() {
    play(|s| {
        let client = s.client();
        for answer in [
            "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok",
            "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok",
        ] {
            client.says(GET);
            let backend = s.backend_hears_request("GET / HTTP/1.1");
            backend.says(answer);
            client.hears_message("HTTP/1.1 200 OK", "ok").lacks(&["Connection"]);
            client.is_kept_alive();
            backend.hears_reset_or_close();
        }
        s.backends_were_called(2);
    });
}

#[test]
fn pipelined_requests_are_served_in_order_one_at_a_time() {
    Play::new().backends(2).run(|s| {
        let client = s.client();
        client.says(format!("{}{}{}", get("/1"), get("/2"), get("/3")));
        for target in ["/1", "/2", "/3"] {
            let backend = s.backend_hears_request(&format!("GET {target} HTTP/1.1"));
            s.no_backend_hears_anything();
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        }
        client.is_kept_alive();
    });
}

#[test]
fn bodies_separate_pipelined_requests() {
    play(|s| {
        let client = s.client();
        client.says("POST /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nGET /POST /2 HTTP/1.1\r\nHost: h\r\n");
        client.says("Transfer-Encoding: chunked\r\n\r\n4\r\nGET \r\n0\r\n\r\nGET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
        let backend = s.backend_hears_request("POST /1 HTTP/1.1");
        backend.hears("GET /");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        let backend = s.backend_hears_request("POST /2 HTTP/1.1");
        backend.hears_chunked("GET ", "");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        s.backend_hears_request("GET /3 HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn a_body_with_get_is_framed_as_said() {
    play(|s| {
        let client = s.client();
        client.says("GET /1 HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbodyDELETE /2 HTTP/1.1\r\nHost: h\r\n\r\n");
        let backend = s.backend_hears_request("GET /1 HTTP/1.1");
        backend.hears("body");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        s.backend_hears_request("DELETE /2 HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_half_closed_client_gets_its_answers() {
    play(|s| {
        let client = s.client();
        client.says(format!("{}{}", get("/1"), get("/2")));
        client.ends();
        s.backend_hears_request("GET /1 HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        s.backend_hears_request("GET /2 HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.hears_end();
    });
}

#[test]
fn a_client_that_leaves_while_it_waits_releases_the_upstream_at_once() {
    Play::new().needs_edges().run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        client.resets();
        backend.hears_reset_or_close();
        s.every_session_ends();
        assert_eq!(s.counted("client_reset"), 1);
    });
}

#[test]
fn a_client_that_leaves_in_the_middle_of_a_response_aborts_it() {
    Play::new().needs_edges().run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello");
        client.hears_head("HTTP/1.1 200 OK");
        client.hears("hello");
        client.resets();
        backend.hears_reset_or_close();
        s.every_session_ends();
    });
}

#[test]
fn a_client_that_leaves_in_the_middle_of_its_body_aborts_the_request() {
    play(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears("hello");
        client.resets();
        backend.hears_reset();
        s.every_session_ends();
    });
}

#[test]
fn a_client_that_leaves_after_its_response_leaves_the_upstream_to_others() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.resets();
        s.every_session_ends();
        let other = s.client();
        other.says(get("/other"));
        backend.hears_head("GET /other HTTP/1.1");
        backend.says(OK);
        other.hears_message("HTTP/1.1 200 OK", "ok");
        assert_eq!(s.stats().reused, 1);
    });
}

#[test]
fn a_slow_reader_holds_its_backend_back_and_loses_nothing() {
    Play::new().uncut().run(|s| {
        let body = "0123456789abcdef".repeat(40_000);
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        client.stops_listening();
        backend.says(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
        s.blink();
        assert!(s.buffers() <= 4, "{} buffers", s.buffers());
        client.listens_again();
        client.hears_message("HTTP/1.1 200 OK", body);
        client.is_kept_alive();
    });
}

#[test]
fn a_slow_backend_holds_its_client_back_and_loses_nothing() {
    Play::new().uncut().run(|s| {
        let body = "0123456789abcdef".repeat(40_000);
        let client = s.client();
        client.says(format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {}\r\n\r\n", body.len()));
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.stops_listening();
        client.says(&body);
        s.blink();
        assert!(s.buffers() <= 4, "{} buffers", s.buffers());
        backend.listens_again();
        backend.hears(&body);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_body_that_is_cut_is_refused_to_a_client_that_still_listens() {
    play(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears("hello");
        client.ends();
        client.is_refused_with(400);
        backend.hears_reset();
        assert_eq!(s.counted("body_cut"), 1);
    });
}

#[test]
fn a_client_that_leaves_while_a_backend_is_called_releases_it() {
    Play::new().needs_edges().run(|s| {
        let client = s.client();
        client.says(GET);
        s.backend_is_called();
        client.resets();
        s.every_session_ends();
    });
}
