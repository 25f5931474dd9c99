//! What hostile clients send and wrong backends answer: each text with all that may come of it.

/// A request that no backend may see, and the statuses with which it may be refused.
pub struct Hostile {
    /// `{n}`: its number.
    pub text: &'static str,
    pub statuses: &'static [u16],
}

const fn refused(text: &'static str) -> Hostile {
    Hostile { text, statuses: &[400] }
}

const fn with(text: &'static str, statuses: &'static [u16]) -> Hostile {
    Hostile { text, statuses }
}

/// A head that does not end is refused when its client ends, or when its time is over.
const CUT: &[u16] = &[400, 408];

/// Malformed heads and smuggling shapes (RFC 9112 sections 2.2, 3, 5, 6, 11.2).
pub const REQUESTS: &[Hostile] = &[
    // Two opinions on where the body ends, and a request hidden in the difference.
    refused(
        "POST /r/{n} HTTP/1.1\r\nHost: w\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /r/{n} HTTP/1.1\r\nHost: w\r\n\r\n",
    ),
    refused("POST /r/{n} HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n"),
    refused(
        "POST /r/{n} HTTP/1.1\r\nHost: w\r\nContent-Length: 0\r\nContent-Length: 40\r\n\r\nGET /r/{n} HTTP/1.1\r\nHost: w\r\n\r\n",
    ),
    refused("POST /r/{n} HTTP/1.1\r\nHost: w\r\nContent-Length: +4\r\n\r\nabcd"),
    refused("POST /r/{n} HTTP/1.1\r\nHost: w\r\nContent-Length: 4, 5\r\n\r\nabcde"),
    refused("POST /r/{n} HTTP/1.1\r\nHost: w\r\nContent-Length: 0x4\r\n\r\nabcd"),
    refused("POST /r/{n} HTTP/1.1\r\nHost: w\r\nContent-Length: 99999999999999999999\r\n\r\n"),
    refused("POST /r/{n} HTTP/1.1\r\nHost: w\r\nContent-Length : 4\r\n\r\nabcd"),
    with("POST /r/{n} HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", &[400, 501]),
    with("POST /r/{n} HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", &[400, 501]),
    with("POST /r/{n} HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", &[400, 501]),
    refused("POST /r/{n} HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"),
    refused("POST /r/{n} HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    refused("POST /r/{n} HTTP/1.1\r\nHost: w\r\nTransfer-Encoding\r\n : chunked\r\n\r\n0\r\n\r\n"),
    refused("POST /r/{n} HTTP/1.1\r\nHost: w\r\n Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
    // Lines that end elsewhere than they seem to.
    refused("GET /r/{n} HTTP/1.1\nHost: w\n\n"),
    refused("GET /r/{n} HTTP/1.1\r\nHost: w\r\nX: a\nY: b\r\n\r\n"),
    refused("GET /r/{n} HTTP/1.1\r\nHost: w\r\nX: a\rY: b\r\n\r\n"),
    refused("GET /r/{n} HTTP/1.1\r\nHost: w\r\nX: a\r\n b\r\n\r\n"),
    refused("GET /r/{n} HTTP/1.1\r\nHost: w\r\nX: a\0b\r\n\r\n"),
    // Request lines.
    refused("GET  /r/{n} HTTP/1.1\r\nHost: w\r\n\r\n"),
    refused("GET /r/{n} HTTP/1.1 \r\nHost: w\r\n\r\n"),
    refused("GET /r/{n} /x HTTP/1.1\r\nHost: w\r\n\r\n"),
    refused("G@T /r/{n} HTTP/1.1\r\nHost: w\r\n\r\n"),
    refused(" GET /r/{n} HTTP/1.1\r\nHost: w\r\n\r\n"),
    with("GET /r/{n}\r\n\r\n", &[400, 505]),
    with("GET /r/{n} HTTP/2.0\r\nHost: w\r\n\r\n", &[400, 505]),
    with("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", &[400, 505]),
    with("CONNECT w:{n} HTTP/1.1\r\nHost: w\r\n\r\n", &[400, 501]),
    // Fields.
    refused("GET /r/{n} HTTP/1.1\r\n\r\n"),
    refused("GET /r/{n} HTTP/1.1\r\nHost: w\r\nHost: v\r\n\r\n"),
    refused("GET /r/{n} HTTP/1.1\r\nHost: w\r\n: empty\r\n\r\n"),
    refused("GET /r/{n} HTTP/1.1\r\nHost: w\r\nX Y: 1\r\n\r\n"),
    refused("GET /r/{n} HTTP/1.1\r\nHost: w\r\nX\r\n\r\n"),
    with("GET /r/{n} HTTP/1.1\r\nHost: w\r\nExpect: miracles\r\nContent-Length: 1\r\n\r\n", &[417]),
    // What is no HTTP at all: a TLS hello, a mail, bytes.
    refused("\u{16}\u{3}\u{1}\u{2}\0\u{1}\0\u{1}\u{fc}\u{3}\u{3}"),
    refused("\u{7f}\u{1}\u{2}\u{3}{n}"),
    with("EHLO world {n}\r\n", &[400, 505]),
    // What never ends.
    with("GET /r/{n} HTTP/1.1\r\nHost: w\r\nX-Slow: ", CUT),
    with("GET /r/{n} HT", CUT),
    with("P", CUT),
];

/// A chunked body's last words before it goes wrong, behind whole chunks of the right bytes.
pub const CHUNKS: &[&str] =
    &["x\r\n", "-1\r\n", "5\nhello", " 5\r\nhello\r\n", "ffffffffffffffffff\r\n", "\r\n\r\n", "0\r\nX y\r\n\r\n"];

/// Response heads that a client must never see. Nothing else about them is wrong than what is seen.
pub const HEADS: &[&str] = &[
    "HTTP/1.1 200 OK\r\nX-Number: {n}\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nX-Number: {n}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-Number: {n}\r\nContent-Length: two\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nX-Number: {n}\r\nTransfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-Number : {n}\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 200 OK\r\nX-Number: {n}\0\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 2000 OK\r\nX-Number: {n}\r\nContent-Length: 0\r\n\r\n",
    "HTP/1.1 200 OK\r\nX-Number: {n}\r\nContent-Length: 0\r\n\r\n",
    "HTTP/2 200\r\nX-Number: {n}\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nX-Number: {n}\r\nUpgrade: surprise\r\nConnection: upgrade\r\n\r\n",
    "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "\0\0\0\u{5}hello",
];
