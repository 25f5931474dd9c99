//! The published ways to bend a message: each bends one place, by values that somebody once took for something else.

use super::corpus::Draft;
use evenkeel::base::Rng;

type Bend = fn(&mut Draft, &mut Rng);

const LENGTHS: &[&str] = &[
    "",
    "+5",
    "-5",
    "5,5",
    "5, 5",
    "5,6",
    "5 5",
    "0x5",
    "5.",
    "5a",
    "00005",
    "18446744073709551621",
    "99999999999999999999",
    "9223372036854775809",
    "1e1",
    "\"5\"",
    "0",
    "5;",
    "4",
];
const CODINGS: &[&str] = &[
    "Chunked",
    "chunked, chunked",
    "gzip, chunked",
    "chunked, gzip",
    "gzip",
    "identity",
    "xchunked",
    "chunked;q=1",
    ",chunked",
    "chunked,",
    "\"chunked\"",
    "chunk",
    "",
    "\u{b}chunked",
    "chunked\0",
    "\u{a0}chunked",
    "chunked chunked",
    "x-gzip,deflate",
    "identity, chunked",
    ": chunked",
];
const SIZES: &[&str] = &[
    "+5",
    "-5",
    "0x5",
    " 5",
    "5 ",
    "5\t",
    "",
    "g",
    "05",
    "0000000000000005",
    "00000000000000005",
    "ffffffffffffffff",
    "10000000000000005",
    "5\0",
    "0_5",
    "5;a=b",
    "5;a=\"b\"",
    "5;a=\"\n\"",
    "5;a\rb",
    "5 ;a",
    "5; a = b",
    "5;",
    "5;a=\"b",
    "5;\"\\\"\"",
    "5,5",
    "5;\u{1}",
];
const HOSTS: &[&str] = &[
    "", "a b", "a,b", "a/b", "u@a", "a:b", "a:80", "a:", "[::1]", "[::1", "[::1]:8", "a:99999", "a\u{e9}", "a%41",
    "a%4", "[v1.x]", "-", "a:80:80",
];
const LINES: &[&str] = &[
    "GET  / HTTP/1.1",
    " GET / HTTP/1.1",
    "GET / HTTP/1.1 ",
    "GET /",
    "GET",
    "GET /a b HTTP/1.1",
    "GET\t/ HTTP/1.1",
    "G@T / HTTP/1.1",
    "GET /#x HTTP/1.1",
    "GET x HTTP/1.1",
    "GET * HTTP/1.1",
    "OPTIONS * HTTP/1.1",
    "OPTIONS http://a HTTP/1.1",
    "GET http:///x HTTP/1.1",
    "GET http://a:b/ HTTP/1.1",
    "GET http://u@v@a/ HTTP/1.1",
    "GET ftp://a/ HTTP/1.1",
    "CONNECT a:443 HTTP/1.1",
    "CONNECT / HTTP/1.1",
    "GET /\u{e9} HTTP/1.1",
    "GET /\u{7f} HTTP/1.1",
    "GET / HTTP/2.0",
    "PRI * HTTP/2.0",
    "GET / HTTP/0.9",
    "GET / HTTP/1.10",
    "GET / http/1.1",
    "GET / HTTP/1",
    "GET / HTTP/1.1\u{b}",
    "",
    "GET / HTTPS/1.1",
    "HTTP/1.1 200 OK",
    "GET HTTP://A/ HTTP/1.1",
];
const STATUS_LINES: &[&str] = &[
    "HTTP/1.1 200",
    "HTTP/1.1  200 OK",
    "HTTP/1.1 20 OK",
    "HTTP/1.1 2000 OK",
    "HTTP/1.1 099 X",
    "HTTP/1.1 2x0 OK",
    "HTTP/2.0 200 OK",
    "HTTP/2 200",
    "http/1.1 200 OK",
    "HTTP/1.1 200 O\0K",
    "ICY 200 OK",
    " HTTP/1.1 200 OK",
    "HTTP/1.1 101 Other",
    "HTTP/1.0 200 OK",
    "HTTP/1.1\t200 OK",
    "HTTP/1.1 +20 OK",
    "HTTP/1.1 200 \u{7f}",
    "",
    "GET / HTTP/1.1",
];
const BYTES: &[u8] = b"\r\n\0 \t:;,\"0x5\x01\x0b\x7f\x80\xff";

/// The published shapes, each of which bends one place.
pub const SHAPES: &[(&str, Bend)] = &[
    ("length and coding", |d, rng| insert(d, b"Content-Length: 5\nTransfer-Encoding: chunked", rng)),
    ("a coding", |d, rng| recode(d, rng)),
    ("a second coding", |d, rng| insert(d, said("Transfer-Encoding: ", pick(rng, CODINGS)), rng)),
    ("a length", |d, rng| relength(d, rng)),
    ("a second length", |d, rng| insert(d, said("content-length: ", pick(rng, LENGTHS)), rng)),
    ("space before colon", |d, rng| {
        in_field(d, rng, |field, rng| put(field, b':', 0, pick_bytes(rng, &[b" ", b"\t", b"\x0b"])))
    }),
    ("a fold", |d, rng| {
        in_field(d, rng, |field, rng| put(field, b':', 1, pick_bytes(rng, &[b"\r\n ", b"\r\n\t", b"\n "])))
    }),
    ("a hidden field", |d, rng| {
        in_field(d, rng, |field, rng| {
            field.extend(pick_bytes(rng, &[b"\nContent-Length: 7", b"\rTransfer-Encoding: chunked"]))
        })
    }),
    ("an odd field", |d, rng| {
        insert(
            d,
            pick_bytes(
                rng,
                &[b": x", b"x", b" x: y", b"x y: z", b"(x): y", b"\xff: x", b"Expect: x", b"Max-Forwards: x"],
            ),
            rng,
        )
    }),
    ("a host", |d, rng| rehost(d, rng)),
    ("a second host", |d, rng| insert(d, b"hOST: b", rng)),
    ("no host", |d, _| d.fields.retain(|field| !field.starts_with(b"Host"))),
    ("a start line", |d, rng| d.start = latin(pick(rng, if d.response { STATUS_LINES } else { LINES }))),
    ("a chunk size", |d, rng| resize(d, rng)),
    ("a chunk's end", |d, rng| {
        in_body(d, rng, |body, rng| {
            swap(
                body,
                b"hello\r\n",
                &[b"hello\n", b"hello\r", b"hello", b"helloX\r\n", b"hello\r\r\n", b"hellXX\n"],
                rng,
            )
        })
    }),
    ("a trailer", |d, rng| {
        in_body(d, rng, |body, rng| {
            swap(
                body,
                b"0\r\n\r\n",
                &[
                    b"0\r\nX-T: v\r\n\r\n",
                    b"0\r\nHost: evil\r\nX-T: v\r\n\r\n",
                    b"0\r\nX-T : v\r\n\r\n",
                    b"0\r\n X\r\n\r\n",
                    b"0\r\nX-T: a\nb\r\n\r\n",
                    b"0\r\nContent-Length: 5\r\n\r\n",
                    b"0\n\r\n",
                    b"0\r\n\n",
                ],
                rng,
            )
        })
    }),
    ("a long thing", |d, rng| lengthen(d, rng)),
    ("many fields", |d, rng| {
        for n in 0..90 + rng.below(20) {
            d.fields.push(format!("X-{n}: y").into_bytes())
        }
    }),
    ("a byte in a field", |d, rng| in_field(d, rng, any_byte)),
    ("a byte in the start line", |d, rng| any_byte(&mut d.start, rng)),
    ("a byte in the body", |d, rng| any_byte(&mut d.body, rng)),
];

pub fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    rng.one_of(from).copied().unwrap_or_default()
}

pub fn pick_bytes(rng: &mut Rng, from: &[&[u8]]) -> Vec<u8> {
    rng.one_of(from).map(|bytes| bytes.to_vec()).unwrap_or_default()
}

/// Each character one byte.
pub fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|c| c as u8).collect()
}

fn said(name: &str, value: &str) -> Vec<u8> {
    [latin(name), latin(value)].concat()
}

/// A field line anywhere; those that are apart by LF become several.
fn insert(draft: &mut Draft, lines: impl AsRef<[u8]>, rng: &mut Rng) {
    for line in lines.as_ref().split(|&b| b == b'\n') {
        let at = rng.below(draft.fields.len() as u64 + 1) as usize;
        draft.fields.insert(at, line.to_vec());
    }
}

fn in_field(draft: &mut Draft, rng: &mut Rng, bend: impl Fn(&mut Vec<u8>, &mut Rng)) {
    let at = rng.below(draft.fields.len() as u64) as usize;
    if let Some(field) = draft.fields.get_mut(at) {
        bend(field, rng);
    }
}

fn in_body(draft: &mut Draft, rng: &mut Rng, bend: impl Fn(&mut Vec<u8>, &mut Rng)) {
    bend(&mut draft.body, rng);
}

fn replace(draft: &mut Draft, name: &str, line: Vec<u8>) {
    draft.fields.retain(|field| !field.starts_with(name.as_bytes()));
    draft.fields.push(line);
}

fn recode(draft: &mut Draft, rng: &mut Rng) {
    replace(draft, "Transfer-Encoding", said("Transfer-Encoding: ", pick(rng, CODINGS)));
    draft.fields.retain(|field| !field.starts_with(b"Content-Length"));
    draft.body = b"5\r\nhello\r\n0\r\n\r\n".to_vec();
}

fn relength(draft: &mut Draft, rng: &mut Rng) {
    replace(draft, "Content-Length", said("Content-Length: ", pick(rng, LENGTHS)));
    draft.fields.retain(|field| !field.starts_with(b"Transfer-Encoding"));
    draft.body = b"hello".to_vec();
}

fn rehost(draft: &mut Draft, rng: &mut Rng) {
    replace(draft, "Host", said("Host: ", pick(rng, HOSTS)));
}

fn resize(draft: &mut Draft, rng: &mut Rng) {
    recode(draft, rng);
    replace(draft, "Transfer-Encoding", b"Transfer-Encoding: chunked".to_vec());
    draft.body = [latin(pick(rng, SIZES)), b"\r\nhello\r\n0\r\n\r\n".to_vec()].concat();
}

fn lengthen(draft: &mut Draft, rng: &mut Rng) {
    let long = vec![b'a'; *rng.one_of(&[60, 70, 1000, 1030, 8100, 8300, 16000, 17000]).unwrap_or(&0)];
    match rng.below(5) {
        0 => put(&mut draft.start, b'/', 1, long),
        1 => draft.start.splice(0..0, long).for_each(drop),
        2 => draft.fields.push([b"X-Long: ".to_vec(), long].concat()),
        3 => draft.fields.push([long, b": x".to_vec()].concat()),
        _ => put(&mut draft.body, b'\r', 0, [b";".to_vec(), long].concat()),
    }
}

/// Puts `what` beside the first `mark`, `behind` bytes behind where it begins.
fn put(bytes: &mut Vec<u8>, mark: u8, behind: usize, what: Vec<u8>) {
    if let Some(at) = bytes.iter().position(|&byte| byte == mark) {
        bytes.splice(at + behind..at + behind, what);
    }
}

fn swap(bytes: &mut Vec<u8>, old: &[u8], new: &[&[u8]], rng: &mut Rng) {
    if let Some(at) = bytes.windows(old.len()).rposition(|window| window == old) {
        bytes.splice(at..at + old.len(), pick_bytes(rng, new));
    }
}

/// Sets, removes or adds one byte, mostly one that means something.
fn any_byte(bytes: &mut Vec<u8>, rng: &mut Rng) {
    let byte = if rng.chance(1, 5) { rng.bits() as u8 } else { *rng.one_of(BYTES).unwrap_or(&0) };
    let at = rng.below(bytes.len() as u64 + 1) as usize;
    match rng.below(3) {
        0 => bytes.insert(at, byte),
        1 if at < bytes.len() => bytes[at] = byte,
        _ if at < bytes.len() => drop(bytes.remove(at)),
        _ => {}
    }
}
