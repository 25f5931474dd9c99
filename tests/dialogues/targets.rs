//! Targets and `Host`: what goes on, and in which form.

use super::play::play;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// Says it; a backend hears this request line and these fields, and answers.
fn becomes(request: &str, line: &str, fields: &[&str]) {
    play(|s| {
        let client = s.client();
        client.says(request);
        let backend = s.backend_hears_request(line);
        backend.head().has(fields);
        assert_eq!(backend.head().all("Host").count(), 1);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn the_authority_of_an_absolute_target_wins() {
    let request = "GET http://right:81/a?b HTTP/1.1\r\nHost: wrong\r\n\r\n";
    becomes(request, "GET /a?b HTTP/1.1", &["Host: right:81", "X-Forwarded-Host: right:81"]);
}

#[test]
fn an_absolute_target_without_a_path_becomes_a_slash() {
    becomes("GET http://h HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1", &["Host: h"]);
    becomes("GET http://h?q HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?q HTTP/1.1", &["Host: h"]);
}

#[test]
fn userinfo_is_dropped() {
    becomes("GET http://user:pass@h/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1", &["Host: h"]);
}

#[test]
fn percent_escapes_are_left_alone() {
    let line = "GET /a%2Fb/%2e%2E/%41?c=%20//d HTTP/1.1";
    becomes(&format!("{line}\r\nHost: h\r\n\r\n"), line, &["Host: h"]);
}

#[test]
fn options_for_everything_passes() {
    becomes("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1", &["Host: h"]);
}

#[test]
fn options_for_an_absolute_target_without_a_path_asks_for_everything() {
    becomes("OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1", &["Host: h"]); // RFC 9112 3.2.4
}

#[test]
fn an_unknown_method_passes() {
    becomes("BREW /pot HTTP/1.1\r\nHost: h\r\n\r\n", "BREW /pot HTTP/1.1", &["Host: h"]);
}

#[test]
fn a_higher_minor_version_counts_as_1_1() {
    becomes("GET / HTTP/1.7\r\nHost: h\r\n\r\n", "GET / HTTP/1.1", &["Host: h"]);
}

#[test]
fn a_few_empty_lines_before_a_request_are_skipped() {
    becomes("\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1", &["Host: h"]);
}

#[test]
fn empty_lines_without_end_are_refused() {
    play(|s| {
        let client = s.client();
        client.says("\r\n".repeat(200));
        client.is_refused_with(400);
        s.no_backend_hears_anything();
        assert_eq!(s.counted("empty_lines"), 1);
    });
}

#[test]
fn http_1_0_without_host_is_served_under_the_backends_address() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.0\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        let host = backend.head().get("Host").map(str::to_string).expect("a Host");
        assert!(host.starts_with("127.0.0.1:"), "{host}");
        backend.says(OK);
        client.hears_head("HTTP/1.1 200 OK").has(&["Connection: close"]);
        client.hears("ok");
        client.hears_end();
    });
}

#[test]
fn max_forwards_counts_down() {
    becomes("OPTIONS / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 5\r\n\r\n", "OPTIONS / HTTP/1.1", &["Max-Forwards: 4"]);
    becomes("TRACE / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 1\r\n\r\n", "TRACE / HTTP/1.1", &["Max-Forwards: 0"]);
}

#[test]
fn max_forwards_means_nothing_to_other_methods() {
    becomes("GET / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n", "GET / HTTP/1.1", &["Max-Forwards: 0"]);
}

#[test]
fn max_forwards_0_is_answered_here() {
    play(|s| {
        let client = s.client();
        client.says("OPTIONS * HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\n\r\n");
        client.hears_head("HTTP/1.1 200 OK").has(&["Content-Length: 0"]).lacks(&["Server", "Connection"]);
        client.is_kept_alive();
        client.says("TRACE / HTTP/1.1\r\nHost: h\r\nMax-Forwards: 0\r\nCookie: secret\r\n\r\n");
        client.is_answered_with(501);
        s.no_backend_hears_anything();
    });
}
