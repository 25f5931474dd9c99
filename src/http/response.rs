//! A response head, checked as strictly as a request's: a backend may be somebody else's, or broken.
//!
//! Whatever is refused here becomes 502. The counterpart of [`super::head`]; next: [`super::rewrite`].

use super::fields::{self, Hop, Length, Name};
use super::framing::{self, Coding, Framing};
use super::head::{Room, Table};
use super::scan::{self, Scan, StatusLine};
use super::words::{Verb, Version};
use super::{Limits, Malformed};
use httparse::{Header, Status};

/// A response head that passed every rule.
#[derive(Debug, Clone, Copy)]
pub struct Response<'t, 'b> {
    /// Three digits, the first of them not 0.
    pub status: u16,
    /// Often empty; bytes beyond ASCII are allowed in it.
    pub reason: &'b [u8],
    /// What the backend speaks.
    pub version: Version,
    /// All fields as received.
    pub fields: &'t [Header<'b>],
    /// Where its body ends.
    pub framing: Framing,
    /// Whether the backend will take another request on this connection.
    pub keep_alive: bool,
    /// As [`super::Request::drops_trailers`].
    pub drops_trailers: bool,
    /// Of a 101: the protocol that it switches to.
    pub upgrade: Option<&'b [u8]>,
    pub(super) hop: Hop<'b>,
    /// As [`super::Request::tidy`].
    pub(super) tidy: Option<&'b [u8]>,
}

impl Response<'_, '_> {
    /// 1xx: another head follows (except after 101, when no head follows at all).
    pub fn is_interim(&self) -> bool {
        self.status < 200
    }
}

/// As [`super::head::next_request`]: the response to a request of the verb `asked`.
pub fn next_response<'t, 'b>(
    scan: &mut Scan,
    bytes: &'b [u8],
    asked: Verb,
    limits: &Limits,
    table: &'t mut Table<'b>,
) -> Result<Option<(Response<'t, 'b>, usize)>, Malformed> {
    if !scan.is_fresh(bytes) {
        let Some(size) = scan.response(bytes, limits)? else { return Ok(None) };
        return response(&bytes[..size], asked, limits, table).map(|response| Some((response, size)));
    }
    let Table { room, rare } = table;
    if let Some((fields, size)) = tokens(bytes, limits, room).filter(|(_, size)| *size <= limits.head) {
        let head = &bytes[..size];
        let tidy = scan::tidy(head, fields);
        if tidy.is_some() || scan::ends_properly(head, fields) {
            let line = fields.first().map_or(size - 2, |field| scan::place(head, field)) - 2;
            let line = scan::status_line(&head[..line])?;
            return judge(tidy, line, fields, asked, limits).map(|response| Some((response, size)));
        }
    }
    match scan.response(bytes, limits)? {
        Some(size) => rare_response(&bytes[..size], asked, limits, rare).map(|response| Some((response, size))),
        None => Ok(None),
    }
}

/// Checks a response head, `bytes[..size]` as [`Scan::response`] found it. `asked` is the verb of the request that it
/// answers.
pub fn response<'t, 'b>(
    head: &'b [u8],
    asked: Verb,
    limits: &Limits,
    table: &'t mut Table<'b>,
) -> Result<Response<'t, 'b>, Malformed> {
    let line = scan::status_line(scan::first_line(head).0)?;
    let Table { room, rare } = table;
    match tokens(head, limits, room) {
        Some((fields, size)) if size == head.len() => judge(scan::tidy(head, fields), line, fields, asked, limits),
        _ => rare_response(head, asked, limits, rare),
    }
}

/// The fields, by httparse, and where they end. It reads the status line, too, but is laxer on it than we are.
fn tokens<'t, 'b>(bytes: &'b [u8], limits: &Limits, room: &'t mut Room<'b>) -> Option<(&'t [Header<'b>], usize)> {
    let most = limits.fields.min(room.len());
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut parsed, bytes, &mut room[..most]) {
        Ok(Status::Complete(size)) if bytes.first() == Some(&b'H') => Some((parsed.headers, size)),
        _ => None,
    }
}

/// What httparse did not take, or cannot.
#[cold]
fn rare_response<'t, 'b>(
    head: &'b [u8],
    asked: Verb,
    limits: &Limits,
    rare: &'t mut Vec<Header<'b>>,
) -> Result<Response<'t, 'b>, Malformed> {
    let (line, rest) = scan::first_line(head);
    let line = scan::status_line(line)?;
    judge(None, line, fields::parse(rest, limits, rare)?, asked, limits)
}

/// Every rule for what a response may say.
fn judge<'t, 'b>(
    tidy: Option<&'b [u8]>,
    line: StatusLine<'b>,
    fields: &'t [Header<'b>],
    asked: Verb,
    limits: &Limits,
) -> Result<Response<'t, 'b>, Malformed> {
    let StatusLine { version, status, reason } = line;
    let modern = version == Version::V11;
    let mut hop = Hop::default();
    // RFC 9112 6.3: these end with their head, whatever their fields say. So nothing they say is asked, or goes on.
    let silent = status < 200 || status == 204;
    for (index, field) in fields.iter().enumerate() {
        match fields::name(field.name.as_bytes()) {
            Name::Other => {}
            Name::ContentLength | Name::TransferEncoding if silent => hop.marks.set(index),
            Name::ContentLength => take_length(&mut hop, index, field.value)?,
            name => hop.take(index, name, field.value)?,
        }
    }
    hop.remove_named(fields, limits)?;
    let said = framing(&hop, modern)?;
    let bodiless = silent || status == 304 || asked == Verb::Head;
    let framing = if bodiless { Framing::None } else { said };
    Ok(Response {
        status,
        reason,
        version,
        fields,
        framing,
        keep_alive: framing != Framing::UntilClose && hop.keeps_alive(modern),
        drops_trailers: hop.connection.names_others,
        upgrade: hop.upgrade.filter(|_| modern && status == 101 && hop.connection.upgrade),
        hop,
        tidy,
    })
}

/// RFC 9112 6.3, for a response that has a body. A coding in HTTP/1.0 is a fault there (6.1), and codings that we did
/// not ask for cannot be passed on.
fn framing(hop: &Hop, modern: bool) -> Result<Framing, Malformed> {
    match (hop.coding, hop.length) {
        (Coding::Absent, None) => Ok(Framing::UntilClose),
        (Coding::Absent, Some(length)) => Ok(Framing::Length(length.bytes)),
        (_, Some(_)) => Err(Malformed::LengthAndCoding),
        _ if !modern => Err(Malformed::CodingInOld),
        (Coding::Chunked, None) => Ok(Framing::Chunked),
        (Coding::Unsupported, None) => Err(Malformed::CodingUnsupported),
        (Coding::Bad, None) => Err(Malformed::Coding),
    }
}

/// RFC 9110 8.6: from a backend, one value said several times may be mended to one; two values may not.
fn take_length(hop: &mut Hop, index: usize, value: &[u8]) -> Result<(), Malformed> {
    if let (None, Ok(length)) = (hop.length, Length::said(index, value)) {
        hop.length = Some(length); // as nearly all say it
        return Ok(());
    }
    let mut lengths = value.split(|&byte| byte == b',').map(|one| framing::length(one.trim_ascii()));
    let first = lengths.next().unwrap_or(Err(Malformed::Length))?;
    let same = lengths.all(|length| length == Ok(first)) && hop.length.is_none_or(|length| length.bytes == first);
    if !same {
        return Err(Malformed::LengthTwice);
    }
    match hop.length {
        Some(_) => hop.marks.set(index),
        None => hop.length = Some(Length { bytes: first, index, tidy: false }),
    }
    Ok(())
}
