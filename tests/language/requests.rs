//! Requests: refused with which status, mended, passed.

use super::*;

/// Each is refused for this reason, with this status.
fn refused(status: u16, reason: Malformed, cases: &[String]) {
    assert_eq!(reason.status(), Status(status));
    for case in cases {
        assert_eq!(refusal(case), Some(reason), "{case:?}");
    }
}

fn all(cases: &[&str]) -> Vec<String> {
    cases.iter().map(|case| case.to_string()).collect()
}

fn lines(cases: &[&str]) -> Vec<String> {
    cases.iter().map(|case| with(case)).collect()
}

fn starts(cases: &[&str]) -> Vec<String> {
    cases.iter().map(|case| line(case)).collect()
}

#[test]
fn bare_lf_anywhere_is_refused() {
    let cases = [
        "GET / HTTP/1.1\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\n\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\nY: b\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\n\n",
        "\nGET / HTTP/1.1\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: h\r\nX: a\n b\r\n\r\n",
    ];
    refused(400, Malformed::BareLf, &all(&cases));
}

#[test]
fn bare_cr_anywhere_is_refused() {
    for case in ["X: a\rb", "X: a\r\rb", "X\r: a", "X:\ra", "\rX: a", "X: a\r", "X: a\r\r\nY: b"] {
        assert_eq!(refusal(with(case)).map(Malformed::status), Some(Status(400)), "{case:?}");
    }
    for case in ["GET /\r HTTP/1.1", "GE\rT / HTTP/1.1", "GET / HTTP/1.1\r", "GET /a\rb HTTP/1.1", "\rGET / HTTP/1.1"] {
        assert_eq!(refusal(line(case)).map(Malformed::status), Some(Status(400)), "{case:?}");
    }
    assert_eq!(refusal("GET / HTTP/1.1\r\nHost: h\r\n\rX"), None); // not whole yet
    let after = "GET / HTTP/1.1\r\nHost: h\r\n\rX\r\n\r\n";
    assert_eq!(refusal(after), Some(Malformed::BareCr));
}

#[test]
fn control_bytes_are_refused() {
    for byte in (0..0x20).chain([0x7f]).map(char::from).filter(|byte| !"\t\n\r".contains(*byte)) {
        refused(
            400,
            Malformed::FieldValue,
            &lines(&[&format!("X: a{byte}b"), &format!("X: {byte}"), &format!("X:{byte}")]),
        );
        refused(400, Malformed::FieldName, &lines(&[&format!("X{byte}: a")]));
        refused(400, Malformed::Target, &starts(&[&format!("GET /{byte} HTTP/1.1")]));
        refused(400, Malformed::Method, &starts(&[&format!("G{byte}T / HTTP/1.1")]));
        refused(400, Malformed::NotHttp, &starts(&[&format!("{byte}GET / HTTP/1.1")]));
        let long = "v".repeat(70);
        refused(400, Malformed::FieldValue, &lines(&[&format!("X: {long}{byte}{long}")])); // beyond every fast path
        refused(400, Malformed::Target, &starts(&[&format!("GET /{long}{byte}{long} HTTP/1.1")]));
    }
}

#[test]
fn folded_lines_are_refused() {
    let cases = ["X: a\r\n b", "X: a\r\n\tb", "X:\r\n b", "X: a\r\n \r\nY: b", "X: a\r\n Content-Length: 5"];
    refused(400, Malformed::Fold, &lines(&cases));
    let first = [
        "GET / HTTP/1.1\r\n Host: h\r\n\r\n",
        "GET / HTTP/1.1\r\n\tX: a\r\nHost: h\r\n\r\n",
        "GET / HTTP/1.1\r\n \r\nHost: h\r\n\r\n",
    ];
    refused(400, Malformed::Fold, &all(&first));
}

#[test]
fn field_lines_that_are_none_are_refused() {
    let cases = [
        "X : a",
        "X\t: a",
        ": a",
        "X",
        "X a",
        "X@: a",
        "X(: a",
        "Content-Length : 5",
        "\u{e9}: a",
        "X/Y: a",
        "\"X\": a",
    ];
    refused(400, Malformed::FieldName, &lines(&cases));
}

#[test]
fn some_empty_lines_before_a_request_are_skipped() {
    for count in 0..=8 {
        let bytes = "\r\n".repeat(count) + &line("GET /x HTTP/1.1");
        assert_eq!(look(&bytes, |head| head.target.to_vec()), b"/x");
        assert_eq!(Scan::default().request(bytes.as_bytes(), &Limits::default()), Ok(Some(bytes.len())));
    }
    refused(400, Malformed::EmptyLines, &["\r\n".repeat(9), "\r\n".repeat(9) + &line("GET / HTTP/1.1")]);
}

#[test]
fn the_request_line_has_three_parts_one_space_apart() {
    refused(400, Malformed::RequestLine, &starts(&["GET  / HTTP/1.1", "GET", "POST /x", "GET x", "GET ", "get /"]));
    refused(400, Malformed::Version, &starts(&["GET /  HTTP/1.1", "GET / HTTP/1.1 ", "GET / a HTTP/1.1", "GET / "]));
    refused(
        400,
        Malformed::Target,
        &starts(
            &["GET\t/\tHTTP/1.1 x y", "GET /\t HTTP/1.1"]
                .map(|c| if c.starts_with("GET\t") { "GET \t/ HTTP/1.1" } else { c }),
        ),
    );
    refused(
        400,
        Malformed::Method,
        &starts(&["GET\t/ HTTP/1.1", "G@T / HTTP/1.1", "G(T) / HTTP/1.1", "GET: / HTTP/1.1", "G\u{e9}T / HTTP/1.1"]),
    );
    refused(
        400,
        Malformed::NotHttp,
        &starts(&[" GET / HTTP/1.1", "\tGET / HTTP/1.1", "@ / HTTP/1.1", "\u{16}\u{3}\u{1}"]),
    );
}

#[test]
fn other_major_versions_are_refused_and_minor_ones_are_read_as_ours() {
    let cases = [
        "GET / HTTP/0.9",
        "GET /",
        "GET /path?x",
        "GET / HTTP/2.0",
        "GET / HTTP/3.0",
        "GET / HTTP/0.0",
        "PRI * HTTP/2.0",
    ];
    refused(505, Malformed::VersionUnsupported, &starts(&cases));
    refused(505, Malformed::VersionUnsupported, &all(&["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /\r\n"]));
    let none = [
        "HTTP/1.",
        "HTTP/1",
        "HTTP/.1",
        "HTTP/11.1",
        "HTTP/1.10",
        "HTTP/01.1",
        "http/1.1",
        "HTTP/1,1",
        "HTTP/1.1x",
        "HTP/1.1",
        "HTTP/x.y",
        "HTTP /1.1",
        "HTTP/-1.1",
    ];
    refused(400, Malformed::Version, &none.map(|version| line(&format!("GET / {version}"))));
    for (version, read) in [("1.0", Version::V10), ("1.1", Version::V11), ("1.2", Version::V11), ("1.9", Version::V11)]
    {
        let bytes = format!("GET /x HTTP/{version}\r\nHost: h\r\nX: a\r\n\r\n");
        let seen = look(&bytes, |head| (head.version, head.fields.len(), head.target.to_vec()));
        assert_eq!(seen, (read, 2, b"/x".to_vec()));
        assert!(sent(&bytes).starts_with("GET /x HTTP/1.1\r\nHost: h\r\nX: a\r\n"));
    }
    refused(400, Malformed::FieldName, &all(&["GET / HTTP/1.2\r\nHost : h\r\n\r\n"]));
    refused(400, Malformed::HostMissing, &all(&["GET / HTTP/1.2\r\n\r\n"]));
}

#[test]
fn methods_are_tokens_and_unknown_ones_pass() {
    let verbs = [
        ("GET", Verb::Get),
        ("HEAD", Verb::Head),
        ("POST", Verb::Post),
        ("PUT", Verb::Put),
        ("DELETE", Verb::Delete),
        ("OPTIONS", Verb::Options),
        ("TRACE", Verb::Trace),
        ("PATCH", Verb::Patch),
        ("PROPFIND", Verb::Other),
        ("get", Verb::Other),
        ("GETX", Verb::Other),
        ("!#$%&'*+-.^_`|~09azAZ", Verb::Other),
    ];
    for (method, verb) in verbs {
        let bytes = line(&format!("{method} / HTTP/1.1"));
        assert_eq!(look(&bytes, |head| head.verb), verb);
        assert!(sent(&bytes).starts_with(&format!("{method} / HTTP/1.1\r\n")));
    }
    let safe = |verb: &Verb| verb.is_safe();
    let idempotent = |verb: &Verb| verb.is_idempotent();
    let known = verbs.map(|(_, verb)| verb);
    assert_eq!(known.iter().filter(|v| safe(v)).count(), 4);
    assert_eq!(known.iter().filter(|v| idempotent(v)).count(), 6);
    assert!(!Verb::Post.is_idempotent() && !Verb::Patch.is_idempotent() && !Verb::Other.is_idempotent());
    refused(501, Malformed::MethodTooLong, &[line(&format!("{} / HTTP/1.1", "M".repeat(65))), "M".repeat(65)]);
}

#[test]
fn connect_is_refused() {
    let cases = [
        "CONNECT h:443 HTTP/1.1",
        "CONNECT / HTTP/1.1",
        "CONNECT * HTTP/1.1",
        "CONNECT http://h/ HTTP/1.1",
        "CONNECT h:443 HTTP/1.0",
    ];
    refused(501, Malformed::Connect, &starts(&cases));
}

#[test]
fn targets_of_wrong_bytes_or_form_are_refused() {
    let cases = [
        "/#x",
        "/a#",
        "#",
        "*",
        "h:80",
        "h",
        "?a",
        "a/b",
        "//",
        "http:",
        "http:/x",
        "http://",
        "http:///x",
        "http://?x",
        "ftp://h/",
        "HTTPX://h/",
        "http://:80/",
        "http://h:x/",
        "http://h:65536/",
        "http://h h/",
        "http://a@b@c/",
        "http://[::1/",
        "http://[x]/",
        "http://h\\x/",
        "http://u\"@h/",
        "http://%zz/",
        "/\u{e9}",
        "/\u{1f600}",
    ];
    let cases: Vec<_> =
        cases.iter().filter(|c| **c != "//" && !c.contains(' ')).map(|c| line(&format!("GET {c} HTTP/1.1"))).collect();
    refused(400, Malformed::Target, &cases);
    let mut raw = line("GET /? HTTP/1.1").into_bytes();
    raw[5] = 0xff; // not UTF-8 either
    assert_eq!(refusal(&raw), Some(Malformed::Target));
    refused(400, Malformed::Target, &starts(&["POST * HTTP/1.1", "GET h:80 HTTP/1.1", "OPTIONS h:80 HTTP/1.1"]));
}

#[test]
fn targets_go_on_as_they_came() {
    for target in ["/", "//", "/a/../b", "/%2e%2E/%00%zz", "/a?b?c=/&d", "/a;b,c|{}^`\"<>\\[]", "/~!$&'()*+,;=:@"] {
        assert!(
            sent(line(&format!("GET {target} HTTP/1.1"))).starts_with(&format!("GET {target} HTTP/1.1\r\n")),
            "{target}"
        );
    }
    assert!(sent(line("OPTIONS * HTTP/1.1")).starts_with("OPTIONS * HTTP/1.1\r\n"));
}

#[test]
fn an_absolute_target_wins_over_host_and_becomes_origin_form() {
    let cases = [
        ("GET http://a/x?y", "GET /x?y", "a"),
        ("GET HTTP://a:80/x", "GET /x", "a:80"),
        ("GET https://a:/", "GET /", "a:"),
        ("GET http://a", "GET /", "a"),
        ("GET http://a?b=http://c/d", "GET /?b=http://c/d", "a"),
        ("GET http://user:pass@a/x@y", "GET /x@y", "a"),
        ("GET http://@a/", "GET /", "a"),
        ("GET http://[::1]:8080/x", "GET /x", "[::1]:8080"),
        ("OPTIONS http://a", "OPTIONS *", "a"),
        ("OPTIONS http://a/", "OPTIONS /", "a"),
    ];
    for (from, to, host) in cases {
        let bytes = line(&format!("{from} HTTP/1.1"));
        assert_eq!(sent(&bytes), format!("{to} HTTP/1.1\r\nHost: {host}\r\n\r\n"), "{from}");
        assert!(sent_whole(&bytes, &ONWARD).contains(&format!("X-Forwarded-Host: {host}\r\n")));
        assert_eq!(sent(format!("{from} HTTP/1.0\r\n\r\n")), format!("{to} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    }
    assert_eq!(refusal("GET http://a/ HTTP/1.1\r\n\r\n"), Some(Malformed::HostMissing));
    assert_eq!(refusal("GET http://a/ HTTP/1.1\r\nHost: a, b\r\n\r\n"), Some(Malformed::Host));
}

#[test]
fn exactly_one_valid_host() {
    refused(400, Malformed::HostMissing, &all(&["GET / HTTP/1.1\r\n\r\n", "GET / HTTP/1.1\r\nX: Host\r\n\r\n"]));
    refused(400, Malformed::HostTwice, &lines(&["Host: h", "host: other", "X: y\r\nHOST: h"]));
    let invalid = [
        "",
        "a b",
        "a,b",
        "a, b",
        "a/b",
        "a@b",
        "u:p@h",
        "http://a",
        "a:b",
        "a:80:80",
        "a:-1",
        "a:65536",
        "a:99999999999999999999",
        ":80",
        "[::1",
        "::1",
        "[]",
        "[1]",
        "[::1]x",
        "[fe80::1%25eth0]",
        "a?",
        "a#",
        "a\\b",
        "a%zz",
        "a%2",
        "\u{e9}",
        "\"a\"",
        "<a>",
        "{a}",
        "[v.x]",
        "[v1.]",
        "a\tb",
    ];
    refused(400, Malformed::Host, &invalid.map(|host| format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")));
    for host in [
        "a",
        "a.b.example",
        "a:80",
        "a:",
        "127.0.0.1",
        "127.0.0.1:65535",
        "[::1]",
        "[2001:db8::1]:443",
        "a_b",
        "a%2Fb",
        "xn--a~",
        "[v1.x:y]",
        "A.Example.",
    ] {
        let bytes = format!("GET / HTTP/1.1\r\nhOsT:\t{host} \t\r\n\r\n");
        assert_eq!(look(&bytes, |head| head.host.map(<[u8]>::to_vec)), Some(host.as_bytes().to_vec()));
        assert_eq!(sent(&bytes), format!("GET / HTTP/1.1\r\nhOsT: {host}\r\n\r\n"));
    }
    refused(400, Malformed::Host, &all(&["GET / HTTP/1.0\r\nHost: a b\r\n\r\n"]));
    refused(400, Malformed::HostTwice, &all(&["GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n"]));
}

#[test]
fn http_1_0_without_host_is_served_and_the_place_of_ours_is_told() {
    let bytes = "GET / HTTP/1.0\r\nX: a\r\n\r\n";
    assert_eq!(sent(bytes), "GET / HTTP/1.1\r\nHost: backend:8080\r\nX: a\r\n\r\n");
    let mut out = b"before".to_vec();
    let place = look(bytes, |head| rewrite::request(head, &ONWARD, &mut out)).unwrap();
    assert_eq!(&out[place.clone()], b"backend:8080");
    out.splice(place, b"b:1".iter().copied());
    assert!(out.starts_with(b"beforeGET / HTTP/1.1\r\nHost: b:1\r\nX: a\r\n"));
    assert!(!sent_whole(bytes, &ONWARD).contains("X-Forwarded-Host"));
    assert_eq!(look(line("GET / HTTP/1.1"), |head| rewrite::request(head, &ONWARD, &mut Vec::new())), None);
}

#[test]
fn lengths_are_plain_numbers_said_once() {
    let bad = [
        "",
        "+5",
        "-5",
        "5 5",
        "0x5",
        "5a",
        "a",
        "5,",
        ",5",
        "5,5",
        "5, 5",
        "5;",
        "5.0",
        "1e3",
        "\"5\"",
        "9223372036854775808",
        "18446744073709551616",
        "99999999999999999999999",
        "\u{665}",
        "5\t5",
        "٥",
    ];
    refused(400, Malformed::Length, &bad.map(|length| with(&format!("Content-Length: {length}"))));
    refused(
        400,
        Malformed::LengthTwice,
        &lines(&["Content-Length: 5\r\nContent-Length: 5", "Content-Length: 5\r\nX: y\r\ncontent-length: 6"]),
    );
    for (text, length) in [("0", 0), ("5", 5), ("  5\t ", 5), ("005", 5), ("9223372036854775807", i64::MAX as u64)] {
        for method in ["GET", "HEAD", "DELETE", "POST", "OPTIONS", "WHATEVER"] {
            let bytes = line(&format!("{method} / HTTP/1.1\r\nContent-LENGTH: {text}"));
            assert_eq!(look(&bytes, |head| head.framing), Framing::Length(length));
            assert_eq!(sent(&bytes), line(&format!("{method} / HTTP/1.1\r\nContent-LENGTH: {length}")));
        }
    }
}

#[test]
fn codings_are_chunked_once_alone_in_one_field() {
    for coding in ["chunked", "Chunked", "CHUNKED", " \tchunked \t"] {
        let bytes = with(&format!("transfer-ENCODING:{coding}"));
        assert_eq!(look(&bytes, |head| head.framing), Framing::Chunked);
        assert_eq!(sent(&bytes), with("Transfer-Encoding: chunked"));
    }
    let bad = [
        "",
        "chunked,",
        ",chunked",
        "chunked, chunked",
        "chunked;q=1",
        "chunked; a=b",
        "xchunked",
        "chunked x",
        "identity",
        "identity, chunked",
        "chunked, gzip",
        "\"chunked\"",
        "chunke",
        "gzip, x, chunked",
        "chunked\u{a0}",
        ",",
        "br",
        "nonsense",
    ];
    refused(400, Malformed::Coding, &bad.map(|coding| with(&format!("Transfer-Encoding: {coding}"))));
    let twice = [
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nX: y\r\ntransfer-encoding: identity",
        "Transfer-Encoding:\r\nTransfer-Encoding: chunked",
    ];
    refused(400, Malformed::Coding, &lines(&twice));
    let exist = ["gzip, chunked", "gzip", "deflate,chunked", "x-gzip, chunked", "compress", "GZIP , Chunked"];
    refused(501, Malformed::CodingUnsupported, &exist.map(|coding| with(&format!("Transfer-Encoding: {coding}"))));
}

#[test]
fn length_together_with_coding_is_refused_whatever_they_say() {
    for coding in ["chunked", "gzip", "gzip, chunked", "nonsense", ""] {
        refused(
            400,
            Malformed::LengthAndCoding,
            &lines(&[
                &format!("Content-Length: 5\r\nTransfer-Encoding: {coding}"),
                &format!("Transfer-Encoding: {coding}\r\nContent-Length: 0"),
            ]),
        );
    }
    let removed = [
        "Connection: Content-Length\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
        "Connection: Transfer-Encoding\r\nContent-Length: 5\r\nTransfer-Encoding: chunked",
    ];
    refused(400, Malformed::LengthAndCoding, &lines(&removed));
}

#[test]
fn coding_in_http_1_0_is_refused() {
    let case = |coding: &str| format!("POST / HTTP/1.0\r\nTransfer-Encoding: {coding}\r\n\r\n");
    refused(400, Malformed::CodingInOld, &["chunked", "gzip", "nonsense"].map(case));
}

#[test]
fn names_that_only_look_alike_do_not_frame() {
    let bytes = with("Transfer_Encoding: chunked\r\nContent-Lengt: 5\r\nX-Content-Length: 6\r\nContent-Length-X: 7");
    assert_eq!(look(&bytes, |head| head.framing), Framing::None);
    assert_eq!(sent(&bytes), bytes);
}

#[test]
fn a_request_without_length_or_coding_has_no_body() {
    for method in ["GET", "POST", "PUT"] {
        let bytes = line(&format!("{method} / HTTP/1.1"));
        assert_eq!(look(&bytes, |head| head.framing), Framing::None);
        assert_eq!(sent(&bytes), bytes);
    }
}

#[test]
fn expectations() {
    let body = |expect: &str| with(&format!("Content-Length: 5\r\nExpect: {expect}"));
    for expect in ["100-continue", "100-Continue"] {
        assert!(look(body(expect), |head| head.expects_continue));
        assert_eq!(sent(body(expect)), body(expect));
    }
    assert!(look(with("Transfer-Encoding: chunked\r\nExpect: 100-continue"), |head| head.expects_continue));
    for none in ["Expect: 100-continue", "Expect: 100-continue\r\nContent-Length: 0"] {
        assert!(!look(with(none), |head| head.expects_continue), "nothing to hold back");
    }
    let other = ["200-ok", "", "100", "100-continue, x", "100-continuex"];
    refused(417, Malformed::Expectation, &other.map(body));
    refused(417, Malformed::Expectation, &[body("100-continue\r\nExpect: 100-continue")]);
    let old = "POST / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n";
    assert!(!look(old, |head| head.expects_continue));
    assert!(!sent(old).contains("Expect"));
    assert_eq!(sent(body("100-continue\r\nConnection: expect")), body("100-continue"), "cannot be taken out");
}

#[test]
fn keeping_alive_goes_by_version_and_connection() {
    let cases = [
        ("1.1", "", true),
        ("1.1", "close", false),
        ("1.1", "CLOSE", false),
        ("1.1", "x, Close ,y", false),
        ("1.1", "keep-alive", true),
        ("1.1", "keep-alive, close", false),
        ("1.1", "closed", true),
        ("1.1", "x\r\nConnection: close", false),
        ("1.0", "", false),
        ("1.0", "keep-alive", true),
        ("1.0", "Keep-Alive, x", true),
        ("1.0", "close, keep-alive", false),
        ("1.0", "x\r\nProxy-Connection: keep-alive", false),
    ];
    for (version, connection, alive) in cases {
        let bytes = format!("GET / HTTP/{version}\r\nHost: h\r\nConnection: {connection}\r\n\r\n");
        assert_eq!(look(&bytes, |head| head.keep_alive), alive, "{version} {connection}");
    }
}

#[test]
fn upgrades_are_offered_on_but_never_to_another_http() {
    let upgrade = |version: &str, lines: &str| {
        look(format!("GET / HTTP/{version}\r\nHost: h\r\n{lines}\r\n\r\n"), |head| {
            head.upgrade.map(|p| String::from_utf8_lossy(p).into_owned())
        })
    };
    let websocket = Some("websocket".to_string());
    assert_eq!(upgrade("1.1", "Connection: Upgrade\r\nUpgrade: websocket"), websocket);
    assert_eq!(upgrade("1.1", "Upgrade: h2c, websocket\r\nConnection: keep-alive, upgrade"), websocket);
    assert_eq!(upgrade("1.1", "Connection: upgrade\r\nUpgrade: HTTP/2.0\r\nUpgrade: websocket, x"), websocket);
    assert_eq!(upgrade("1.1", "Connection: upgrade\r\nUpgrade: IRC/6.9").as_deref(), Some("IRC/6.9"));
    assert_eq!(upgrade("1.1", "Upgrade: websocket"), None, "without the option");
    assert_eq!(upgrade("1.1", "Connection: upgrade"), None, "without the field");
    assert_eq!(upgrade("1.0", "Connection: Upgrade\r\nUpgrade: websocket"), None);
    for none in ["h2c", "H2C", "h2", "HTTP/2.0", "", "web socket", "a/b/c", "/x", "h2c/1"] {
        assert_eq!(
            upgrade("1.1", &format!("Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\nUpgrade: {none}")),
            None,
            "{none}"
        );
    }
    let framed = with("Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 5");
    assert_eq!(look(framed, |head| head.framing), Framing::Length(5), "framed like any other");
}

#[test]
fn max_forwards_counts_for_options_and_trace_alone() {
    let case = |method: &str, value: &str| line(&format!("{method} / HTTP/1.1\r\nMax-Forwards: {value}"));
    for method in ["OPTIONS", "TRACE"] {
        assert_eq!(look(case(method, "0"), |head| head.max_forwards), Some(0));
        assert!(sent(case(method, "010")).contains("Max-Forwards: 9\r\n"));
        assert!(sent(case(method, "99999999999999999999")).contains("Max-Forwards: 18446744073709551614\r\n"));
        let bad = ["", "-1", "x", "1 1", "1\r\nMax-Forwards: 1"];
        refused(400, Malformed::MaxForwards, &bad.map(|value| case(method, value)));
        let kept = sent(case(method, "5\r\nConnection: max-forwards"));
        assert!(kept.contains("Max-Forwards: 4\r\n"), "cannot be taken out");
    }
    assert_eq!(look(case("GET", "0"), |head| head.max_forwards), None);
    assert_eq!(sent(case("GET", "x")), case("GET", "x"));
}

#[test]
fn sizes() {
    let limits = Limits::default();
    let target = |size: usize| line(&format!("GET /{} HTTP/1.1", "a".repeat(size - 1)));
    assert_eq!(look(target(limits.target), |head| head.target.len()), limits.target);
    refused(
        414,
        Malformed::TargetTooLong,
        &[target(limits.target + 1), target(limits.head), format!("GET /{}", "a".repeat(limits.target + 20))],
    );

    let fields = |count: usize| with(&vec!["X: y"; count - 1].join("\r\n"));
    assert_eq!(look(fields(limits.fields), |head| head.fields.len()), limits.fields);
    refused(431, Malformed::TooManyFields, &[fields(limits.fields + 1), fields(1000)]);

    let sized = |size: usize| with(&format!("X: {}", "v".repeat(size - with("X: ").len())));
    assert_eq!(look(sized(limits.head), |head| head.fields.len()), 2);
    let large = [
        sized(limits.head + 1),
        sized(10 * limits.head),
        sized(limits.head + 1).split_off(0)[..limits.head].to_string(),
    ];
    refused(431, Malformed::HeadTooLarge, &large);

    let most = Limits { fields: 1000, ..limits };
    assert_eq!(judge(fields(256).as_bytes(), &most, |head| head.fields.len()), Ok(Some(256)));
    assert_eq!(judge(fields(257).as_bytes(), &most, |_| ()), Err(Malformed::TooManyFields));
    let many = with(&format!("Connection: {}", vec!["x"; 101].join(",")));
    assert_eq!(refusal(many), Some(Malformed::TooManyFields), "options that name fields are bounded too");
}

#[test]
fn a_length_beyond_the_limit_is_refused() {
    let limits = Limits { body: 10, ..Limits::default() };
    let framing =
        |length: u64| judge(with(&format!("Content-Length: {length}")).as_bytes(), &limits, |head| head.framing);
    assert_eq!(framing(10), Ok(Some(Framing::Length(10))));
    assert_eq!(framing(11), Err(Malformed::BodyTooLarge));
    assert_eq!(Malformed::BodyTooLarge.status(), Status(413));
}

#[test]
fn what_is_hopeless_is_refused_at_once() {
    let cases = [
        ("\u{16}\u{3}", Malformed::NotHttp),
        ("GET /\r\n", Malformed::VersionUnsupported),
        ("GET / HTTP/2.0\r\n", Malformed::VersionUnsupported),
        ("garbage\r\n", Malformed::RequestLine),
        ("G@T / HTTP/1.1\r\n", Malformed::Method),
        ("GET /\u{e9} HTTP/1.1\r\nHost", Malformed::Target),
        ("GET / HTTP/1.1\r\nX: y\n", Malformed::BareLf),
        ("GET / HTTP/1.1\n", Malformed::BareLf),
    ];
    for (bytes, reason) in cases {
        assert_eq!(Scan::default().request(bytes.as_bytes(), &Limits::default()), Err(reason), "{bytes:?}");
    }
    for more in ["", "\r", "\r\n", "G", "GET", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nX: y\r\n\r"] {
        assert_eq!(Scan::default().request(more.as_bytes(), &Limits::default()), Ok(None), "{more:?}");
    }
}

#[test]
fn an_id_is_kept_when_it_is_fit() {
    let id = |lines: &str| look(with(lines), |head| head.request_id.map(<[u8]>::len));
    for fit in ["a", "Root=1-67891233-abc", "f81d4fae-7dec-11d0-a765-00a0c91e6bf6", "a/b:c@d", &"x".repeat(128)] {
        let line = format!("X-REQUEST-id: {fit}");
        assert_eq!(id(&line), Some(fit.len()));
        assert_eq!(sent(with(&line)), with(&line));
    }
    for unfit in [
        "",
        "a b",
        "a\"b",
        "a,b",
        "\u{e9}",
        "a\r\nX-Request-Id: b",
        "a\r\nX-Request-Id: b\r\nX-Request-Id: c",
        &"x".repeat(129),
    ] {
        let bytes = with(&format!("X-Request-Id: {unfit}"));
        assert!(look(&bytes, |head| head.request_id.is_none()));
        assert_eq!(sent_whole(&bytes, &ONWARD).matches("X-Request-Id: ").count(), 1);
        assert!(sent_whole(&bytes, &ONWARD).contains("X-Request-Id: 00000000000000000000000000000abc\r\n"));
    }
}

#[test]
fn every_cause_has_a_name_and_a_status_that_we_can_say() {
    let mut names: Vec<_> = Malformed::ALL.iter().map(|cause| cause.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), Malformed::ALL.len());
    for (place, cause) in Malformed::ALL.iter().enumerate() {
        assert_eq!(*cause as usize, place);
        assert_ne!(cause.status().reason(), "");
        assert!(cause.name().bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'));
        assert!(!cause.to_string().is_empty());
    }
}
