//! One JSON object a line, for whatever collects logs. Keys are those of the [table](super); what is not known is null.

use super::{Entry, write_time};
use serde::Serialize;

#[derive(Serialize)]
struct Object<'a> {
    time: &'a str,
    client: String,
    listener: Option<&'a str>,
    method: Option<&'a str>,
    target: Option<&'a str>,
    version: Option<&'a str>,
    status: Option<u16>,
    pool: Option<&'a str>,
    backend: Option<&'a str>,
    bytes_in: u64,
    bytes_out: u64,
    timers: Timers,
    end: Option<&'a str>,
    reason: &'a str,
    retries: u32,
    id: String,
    client_id: Option<String>,
    referer: Option<String>,
    user_agent: Option<String>,
    calls: u64,
    copied: u64,
    spliced: u64,
}

/// In milliseconds.
#[derive(Serialize)]
#[allow(non_snake_case)] // HAProxy's names
struct Timers {
    TR: Option<f64>,
    Tw: Option<f64>,
    Tc: Option<f64>,
    Tr: Option<f64>,
    Ta: Option<f64>,
}

pub fn write(entry: &Entry<'_>, out: &mut Vec<u8>) {
    let mut time = Vec::with_capacity(24);
    write_time(entry.clock, &mut time);
    let milliseconds = |tenths: Option<u64>| tenths.map(|tenths| tenths as f64 / 10.0);
    let [request, wait, connect, response, all] = entry.timers.map(milliseconds);
    let asked = entry.asked;
    // JSON has no bytes: what is no UTF-8 shows as U+FFFD.
    let field = |bytes: &[u8]| (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned());
    let object = Object {
        time: str::from_utf8(&time).unwrap_or_default(),
        client: entry.client.to_string(),
        listener: entry.listener,
        method: asked.map(|asked| asked.method()),
        target: asked.map(|asked| asked.target()),
        version: asked.map(|asked| asked.version()),
        status: entry.status,
        pool: entry.pool,
        backend: entry.backend,
        bytes_in: entry.bytes[0],
        bytes_out: entry.bytes[1],
        timers: Timers { TR: request, Tw: wait, Tc: connect, Tr: response, Ta: all },
        end: entry.ending.code,
        reason: entry.ending.reason,
        retries: entry.retries,
        id: format!("{:032x}", entry.id),
        client_id: asked.and_then(|asked| field(&asked.request_id)),
        referer: asked.and_then(|asked| field(&asked.referer)),
        user_agent: asked.and_then(|asked| field(&asked.agent)),
        calls: entry.cost.calls,
        copied: entry.cost.copied,
        spliced: entry.cost.spliced,
    };
    let _ = serde_json::to_writer(&mut *out, &object); // a vector takes it, and no key of it is odd
    out.push(b'\n');
}
