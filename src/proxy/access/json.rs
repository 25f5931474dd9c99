//! One JSON object a line, for whatever collects logs. Keys are those of the [table](super); what is not known is null.
//!
//! Written piece by piece like [`text`](super::text), at a third of what a serialiser costs; only a text with something
//! in it that JSON writes otherwise is left to one. The tests read every line back.

use super::{Entry, is_plain, write_client, write_tenths, write_time};
use crate::base::Peer;
use crate::base::digits::{decimal, hex};
use std::net::SocketAddr;

pub fn write(entry: &Entry<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":\"");
    write_time(entry, out);
    client(entry.client, out);
    plain(b",\"listener\":", entry.listener.map(str::as_bytes), out);
    plain(b",\"method\":", entry.asked.map(|asked| asked.method()), out);
    text(b",\"target\":", entry.asked.map(|asked| asked.target()), out);
    plain(b",\"version\":", entry.asked.map(|asked| asked.version()), out);
    number(b",\"status\":", entry.status.map(u64::from), out);
    plain(b",\"pool\":", entry.pool.map(str::as_bytes), out);
    text(b",\"backend\":", entry.backend.map(str::as_bytes), out);
    number(b",\"bytes_in\":", Some(entry.bytes[0]), out);
    number(b",\"bytes_out\":", Some(entry.bytes[1]), out);
    timer(b",\"timers\":{\"TR\":", entry.timers[0], out);
    timer(b",\"Tw\":", entry.timers[1], out);
    timer(b",\"Tc\":", entry.timers[2], out);
    timer(b",\"Tr\":", entry.timers[3], out);
    timer(b",\"Ta\":", entry.timers[4], out);
    plain(b"},\"end\":", entry.ending.code.map(str::as_bytes), out);
    plain(b",\"reason\":", Some(entry.ending.reason.as_bytes()), out);
    number(b",\"retries\":", Some(entry.retries.into()), out);
    out.extend_from_slice(b",\"id\":\"");
    hex(entry.id, 32, out);
    out.push(b'"');
    field(b",\"client_id\":", entry.asked.map(|asked| asked.request_id()), out);
    field(b",\"referer\":", entry.asked.map(|asked| asked.referer()), out);
    field(b",\"user_agent\":", entry.asked.map(|asked| asked.agent()), out);
    number(b",\"calls\":", Some(entry.cost.calls), out);
    number(b",\"copied\":", Some(entry.cost.copied), out);
    number(b",\"spliced\":", Some(entry.cost.spliced), out);
    out.extend_from_slice(b"}\n");
}

/// No address has anything in it that JSON would write otherwise, but who knows what a scope is called.
fn client(client: Peer, out: &mut Vec<u8>) {
    match client {
        Peer::Tcp(SocketAddr::V4(_)) => {
            out.extend_from_slice(b"\",\"client\":\"");
            write_client(client, out);
            out.push(b'"');
        }
        other => {
            out.extend_from_slice(b"\",\"client\":");
            quoted(other.to_string().as_bytes(), out);
        }
    }
}

/// Of these nothing is written otherwise: methods are tokens, versions, names and reasons have plain letters.
#[inline]
fn plain(key: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => in_quotes(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

#[inline]
fn text(key: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => quoted(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// A field that has nothing in it is not there.
#[inline]
fn field(key: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) {
    text(key, value.filter(|value| !value.is_empty()), out);
}

#[inline]
fn in_quotes(value: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    out.extend_from_slice(value);
    out.push(b'"');
}

/// JSON has no bytes: what is no UTF-8 shows as U+FFFD.
fn quoted(value: &[u8], out: &mut Vec<u8>) {
    match is_plain(value) {
        true => in_quotes(value, out),
        false => _ = serde_json::to_writer(out, &String::from_utf8_lossy(value)), // a vector takes everything
    }
}

#[inline]
fn number(key: &[u8], value: Option<u64>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => decimal(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

#[inline]
fn timer(key: &[u8], value: Option<u64>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    match value {
        Some(_) => write_tenths(value, out),
        None => out.extend_from_slice(b"null"),
    }
}
