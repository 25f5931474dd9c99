//! The same bytes give the same verdict, however they are cut.

use super::rewriting::any_request;
use super::*;
use evenkeel::base::Rng;

type Verdict = Result<Option<String>, Malformed>;

/// Whose heads they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heads {
    Requests,
    Responses,
}

use Heads::{Requests, Responses};

impl Heads {
    /// What is said of these bytes, the same `scan` each time.
    fn next(self, scan: &mut Scan, bytes: &[u8], limits: &Limits) -> Verdict {
        let mut room = table();
        Ok(match self {
            Requests => head::next_request(scan, bytes, limits, &mut room)?.map(|(head, size)| told(size, head)),
            Responses => {
                head::next_response(scan, bytes, Verb::Get, limits, &mut room)?.map(|(head, size)| told(size, head))
            }
        })
    }

    /// The same by who looks for the end first, and for what is in it then.
    fn in_two_steps(self, scan: &mut Scan, bytes: &[u8], limits: &Limits) -> Verdict {
        let mut room = table();
        let found = if self == Requests { scan.request(bytes, limits) } else { scan.response(bytes, limits) };
        let Some(size) = found? else { return Ok(None) };
        Ok(Some(match self {
            Requests => told(size, head::request(&bytes[..size], limits, &mut room)?),
            Responses => told(size, head::response(&bytes[..size], Verb::Get, limits, &mut room)?),
        }))
    }
}

fn told(size: usize, head: impl std::fmt::Debug) -> String {
    format!("{size} {head:?}")
}

/// What becomes of bytes that come in these pieces, and what the head says when it is whole.
fn pieces(heads: Heads, bytes: &[u8], ends: impl Iterator<Item = usize>, limits: &Limits) -> Verdict {
    let (mut scan, mut other) = (Scan::default(), Scan::default());
    for end in ends {
        let found = heads.next(&mut scan, &bytes[..end], limits);
        assert_eq!(found, heads.in_two_steps(&mut other, &bytes[..end], limits), "{:?}", text(&bytes[..end]));
        assert_eq!(found, heads.next(&mut scan, &bytes[..end], limits), "asked again: {:?}", text(&bytes[..end]));
        if found != Ok(None) {
            return found;
        }
    }
    Ok(None)
}

fn text(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

fn same_however_cut(bytes: &[u8], limits: &Limits) {
    each_cut_alike(Requests, bytes, limits);
}

fn each_cut_alike(heads: Heads, bytes: &[u8], limits: &Limits) {
    let whole = pieces(heads, bytes, [bytes.len()].into_iter(), limits);
    assert_eq!(pieces(heads, bytes, 1..=bytes.len(), limits), whole, "{}", text(bytes));
    for cut in 1..bytes.len() {
        assert_eq!(pieces(heads, bytes, [cut, bytes.len()].into_iter(), limits), whole, "{cut} of {}", text(bytes));
    }
}

/// One response of parts that are right, wrong and odd.
fn any_response(rng: &mut Rng) -> Vec<u8> {
    const STARTS: [&str; 14] = [
        "HTTP/1.1 200 OK",
        "HTTP/1.0 404 ",
        "HTTP/1.1 500",
        "HTTP/1.1 100 Continue",
        "HTTP/1.1 101 Switching Protocols",
        "HTTP/1.1 304 N\u{e9}",
        "HTTP/1.2 200 OK",
        "HTTP/2.0 200 OK",
        "HTTP/1.1 099 x",
        "HTTP/1.1 20 OK",
        "HTTP/1.1  200 OK",
        "HTTP/1.1 5x0 OK",
        "\r\nHTTP/1.1 200 OK",
        "http/1.1 200 OK",
    ];
    const LINES: [&str; 16] = [
        "Content-Length: 5",
        "content-length: 5, 5",
        "Content-Length: 6",
        "Transfer-Encoding: chunked",
        "Transfer-Encoding: gzip, chunked",
        "Connection: close",
        "Connection: keep-alive, X-A",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "X-A: ",
        "X-A:b\t",
        "X-A : b",
        " folded",
        "no colon",
        "X: a\u{1}b",
        ": nothing",
    ];
    let mut text = STARTS[rng.below(STARTS.len() as u64) as usize].to_string() + "\r\n";
    for _ in 0..rng.below(6) {
        text += LINES[rng.below(LINES.len() as u64) as usize];
        text += "\r\n";
    }
    (text + "\r\n").into_bytes()
}

#[test]
fn a_head_cut_at_any_byte_is_the_same_head() {
    same_however_cut(with("X: y\r\nContent-Length: 5").as_bytes(), &Limits::default());
    same_however_cut((with("X: y") + "GET /next HTTP/1.1\r\n").as_bytes(), &Limits::default());
    let mut rng = Rng::new(2);
    for _ in 0..400 {
        same_however_cut(&any_request(&mut rng), &Limits::default());
    }
}

#[test]
fn limits_hold_however_it_is_cut() {
    let limits = Limits { head: 100, target: 20, fields: 5, ..Limits::default() };
    let mut rng = Rng::new(3);
    for _ in 0..250 {
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
    for bytes in cases {
        each_cut_alike(Responses, bytes, &Limits::default());
    }
}

/// One byte is lost, doubled or another; the limits are those that the head just meets, or just fails; another message
/// stands behind it.
#[test]
fn whoever_looks_once_and_whoever_looks_twice_sees_the_same() {
    let mut rng = Rng::new(4);
    for round in 0..600 {
        let heads = [Requests, Responses][round % 2];
        let mut bytes = if heads == Requests { any_request(&mut rng) } else { any_response(&mut rng) };
        let size = bytes.len();
        if rng.below(2) == 0 {
            let behind = if heads == Requests { any_request(&mut rng) } else { any_response(&mut rng) };
            bytes.extend_from_slice(&behind[..rng.below(behind.len() as u64 + 1) as usize]);
        }
        for _ in 0..rng.below(3) {
            let at = rng.below(size.min(bytes.len()) as u64) as usize;
            match rng.below(4) {
                0 => _ = bytes.remove(at),
                1 => bytes.insert(at, b"\n\r \t:"[rng.below(5) as usize]),
                2 => bytes[at] = rng.below(256) as u8,
                _ => bytes.extend_from_slice(&bytes.clone()[at..]),
            }
        }
        let lines = bytes.iter().filter(|&&byte| byte == b'\n').count();
        let near = |what: usize, rng: &mut Rng| (what + rng.below(3) as usize).saturating_sub(1);
        let limits = match rng.below(3) {
            0 => Limits::default(),
            1 => Limits { head: near(size, &mut rng), ..Limits::default() },
            _ => Limits { fields: near(lines.saturating_sub(2), &mut rng), target: 8, ..Limits::default() },
        };
        each_cut_alike(heads, &bytes, &limits);
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
