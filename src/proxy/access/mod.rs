//! The access log: one line for each request and each tunnel, when its last byte has gone or it has failed.
//!
//! | key | what it says |
//! |---|---|
//! | `time` | when it was over, UTC |
//! | `client`, `listener` | who asked, and where |
//! | `method`, `target`, `version` | what was asked for; none in TCP mode, nor of a head that nobody understood |
//! | `status` | what the client was told; none if it had left, or in TCP mode |
//! | `pool`, `backend` | where it went, the last backend that was tried |
//! | `bytes_in`, `bytes_out` | to backends and to the client, heads included |
//! | `timers` | HAProxy's TR/Tw/Tc/Tr/Ta, in milliseconds: its head, until a backend was chosen, until a connection stood, until the head of the response, all of it; -1 for what did not happen |
//! | `end` | HAProxy's two letters, where they mean the same, else `-` |
//! | `reason` | the name of how it ended, as in the counters |
//! | `retries` | connections tried for it beyond the first |
//! | `id` | its `X-Request-Id`, unless the client brought one: that is `client_id` |
//! | `calls`, `copied`, `spliced` | its share of the system calls, and bytes by the way they passed |
//!
//! A format is one file here: `text`, `json`, `combined`. Where lines go is [`host::spool`](crate::host::spool)'s;
//! nothing here waits. Requests on the admin address are the operator's own and get no line, nor do connections that
//! come and go without a byte.

mod combined;
mod json;
mod text;

use super::asked::Asked;
use super::context::Context;
use super::record::{Ending, NEVER, Record};
use crate::base::digits::{decimal, dotted, pad};
use crate::base::{Date, Peer, Shelf, Time};
use crate::config::access::Format;
use crate::host::spool::Spool;
use crate::net::{Cost, Net};
use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

/// Where lines go, and what they look like.
pub struct Access {
    format: Format,
    spool: Spool,
    stamp: Stamp,
    /// Memory for what the next requests ask for.
    spare: Shelf<Box<Asked>>,
}

/// The date as the format has it, down to the second: it changes once in thousands of lines.
#[derive(Default)]
struct Stamp {
    /// Since 1970.
    second: u64,
    text: Vec<u8>,
}

impl Stamp {
    /// That of this moment.
    fn at(&mut self, clock: Duration, write: fn(Date, &mut Vec<u8>)) -> &[u8] {
        if self.second != clock.as_secs() || self.text.is_empty() {
            self.second = clock.as_secs();
            self.text.clear();
            write(Date::of(clock), &mut self.text);
        }
        &self.text
    }
}

/// What a line says.
struct Entry<'a> {
    /// When, down to the second, and the milliseconds that it leaves out.
    stamp: &'a [u8],
    millis: u32,
    client: Peer,
    asked: Option<&'a Asked>,
    status: Option<u16>,
    listener: Option<&'a str>,
    pool: Option<&'a str>,
    backend: Option<&'a str>,
    bytes: [u64; 2],
    body: u64,
    /// In tenths of a millisecond.
    timers: [Option<u64>; 5],
    ending: Ending,
    retries: u32,
    id: u128,
    cost: Cost,
}

/// The end of a request, as its exchange knows it.
pub struct Ended<'a> {
    /// What is remembered of it.
    pub record: &'a mut Record,
    /// Whose it was.
    pub client: Peer,
    /// What the client was told; 0: nothing.
    pub status: u16,
    /// Bytes to backends and to the client in its last flows.
    pub moved: [u64; 2],
    /// Of those to the client: the body's.
    pub body: u64,
}

impl Access {
    /// Lines of this format into `spool`.
    pub fn new(format: Format, spool: Spool) -> Access {
        Access { format, spool, stamp: Stamp::default(), spare: Shelf::default() }
    }

    /// Memory for what a request asks for; it comes back with its line.
    pub fn lend(&mut self) -> Box<Asked> {
        self.spare.take().unwrap_or_default()
    }

    /// Frees memory that nobody needed of late. Whether there is more.
    pub fn trim(&mut self) -> bool {
        self.spare.trim()
    }

    /// Whether lines tell of fields of the request.
    pub fn tells_fields(&self) -> bool {
        self.format != Format::Text
    }

    /// Where lines go.
    pub fn spool(&mut self) -> &mut Spool {
        &mut self.spool
    }

    /// When lines are to go on their way.
    pub fn due(&self) -> Option<Time> {
        self.spool.due()
    }
}

impl<N: Net> Context<N> {
    /// Writes the line of a request that is over, and keeps the memory of what was asked for.
    pub fn log_access(&mut self, ended: Ended<'_>) {
        let Some(access) = &mut self.access else { return };
        let Ended { record, client, status, moved, body } = ended;
        let [heard, began, chosen, connected] = [record.heard, record.began, record.chosen, record.connected];
        let Access { format, spool, stamp, spare } = access;
        let clock = spool.clock(self.now);
        let date = if *format == Format::Combined { combined::write_date } else { write_date };
        let entry = Entry {
            stamp: stamp.at(clock, date),
            millis: clock.subsec_millis(),
            client,
            asked: record.asked.as_deref(),
            status: (status != 0).then_some(status),
            listener: record.listener.and_then(|at| Some(self.routing.get(usize::from(at))?.name.as_str())),
            pool: record.pool.map(|pool| self.backends.pool(pool).name.as_str()),
            backend: record.backend.map(|id| self.backends.get(id).name.as_str()),
            bytes: [record.moved[0] + moved[0], record.moved[1] + moved[1]],
            body,
            timers: [
                span(heard, began),
                span(began, chosen),
                span(chosen, connected),
                span(connected, record.answered),
                span(heard, self.now),
            ],
            ending: record.ending.unwrap_or(Ending { reason: "finished", code: Some("--") }),
            retries: record.tries.saturating_sub(1),
            id: record.id,
            cost: record.cost,
        };
        spool.line(self.now, |out| match format {
            Format::Text => text::write(&entry, out),
            Format::Json => json::write(&entry, out),
            Format::Combined => combined::write(&entry, out),
        });
        record.asked.take().filter(|asked| asked.is_small()).into_iter().for_each(|asked| spare.put(asked));
        self.stats.access_lines += 1;
    }

    /// Sends lines on their way that have waited long enough.
    pub(super) fn hand_on_lines(&mut self) {
        if let Some(access) = &mut self.access {
            if access.due().is_some_and(|due| due <= self.now) {
                access.spool.hand_on();
                self.stats.came_due += 1;
            }
            self.stats.access_dropped = access.spool.dropped();
        }
    }
}

/// Tenths of a millisecond between two things, if both happened.
fn span(from: Time, to: Time) -> Option<u64> {
    (from != NEVER && to != NEVER).then(|| to.0.saturating_sub(from.0) / 100_000)
}

/// Address and port, without the machinery of `fmt` where most clients are.
fn write_client(client: Peer, out: &mut Vec<u8>) {
    match client {
        Peer::Tcp(SocketAddr::V4(four)) => {
            dotted(four.ip().octets(), out);
            out.push(b':');
            decimal(four.port().into(), out);
        }
        other => _ = write!(out, "{other}"), // a vector takes everything
    }
}

/// `2026-11-26T19:54:58`.
fn write_date(date: Date, out: &mut Vec<u8>) {
    pad(date.year, 4, out);
    for (before, number) in
        [(b'-', date.month), (b'-', date.day), (b'T', date.hour), (b':', date.minute), (b':', date.second)]
    {
        out.push(before);
        pad(number, 2, out);
    }
}

/// `2026-11-26T19:54:58.123Z` (RFC 3339).
#[inline]
fn write_time(entry: &Entry<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(entry.stamp);
    out.push(b'.');
    pad(entry.millis.into(), 3, out);
    out.push(b'Z');
}

/// Milliseconds with one place; -1 for what did not happen.
fn write_tenths(tenths: Option<u64>, out: &mut Vec<u8>) {
    let Some(tenths) = tenths else { return out.extend_from_slice(b"-1") };
    let place = b'0' + (tenths % 10) as u8;
    match tenths / 10 {
        few @ 0..10 => out.extend_from_slice(&[b'0' + few as u8, b'.', place]), // most of them
        many => {
            decimal(many, out);
            out.extend_from_slice(&[b'.', place]);
        }
    }
}

/// Whether every format writes all of this as it is: ASCII, without a control byte, a quote or a backslash. Eight bytes
/// at a time, since most of what is looked at is so.
fn is_plain(bytes: &[u8]) -> bool {
    const EACH: u64 = u64::MAX / 255;
    // The highest bit of a byte is set in one of these if it is no ASCII, a control, a quote, a backslash or DEL. What is
    // borrowed from the next byte does no harm: then there was one.
    let odd = |eight: u64| {
        let is = |byte: u8| (eight ^ (EACH * u64::from(byte))).wrapping_sub(EACH);
        eight | eight.wrapping_sub(EACH * 0x20) | is(b'"') | is(b'\\') | is(0x7f)
    };
    let (eights, rest) = bytes.as_chunks();
    let mut found = eights.iter().fold(0, |found, eight| found | odd(u64::from_ne_bytes(*eight)));
    if let Some(last) = bytes.last_chunk() {
        found |= odd(u64::from_ne_bytes(*last)); // the rest, and some of what was seen already
    } else {
        found |= rest.iter().fold(0, |found, &byte| found | odd(EACH * u64::from(byte)));
    }
    found & (EACH * 0x80) == 0
}

/// Bytes of a client's, in quotes: what could end them, or a terminal's patience, as `\xHH` (nginx does likewise).
fn write_quoted(bytes: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    match is_plain(bytes) {
        true => out.extend_from_slice(bytes),
        false => write_escaped(bytes, out),
    }
    out.push(b'"');
}

#[cold]
fn write_escaped(bytes: &[u8], out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for &byte in bytes {
        match byte {
            b'"' | b'\\' | 0..0x20 | 0x7f.. => {
                let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
                out.extend_from_slice(&[b'\\', b'x', HEX[high], HEX[low]]);
            }
            plain => out.push(plain),
        }
    }
}

#[cfg(test)]
mod tests;
