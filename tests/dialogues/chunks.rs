//! Chunked requests: read strictly, written anew, and never made to look complete.

use super::play::{Play, play};

const HEAD: &str = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What follows a good chunk is malformed: both connections end, and the backend never hears a complete message.
fn ends_both(rest: &str, reason: &str) {
    play(|s| {
        let client = s.client();
        client.says(HEAD);
        client.says("5\r\nhello\r\n");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears_chunks("hello");
        client.says(rest);
        client.is_refused_with(400);
        backend.hears_reset_or_close();
        assert!(!String::from_utf8_lossy(&backend.heard()).contains("0\r\n"), "no last chunk");
        assert_eq!(s.counted(reason), 1);
        s.backends_were_called(1);
    });
}

#[test]
fn a_chunk_size_that_is_no_number_ends_both_connections() {
    ends_both("zz\r\nhello\r\n0\r\n\r\n", "chunk_size");
}

#[test]
fn a_signed_chunk_size_ends_both_connections() {
    ends_both("+5\r\nhello\r\n0\r\n\r\n", "chunk_size");
    ends_both("-5\r\nhello\r\n0\r\n\r\n", "chunk_size");
}

#[test]
fn a_prefixed_chunk_size_ends_both_connections() {
    ends_both("0x5\r\nhello\r\n0\r\n\r\n", "chunk_size");
}

#[test]
fn white_space_around_a_chunk_size_ends_both_connections() {
    ends_both(" 5\r\nhello\r\n0\r\n\r\n", "chunk_size");
    ends_both("5 \r\nhello\r\n0\r\n\r\n", "chunk_size");
}

#[test]
fn a_chunk_size_beyond_all_bounds_ends_both_connections() {
    ends_both("11111111111111111\r\nhello\r\n0\r\n\r\n", "chunk_size");
}

#[test]
fn a_bare_lf_after_a_chunk_size_ends_both_connections() {
    ends_both("5\nhello\r\n0\r\n\r\n", "chunk_size");
}

#[test]
fn a_chunk_longer_than_its_size_ends_both_connections() {
    ends_both("3\r\nhello\r\n0\r\n\r\n", "chunk_end");
}

#[test]
fn a_malformed_trailer_ends_both_connections() {
    ends_both("0\r\nno field\r\n\r\n", "field_name");
}

#[test]
fn a_malformed_chunk_right_behind_the_head_never_completes_a_message() {
    play(|s| {
        let client = s.client();
        client.says(format!("{HEAD}5\r\nhello\r\nzz\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
        client.is_refused_with(400);
        s.blink();
        s.no_backend_hears_a_last_chunk();
    });
}

#[test]
fn a_chunked_body_that_ends_too_early_is_refused() {
    play(|s| {
        let client = s.client();
        client.says(HEAD);
        client.says("5\r\nhello\r\n5\r\nwo");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        client.ends();
        client.is_refused_with(400);
        backend.hears_reset_or_close();
        s.no_backend_hears_a_last_chunk();
        assert_eq!(s.counted("body_cut"), 1);
    });
}

#[test]
fn chunks_are_written_anew_without_extensions() {
    play(|s| {
        let client = s.client();
        client.says(HEAD);
        client.says("3;a=b\r\nabc\r\n00002;c=\"d\"\r\nde\r\n0;last\r\n\r\n");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.head().has(&["Transfer-Encoding: chunked"]).lacks(&["Content-Length"]);
        backend.hears_chunked("abcde", "");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn trailers_pass() {
    play(|s| {
        let client = s.client();
        client.says(HEAD);
        client.says("3\r\nabc\r\n0\r\nX-Sum: 6\r\nx-sum: 7\r\n\r\n");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears_chunked("abc", "X-Sum: 6\r\nx-sum: 7\r\n");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn forbidden_trailers_are_dropped() {
    play(|s| {
        let client = s.client();
        client.says(HEAD);
        client.says("3\r\nabc\r\n0\r\nContent-Length: 9\r\nHost: evil\r\nTransfer-Encoding: chunked\r\n");
        client.says("Connection: close\r\nX-Forwarded-For: 1.2.3.4\r\nX-Good: yes\r\n\r\n");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears_chunked("abc", "X-Good: yes\r\n");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn a_chunked_body_over_the_body_limit_is_refused_and_never_complete() {
    Play::new().limits(|limits| limits.body = 10).run(|s| {
        let client = s.client();
        client.says(format!("{HEAD}b\r\nhello world\r\n0\r\n\r\n"));
        client.is_refused_with(413);
        s.no_backend_hears_a_last_chunk();
        assert_eq!(s.counted("body_too_large"), 1);
    });
}

#[test]
fn a_chunked_body_at_the_body_limit_passes() {
    Play::new().limits(|limits| limits.body = 11).run(|s| {
        let client = s.client();
        client.says(format!("{HEAD}b\r\nhello world\r\n0\r\n\r\n"));
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears_chunked("hello world", "");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_chunked_response_is_written_anew_with_its_trailers() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        backend.says("2;x=y\r\nab\r\n1\r\nc\r\n0\r\nX-Sum: 3\r\nContent-Length: 9\r\n\r\n");
        client.hears_head("HTTP/1.1 200 OK").has(&["Transfer-Encoding: chunked"]);
        client.hears_chunked("abc", "X-Sum: 3\r\n");
        client.is_kept_alive();
    });
}
