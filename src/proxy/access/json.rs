//! One JSON object a line, for whatever collects logs. Keys are those of the [table](super); what is not known is null.
//!
//! Written piece by piece like [`text`](super::text), at a third of what a serialiser costs; only a text with something
//! in it that JSON writes otherwise is left to one. The tests read every line back.

use super::{Entry, write_client, write_tenths, write_time};
use crate::base::Peer;
use crate::base::digits::{decimal, hex};
use std::net::SocketAddr;

pub fn write(entry: &Entry<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"time\":\"");
    write_time(entry.clock, out);
    out.extend_from_slice(b"\",\"client\":");
    client(entry.client, out);
    plain(b",\"listener\":", entry.listener, out);
    plain(b",\"method\":", entry.asked.map(|asked| asked.method()), out);
    text(b",\"target\":", entry.asked.map(|asked| asked.target()), out);
    plain(b",\"version\":", entry.asked.map(|asked| asked.version()), out);
    number(b",\"status\":", entry.status.map(u64::from), out);
    plain(b",\"pool\":", entry.pool, out);
    text(b",\"backend\":", entry.backend, out);
    number(b",\"bytes_in\":", Some(entry.bytes[0]), out);
    number(b",\"bytes_out\":", Some(entry.bytes[1]), out);
    let names = [b",\"timers\":{\"TR\":".as_slice(), b",\"Tw\":", b",\"Tc\":", b",\"Tr\":", b",\"Ta\":"];
    for (name, timer) in names.into_iter().zip(entry.timers) {
        out.extend_from_slice(name);
        if timer.is_some() { write_tenths(timer, out) } else { out.extend_from_slice(b"null") }
    }
    plain(b"},\"end\":", entry.ending.code, out);
    plain(b",\"reason\":", Some(entry.ending.reason), out);
    number(b",\"retries\":", Some(entry.retries.into()), out);
    out.extend_from_slice(b",\"id\":\"");
    hex(entry.id, 32, out);
    out.push(b'"');
    bytes(b",\"client_id\":", entry.asked.map(|asked| &*asked.request_id), out);
    bytes(b",\"referer\":", entry.asked.map(|asked| &*asked.referer), out);
    bytes(b",\"user_agent\":", entry.asked.map(|asked| &*asked.agent), out);
    number(b",\"calls\":", Some(entry.cost.calls), out);
    number(b",\"copied\":", Some(entry.cost.copied), out);
    number(b",\"spliced\":", Some(entry.cost.spliced), out);
    out.extend_from_slice(b"}\n");
}

/// No address has anything in it that JSON would write otherwise, but who knows what a scope is called.
fn client(client: Peer, out: &mut Vec<u8>) {
    match client {
        Peer::Tcp(SocketAddr::V4(_)) => {
            out.push(b'"');
            write_client(client, out);
            out.push(b'"');
        }
        other => quoted(&other.to_string(), out),
    }
}

/// Of these nothing is written otherwise: methods are tokens, versions, names and reasons have plain letters.
fn plain(key: &[u8], value: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    let Some(value) = value else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn text(key: &[u8], value: Option<&str>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => quoted(value, out),
        None => out.extend_from_slice(b"null"),
    }
}

/// JSON has no bytes: what is no UTF-8 shows as U+FFFD. Nothing is null.
fn bytes(key: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) {
    let value = value.filter(|value| !value.is_empty()).map(String::from_utf8_lossy);
    text(key, value.as_deref(), out);
}

fn quoted(value: &str, out: &mut Vec<u8>) {
    let odd = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    if value.as_bytes().iter().fold(false, |found, byte| found | odd(byte)) {
        // All of them are looked at, many at a time: most often there is none.
        let _ = serde_json::to_writer(out, value); // a vector takes everything
        return;
    }
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn number(key: &[u8], value: Option<u64>, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    match value {
        Some(value) => decimal(value, out),
        None => out.extend_from_slice(b"null"),
    }
}
