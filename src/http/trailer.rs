//! The fields behind a chunked body: parsed as strictly as those of a head, and sieved.
//!
//! RFC 9110 6.5.1: a field that frames, routes, authenticates or says how to read the body comes too late in a trailer;
//! a recipient that merged it into the head would be fooled. Such fields are dropped.

use super::fields::{self, Name};
use super::{Limits, Malformed};

/// The size of the trailer section with its empty line. `seen` bytes were looked at before.
pub(super) fn end(bytes: &[u8], seen: usize) -> Result<Option<usize>, Malformed> {
    let mut from = seen;
    while let Some(at) = bytes.get(from..).and_then(|rest| rest.iter().position(|&byte| byte == b'\n')) {
        match &bytes[..from + at] {
            [b'\r'] | [.., b'\n', b'\r'] => return Ok(Some(from + at + 1)),
            [.., b'\r'] => from += at + 1,
            _ => return Err(Malformed::BareLf),
        }
    }
    Ok(None)
}

/// Appends the lines that may go on.
pub(super) fn keep(section: &[u8], limits: &Limits, out: &mut Vec<u8>) -> Result<(), Malformed> {
    if section == b"\r\n" {
        return Ok(());
    }
    let mut room = Vec::new();
    for field in fields::parse(section, limits, &mut room)? {
        if !is_forbidden(field.name.as_bytes()) {
            fields::write(field.name.as_bytes(), field.value, out);
        }
    }
    Ok(())
}

/// Beside those of [`Name`], all of which are a hop's or frame, route or forward.
const FORBIDDEN: [&str; 33] = [
    "age",
    "authorization",
    "cache-control",
    "content-encoding",
    "content-language",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expires",
    "forwarded",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "location",
    "pragma",
    "proxy-authenticate",
    "proxy-authentication-info",
    "proxy-authorization",
    "range",
    "retry-after",
    "set-cookie",
    "trailer",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-forwarded",
    "x-forwarded-port",
    "x-real-ip",
];

fn is_forbidden(name: &[u8]) -> bool {
    fields::name(name) != Name::Other || FORBIDDEN.iter().any(|f| name.eq_ignore_ascii_case(f.as_bytes()))
}
