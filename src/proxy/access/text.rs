//! `key=value`, one space apart: what is read by a person and cut by `awk`, `cut` or any logfmt reader.

use super::{Entry, write_quoted, write_tenths, write_time};
use crate::base::digits::{decimal, hex};
use std::io::Write as _;

pub fn write(entry: &Entry<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"time=");
    write_time(entry.clock, out);
    // A vector takes whatever is written to it.
    let _ = write!(out, " client={}", entry.client);
    if let Some(asked) = entry.asked {
        key("method", asked.method(), out);
        key("target", asked.target(), out);
        key("version", asked.version(), out);
    }
    if let Some(status) = entry.status {
        number("status", status.into(), out);
    }
    for (name, value) in [("pool", entry.pool), ("backend", entry.backend)] {
        if let Some(value) = value {
            key(name, value, out);
        }
    }
    number("bytes_in", entry.bytes[0], out);
    number("bytes_out", entry.bytes[1], out);
    timers(entry, out);
    key("end", entry.ending.code.unwrap_or("-"), out);
    key("reason", entry.ending.reason, out);
    number("retries", entry.retries.into(), out);
    out.extend_from_slice(b" id=");
    hex(entry.id, 32, out);
    number("calls", entry.cost.calls, out);
    number("copied", entry.cost.copied, out);
    number("spliced", entry.cost.spliced, out);
    out.push(b'\n');
}

fn timers(entry: &Entry<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b" timers=");
    for (place, timer) in entry.timers.into_iter().enumerate() {
        if place > 0 {
            out.push(b'/');
        }
        write_tenths(timer, out);
    }
}

/// What could be taken for more than one value is quoted.
fn key(name: &str, value: &str, out: &mut Vec<u8>) {
    named(name, out);
    let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
    match !value.is_empty() && value.bytes().all(plain) {
        true => out.extend_from_slice(value.as_bytes()),
        false => write_quoted(value.as_bytes(), out),
    }
}

fn number(name: &str, value: u64, out: &mut Vec<u8>) {
    named(name, out);
    decimal(value, out);
}

fn named(name: &str, out: &mut Vec<u8>) {
    out.push(b' ');
    out.extend_from_slice(name.as_bytes());
    out.push(b'=');
}
