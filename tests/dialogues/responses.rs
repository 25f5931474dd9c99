//! What backends answer: interim heads, answers without a body, answers that are none.

use super::play::{Play, play};

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn interim_responses_pass_at_once_and_do_not_end_the_exchange() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        client.hears("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n");
        backend.says("HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n");
        client.hears("HTTP/1.1 102 Processing\r\n\r\n");
        client.hears("HTTP/1.1 103 Early Hints\r\nLink: </b>\r\n\r\n");
        client.hears_nothing_more();
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn an_interim_response_has_no_body_whatever_it_says() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend
            .says(format!("HTTP/1.1 103 Early Hints\r\nContent-Length: 17\r\nTransfer-Encoding: chunked\r\n\r\n{OK}"));
        client.hears("HTTP/1.1 103 Early Hints\r\n\r\n");
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn interim_responses_do_not_pass_to_http_1_0() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.0\r\nHost: h\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n{OK}"));
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.hears_end();
    });
}

#[test]
fn a_flood_of_interim_responses_is_a_bad_gateway() {
    Play::new().uncut().run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 102 Processing\r\n\r\n".repeat(100));
        (0..16).for_each(|_| client.hears("HTTP/1.1 102 Processing\r\n\r\n"));
        client.is_answered_with(502);
        backend.hears_reset_or_close();
    });
}

/// The answer ends with its head; the bytes behind it reach nobody, and the connection is not used again.
fn has_no_body(request: &str, answer: &str, length: Option<&str>) {
    play(|s| {
        let client = s.client();
        client.says(format!("{request} / HTTP/1.1\r\nHost: h\r\n\r\n"));
        let first = s.backend_hears_request(&format!("{request} / HTTP/1.1"));
        first.says(format!("HTTP/1.1 {answer}\r\n\r\nHTTP/1.1 200 EVIL\r\nContent-Length: 0\r\n\r\n"));
        let head = client.hears_head(&format!("HTTP/1.1 {}", answer.split("\r\n").next().unwrap()));
        assert_eq!(head.get("Content-Length"), length);
        client.is_kept_alive();
        first.hears_reset_or_close();
        client.says("GET /next HTTP/1.1\r\nHost: h\r\n\r\n");
        let second = s.backend_hears_request("GET /next HTTP/1.1");
        assert!(second != first);
        second.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        assert_eq!(s.stats().surplus, 1);
    });
}

#[test]
fn a_body_behind_an_answer_to_head_reaches_nobody() {
    has_no_body("HEAD", "200 OK\r\nContent-Length: 38", Some("38"));
}

#[test]
fn a_body_behind_204_reaches_nobody() {
    has_no_body("GET", "204 No Content", None);
    has_no_body("GET", "204 No Content\r\nTransfer-Encoding: chunked", None);
}

#[test]
fn a_body_behind_304_reaches_nobody() {
    has_no_body("GET", "304 Not Modified\r\nContent-Length: 38", Some("38"));
}

#[test]
fn answers_without_a_body_keep_both_connections() {
    play(|s| {
        let client = s.client();
        client.says("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
        let backend = s.backend_hears_request("HEAD /a HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.hears_head("HTTP/1.1 200 OK");
        client.is_kept_alive();
        for (status, target) in [("204 No Content", "/b"), ("304 Not Modified", "/c")] {
            client.says(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n"));
            backend.hears_head(&format!("GET {target} HTTP/1.1"));
            backend.says(format!("HTTP/1.1 {status}\r\n\r\n"));
            client.hears_head(&format!("HTTP/1.1 {status}"));
            client.is_kept_alive();
        }
        s.backends_were_called(1);
    });
}

/// The answer is no answer: 502 before our head, the backend's connection destroyed, the client kept.
fn is_a_bad_gateway(answer: &str) {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(answer);
        let head = client.is_answered_with(502);
        head.lacks(&["X-Evil"]);
        client.is_kept_alive();
        backend.hears_reset_or_close();
        assert_eq!(s.counted("bad_response"), 1);
        s.backends_were_called(1); // it was answered: not asked again
    });
}

#[test]
fn a_response_with_length_and_coding_is_a_bad_gateway() {
    is_a_bad_gateway("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

#[test]
fn a_response_with_differing_lengths_is_a_bad_gateway() {
    is_a_bad_gateway("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nabc");
    is_a_bad_gateway("HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\nabc");
}

#[test]
fn a_response_with_a_bad_length_is_a_bad_gateway() {
    is_a_bad_gateway("HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nab");
}

#[test]
fn a_response_with_an_unknown_coding_is_a_bad_gateway() {
    is_a_bad_gateway("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n");
}

#[test]
fn a_coding_in_a_response_of_http_1_0_is_a_bad_gateway() {
    is_a_bad_gateway("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

#[test]
fn a_response_with_bare_lf_is_a_bad_gateway() {
    is_a_bad_gateway("HTTP/1.1 200 OK\nX-Evil: 1\nContent-Length: 2\n\nok");
}

/// An error is looked at twice: whether it goes elsewhere, and whether it goes to the client.
#[test]
fn an_error_with_bare_lf_is_a_bad_gateway() {
    is_a_bad_gateway("HTTP/1.1 500 Oops\nX-Evil: 1\nContent-Length: 2\n\nok");
    is_a_bad_gateway("HTTP/1.1 500 Oops\r\nX-Evil: 1\nContent-Length: 2\r\n\r\nok");
    is_a_bad_gateway("HTTP/1.1 5 Oops\r\nX-Evil: 1\r\nContent-Length: 2\r\n\r\nok");
}

#[test]
fn an_error_with_bare_lf_is_none_either_when_more_comes_behind_it() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 500 Oops\r\nX-Evil: 1\n");
        s.blink();
        backend.says("Content-Length: 2\r\n\r\nok");
        client.is_answered_with(502).lacks(&["X-Evil"]);
        backend.hears_reset_or_close();
        assert_eq!(s.counted("bad_response"), 1);
    });
}

#[test]
fn a_response_with_a_folded_line_is_a_bad_gateway() {
    is_a_bad_gateway("HTTP/1.1 200 OK\r\nX-Evil: 1\r\n 2\r\nContent-Length: 2\r\n\r\nok");
}

#[test]
fn a_response_with_a_bad_status_line_is_a_bad_gateway() {
    is_a_bad_gateway("HTTP/1.1 20 OK\r\nContent-Length: 2\r\n\r\nok");
    is_a_bad_gateway("HTTP/2.0 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

#[test]
fn a_response_that_is_garbage_is_a_bad_gateway() {
    is_a_bad_gateway("SSH-2.0-OpenSSH_9.2\r\n");
}

#[test]
fn a_flood_of_fields_is_a_bad_gateway() {
    Play::new().limits(|limits| limits.head = 1024).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\n");
        backend.says("X-Evil: flood\r\n".repeat(1000));
        client.is_answered_with(502);
        client.is_kept_alive();
        backend.hears_reset_or_close();
    });
}

#[test]
fn too_many_fields_in_a_response_are_a_bad_gateway() {
    Play::new().limits(|limits| limits.fields = 10).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(11)));
        client.is_answered_with(502);
        backend.hears_reset_or_close();
    });
}

#[test]
fn a_head_that_is_cut_is_a_bad_gateway() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nContent-Le");
        backend.closes();
        client.is_answered_with(502);
        client.is_kept_alive();
    });
}

#[test]
fn a_body_until_close_is_chunked_for_http_1_1() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\n\r\nhello");
        client.hears_head("HTTP/1.1 200 OK").has(&["Transfer-Encoding: chunked"]).lacks(&["Content-Length"]);
        backend.says(" world");
        backend.ends();
        client.hears_chunked("hello world", "");
        client.is_kept_alive();
        backend.hears_reset_or_close();
    });
}

#[test]
fn a_body_until_close_is_closed_for_http_1_0() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\n\r\nhello");
        backend.ends();
        client
            .hears_head("HTTP/1.1 200 OK")
            .has(&["Connection: close"])
            .lacks(&["Transfer-Encoding", "Content-Length"]);
        client.hears("hello");
        client.hears_end();
    });
}

#[test]
fn a_chunked_body_is_de_chunked_for_http_1_0() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.0\r\nHost: h\r\nConnection: keep-alive\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n");
        client
            .hears_head("HTTP/1.1 200 OK")
            .has(&["Connection: close"])
            .lacks(&["Transfer-Encoding", "Content-Length"]);
        client.hears("hello");
        client.hears_end();
    });
}
