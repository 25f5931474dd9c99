//! The same bytes give the same verdict, however they are cut.

use super::rewriting::any_request;
use super::*;
use evenkeel::base::Rng;

/// What becomes of bytes that come in these pieces, and what the head says when it is whole.
fn pieces(bytes: &[u8], ends: impl Iterator<Item = usize>, limits: &Limits) -> Result<Option<String>, Malformed> {
    let mut scan = Scan::default();
    for end in ends {
        let mut look = || {
            let (mut room, bytes) = (table(), &bytes[..end]);
            let found = head::next_request(&mut scan, bytes, limits, &mut room)?;
            Ok(found.map(|(head, size)| format!("{size} {head:?}")))
        };
        if let Some(found) = look()? {
            assert_eq!(look(), Ok(Some(found.clone())), "asked again");
            return Ok(Some(found));
        }
    }
    Ok(None)
}

fn same_however_cut(bytes: &[u8], limits: &Limits) {
    let whole = pieces(bytes, [bytes.len()].into_iter(), limits);
    assert_eq!(pieces(bytes, 1..=bytes.len(), limits), whole, "{:?}", String::from_utf8_lossy(bytes));
    for cut in 1..bytes.len() {
        assert_eq!(
            pieces(bytes, [cut, bytes.len()].into_iter(), limits),
            whole,
            "{cut} of {:?}",
            String::from_utf8_lossy(bytes)
        );
    }
}

#[test]
fn a_head_cut_at_any_byte_is_the_same_head() {
    same_however_cut(with("X: y\r\nContent-Length: 5").as_bytes(), &Limits::default());
    same_however_cut((with("X: y") + "GET /next HTTP/1.1\r\n").as_bytes(), &Limits::default());
    let mut rng = Rng::new(2);
    for _ in 0..1_000 {
        same_however_cut(&any_request(&mut rng), &Limits::default());
    }
}

#[test]
fn limits_hold_however_it_is_cut() {
    let limits = Limits { head: 100, target: 20, fields: 5, ..Limits::default() };
    let mut rng = Rng::new(3);
    for _ in 0..500 {
        let mut bytes = any_request(&mut rng);
        let at = rng.below(bytes.len() as u64) as usize;
        let long = vec![b"a /\r"[rng.below(4) as usize]; rng.below(130) as usize];
        bytes.splice(at..at, long);
        same_however_cut(&bytes, &limits);
    }
    for size in 0..40 {
        for rest in [
            " HTTP/1.1\r\nHost: h\r\n\r\n",
            "\n",
            " HTTP/1.1\n",
            " x\r\n\r\n",
            "\r\n\r\n",
            "#",
            "",
            "               \r\n",
        ] {
            same_however_cut(format!("GET /{}{rest}", "a".repeat(size)).as_bytes(), &limits);
        }
    }
}

/// Whoever takes a lone LF for a line end reads another message, so it matters at each of them, however they come.
#[test]
fn a_line_end_without_its_cr_is_refused_however_it_is_cut() {
    for right in [line("GET / HTTP/1.1"), with("X: y\r\nEmpty:\r\nContent-Length: 5") + "hello\r\n"] {
        let head = right.find("\r\n\r\n").expect("a head has an end") + 3;
        for (at, _) in right.match_indices("\r\n").filter(|(at, _)| *at < head) {
            let mut wrong = right.clone().into_bytes();
            wrong.remove(at);
            same_however_cut(&wrong, &Limits::default());
            assert_eq!(refusal(&wrong), Some(Malformed::BareLf), "{:?}", String::from_utf8_lossy(&wrong));
        }
    }
}

/// The CR of its line end is no part of a method, although it comes before the LF.
#[test]
fn a_method_as_long_as_allowed_may_be_cut_before_the_last_byte_of_its_line() {
    for size in 62..=67 {
        same_however_cut(format!("{}\r\n", "M".repeat(size)).as_bytes(), &Limits::default());
        same_however_cut(format!("{}\x05\r\n", "M".repeat(size)).as_bytes(), &Limits::default());
    }
}

/// Were each piece looked at from the start, this would take 10^11 steps and nobody would wait for it.
#[test]
fn one_byte_at_a_time_costs_the_length_of_the_head() {
    const SIZE: usize = 600_000;
    let limits = Limits { head: 2 * SIZE, ..Limits::default() };
    let bytes = with(&format!("X: {}", "v".repeat(SIZE)));
    let (mut request, mut response) = (Scan::default(), Scan::default());
    let answer = bytes.replace("GET / HTTP/1.1", "HTTP/1.1 200 OK");
    for end in 1..bytes.len() {
        assert_eq!(request.request(&bytes.as_bytes()[..end], &limits), Ok(None));
        assert_eq!(response.response(&answer.as_bytes()[..end], &limits), Ok(None));
    }
}

#[test]
fn the_states_are_small() {
    assert!(size_of::<Scan>() <= 12 && size_of::<Chunked>() <= 24);
}

#[test]
fn a_response_cut_at_any_byte_is_the_same_response() {
    let cases: [&[u8]; 8] = [
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.0 404 \r\n\r\n",
        b"HTTP/1.1 abc OK\r\n\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: y\n\r\n",
        b"HTTP/1.1 200 OK\nX: y\r\n\r\n",
        b"garbage\r\n\r\n",
        b"\r\nHTTP/1.1 200 OK\r\n\r\n",
    ];
    let verdict = |bytes: &[u8], ends: &mut dyn Iterator<Item = usize>| -> Result<Option<String>, Malformed> {
        let mut scan = Scan::default();
        for end in ends {
            let (mut room, bytes) = (table(), &bytes[..end]);
            let found = head::next_response(&mut scan, bytes, Verb::Get, &Limits::default(), &mut room)?;
            if let Some((head, size)) = found {
                return Ok(Some(format!("{size} {head:?}")));
            }
        }
        Ok(None)
    };
    for bytes in cases {
        let whole = verdict(bytes, &mut [bytes.len()].into_iter());
        assert_eq!(verdict(bytes, &mut (1..=bytes.len())), whole);
        for cut in 1..bytes.len() {
            assert_eq!(verdict(bytes, &mut [cut, bytes.len()].into_iter()), whole);
        }
    }
}

#[test]
fn a_head_with_anything_behind_it_is_refused() {
    let limits = Limits::default();
    let request = with("X: y") + "rest";
    assert!(head::request(request.as_bytes(), &limits, &mut table()).is_err());
    let response = "HTTP/1.1 200 OK\r\nX: y\r\n\r\nrest";
    assert!(head::response(response.as_bytes(), Verb::Get, &limits, &mut table()).is_err());
}
