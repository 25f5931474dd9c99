//! What the readers are fed: messages that are right, and the published ways to bend them.
//!
//! A draft is a message taken apart, so that a shape can bend one place and leave the rest right: what is broken
//! everywhere teaches nothing. Each case also may be cut at any byte, and may have a second message behind it.

use super::shapes::{SHAPES, latin, pick, pick_bytes};
use evenkeel::base::Rng;

/// One stream of bytes.
#[derive(Debug, Clone)]
pub struct Case {
    pub bytes: Vec<u8>,
    /// The method that a response answers.
    pub asked: &'static str,
    /// What was done to it.
    pub shapes: Vec<&'static str>,
}

/// A message in parts; lines without their ends.
pub struct Draft {
    pub start: Vec<u8>,
    pub fields: Vec<Vec<u8>>,
    pub body: Vec<u8>,
    pub response: bool,
}

const METHODS: &[&str] = &["GET", "POST", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH", "M-SEARCH", "x!"];
const TARGETS: &[&str] = &[
    "/",
    "/a/b?c=d",
    "/%2e%2E/%zz",
    "//x",
    "/a?b?c=http://d/",
    "http://other/x",
    "http://u:p@o:81?q",
    "/~;,:@!$&'()*+=",
];
const VERSIONS: &[&str] = &["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2"];
const STATUSES: &[&str] =
    &["200 OK", "204 None", "304 Same", "404 ", "500", "206 \u{e9}", "100 Go on", "103 Hints", "999 ?"];
const FIELDS: &[&str] = &[
    "Accept: */*",
    "X-Empty:",
    "x-a: b\tc",
    "X-Obs: \u{e9}",
    "Cookie:a=b; c=d  ",
    "Connection: close",
    "Connection: keep-alive",
    "Connection: x-a, ,Keep-Alive",
    "Expect: 100-continue",
    "Max-Forwards: 3",
    "Upgrade: websocket",
    "Te: trailers",
    "Content-Lengths: 7",
    "Transfer_Encoding: chunked",
];
/// The next request, or several.
pub fn request(rng: &mut Rng) -> Case {
    case(rng, false)
}

/// The next response, with whatever is before and behind it.
pub fn response(rng: &mut Rng) -> Case {
    case(rng, true)
}

fn case(rng: &mut Rng, response: bool) -> Case {
    let mut shapes = Vec::new();
    let mut bytes = write(draft(rng, response), rng, &mut shapes);
    while rng.chance(1, 3) {
        shapes.push("another one");
        let next = draft(rng, response);
        bytes.extend(if rng.chance(1, 4) { write(next, rng, &mut shapes) } else { plain(next) });
    }
    if rng.chance(1, 8) {
        shapes.push("an empty line");
        bytes.splice(0..0, pick_bytes(rng, &[b"\r\n", b"\r\n\r\n", b"\n", b"\r"]).repeat(1 + rng.below(9) as usize));
    }
    if rng.chance(1, 4) {
        shapes.push("cut");
        bytes.truncate(1 + rng.below(bytes.len() as u64) as usize);
    }
    let asked = if response && rng.chance(1, 4) { "HEAD" } else { "GET" };
    Case { bytes, asked, shapes }
}

/// A message that is right.
fn draft(rng: &mut Rng, response: bool) -> Draft {
    let version = pick(rng, VERSIONS);
    let start = match response {
        true => format!("{version} {}", pick(rng, STATUSES)),
        false => format!("{} {} {version}", pick(rng, METHODS), pick(rng, TARGETS)),
    };
    let mut fields: Vec<Vec<u8>> = (0..rng.below(4)).map(|_| latin(pick(rng, FIELDS))).collect();
    let mut body = Vec::new();
    match rng.below(4) {
        0 if version != "HTTP/1.0" => {
            fields.push(b"Transfer-Encoding: chunked".to_vec());
            body = b"5\r\nhello\r\nA\r\n\r\n\r\n0\r\n\r\n..\r\n0\r\n\r\n".to_vec();
        }
        1 | 2 => {
            fields.push(b"Content-Length: 5".to_vec());
            body = b"hello".to_vec();
        }
        _ if response && rng.chance(1, 2) => body = b"until the end".to_vec(),
        _ => {}
    }
    rng.shuffle(&mut fields);
    fields.insert(0, b"Host: a".to_vec());
    Draft { start: latin(&start), fields, body, response }
}

/// Bends it, mostly once, and writes it.
fn write(mut draft: Draft, rng: &mut Rng, shapes: &mut Vec<&'static str>) -> Vec<u8> {
    while rng.chance(3, 5) {
        if let Some((name, bend)) = rng.one_of(SHAPES) {
            bend(&mut draft, rng);
            shapes.push(name);
        }
    }
    let mut bytes = plain(draft);
    if rng.chance(1, 8) {
        shapes.push("a line end");
        let ends: Vec<usize> = (0..bytes.len()).filter(|&at| bytes[at] == b'\n').collect();
        if let Some(&at) = rng.one_of(&ends) {
            bytes
                .splice(at.saturating_sub(1)..=at, pick_bytes(rng, &[b"\n", b"\r", b"\r\r\n", b"\n\r", b" \r\n", b""]));
        }
    }
    bytes
}

fn plain(draft: Draft) -> Vec<u8> {
    let mut bytes = draft.start;
    for field in draft.fields {
        bytes.extend(b"\r\n");
        bytes.extend(field);
    }
    bytes.extend(b"\r\n\r\n");
    bytes.extend(draft.body);
    bytes
}
