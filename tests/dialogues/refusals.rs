//! Requests that are refused: the status, the end, and nothing for the backend.

use super::play::{Play, play};

/// Says it, is refused with this status and reason, and no backend hears of it; nor does what comes behind it.
fn refused(status: u16, reason: &str, request: &str) {
    play(|s| {
        let client = s.client();
        client.says(format!("{request}GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n"));
        client.is_refused_with(status);
        s.no_backend_hears_anything();
        assert_eq!((s.counted(reason), s.stats().refused, s.stats().admitted), (1, 1, 0));
    });
}

#[test]
fn a_plain_request_is_answered() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn a_bare_lf_is_refused() {
    refused(400, "bare_lf", "GET / HTTP/1.1\r\nHost: h\nX: y\r\n\r\n");
}

#[test]
fn a_bare_cr_is_refused() {
    refused(400, "field_value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\rb\r\n\r\n");
}

#[test]
fn a_control_byte_is_refused() {
    refused(400, "field_value", "GET / HTTP/1.1\r\nHost: h\r\nX: a\0b\r\n\r\n");
}

#[test]
fn a_folded_line_is_refused() {
    refused(400, "fold", "GET / HTTP/1.1\r\nHost: h\r\nX: a\r\n b\r\n\r\n");
}

#[test]
fn a_space_before_the_colon_is_refused() {
    refused(400, "field_name", "GET / HTTP/1.1\r\nHost: h\r\nContent-Length : 3\r\n\r\n");
}

#[test]
fn two_spaces_in_the_request_line_are_refused() {
    refused(400, "request_line", "GET  / HTTP/1.1\r\nHost: h\r\n\r\n");
}

#[test]
fn http_0_9_is_refused() {
    refused(505, "version_unsupported", "GET /\r\n\r\n");
}

#[test]
fn http_2_is_refused() {
    play(|s| {
        let client = s.client();
        client.says("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
        client.is_refused_with(505);
        s.no_backend_hears_anything();
    });
}

#[test]
fn a_method_that_is_no_token_is_refused() {
    refused(400, "method", "G@T / HTTP/1.1\r\nHost: h\r\n\r\n");
}

#[test]
fn a_raw_byte_in_the_target_is_refused() {
    refused(400, "target", "GET /\u{e4} HTTP/1.1\r\nHost: h\r\n\r\n");
}

#[test]
fn a_fragment_is_refused() {
    refused(400, "target", "GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n");
}

#[test]
fn no_host_is_refused() {
    refused(400, "host_missing", "GET / HTTP/1.1\r\n\r\n");
}

#[test]
fn two_hosts_are_refused() {
    refused(400, "host_twice", "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n");
}

#[test]
fn an_invalid_host_is_refused() {
    refused(400, "host", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n");
}

#[test]
fn a_length_with_a_coding_is_refused() {
    let both = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    refused(400, "length_and_coding", both);
}

#[test]
fn a_coding_in_http_1_0_is_refused() {
    refused(400, "coding_in_old", "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
}

#[test]
fn a_coding_that_exists_is_not_implemented() {
    let gzip = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n";
    refused(501, "coding_unsupported", gzip);
}

#[test]
fn a_coding_that_does_not_exist_is_refused() {
    refused(400, "coding", "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n");
}

#[test]
fn a_length_that_is_no_number_is_refused() {
    refused(400, "length", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: +3\r\n\r\nabc");
}

#[test]
fn two_equal_lengths_are_refused() {
    refused(400, "length_twice", "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc");
}

#[test]
fn an_expectation_other_than_100_continue_fails() {
    refused(417, "expectation", "POST / HTTP/1.1\r\nHost: h\r\nExpect: 200-maybe\r\nContent-Length: 0\r\n\r\n");
}

#[test]
fn connect_is_not_offered() {
    refused(501, "connect", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n");
}

#[test]
fn a_method_longer_than_any_is_not_implemented() {
    refused(501, "method_too_long", &format!("{} / HTTP/1.1\r\nHost: h\r\n\r\n", "M".repeat(200)));
}

#[test]
fn an_empty_field_name_is_refused() {
    refused(400, "field_name", "GET / HTTP/1.1\r\nHost: h\r\n: x\r\n\r\n");
}

#[test]
fn a_line_without_a_colon_is_refused() {
    refused(400, "field_name", "GET / HTTP/1.1\r\nHost: h\r\nnothing\r\n\r\n");
}

#[test]
fn white_space_before_the_first_field_is_refused() {
    refused(400, "fold", "GET / HTTP/1.1\r\n Host: h\r\n\r\n");
}

#[test]
fn lengths_that_others_read_differently_are_refused() {
    for length in ["-1", "0x3", "3, 3", "3 3", "", "9223372036854775808", "3;q=1"] {
        refused(400, "length", &format!("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: {length}\r\n\r\nabc"));
    }
}

#[test]
fn codings_that_others_read_differently_are_refused() {
    for coding in ["chunked, chunked", "identity", "chunked;q=1", "\"chunked\"", "chunked,"] {
        let request = format!("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: {coding}\r\n\r\n0\r\n\r\n");
        refused(400, "coding", &request);
    }
    let twice = "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked";
    refused(400, "coding", &format!("POST / HTTP/1.1\r\nHost: h\r\n{twice}\r\n\r\n0\r\n\r\n"));
}

#[test]
fn authority_form_and_asterisk_are_for_their_methods_only() {
    refused(400, "target", "GET h:80 HTTP/1.1\r\nHost: h:80\r\n\r\n");
    refused(400, "target", "GET * HTTP/1.1\r\nHost: h\r\n\r\n");
}

#[test]
fn an_unknown_major_version_is_not_supported() {
    refused(505, "version_unsupported", "GET / HTTP/3.0\r\nHost: h\r\n\r\n");
}

#[test]
fn a_max_forwards_that_is_no_number_is_refused() {
    refused(400, "max_forwards", "OPTIONS / HTTP/1.1\r\nHost: h\r\nMax-Forwards: -1\r\n\r\n");
}

#[test]
fn a_cut_head_is_refused_to_a_client_that_still_listens() {
    play(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHo");
        client.ends();
        client.is_refused_with(400);
        s.no_backend_hears_anything();
        assert_eq!(s.counted("head_cut"), 1);
    });
}

#[test]
fn random_bytes_are_refused() {
    play(|s| {
        let client = s.client();
        client.says([0x16, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]);
        client.is_refused_with(400);
        s.no_backend_hears_anything();
    });
}

#[test]
fn a_head_over_the_limit_is_refused() {
    Play::new().limits(|limits| limits.head = 512).run(|s| {
        let client = s.client();
        client.says(format!("GET / HTTP/1.1\r\nHost: h\r\nX: {}\r\n\r\n", "x".repeat(512)));
        client.is_refused_with(431);
        s.no_backend_hears_anything();
    });
}

#[test]
fn a_target_over_the_limit_is_refused() {
    Play::new().limits(|limits| limits.target = 64).run(|s| {
        let client = s.client();
        client.says(format!("GET /{} HTTP/1.1\r\nHost: h\r\n\r\n", "x".repeat(64)));
        client.is_refused_with(414);
        s.no_backend_hears_anything();
    });
}

#[test]
fn too_many_fields_are_refused() {
    Play::new().limits(|limits| limits.fields = 10).run(|s| {
        let client = s.client();
        client.says(format!("GET / HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(10)));
        client.is_refused_with(431);
        s.no_backend_hears_anything();
    });
}

#[test]
fn a_length_over_the_body_limit_is_refused_before_anything_is_forwarded() {
    Play::new().limits(|limits| limits.body = 10).run(|s| {
        let client = s.client();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 11\r\n\r\nhello world");
        client.is_refused_with(413);
        s.no_backend_hears_anything();
    });
}

#[test]
fn eight_kilobytes_of_target_and_a_hundred_fields_pass_by_default() {
    play(|s| {
        let (client, target) = (s.client(), format!("/{}", "x".repeat(8 * 1024 - 1)));
        client.says(format!("GET {target} HTTP/1.1\r\nHost: h\r\n{}\r\n", "X: y\r\n".repeat(99)));
        let backend = s.backend_hears_request(&format!("GET {target} HTTP/1.1"));
        assert_eq!(backend.head().all("X").count(), 99);
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}
