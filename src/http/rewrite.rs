//! What goes on is written anew from the checked head (law 8); no byte passes that was not understood.
//!
//! End-to-end fields keep their order, their duplicates, the case of their names and their values. What belongs to one
//! hop stays behind, what this hop needs is added, and beyond that nothing is. Which is which was marked in
//! `fields.rs`; here the marks are obeyed. Where a head is tidy, each field in it just as it would be written
//! (`scan::tidy`), those side by side are copied at once: the same bytes for half the work.

use super::cookie::{self, SetCookie};
use super::fields::{self, Hop, Name, write};
use super::framing::Framing;
use super::head::{Request, Response};
use super::{scan, words};
use crate::base::Peer;
use crate::base::digits::{decimal, dotted, hex};
use httparse::Header;
use std::net::IpAddr;
use std::ops::Range;

/// What is added to a request on its way to a backend.
#[derive(Debug, Clone, Copy)]
pub struct Onward<'a> {
    /// Who asks.
    pub client: Peer,
    /// The backend's address, as the operator wrote it: `Host` for a client that sent none.
    pub backend: &'a str,
    /// The name of this exchange, when the client gave none.
    pub id: u128,
    /// Whether the client's own `X-Forwarded-*` are believed and appended to; else they are overwritten.
    pub trusted: bool,
    /// What the client speaks to us: `http` or `https`.
    pub proto: &'static str,
    /// A cookie between the client and us, which does not go on.
    pub cookie: Option<&'a str>,
}

/// Writes a request head for a backend: HTTP/1.1, kept alive, framed as it came.
///
/// Some: where in `out` the backend's address stands as `Host`, because the client sent none; a try at another backend
/// must replace it.
pub fn request(head: &Request, onward: &Onward, out: &mut Vec<u8>) -> Option<Range<usize>> {
    out.extend_from_slice(head.method.as_bytes());
    // RFC 9112 3.2.1: an empty path is sent as `/`.
    out.extend_from_slice(if head.target.starts_with(b"?") { b" /" } else { b" " });
    out.extend_from_slice(head.target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    let patch = host(head, onward, out);
    let length = head.framing.length();
    end_to_end(head.tidy, head.fields, &head.hop, length, onward.cookie, out);
    framing(&head.hop, head.framing, out);
    forwarding(head, onward, out);
    this_hop(head, out);
    out.extend_from_slice(b"\r\n");
    patch
}

/// `Host`, unless it goes on in its place among the other fields.
fn host(head: &Request, onward: &Onward, out: &mut Vec<u8>) -> Option<Range<usize>> {
    if head.host_stays {
        return None;
    }
    let value = head.host.unwrap_or(onward.backend.as_bytes());
    write(b"Host", value, out);
    let end = out.len() - b"\r\n".len();
    head.host.is_none().then_some(end - value.len()..end)
}

/// All fields that are not marked. The length keeps its place and its name; its number is written anew.
fn end_to_end(
    tidy: Option<&[u8]>,
    fields: &[Header],
    hop: &Hop,
    length: Option<u64>,
    cookie: Option<&str>,
    out: &mut Vec<u8>,
) {
    match (tidy, cookie) {
        (Some(head), None) => in_runs(head, fields, hop, length, out),
        _ => one_by_one(fields, hop, length, cookie, out),
    }
}

/// Where each field stands as it would be written, those side by side are copied together.
fn in_runs(head: &[u8], fields: &[Header], hop: &Hop, length: Option<u64>, out: &mut Vec<u8>) {
    let changed = hop.length.filter(|said| !(said.tidy && length == Some(said.bytes))).map(|said| said.index);
    let mut apart = hop.marks;
    if let Some(index) = changed {
        apart.set(index);
    }
    let mut from = fields.first().map_or(head.len(), |field| scan::place(head, field));
    apart.for_each(|index| {
        let Some(field) = fields.get(index) else { return };
        let line = scan::place(head, field);
        out.extend_from_slice(head.get(from..line).unwrap_or_default());
        if let Some(number) = length.filter(|_| changed == Some(index)) {
            write_number(field.name.as_bytes(), number, out);
        }
        from = line + scan::line_length(field.name, field.value);
    });
    out.extend_from_slice(head.get(from..head.len() - b"\r\n".len()).unwrap_or_default());
}

#[inline(never)]
fn one_by_one(fields: &[Header], hop: &Hop, length: Option<u64>, cookie: Option<&str>, out: &mut Vec<u8>) {
    let length_at = hop.length.map_or(usize::MAX, |said| said.index);
    for (index, field) in fields.iter().enumerate().filter(|(index, _)| !hop.marks.has(*index)) {
        match (length, cookie) {
            (None, _) if index == length_at => {}
            (Some(number), _) if index == length_at => write_number(field.name.as_bytes(), number, out),
            (_, Some(ours)) if cookie::is_field(field.name) => {
                cookie::write_without(field.name, field.value, ours, out);
            }
            _ => write(field.name.as_bytes(), field.value, out),
        }
    }
}

/// What says where the body ends, unless that stands there already.
fn framing(hop: &Hop, body: Framing, out: &mut Vec<u8>) {
    match body {
        Framing::Chunked => write(b"Transfer-Encoding", b"chunked", out),
        Framing::Length(length) if hop.length.is_none() => write_number(b"Content-Length", length, out),
        _ => {}
    }
}

/// Who asked, how, for what, and under which name.
fn forwarding(head: &Request, onward: &Onward, out: &mut Vec<u8>) {
    told_before(head, onward, Name::ForwardedFor, b"X-Forwarded-For: ", out);
    write_address(onward.client, out);
    told_before(head, onward, Name::ForwardedProto, b"\r\nX-Forwarded-Proto: ", out);
    out.extend_from_slice(onward.proto.as_bytes());
    if let Some(host) = head.host {
        told_before(head, onward, Name::ForwardedHost, b"\r\nX-Forwarded-Host: ", out);
        out.extend_from_slice(host);
    }
    if head.request_id.is_none() {
        out.extend_from_slice(b"\r\nX-Request-Id: ");
        hex(onward.id, 32, out);
    }
    out.extend_from_slice(b"\r\n");
}

/// Begins a field; what a trusted client told in its own of that name comes first in its list.
#[inline]
fn told_before(head: &Request, onward: &Onward, which: Name, begin: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(begin);
    if onward.trusted {
        tell_before(head, which, out);
    }
}

#[inline(never)]
fn tell_before(head: &Request, which: Name, out: &mut Vec<u8>) {
    for field in head.fields.iter().filter(|field| fields::name(field.name.as_bytes()) == which) {
        for member in words::list(field.value) {
            out.extend_from_slice(member);
            out.extend_from_slice(b", ");
        }
    }
}

/// What holds for the connection to the backend alone. Kept alive is the rule in HTTP/1.1 and not said.
fn this_hop(head: &Request, out: &mut Vec<u8>) {
    if let Some(left) = head.max_forwards {
        write_number(b"Max-Forwards", left.saturating_sub(1), out); // RFC 9110 7.6.2
    }
    let connection: &[u8] = match (head.upgrade, head.hop.trailers) {
        (None, false) => return,
        (None, true) => b"TE",
        (Some(_), false) => b"Upgrade",
        (Some(_), true) => b"Upgrade, TE",
    };
    write(b"Connection", connection, out);
    if head.hop.trailers {
        write(b"TE", b"trailers", out); // RFC 9110 10.1.4
    }
    if let Some(protocol) = head.upgrade {
        write(b"Upgrade", protocol, out);
    }
}

/// What a client is told about its connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Persist {
    /// Nothing: it stays open, as is the rule in HTTP/1.1.
    Silent,
    /// It ends with this response.
    Close,
    /// It stays open, said to a HTTP/1.0 client.
    KeepAlive,
    /// It becomes a tunnel.
    Upgrade,
}

/// Writes a response head for a client. `body` is the framing as it goes out; none for HEAD and 304 leaves the length
/// that the body would have had (RFC 9110 8.6).
pub fn response(head: &Response, body: Framing, persist: Persist, out: &mut Vec<u8>) {
    response_setting(head, body, persist, None, out);
}

/// The same, with a cookie of our own for the client.
pub fn response_setting(
    head: &Response,
    body: Framing,
    persist: Persist,
    cookie: Option<&SetCookie<'_>>,
    out: &mut Vec<u8>,
) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(u64::from(head.status), out);
    out.extend_from_slice(b" ");
    out.extend_from_slice(head.reason);
    out.extend_from_slice(b"\r\n");
    let length = match body {
        Framing::None => head.hop.length.map(|said| said.bytes),
        body => body.length(),
    };
    end_to_end(head.tidy, head.fields, &head.hop, length, None, out);
    framing(&head.hop, body, out);
    if let Some(cookie) = cookie {
        cookie::write_set(cookie, out);
    }
    match persist {
        Persist::Silent => {}
        Persist::Close => write(b"Connection", b"close", out),
        Persist::KeepAlive => write(b"Connection", b"keep-alive", out),
        Persist::Upgrade => {
            write(b"Connection", b"Upgrade", out);
            write(b"Upgrade", head.upgrade.unwrap_or_default(), out);
        }
    }
    out.extend_from_slice(b"\r\n");
}

fn write_number(name: &[u8], number: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    decimal(number, out);
    out.extend_from_slice(b"\r\n");
}

/// An IPv4 address seen through an IPv6 socket is written as what it is. Who has none is `unknown`, as RFC 7239 section
/// 6.2 has it: whoever counts hops finds one, and nobody takes it for an address.
fn write_address(client: Peer, out: &mut Vec<u8>) {
    match client.ip().map(|address| address.to_canonical()) {
        Some(IpAddr::V4(four)) => dotted(four.octets(), out),
        Some(IpAddr::V6(six)) => _ = std::io::Write::write_fmt(out, format_args!("{six}")), // a Vec takes everything
        None => out.extend_from_slice(b"unknown"),
    }
}
