//! Responses that are cut: whatever happens behind our head, the client never sees a clean-looking end.

use super::play::play;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\nHost: h\r\n\r\n";
const LENGTH: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n";
const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn a_close_before_the_length_is_a_close_before_the_length() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("{LENGTH}hello"));
        client.hears_head("HTTP/1.1 200 OK").has(&["Content-Length: 10"]);
        client.hears("hello");
        backend.ends();
        client.hears_reset_or_close();
        assert!(client.heard().is_empty());
        assert_eq!(s.counted("truncated"), 1);
        s.backends_were_called(1);
    });
}

#[test]
fn a_reset_before_the_length_is_a_truncation() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("{LENGTH}hello"));
        client.hears_head("HTTP/1.1 200 OK");
        client.hears("hello");
        backend.resets();
        client.hears_reset_or_close();
        assert!(client.heard().is_empty());
        assert_eq!(s.counted("truncated"), 1);
    });
}

#[test]
fn a_chunked_response_that_is_cut_has_no_last_chunk() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("{CHUNKED}5\r\nhello\r\n"));
        client.hears_head("HTTP/1.1 200 OK");
        client.hears_chunks("hello");
        backend.says("5\r\nwo");
        backend.ends();
        client.hears_reset_or_close();
        assert!(!String::from_utf8_lossy(&client.heard()).contains("0\r\n"));
        assert_eq!(s.counted("truncated"), 1);
    });
}

/// A chunked response goes wrong behind its first chunk.
fn goes_wrong(rest: &str) {
    play(|s| {
        let client = s.client();
        client.says(format!("{GET}{GET}"));
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("{CHUNKED}5\r\nhello\r\n"));
        client.hears_head("HTTP/1.1 200 OK");
        client.hears_chunks("hello");
        backend.says(rest);
        client.hears_reset_or_close();
        assert!(!String::from_utf8_lossy(&client.heard()).contains("0\r\n"));
        backend.hears_reset_or_close();
        assert_eq!(s.counted("bad_response"), 1);
        s.backends_were_called(1); // the second request is not served either
    });
}

#[test]
fn bad_chunking_behind_our_head_ends_the_client() {
    goes_wrong("zz\r\nhello\r\n0\r\n\r\n");
    goes_wrong("3\r\nhello\r\n0\r\n\r\n");
    goes_wrong("5\nhello\r\n0\r\n\r\n");
    goes_wrong("0\r\nbad trailer\r\n\r\n");
}

#[test]
fn a_body_until_close_that_is_reset_has_no_last_chunk() {
    play(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\n\r\nhello");
        client.hears_head("HTTP/1.1 200 OK");
        client.hears_chunks("hello");
        backend.resets();
        client.hears_reset_or_close();
        assert!(client.heard().is_empty());
    });
}

#[test]
fn a_reset_that_a_write_was_told_of_is_no_clean_end() {
    play(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
        let backend = s.backend_hears_request("POST / HTTP/1.1");
        backend.hears_chunks("a");
        backend.says("HTTP/1.1 200 OK\r\n\r\nhello");
        client.hears_head("HTTP/1.1 200 OK");
        client.hears_chunks("hello");
        backend.resets();
        client.says("1\r\nb\r\n"); // the kernel tells of the error once: here, and then pretends an end
        client.hears_reset_or_close();
        assert!(client.heard().is_empty());
    });
}

#[test]
fn a_body_until_close_that_is_reset_is_reset_for_http_1_0() {
    play(|s| {
        let client = s.client();
        client.says(OLD);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\n\r\nhello");
        client.hears_head("HTTP/1.1 200 OK");
        client.hears("hello");
        backend.resets();
        client.hears_reset();
    });
}

#[test]
fn a_chunked_body_that_is_cut_is_reset_for_http_1_0() {
    play(|s| {
        let client = s.client();
        client.says(OLD);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("{CHUNKED}5\r\nhello\r\n"));
        client.hears_head("HTTP/1.1 200 OK");
        client.hears("hello");
        backend.ends();
        client.hears_reset();
    });
}

#[test]
fn bad_chunking_is_reset_for_http_1_0() {
    play(|s| {
        let client = s.client();
        client.says(OLD);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says(format!("{CHUNKED}5\r\nhello\r\n"));
        client.hears_head("HTTP/1.1 200 OK");
        client.hears("hello");
        backend.says("-1\r\n\r\n0\r\n\r\n");
        client.hears_reset();
    });
}
