//! The format that Apache calls `combined` and every log analyser reads: `client - - [date] "request" status bytes
//! "referer" "user agent"`. Bytes are those of the body.
//!
//! It has no place for a request without a status. If its client has left that is 499, as nginx has it; a connection in
//! TCP mode has 000.

use super::{Entry, write_quoted};
use crate::base::Date;
use crate::base::digits::{decimal, dotted, pad};
use std::io::Write as _;
use std::net::IpAddr;

const CLIENT_LEFT: u16 = 499;

pub fn write(entry: &Entry<'_>, out: &mut Vec<u8>) {
    match entry.client.ip() {
        Some(IpAddr::V4(four)) => dotted(four.octets(), out),
        Some(IpAddr::V6(six)) => _ = write!(out, "{six}"), // a vector takes whatever is written to it
        None => _ = write!(out, "{}", entry.client),
    }
    out.extend_from_slice(b" - - [");
    out.extend_from_slice(entry.stamp);
    out.extend_from_slice(b"] ");
    write_quoted(entry.asked.map_or(b"-", |asked| asked.line()), out);
    out.push(b' ');
    let nothing = if entry.asked.is_some() { CLIENT_LEFT } else { 0 };
    pad(entry.status.unwrap_or(nothing).into(), 3, out);
    out.push(b' ');
    decimal(entry.body, out);
    for field in [entry.asked.map(|asked| asked.referer()), entry.asked.map(|asked| asked.agent())] {
        out.push(b' ');
        match field {
            None | Some(b"") => out.extend_from_slice(b"\"-\""),
            Some(field) => write_quoted(field, out),
        }
    }
    out.push(b'\n');
}

/// `26/Nov/2026:19:54:58 +0000`.
pub fn write_date(date: Date, out: &mut Vec<u8>) {
    pad(date.day, 2, out);
    out.push(b'/');
    out.extend_from_slice(date.month_name().as_bytes());
    out.push(b'/');
    pad(date.year, 4, out);
    for number in [date.hour, date.minute, date.second] {
        out.push(b':');
        pad(number, 2, out);
    }
    out.extend_from_slice(b" +0000");
}
