//! What goes on: hop-by-hop fields out, forwarding fields in, all else as it came.

use super::*;
use evenkeel::base::Rng;

#[test]
fn order_duplicates_case_and_values_are_kept() {
    let lines = "COOKIE: a=b; c\r\nx-B: 1\r\nX-b: 2\r\nAccept:\r\nx-B: 1\r\ncontent-Length: 7\r\nZ: a,  b\t,c \u{e9}\r\nTrailer: Q\r\nVia: 1.0 x\r\nForwarded: for=x\r\nAuthorization: a\r\nProxy-Authorization: b";
    let expected = with(lines).replace("Accept:\r\n", "Accept: \r\n");
    assert_eq!(sent(with(lines)), expected);
}

#[test]
fn obs_text_passes_as_bytes() {
    let mut bytes = with("X: a?b").into_bytes();
    let at = bytes.iter().position(|&byte| byte == b'?').unwrap();
    bytes[at] = 0xff;
    let mut out = Vec::new();
    look(&bytes, |head| rewrite::request(head, &ONWARD, &mut out));
    assert!(out.windows(6).any(|window| window == b"X: a\xffb"));
}

#[test]
fn fields_of_one_hop_stay_behind() {
    let hop = [
        "Connection: keep-alive",
        "Keep-Alive: timeout=5",
        "Proxy-Connection: keep-alive",
        "TE: gzip",
        "TE: gzip, deflate;q=0.5",
        "Upgrade: websocket",
        "HTTP2-Settings: AAMAAABkAAQ",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x",
        "Connection: X-A\r\nX-A: 1\r\nx-a: 2",
        "X-A: 1\r\nX-B: 2\r\nConnection: , x-b ,,close\r\nconnection: x-A",
        "Connection: Cookie\r\nCookie: a=b",
        "Connection: close",
        "Connection:",
        "Connection: te\r\nTE: nothing",
    ];
    for case in hop {
        assert_eq!(sent(with(&format!("{case}\r\nX: y"))), with("X: y"), "{case}");
    }
}

#[test]
fn te_may_say_trailers_and_nothing_else() {
    for te in ["trailers", "gzip, Trailers", "trailers\r\nTE: gzip"] {
        let expected = with("Connection: TE\r\nTE: trailers");
        let sent = sent(with(&format!("TE: {te}\r\nConnection: TE, close")));
        assert_eq!(sent, expected, "{te}");
    }
    assert_eq!(sent(with("TE: trailers;q=0")), with("").replace("\r\n\r\n\r\n", "\r\n\r\n"));
    assert!(!sent("GET / HTTP/1.0\r\nHost: h\r\nTE: trailers\r\n\r\n").contains("TE"));
}

#[test]
fn upgrades_are_said_anew() {
    let bytes = with("Upgrade: h2c, websocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Key: x");
    assert_eq!(sent(bytes), with("Sec-WebSocket-Key: x\r\nConnection: Upgrade\r\nUpgrade: websocket"));
    let both = with("Upgrade: x/1\r\nConnection: Upgrade, TE\r\nTE: trailers");
    assert_eq!(sent(both), with("Connection: Upgrade, TE\r\nTE: trailers\r\nUpgrade: x/1"));
}

#[test]
fn what_protects_the_next_hop_cannot_be_taken_out() {
    let bytes = with(
        "Connection: Host, Content-Length, X-Forwarded-For, X-Forwarded-Host, X-Forwarded-Proto, X-Request-Id\r\nContent-Length: 5\r\nX-Request-Id: mine",
    );
    assert_eq!(sent(&bytes), with("Content-Length: 5\r\nX-Request-Id: mine"));
    assert!(
        sent_whole(&bytes, &ONWARD)
            .contains("X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\n")
    );
    let coded = with("Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked");
    assert_eq!(sent(coded), with("Transfer-Encoding: chunked"));
}

#[test]
fn forwarding_fields_are_overwritten_unless_the_client_is_trusted() {
    let bytes = with(
        "X-Forwarded-For: 1.1.1.1\r\nx-forwarded-FOR: 2.2.2.2,3.3.3.3\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil",
    );
    let untrusted = sent_whole(&bytes, &ONWARD);
    assert_eq!(
        untrusted,
        with(
            "X-Forwarded-For: 10.0.0.9\r\nX-Forwarded-Proto: http\r\nX-Forwarded-Host: h\r\nX-Request-Id: 00000000000000000000000000000abc"
        )
    );
    let trusted = sent_whole(&bytes, &Onward { trusted: true, ..ONWARD });
    assert_eq!(
        trusted,
        with(
            "X-Forwarded-For: 1.1.1.1, 2.2.2.2, 3.3.3.3, 10.0.0.9\r\nX-Forwarded-Proto: https, http\r\nX-Forwarded-Host: evil, h\r\nX-Request-Id: 00000000000000000000000000000abc"
        )
    );
}

#[test]
fn addresses_and_ids_are_written_whole() {
    let cases = [
        ("0.0.0.0", "0.0.0.0"),
        ("255.10.200.1", "255.10.200.1"),
        ("::1", "::1"),
        ("2001:db8::ff", "2001:db8::ff"),
        ("::ffff:1.2.3.4", "1.2.3.4"),
    ];
    for (client, written) in cases {
        let client = client.parse::<IpAddr>().unwrap().into();
        let sent = sent_whole(with("X: y"), &Onward { client, id: u128::MAX, proto: "https", ..ONWARD });
        assert!(sent.contains(&format!("X-Forwarded-For: {written}\r\nX-Forwarded-Proto: https\r\n")), "{sent}");
        assert!(sent.contains(&format!("X-Request-Id: {}\r\n", "f".repeat(32))));
    }
}

/// All that a request means beyond this hop, compared before and after.
#[derive(Debug, PartialEq)]
struct Meaning {
    method: String,
    target: Vec<u8>,
    host: Option<Vec<u8>>,
    framing: Framing,
    expects: bool,
    upgrade: Option<Vec<u8>>,
    fields: Vec<(String, Vec<u8>)>,
}

/// Whether a field passes to the next hop, decided without the code under test.
fn goes_on(name: &str, named_in_connection: &[String], head: &Request) -> bool {
    const WRITTEN_ANEW: [&str; 6] =
        ["host", "content-length", "transfer-encoding", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host"];
    const OF_ONE_HOP: [&str; 7] =
        ["connection", "keep-alive", "proxy-connection", "te", "upgrade", "http2-settings", "max-forwards"];
    let name = name.to_ascii_lowercase();
    match name.as_str() {
        "x-request-id" => head.request_id.is_some(),
        "expect" => head.version == Version::V11, // RFC 9110 10.1.1: of an older client it is ignored
        other => !WRITTEN_ANEW.contains(&other) && !OF_ONE_HOP.contains(&other) && !named_in_connection.contains(&name),
    }
}

fn meaning(head: &Request) -> Meaning {
    let connection = head.fields.iter().filter(|field| field.name.eq_ignore_ascii_case("connection"));
    let named: Vec<String> = connection
        .flat_map(|field| {
            String::from_utf8_lossy(field.value)
                .to_ascii_lowercase()
                .split(',')
                .map(|option| option.trim().to_string())
                .collect::<Vec<_>>()
        })
        .collect();
    let fields = head.fields.iter().filter(|field| goes_on(field.name, &named, head));
    let slash: &[u8] = if head.target.starts_with(b"?") { b"/" } else { b"" };
    Meaning {
        method: head.method.to_string(),
        target: [slash, head.target].concat(),
        host: head.host.map(<[u8]>::to_vec),
        framing: head.framing,
        expects: head.expects_continue,
        upgrade: head.upgrade.map(<[u8]>::to_vec),
        fields: fields.map(|field| (field.name.to_string(), field.value.to_vec())).collect(),
    }
}

/// One request of parts that are right, wrong and odd.
pub(super) fn any_request(rng: &mut Rng) -> Vec<u8> {
    const STARTS: [&str; 16] = [
        "GET / HTTP/1.1",
        "POST /a%20b?c HTTP/1.1",
        "HEAD /x HTTP/1.0",
        "OPTIONS * HTTP/1.1",
        "GET http://u@abs:80?q HTTP/1.1",
        "OPTIONS http://abs HTTP/1.1",
        "TRACE / HTTP/1.1",
        "PUT / HTTP/1.3",
        "GET / HTTP/2.0",
        "GET /",
        "CONNECT h:1 HTTP/1.1",
        "GET  / HTTP/1.1",
        "G(T / HTTP/1.1",
        "GET /# HTTP/1.1",
        "XYZ /\u{e9} HTTP/1.1",
        "\r\nDELETE /x HTTP/1.1",
    ];
    const LINES: [&str; 34] = [
        "Host: h",
        "Host: h:80",
        "host:other",
        "Host: a b",
        "Content-Length: 5",
        "Content-Length: 05",
        "content-length: 5, 5",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Connection: close",
        "Connection: keep-alive, X-A",
        "Connection: Upgrade, TE",
        "Connection: Host",
        "Keep-Alive: x",
        "TE: trailers",
        "TE: gzip",
        "Upgrade: websocket",
        "Upgrade: h2c",
        "HTTP2-Settings: x",
        "Expect: 100-continue",
        "Expect: x",
        "Max-Forwards: 3",
        "X-A: 1",
        "x-a: 2",
        "X-B: \u{e9}\u{ff}",
        "Cookie: a=b; c=d",
        "X-Forwarded-For: 9.9.9.9",
        "X-Request-Id: fit",
        "X-Request-Id: un fit",
        "Bad : x",
        " fold",
        "NoColon",
        "X: a\rb",
        "Empty:",
    ];
    let some = if rng.chance(1, 2) { 8 } else { 16 };
    let mut bytes = STARTS[rng.below(some) as usize].as_bytes().to_vec();
    bytes.extend_from_slice(b"\r\n");
    if rng.chance(9, 10) {
        bytes.extend_from_slice(b"Host: h\r\n");
    }
    for _ in 0..rng.below(7) {
        let line = LINES[1 + rng.below(33) as usize];
        let end: &[u8] = if rng.chance(1, 60) { b"\n" } else { b"\r\n" };
        bytes.extend_from_slice(line.as_bytes());
        bytes.extend_from_slice(end);
    }
    bytes.extend_from_slice(b"\r\n");
    if rng.chance(1, 8) {
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] = rng.bits() as u8;
    }
    bytes
}

#[test]
fn a_head_written_anew_means_the_same_and_is_a_fixpoint() {
    let mut rng = Rng::new(1);
    let mut accepted = 0;
    for _ in 0..30_000 {
        let bytes = any_request(&mut rng);
        let first = judge(&bytes, &Limits::default(), |head| {
            let mut out = Vec::new();
            rewrite::request(head, &ONWARD, &mut out);
            (meaning(head), head.max_forwards, out)
        });
        let Ok(Some((meant, forwards, once))) = first else {
            continue;
        };
        accepted += 1;
        let mut twice = Vec::new();
        let (understood, left) = look(&once, |head| {
            rewrite::request(head, &ONWARD, &mut twice);
            (meaning(head), head.max_forwards)
        });
        let mut expected = meant;
        let id = expected.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("x-request-id"));
        if !id {
            expected.fields.push(("X-Request-Id".into(), format!("{:032x}", ONWARD.id).into_bytes()));
        }
        expected.host = expected.host.or(Some(ONWARD.backend.into()));
        assert_eq!(understood, expected, "{}", String::from_utf8_lossy(&bytes));
        assert_eq!(left, forwards.map(|forwards| forwards.saturating_sub(1)));
        assert_eq!(same_lines(&once), same_lines(&twice), "{}", String::from_utf8_lossy(&bytes));
    }
    assert!(accepted > 3_000, "{accepted}");
}

/// The same head with other white space around each value.
pub(super) fn loosened(head: &[u8], rng: &mut Rng) -> Vec<u8> {
    let mut loose = Vec::new();
    for (index, line) in head.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let colon = line.iter().position(|&byte| byte == b':').filter(|_| index > 0 && line.ends_with(b"\r\n"));
        let Some(colon) = colon else {
            loose.extend_from_slice(line);
            continue;
        };
        let (name, value) = (&line[..=colon], line[colon + 1..line.len() - 2].trim_ascii());
        let mut space = || [&b""[..], b" ", b"\t", b"  ", b"\t "][rng.below(5) as usize];
        loose.extend_from_slice(&[name, space(), value, space(), b"\r\n"].concat());
    }
    loose
}

#[test]
fn white_space_around_values_changes_nothing() {
    let written = |bytes: &[u8]| {
        let mut out = Vec::new();
        let judged = judge(bytes, &Limits::default(), |head| rewrite::request(head, &ONWARD, &mut out));
        judged.is_ok_and(|head| head.is_some()).then_some(out)
    };
    let (mut rng, mut accepted) = (Rng::new(2), 0);
    for _ in 0..30_000 {
        let bytes = any_request(&mut rng);
        if let Some(out) = written(&bytes) {
            accepted += 1;
            let loose = loosened(&bytes, &mut rng);
            assert_eq!(written(&loose), Some(out), "{}", String::from_utf8_lossy(&loose));
        }
    }
    assert!(accepted > 3_000, "{accepted}");
}

/// The lines, sorted: what we add comes behind all else, so an id that was added once is overtaken by the rest. What
/// changes from hop to hop is left out.
fn same_lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    let changes = |line: &&[u8]| !line.starts_with(b"Max-Forwards") && !line.starts_with(b"X-Forwarded-Host");
    let mut lines: Vec<_> = bytes.split(|&byte| byte == b'\n').filter(changes).map(<[u8]>::to_vec).collect();
    lines.sort();
    lines
}
