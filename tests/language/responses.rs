//! Responses: refused, mended, passed.

use super::*;
use evenkeel::base::Rng;

/// A 200 to GET with these lines.
fn ok(lines: &str) -> String {
    format!("HTTP/1.1 200 OK\r\n{lines}\r\n\r\n")
}

fn refusal(bytes: impl AsRef<[u8]>) -> Option<Malformed> {
    judge_response(bytes.as_ref(), Verb::Get, &Limits::default(), |_| ()).err()
}

fn look<T>(bytes: impl AsRef<[u8]>, asked: Verb, look: impl FnOnce(&Response) -> T) -> T {
    judge_response(bytes.as_ref(), asked, &Limits::default(), look).expect("refused").expect("not whole")
}

fn framing(bytes: &str, asked: Verb) -> Framing {
    look(bytes, asked, |head| head.framing)
}

/// What the client is sent.
fn sent(bytes: impl AsRef<[u8]>, asked: Verb, body: Option<Framing>, persist: Persist) -> String {
    let mut out = Vec::new();
    look(bytes, asked, |head| rewrite::response(head, body.unwrap_or(head.framing), persist, &mut out));
    String::from_utf8_lossy(&out).into_owned()
}

#[test]
fn line_ends_and_fields_are_as_strict_as_in_requests() {
    let cases = [
        ("HTTP/1.1 200 OK\nX: y\r\n\r\n", Malformed::BareLf),
        ("HTTP/1.1 200 OK\r\nX: y\n\r\n", Malformed::BareLf),
        ("HTTP/1.1 200 OK\r\nX: y\r\n\n", Malformed::BareLf),
        ("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n", Malformed::Fold),
        ("HTTP/1.1 200 OK\r\n X: y\r\n\r\n", Malformed::Fold),
        ("HTTP/1.1 200 OK\r\nX : y\r\n\r\n", Malformed::FieldName),
        ("HTTP/1.1 200 OK\r\nX\r\n\r\n", Malformed::FieldName),
        ("HTTP/1.1 200 OK\r\n: y\r\n\r\n", Malformed::FieldName),
        ("HTTP/1.1 200 OK\r\nX: a\rb\r\n\r\n", Malformed::FieldValue),
        ("HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n", Malformed::FieldValue),
    ];
    for (bytes, reason) in cases {
        assert_eq!(refusal(bytes), Some(reason), "{bytes:?}");
    }
}

#[test]
fn bad_status_lines_are_refused() {
    let lines = [
        "HTTP/1.1",
        "HTTP/1.1 ",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 abc OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 099 X",
        "HTTP/1.1 -20 X",
        "HTTP/1.1 200OK",
        "HTTP/1.1\t200 OK",
        "HTTP/1.1 200\tOK",
        "HTTP/1.1 200 a\0b",
        "HTTP/1.1 200 a\rb",
        "HTTX/1.1 200 OK",
        "garbage",
        "",
        " HTTP/1.1 200 OK",
        "ICY 200 OK",
    ];
    for line in lines {
        assert_eq!(refusal(format!("{line}\r\n\r\n")), Some(Malformed::StatusLine), "{line:?}");
    }
    for line in ["HTTP/2.0 200 OK", "HTTP/0.9 200 OK"] {
        assert_eq!(refusal(format!("{line}\r\n\r\n")), Some(Malformed::VersionUnsupported));
    }
    assert_eq!(refusal("HTTP/1.x 200 OK\r\n\r\n"), Some(Malformed::Version));
    assert_eq!(refusal("\r\nHTTP/1.1 200 OK\r\n\r\n"), Some(Malformed::StatusLine), "no empty line before it");
}

#[test]
fn garbage_is_seen_at_its_first_byte() {
    for bytes in ["x", "HTTX", "\0", "{\"a\":1}", "\r\n"] {
        assert_eq!(Scan::default().response(bytes.as_bytes(), &Limits::default()), Err(Malformed::StatusLine));
    }
    for bytes in ["", "H", "HTTP/", "HTTP/1.1 200 OK\r\n"] {
        assert_eq!(Scan::default().response(bytes.as_bytes(), &Limits::default()), Ok(None));
    }
    assert_eq!(Scan::default().response(b"HTTP/1.1 abc\r\n", &Limits::default()), Err(Malformed::StatusLine));
}

#[test]
fn status_and_reason_go_on_as_they_came() {
    let cases = [
        ("HTTP/1.1 200 OK", "HTTP/1.1 200 OK"),
        ("HTTP/1.0 404 Not  Found here ", "HTTP/1.1 404 Not  Found here "),
        ("HTTP/1.1 200 ", "HTTP/1.1 200 "),
        ("HTTP/1.1 200", "HTTP/1.1 200 "),
        ("HTTP/1.7 599 x", "HTTP/1.1 599 x"),
        ("HTTP/1.1 999 Whatever", "HTTP/1.1 999 Whatever"),
        ("HTTP/1.1 200 D\u{e9}j\u{e0} vu", "HTTP/1.1 200 D\u{e9}j\u{e0} vu"),
    ];
    for (from, to) in cases {
        let bytes = format!("{from}\r\nContent-Length: 0\r\n\r\n");
        assert_eq!(sent(bytes, Verb::Get, None, Persist::Silent), format!("{to}\r\nContent-Length: 0\r\n\r\n"));
    }
}

#[test]
fn where_a_body_ends() {
    let cases = [
        ("Content-Length: 5", Framing::Length(5)),
        ("Content-Length: 0", Framing::Length(0)),
        ("Transfer-Encoding: Chunked", Framing::Chunked),
        ("X: y", Framing::UntilClose),
        ("Content-Length: 5\r\nContent-Length: 5", Framing::Length(5)),
        ("Content-Length: 5, 5", Framing::Length(5)),
        ("Content-Length: 5\r\nX: y\r\nContent-Length: 005,5", Framing::Length(5)),
    ];
    for (lines, expected) in cases {
        assert_eq!(framing(&ok(lines), Verb::Get), expected, "{lines}");
    }
    assert_eq!(framing("HTTP/1.0 200 OK\r\n\r\n", Verb::Post), Framing::UntilClose);
}

#[test]
fn no_body_whatever_the_fields_say() {
    for fields in ["Content-Length: 5", "Transfer-Encoding: chunked", "X: y"] {
        assert_eq!(framing(&ok(fields), Verb::Head), Framing::None);
        for status in [100, 101, 102, 103, 199, 204, 304] {
            let bytes = format!("HTTP/1.1 {status} X\r\n{fields}\r\n\r\n");
            assert_eq!(framing(&bytes, Verb::Get), Framing::None, "{bytes}");
            assert_eq!(look(&bytes, Verb::Get, |head| head.is_interim()), status < 200);
        }
    }
    for fields in [
        "Content-Length: 5\r\nTransfer-Encoding: chunked",
        "Content-Length: x",
        "Content-Length: 5\r\nContent-Length: 6",
        "Transfer-Encoding: x",
    ] {
        for status in [103, 204] {
            let bytes = format!("HTTP/1.1 {status} X\r\n{fields}\r\nX: y\r\n\r\n");
            assert_eq!(sent(&bytes, Verb::Get, None, Persist::Silent), format!("HTTP/1.1 {status} X\r\nX: y\r\n\r\n"));
        }
    }
}

#[test]
fn ambiguous_or_bad_framing_is_refused() {
    let cases = [
        ("Content-Length: 5\r\nTransfer-Encoding: chunked", Malformed::LengthAndCoding),
        ("Transfer-Encoding: gzip\r\nContent-Length: 5", Malformed::LengthAndCoding),
        ("Content-Length: 5\r\nContent-Length: 6", Malformed::LengthTwice),
        ("Content-Length: 5, 6", Malformed::LengthTwice),
        ("Content-Length: 5,x", Malformed::LengthTwice),
        ("Content-Length: ,5", Malformed::Length),
        ("Content-Length: 5,", Malformed::LengthTwice),
        ("Content-Length: 5,,5", Malformed::LengthTwice),
        ("Content-Length:", Malformed::Length),
        ("Content-Length: ,", Malformed::Length),
        ("Content-Length: +5", Malformed::Length),
        ("Content-Length: -5", Malformed::Length),
        ("Content-Length: 5 5", Malformed::Length),
        ("Content-Length: 0x5", Malformed::Length),
        ("Content-Length: 9223372036854775808", Malformed::Length),
        ("Transfer-Encoding: chunked, chunked", Malformed::Coding),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", Malformed::Coding),
        ("Transfer-Encoding: identity", Malformed::Coding),
        ("Transfer-Encoding:", Malformed::Coding),
        ("Transfer-Encoding: gzip, chunked", Malformed::CodingUnsupported),
    ];
    for (lines, reason) in cases {
        assert_eq!(refusal(ok(lines)), Some(reason), "{lines}");
    }
    assert_eq!(refusal("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), Some(Malformed::CodingInOld));
}

#[test]
fn a_flood_of_head_is_refused() {
    let flood = |count: usize| ok(&vec!["X: y"; count].join("\r\n"));
    assert_eq!(look(flood(100), Verb::Get, |head| head.fields.len()), 100);
    assert_eq!(refusal(flood(101)), Some(Malformed::TooManyFields));
    assert_eq!(refusal(ok(&format!("X: {}", "y".repeat(20_000)))), Some(Malformed::HeadTooLarge));
    assert_eq!(refusal(format!("HTTP/1.1 200 {}", "y".repeat(20_000))), Some(Malformed::HeadTooLarge));
}

#[test]
fn a_backend_keeps_alive_by_version_connection_and_framing() {
    let cases = [
        ("HTTP/1.1", "Content-Length: 0", true),
        ("HTTP/1.1", "Content-Length: 0\r\nConnection: close", false),
        ("HTTP/1.1", "Content-Length: 0\r\nConnection: x, CLOSE", false),
        ("HTTP/1.0", "Content-Length: 0", false),
        ("HTTP/1.0", "Content-Length: 0\r\nConnection: Keep-Alive", true),
        ("HTTP/1.1", "Connection: keep-alive", false),
        ("HTTP/1.1", "Transfer-Encoding: chunked", true),
    ];
    for (version, lines, alive) in cases {
        let bytes = format!("{version} 200 OK\r\n{lines}\r\n\r\n");
        assert_eq!(look(bytes, Verb::Get, |head| head.keep_alive), alive, "{version} {lines}");
    }
    assert!(look(ok("X: y"), Verb::Head, |head| head.keep_alive), "nothing to wait for");
}

#[test]
fn fields_of_one_hop_stay_behind_and_all_others_go_on() {
    let lines = "Server: x\r\nSet-Cookie: a=b\r\nConnection: X-Gone, close\r\nSET-cookie: c=d\r\nKeep-Alive: timeout=5\r\nx-gone: 1\r\nContent-length: 005\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\nX-Forwarded-For: kept\r\nHost: kept\r\nX-Request-Id: kept kept\r\nExpect: kept\r\nVia: x\r\nSet-Cookie: a=b";
    let expected = "HTTP/1.1 200 OK\r\nServer: x\r\nSet-Cookie: a=b\r\nSET-cookie: c=d\r\nContent-length: 5\r\nX-Forwarded-For: kept\r\nHost: kept\r\nX-Request-Id: kept kept\r\nExpect: kept\r\nVia: x\r\nSet-Cookie: a=b\r\n\r\n";
    assert_eq!(sent(ok(lines), Verb::Get, None, Persist::Silent), expected);
    let kept = ok("Connection: Content-Length, Transfer-Encoding\r\nContent-Length: 5");
    assert_eq!(sent(kept, Verb::Get, None, Persist::Silent), ok("Content-Length: 5"));
}

#[test]
fn what_the_client_is_told_about_its_connection() {
    let bytes = ok("Content-Length: 5\r\nConnection: close");
    let cases = [
        (Persist::Silent, ""),
        (Persist::Close, "\r\nConnection: close"),
        (Persist::KeepAlive, "\r\nConnection: keep-alive"),
    ];
    for (persist, said) in cases {
        assert_eq!(sent(&bytes, Verb::Get, None, persist), ok(&format!("Content-Length: 5{said}")));
    }
    let switch = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nX: y\r\nConnection: upgrade\r\nContent-Length: 5\r\n\r\n";
    let expected = "HTTP/1.1 101 Switching Protocols\r\nX: y\r\nConnection: Upgrade\r\nUpgrade: WebSocket\r\n\r\n";
    assert_eq!(sent(switch, Verb::Get, None, Persist::Upgrade), expected);
    assert_eq!(look(switch, Verb::Get, |head| head.upgrade.map(<[u8]>::len)), Some(9));
}

#[test]
fn only_a_101_that_says_so_switches() {
    let upgrade = |head: &str| look(format!("{head}\r\n\r\n"), Verb::Get, |head| head.upgrade.is_some());
    assert!(upgrade("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: a"));
    assert!(!upgrade("HTTP/1.1 101 X\r\nUpgrade: a"));
    assert!(!upgrade("HTTP/1.1 101 X\r\nConnection: upgrade"));
    assert!(!upgrade("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c"));
    assert!(!upgrade("HTTP/1.0 101 X\r\nConnection: upgrade\r\nUpgrade: a"));
    assert!(!upgrade("HTTP/1.1 200 X\r\nConnection: upgrade\r\nUpgrade: a"));
}

#[test]
fn the_framing_that_goes_out_is_the_one_asked_for() {
    let closing = ok("X: y");
    assert_eq!(
        sent(&closing, Verb::Get, Some(Framing::Chunked), Persist::Silent),
        ok("X: y\r\nTransfer-Encoding: chunked")
    );
    assert_eq!(sent(&closing, Verb::Get, Some(Framing::UntilClose), Persist::Close), ok("X: y\r\nConnection: close"));
    assert_eq!(sent(&closing, Verb::Get, Some(Framing::Length(3)), Persist::Silent), ok("X: y\r\nContent-Length: 3"));
    let chunked = ok("X: y\r\nTransfer-Encoding: chunked");
    assert_eq!(sent(&chunked, Verb::Get, Some(Framing::UntilClose), Persist::Close), ok("X: y\r\nConnection: close"));
    assert_eq!(sent(&chunked, Verb::Get, None, Persist::Silent), chunked);
    let sized = ok("Content-Length: 5\r\nX: y");
    assert_eq!(sent(&sized, Verb::Get, Some(Framing::Chunked), Persist::Silent), chunked, "never both");
    assert_eq!(sent(&sized, Verb::Get, Some(Framing::Length(6)), Persist::Silent), ok("Content-Length: 6\r\nX: y"));
    let twice = ok("Content-Length: 5\r\nX: y\r\nContent-Length: 5,5");
    assert_eq!(sent(&twice, Verb::Get, None, Persist::Silent), sized, "said once");
}

#[test]
fn the_length_that_a_body_would_have_had_is_kept() {
    assert_eq!(sent(ok("Content-Length: 5"), Verb::Head, None, Persist::Silent), ok("Content-Length: 5"));
    assert_eq!(sent(ok("X: y\r\nTransfer-Encoding: chunked"), Verb::Head, None, Persist::Silent), ok("X: y"));
    let unchanged = "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\nETag: x\r\n\r\n";
    assert_eq!(sent(unchanged, Verb::Get, None, Persist::Silent), unchanged);
    let nothing = "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n";
    assert_eq!(sent(nothing, Verb::Get, None, Persist::Silent), "HTTP/1.1 204 No Content\r\n\r\n");
}

#[test]
fn a_response_written_anew_is_a_fixpoint() {
    for lines in [
        "Content-Length: 05\r\nX: y",
        "Transfer-Encoding: chunked\r\nConnection: a\r\nA: b",
        "x-Y:\r\nSet-Cookie: \u{e9}\r\nKeep-Alive: x",
        "Content-Length: 5\r\nContent-Length: 5",
    ] {
        let once = sent(ok(lines), Verb::Get, None, Persist::Silent);
        assert_eq!(sent(&once, Verb::Get, None, Persist::Silent), once);
        assert_eq!(framing(&once, Verb::Get), framing(&ok(lines), Verb::Get));
    }
}

#[test]
fn white_space_around_values_changes_nothing() {
    const LINES: [&str; 14] = [
        "Content-Length: 5",
        "content-length: 05",
        "Content-Length: 5, 5",
        "Content-Length: 0",
        "Connection: close",
        "Connection: keep-alive, X-A",
        "X-A: 1",
        "x-a: 2",
        "Keep-Alive: timeout=5",
        "Date: Thu, 01 Jan 2026 00:00:00 GMT",
        "Set-Cookie: a=b; Path=/",
        "Upgrade: websocket",
        "X-B: \u{e9}\u{ff}",
        "Empty:",
    ];
    let (mut rng, mut accepted) = (Rng::new(3), 0);
    for _ in 0..10_000 {
        let status = ["200 OK", "304 Not Modified", "204 ", "404 "][rng.below(4) as usize];
        let lines: Vec<_> = (0..rng.below(7)).map(|_| LINES[rng.below(14) as usize]).collect();
        let bytes =
            [&[format!("HTTP/1.1 {status}").as_str()], &lines[..], &["", ""]].concat().join("\r\n").into_bytes();
        let asked = if rng.chance(1, 4) { Verb::Head } else { Verb::Get };
        let body = rng.chance(1, 4).then_some(Framing::Chunked);
        let written = |bytes: &[u8]| {
            let mut out = Vec::new();
            judge_response(bytes, asked, &Limits::default(), |head| {
                rewrite::response(head, body.unwrap_or(head.framing), Persist::Silent, &mut out);
            })
            .map(|_| out)
        };
        let (once, loose) = (written(&bytes), super::rewriting::loosened(&bytes, &mut rng));
        accepted += u32::from(once.is_ok());
        assert_eq!(written(&loose), once, "{}", String::from_utf8_lossy(&loose));
    }
    assert!(accepted > 3_000, "{accepted}");
}
