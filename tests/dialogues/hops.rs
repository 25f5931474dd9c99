//! Fields of one hop stay on it; all others go on as they are.

use super::play::play;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn fields_that_connection_names_stay_behind() {
    play(|s| {
        let client = s.client();
        client.says(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: x-one, X-TWO\r\nX-One: 1\r\nX-Two: 2\r\nX-Three: 3\r\n\r\n",
        );
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.head().has(&["X-Three: 3"]).lacks(&["Connection", "X-One", "X-Two"]);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn a_client_cannot_remove_what_protects_the_next_hop() {
    play(|s| {
        let client = s.client();
        client.says(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\
             Connection: Host, Content-Length, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host, X-Request-Id\r\n\r\nabc",
        );
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.head().has(&["Host: h", "Content-Length: 3", "X-Forwarded-Proto: http", "X-Forwarded-Host: h"]);
        assert_eq!((backend.head().all("X-Forwarded-For").count(), backend.head().all("X-Request-Id").count()), (1, 1));
        backend.hears("abc");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_client_cannot_remove_the_coding() {
    play(|s| {
        let client = s.client();
        client
            .says("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n\r\n");
        client.says("3\r\nabc\r\n0\r\n\r\n");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.head().has(&["Transfer-Encoding: chunked"]);
        backend.hears_chunked("abc", "");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn what_belongs_to_one_hop_is_removed_from_requests() {
    play(|s| {
        let client = s.client();
        client.says(
            "GET / HTTP/1.1\r\nHost: h\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\n\
             Upgrade: websocket\r\nX: y\r\n\r\n",
        );
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.head().has(&["X: y"]).lacks(&["Keep-Alive", "Proxy-Connection", "TE", "Upgrade", "Connection"]);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn te_trailers_goes_on_and_other_codings_do_not() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: h\r\nTE: gzip, trailers;q=0.5, trailers\r\nConnection: TE\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.head().has(&["TE: trailers", "Connection: TE"]);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn h2c_is_not_offered_on() {
    play(|s| {
        let client = s.client();
        client.says(
            "GET / HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\
             HTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n",
        );
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.head().lacks(&["Connection", "Upgrade", "HTTP2-Settings"]);
        backend.says("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
        client.is_answered_with(502);
        backend.hears_reset_or_close();
    });
}

#[test]
fn what_belongs_to_one_hop_is_removed_from_responses() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(
            "HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nUpgrade: h2c\r\n\
             Proxy-Connection: close\r\nX-End: 2\r\nContent-Length: 2\r\n\r\nok",
        );
        let head = client.hears_message("HTTP/1.1 200 OK", "ok");
        head.has(&["X-End: 2"]).lacks(&["Connection", "X-Hop", "Keep-Alive", "Upgrade", "Proxy-Connection"]);
        client.is_kept_alive();
    });
}

#[test]
fn end_to_end_fields_keep_order_case_duplicates_and_values() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nhOST: h\r\nX-b: 2\r\nCookie: a=1\r\nx-A: \t1 \r\nX-b:3\r\nEmpty:\r\nHigh: \u{ff}\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        let fields: Vec<_> = backend.head().fields.into_iter().take(7).map(|(n, v)| format!("{n}: {v}")).collect();
        let high = "High: \u{c3}\u{bf}"; // two bytes, read as Latin-1
        assert_eq!(fields, ["hOST: h", "X-b: 2", "Cookie: a=1", "x-A: 1", "X-b: 3", "Empty: ", high]);
        backend.says("HTTP/1.1 200 Fine\r\nset-Cookie: a\r\nX: 1\r\nset-Cookie: b\r\nContent-Length: 0\r\n\r\n");
        let head = client.hears_message("HTTP/1.1 200 Fine", "");
        let fields: Vec<_> = head.fields.iter().map(|(n, v)| format!("{n}: {v}")).collect();
        assert_eq!(fields, ["set-Cookie: a", "X: 1", "set-Cookie: b", "Content-Length: 0"]);
    });
}

#[test]
fn what_a_client_says_of_itself_is_overwritten() {
    play(|s| {
        let client = s.client();
        client.says(
            "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\n\
             X-Forwarded-Host: evil\r\nX-Request-Id: mine\r\n\r\n",
        );
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.head().has(&["X-Forwarded-Proto: http", "X-Forwarded-Host: h", "X-Request-Id: mine"]);
        assert!(!backend.head().lists("X-Forwarded-For", "6.6.6.6"));
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}
