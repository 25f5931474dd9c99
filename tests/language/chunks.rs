//! The chunked coding: its grammar, its trailers, and every way to cut it.

use super::*;
use evenkeel::base::Rng;

/// What came out of a body: its bytes, its trailers, and what was left behind its end (none: it has not ended).
type Body = Result<(Vec<u8>, String, Option<Vec<u8>>), Malformed>;

/// Decodes bytes that come in pieces of the given sizes, the last one repeated.
fn decode(bytes: &[u8], limits: &Limits, mut size: impl FnMut() -> usize) -> Body {
    let (mut chunked, mut held, mut from) = (Chunked::new(), Vec::new(), 0);
    let (mut body, mut trailers) = (Vec::new(), Vec::new());
    let mut done = false;
    while from < bytes.len() {
        let to = bytes.len().min(from + size());
        held.extend_from_slice(&bytes[from..to]);
        from = to;
        let behind = held.clone();
        let decoded = chunked.decode(&mut held, limits, &mut trailers)?;
        assert!(decoded.produced <= decoded.consumed && decoded.consumed <= held.len());
        assert!(!done || (decoded.consumed == 0 && decoded.done), "nothing is eaten after the end");
        assert_eq!(held[decoded.consumed..], behind[decoded.consumed..], "what is not eaten is not touched");
        body.extend_from_slice(&held[..decoded.produced]);
        held.drain(..decoded.consumed);
        done = decoded.done;
    }
    Ok((body, String::from_utf8(trailers).unwrap(), done.then_some(held)))
}

fn whole(bytes: impl AsRef<[u8]>) -> Body {
    decode(bytes.as_ref(), &Limits::default(), || usize::MAX / 2)
}

fn complete(body: &str, trailers: &str, rest: &str) -> Body {
    Ok((body.into(), trailers.into(), Some(rest.into())))
}

#[test]
fn bodies_that_are_right() {
    let cases = [
        ("0\r\n\r\n", "", "", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello", "", ""),
        ("5\r\nhello\r\n0\r\n\r\nGET /", "hello", "", "GET /"),
        ("5\r\nhello\r\n1\r\n!\r\n000\r\n\r\n", "hello!", "", ""),
        ("A\r\n0123456789\r\na\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", "", ""),
        ("0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", "", ""),
        ("5;a=b;c\r\nhello\r\n0;x\r\n\r\n", "hello", "", ""),
        ("5;a=\"b;\\\" c\"\r\nhello\r\n0\r\n\r\n", "hello", "", ""),
        ("5; a = b\r\nhello\r\n0\r\n\r\n", "hello", "", ""),
        ("2\r\n\r\n\r\n0\r\n\r\n", "\r\n", "", ""),
        ("5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", "", ""),
        ("0\r\nX: y\r\n\r\n", "", "X: y\r\n", ""),
        ("1\r\na\r\n0\r\nx-A:  1 \r\nX-a:\r\n\r\nrest", "a", "x-A: 1\r\nX-a: \r\n", "rest"),
    ];
    for (bytes, body, trailers, rest) in cases {
        assert_eq!(whole(bytes), complete(body, trailers, rest), "{bytes:?}");
    }
}

#[test]
fn sizes_are_plain_hexadecimal() {
    let bad = [
        "\r\n",
        ";a\r\n",
        "+5\r\n",
        "-5\r\n",
        "0x5\r\n",
        "x\r\n",
        "5x\r\n",
        "g\r\n",
        " 5\r\n",
        "5 \r\n",
        "5\t\r\n",
        "5 ;a\r\n",
        "\t5\r\n",
        "5_0\r\n",
        "5.\r\n",
        "5,\r\n",
        "8000000000000000\r\n",
        "ffffffffffffffff\r\n",
        "00000000000000005\r\n",
        "10000000000000000\r\n",
        "\n",
        "5\n",
        "\r\n5\r\n",
        "\u{665}\r\n",
        "5\0\r\n",
    ];
    for size in bad {
        let bytes = format!("{size}hello\r\n0\r\n\r\n");
        assert_eq!(whole(&bytes), Err(Malformed::ChunkSize), "{size:?}");
        let second = format!("1\r\na\r\n{bytes}");
        assert_eq!(whole(second), Err(Malformed::ChunkSize), "{size:?}");
    }
    assert_eq!(whole("7fffffffffffffff\r\nabc"), Ok((b"abc".to_vec(), String::new(), None)));
}

#[test]
fn line_ends_are_exact() {
    for bytes in ["5\rhello\r\n0\r\n\r\n", "5\r\rhello", "5;a\rb\r\nhello\r\n0\r\n\r\n", "0\r\r\n"] {
        assert_eq!(whole(bytes), Err(Malformed::BareCr), "{bytes:?}");
    }
    for bytes in [
        "5\r\nhello\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n",
        "5\r\nhello!\r\n0\r\n\r\n",
        "5\r\nhello\rx",
        "5\r\nhello\r\r\n",
        "4\r\nhello\r\n0\r\n\r\n",
    ] {
        assert_eq!(whole(bytes), Err(Malformed::ChunkEnd), "{bytes:?}");
    }
    for bytes in ["0\r\n\n", "0\r\nX: y\n\r\n", "0\r\nX: y\r\n\n", "0\r\nX: y\n\n"] {
        assert_eq!(whole(bytes), Err(Malformed::BareLf), "{bytes:?}");
    }
}

#[test]
fn extensions_are_bounded_and_hold_no_line_end() {
    for extension in ["a\nb", "\"\r\n\"", "a=\"b\r\n", "a=\"b\\\r\n", "\0", "\u{7f}", "a\n"] {
        assert_eq!(
            whole(format!("5;{extension}\r\nhello\r\n0\r\n\r\n")),
            Err(Malformed::ChunkExtension),
            "{extension:?}"
        );
    }
    let long = |size: usize| whole(format!("5;{}\r\nhello\r\n0\r\n\r\n", "a".repeat(size)));
    assert_eq!(long(1023), complete("hello", "", ""));
    assert_eq!(long(1024), Err(Malformed::ChunkExtension));
    assert_eq!(long(100_000), Err(Malformed::ChunkExtension));
    let signed = "3;chunk-signature=0123456789abcdef\r\nabc\r\n".repeat(10_000) + "0\r\n\r\n";
    assert_eq!(whole(signed), complete(&"abc".repeat(10_000), "", ""), "bounded for each chunk, not for the body");
}

#[test]
fn trailers_are_fields() {
    for section in [
        "X\r\n\r\n",
        "X : y\r\n\r\n",
        ": y\r\n\r\n",
        "X: y\r\n z\r\n\r\n",
        " X: y\r\n\r\n",
        "X: a\rb\r\n\r\n",
        "X: a\0\r\n\r\n",
        "0\r\n\r\n",
    ] {
        let verdict = whole(format!("0\r\n{section}")).map_err(Malformed::status);
        assert_eq!(verdict, Err(Status(400)), "{section:?}");
    }
    let many = |count: usize| whole(format!("0\r\n{}\r\n", "X: y\r\n".repeat(count)));
    assert_eq!(many(100), complete("", &"X: y\r\n".repeat(100), ""));
    assert_eq!(many(101), Err(Malformed::TooManyFields));
    let large = |size: usize| whole(format!("0\r\nX: {}\r\n\r\n", "y".repeat(size)));
    assert!(large(16_000).is_ok());
    assert_eq!(large(17_000), Err(Malformed::HeadTooLarge));
    assert_eq!(whole(format!("0\r\n{}", "y".repeat(17_000))), Err(Malformed::HeadTooLarge), "an unfinished one too");
}

#[test]
fn trailers_that_come_too_late_are_dropped() {
    let forbidden = [
        "Transfer-Encoding: chunked",
        "content-length: 5",
        "HOST: h",
        "Connection: close",
        "Keep-Alive: x",
        "TE: x",
        "Upgrade: x",
        "Trailer: x",
        "Set-Cookie: x",
        "Authorization: x",
        "Content-Type: x",
        "Content-Encoding: x",
        "Cache-Control: x",
        "Expect: x",
        "Max-Forwards: 1",
        "Range: x",
        "If-Match: x",
        "X-Forwarded-For: x",
        "X-Request-Id: x",
        "Cookie: x",
        "Proxy-Connection: x",
        "HTTP2-Settings: x",
    ];
    for field in forbidden {
        let bytes = format!("0\r\nX: 1\r\n{field}\r\nY: 2\r\n\r\n");
        assert_eq!(whole(bytes), complete("", "X: 1\r\nY: 2\r\n", ""), "{field}");
    }
    let allowed = "ETag: x\r\nServer-Timing: x\r\nGrpc-Status: 0\r\nDigest: x\r\n";
    assert_eq!(whole(format!("0\r\n{allowed}\r\n")), complete("", allowed, ""));
}

#[test]
fn an_unfinished_body_is_not_done() {
    let bytes = "5\r\nhello\r\n1;a=\"b\"\r\n!\r\n0\r\nX: y\r\nZ: \r\n\r\n";
    for cut in 0..bytes.len() {
        let (body, trailers, rest) = whole(&bytes[..cut]).unwrap();
        assert!(b"hello!".starts_with(&body));
        assert_eq!((trailers.as_str(), rest), ("", None), "{cut}");
    }
}

/// An independent reading of the coding, all at once, by splitting: no state, no cleverness.
fn model(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = at + bytes[at..].windows(2).position(|two| two == b"\r\n")?;
        let text = str::from_utf8(&bytes[at..line]).ok()?;
        let size = usize::from_str_radix(text.split(';').next()?, 16).ok()?;
        at = line + 2;
        if size == 0 {
            let rest = &bytes[at..];
            let end =
                if rest.starts_with(b"\r\n") { 2 } else { rest.windows(4).position(|four| four == b"\r\n\r\n")? + 4 };
            return Some((body, at + end));
        }
        body.extend_from_slice(bytes.get(at..at + size)?);
        at += size + 2;
    }
}

/// A random body, coded in random chunks, with something behind it.
fn any_body(rng: &mut Rng) -> Vec<u8> {
    let mut bytes = Vec::new();
    for _ in 0..rng.below(6) {
        let most = if rng.chance(1, 4) { 600 } else { 12 };
        let size = 1 + rng.below(most);
        let data: Vec<u8> = (0..size).map(|_| *rng.one_of(b"\r\n0;ab\xff").unwrap()).collect();
        let extension = rng.one_of(&["", "", ";a", ";a=\"b c\""]).unwrap();
        bytes.extend_from_slice(format!("{size:x}{extension}\r\n").as_bytes());
        bytes.extend_from_slice(&data);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(
        rng.one_of(&["0\r\n\r\n", "00\r\n\r\n", "0;x\r\nA: b\r\n\r\n", "0\r\nA: b\r\nHost: x\r\nC:\r\n\r\n"])
            .unwrap()
            .as_bytes(),
    );
    bytes.extend_from_slice(b"GET / HT");
    bytes
}

#[test]
fn any_pieces_decode_as_an_independent_model_says() {
    let mut rng = Rng::new(4);
    for _ in 0..2_000 {
        let bytes = any_body(&mut rng);
        let (body, end) = model(&bytes).unwrap();
        let expected = whole(&bytes).unwrap();
        assert_eq!((&expected.0, &expected.2), (&body, &Some(bytes[end..].to_vec())));
        let limits = Limits::default();
        assert_eq!(decode(&bytes, &limits, || 1).unwrap(), expected);
        assert_eq!(decode(&bytes, &limits, || 1 + rng.below(20) as usize).unwrap(), expected);
    }
}

#[test]
fn a_body_cut_at_any_byte_is_the_same_body() {
    let mut rng = Rng::new(5);
    for _ in 0..60 {
        let bytes = any_body(&mut rng);
        let expected = whole(&bytes);
        for cut in 1..bytes.len() {
            let mut sizes = [cut, bytes.len()].into_iter();
            assert_eq!(decode(&bytes, &Limits::default(), || sizes.next().unwrap()), expected, "{cut}");
        }
    }
}

#[test]
fn a_spoilt_body_is_refused_alike_however_cut() {
    let mut rng = Rng::new(6);
    let mut refused = 0;
    for _ in 0..5_000 {
        let mut bytes = any_body(&mut rng);
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] = *rng.one_of(b"\r\n\0 ;:0fg\"").unwrap();
        let verdict = whole(&bytes);
        refused += u32::from(verdict.is_err());
        assert_eq!(decode(&bytes, &Limits::default(), || 1), verdict, "{:?}", String::from_utf8_lossy(&bytes));
        assert_eq!(decode(&bytes, &Limits::default(), || 1 + rng.below(9) as usize), verdict);
    }
    assert!(refused > 1_000, "{refused}");
}

#[test]
fn what_we_chunk_decodes_again() {
    let mut rng = Rng::new(7);
    for size in [1, 9, 10, 15, 16, 17, 255, 256, 4095, 4096, 65_535, 65_536] {
        let body: Vec<u8> = (0..size).map(|_| rng.bits() as u8).collect();
        let mut out = Vec::new();
        chunk_head(body.len(), &mut out);
        assert_eq!(out, format!("{size:x}\r\n").into_bytes());
        out.extend_from_slice(&body);
        out.extend_from_slice(b"\r\n");
        last_chunk(b"A: b\r\n", &mut out);
        assert_eq!(whole(&out), Ok((body, "A: b\r\n".into(), Some(Vec::new()))));
    }
    let mut out = Vec::new();
    chunk_head(0, &mut out);
    assert!(out.is_empty(), "it would end the body");
    last_chunk(b"", &mut out);
    assert_eq!(out, b"0\r\n\r\n");
}

/// As for heads: looked at from the start each time, this would take 10^11 steps.
#[test]
fn trailers_one_byte_at_a_time_cost_their_length() {
    const SIZE: usize = 600_000;
    let limits = Limits { head: 2 * SIZE, ..Limits::default() };
    let (mut chunked, mut trailers) = (Chunked::new(), Vec::new());
    assert_eq!(chunked.decode(&mut b"0\r\n".to_vec(), &limits, &mut trailers).map(|decoded| decoded.consumed), Ok(3));
    let mut section = format!("X: {}\r\n\r\n", "y".repeat(SIZE)).into_bytes();
    for end in 1..section.len() {
        let nothing = Decoded { consumed: 0, produced: 0, done: false };
        assert_eq!(chunked.decode(&mut section[..end], &limits, &mut trailers), Ok(nothing));
    }
    let all = Decoded { consumed: section.len(), produced: 0, done: true };
    assert_eq!(chunked.decode(&mut section, &limits, &mut trailers), Ok(all));
}
