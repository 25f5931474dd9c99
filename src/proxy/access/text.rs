//! `key=value`, one space apart: what is read by a person and cut by `awk`, `cut` or any logfmt reader.
//!
//! Written without the machinery of `fmt`: it is a tenth of what a request costs us as it is.

use super::{Entry, is_plain, write_client, write_quoted, write_tenths, write_time};
use crate::base::digits::{decimal, hex};

pub fn write(entry: &Entry<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"time=");
    write_time(entry, out);
    out.extend_from_slice(b" client=");
    write_client(entry.client, out);
    if let Some(listener) = entry.listener {
        plain(b" listener=", listener.as_bytes(), out);
    }
    if let Some(asked) = entry.asked {
        plain(b" method=", asked.method(), out);
        target(asked.target(), out);
        plain(b" version=", asked.version(), out);
    }
    if let Some(status) = entry.status {
        number(b" status=", status.into(), out);
    }
    if let Some(pool) = entry.pool {
        plain(b" pool=", pool.as_bytes(), out);
    }
    if let Some(backend) = entry.backend {
        plain(b" backend=", backend.as_bytes(), out);
    }
    number(b" bytes_in=", entry.bytes[0], out);
    number(b" bytes_out=", entry.bytes[1], out);
    for (place, timer) in entry.timers.into_iter().enumerate() {
        out.extend_from_slice(if place == 0 { b" timers=" } else { b"/" });
        write_tenths(timer, out);
    }
    plain(b" end=", entry.ending.code.unwrap_or("-").as_bytes(), out);
    plain(b" reason=", entry.ending.reason.as_bytes(), out);
    number(b" retries=", entry.retries.into(), out);
    out.extend_from_slice(b" id=");
    hex(entry.id, 32, out);
    number(b" calls=", entry.cost.calls, out);
    number(b" copied=", entry.cost.copied, out);
    number(b" spliced=", entry.cost.spliced, out);
    out.push(b'\n');
}

/// Of what was checked already there is no space or quote in it: methods are tokens, names have plain letters.
#[inline]
fn plain(key: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    out.extend_from_slice(value);
}

/// Targets have no space and no control byte, but may have what begins a quote.
fn target(target: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b" target=");
    match is_plain(target) {
        true => out.extend_from_slice(target),
        false => write_quoted(target, out),
    }
}

#[inline]
fn number(key: &[u8], value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    decimal(value, out);
}
