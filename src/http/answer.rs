//! The answers we give ourselves, and the few statuses they may have.
//!
//! Short text, no version string, nothing about backends. Who gives them and when is the session's business.

use super::fields;
use super::words::Verb;
use crate::base::digits::{decimal, hex};
use std::fmt;

/// The status of an answer of our own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Status(pub u16);

impl Status {
    /// The reason phrase; empty for what we never say.
    pub fn reason(self) -> &'static str {
        match self.0 {
            200 => "OK",
            400 => "Bad Request",
            401 => "Unauthorized",
            403 => "Forbidden",
            404 => "Not Found",
            405 => "Method Not Allowed",
            408 => "Request Timeout",
            413 => "Content Too Large",
            414 => "URI Too Long",
            415 => "Unsupported Media Type",
            417 => "Expectation Failed",
            429 => "Too Many Requests",
            431 => "Request Header Fields Too Large",
            501 => "Not Implemented",
            502 => "Bad Gateway",
            503 => "Service Unavailable",
            504 => "Gateway Timeout",
            505 => "HTTP Version Not Supported",
            _ => "",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0, self.reason())
    }
}

/// A whole response of our own.
#[derive(Debug, Clone, Copy)]
pub struct Answer<'a> {
    /// Its status.
    pub status: Status,
    /// What the body is; empty: not said.
    pub content_type: &'static str,
    /// The body.
    pub body: &'a [u8],
    /// Ready field lines, such as `Retry-After: 1\r\n`.
    pub extra: &'a str,
    /// The connection ends with it.
    pub close: bool,
    /// It answers HEAD: the body is counted and not sent (RFC 9110 9.3.2).
    pub head_only: bool,
    /// The client speaks HTTP/1.0 and wants to keep the connection, so it is told that it may.
    pub keep_alive_10: bool,
}

/// Writes it.
pub fn write(answer: &Answer, out: &mut Vec<u8>) {
    status_line(answer.status, out);
    if !answer.content_type.is_empty() {
        fields::write(b"Content-Type", answer.content_type.as_bytes(), out);
    }
    out.extend_from_slice(b"Content-Length: ");
    decimal(answer.body.len() as u64, out);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(answer.extra.as_bytes());
    match (answer.close, answer.keep_alive_10) {
        (true, _) => fields::write(b"Connection", b"close", out),
        (false, true) => fields::write(b"Connection", b"keep-alive", out),
        (false, false) => {}
    }
    out.extend_from_slice(b"\r\n");
    if !answer.head_only {
        out.extend_from_slice(answer.body);
    }
}

/// Writes the head of an answer of this media type that goes on until the connection closes (RFC 9112 section 6.3).
pub fn stream(content_type: &str, out: &mut Vec<u8>) {
    status_line(Status(200), out);
    fields::write(b"Content-Type", content_type.as_bytes(), out);
    out.extend_from_slice(b"Cache-Control: no-store\r\nConnection: close\r\n\r\n");
}

fn status_line(status: Status, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(u64::from(status.0), out);
    out.extend_from_slice(b" ");
    out.extend_from_slice(status.reason().as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// Writes an error: a line that says what, and a line by which it is found in the log.
pub fn error(status: Status, id: u128, close: bool, head_only: bool, keep_alive_10: bool, out: &mut Vec<u8>) {
    let extra = match status.0 {
        429 | 503 => "Retry-After: 1\r\n",
        // RFC 9110 15.5.6 demands the field; empty, it says that nothing is to be had here by any method.
        405 => "Allow:\r\n",
        _ => "",
    };
    error_with(status, id, extra, [close, head_only, keep_alive_10], out);
}

/// Writes that the client is to wait so many seconds before it asks again.
pub fn too_many(seconds: u64, id: u128, close: bool, head_only: bool, keep_alive_10: bool, out: &mut Vec<u8>) {
    let mut extra = Vec::from(b"Retry-After: ");
    decimal(seconds, &mut extra);
    extra.extend_from_slice(b"\r\n");
    let extra = String::from_utf8(extra).unwrap_or_default();
    error_with(Status(429), id, &extra, [close, head_only, keep_alive_10], out);
}

fn error_with(status: Status, id: u128, extra: &str, how: [bool; 3], out: &mut Vec<u8>) {
    let [close, head_only, keep_alive_10] = how;
    let mut body = Vec::with_capacity(96);
    decimal(u64::from(status.0), &mut body);
    body.push(b' ');
    body.extend_from_slice(status.reason().as_bytes());
    body.extend_from_slice(b"\nrequest id ");
    hex(id, 32, &mut body);
    body.push(b'\n');
    let content_type = "text/plain";
    write(&Answer { status, content_type, body: &body, extra, close, head_only, keep_alive_10 }, out);
}

/// What to answer when `Max-Forwards` is 0 and we are the last hop (RFC 9110 7.6.2): OPTIONS 200, with an empty body
/// and no word about what backends can do. TRACE 501: to send a request back would show what others added to it.
pub fn last_hop(verb: Verb, id: u128, close: bool, keep_alive_10: bool, out: &mut Vec<u8>) {
    if verb != Verb::Options {
        return error(Status(501), id, close, false, keep_alive_10, out);
    }
    let status = Status(200);
    write(&Answer { status, content_type: "", body: b"", extra: "", close, head_only: false, keep_alive_10 }, out);
}
