//! httparse's result -> a checked head. Every anti-smuggling rule of heads is applied here or in what this calls.
//!
//! httparse does the tokens: it refuses control bytes, folded lines, white space before a colon and bare CR. What it is
//! laxer on is ours: line ends and sizes ([`super::scan`]), targets (`target.rs`), fields that frame and route
//! (here and in `fields.rs`). A bare LF is refused by [`Scan`] alone, so what it has not let through must not come to
//! [`request`]; [`next_request`] sees to that. Next: [`super::framing`], [`super::rewrite`].

pub use super::response::{Response, next_response, response};

use super::fields::{self, Hop, Marks, Name};
use super::framing::{self, Coding, Framing};
use super::scan::{self, RequestLine, Scan};
use super::target::{self, Target};
use super::words::{self, Verb, Version};
use super::{Limits, Malformed};
use httparse::{Header, Status};
use std::mem::MaybeUninit;

/// Room for the fields of one head. Making one costs nothing: the room is not initialised.
#[derive(Debug)]
pub struct Table<'b> {
    pub(super) room: Room<'b>,
    pub(super) rare: Vec<Header<'b>>, // used for versions beyond 1.1, which httparse does not read
}

pub(super) type Room<'b> = [MaybeUninit<Header<'b>>; Limits::MOST_FIELDS];

/// An empty [`Table`].
pub fn table<'b>() -> Table<'b> {
    Table { room: [const { MaybeUninit::uninit() }; Limits::MOST_FIELDS], rare: Vec::new() }
}

/// A request head that passed every rule.
#[derive(Debug, Clone, Copy)]
pub struct Request<'t, 'b> {
    /// As received; case matters.
    pub method: &'b str,
    /// The method, as far as it is treated differently.
    pub verb: Verb,
    /// As it is forwarded: origin-form or `*`. (`?query` alone when an absolute-form had no path; what is written
    /// onward then begins with `/`.)
    pub target: &'b [u8],
    /// What the client speaks.
    pub version: Version,
    /// The authority asked for: the target's if that was absolute, else the `Host` field's. None: HTTP/1.0 without.
    pub host: Option<&'b [u8]>,
    /// All fields as received.
    pub fields: &'t [Header<'b>],
    /// Where its body ends.
    pub framing: Framing,
    /// Whether the client wants to go on with this connection.
    pub keep_alive: bool,
    /// The client holds its body back until it hears 100 or a final status.
    pub expects_continue: bool,
    /// The protocol to offer on; never another version of HTTP.
    pub upgrade: Option<&'b [u8]>,
    /// `Connection` names fields that may come behind the body too, where its names are forgotten: no trailer goes on
    /// (RFC 9110 7.6.1).
    pub drops_trailers: bool,
    /// Of OPTIONS and TRACE; at 0 they are to be answered here (RFC 9110 7.6.2).
    pub max_forwards: Option<u64>,
    /// The client's own name for this request, if it is fit to be kept.
    pub request_id: Option<&'b [u8]>,
    pub(super) hop: Hop<'b>,
    /// Its bytes, if they are tidy ([`scan::tidy`]).
    pub(super) tidy: Option<&'b [u8]>,
    /// `Host` is as the client wrote it and goes on in its place.
    pub(super) host_stays: bool,
}

impl<'b> Request<'_, 'b> {
    /// The value of the first field of each of these names, which are given in small letters.
    pub fn first_of<const N: usize>(&self, names: [&str; N]) -> [Option<&'b [u8]>; N] {
        names.map(|name| {
            let found = self.fields.iter().find(|field| words::is_word(field.name.as_bytes(), name.as_bytes()));
            found.map(|field| field.value)
        })
    }
}

/// The request whose head these bytes begin with, and the size of that head, the empty lines before it included. None:
/// more is needed. The same `scan` each time, and the same start.
pub fn next_request<'t, 'b>(
    scan: &mut Scan,
    bytes: &'b [u8],
    limits: &Limits,
    table: &'t mut Table<'b>,
) -> Result<Option<(Request<'t, 'b>, usize)>, Malformed> {
    if !scan.is_fresh(bytes) {
        let Some(size) = scan.request(bytes, limits)? else { return Ok(None) };
        return request(&bytes[..size], limits, table).map(|request| Some((request, size)));
    }
    let Table { room, rare } = table;
    if let Some((line, fields, size)) = tokens(bytes, limits, room).filter(|(.., size)| *size <= limits.head) {
        let tidy = scan::tidy(&bytes[..size], fields);
        if tidy.is_some() || scan::ends_properly(&bytes[..size], fields) {
            return judge(tidy, line, fields, limits).map(|request| Some((request, size)));
        }
    }
    match scan.request(bytes, limits)? {
        Some(size) => rare_request(&bytes[..size], limits, rare).map(|request| Some((request, size))),
        None => Ok(None),
    }
}

/// Checks a request head, `bytes[..size]` as [`Scan::request`] found it.
pub fn request<'t, 'b>(
    head: &'b [u8],
    limits: &Limits,
    table: &'t mut Table<'b>,
) -> Result<Request<'t, 'b>, Malformed> {
    let Table { room, rare } = table;
    match tokens(head, limits, room) {
        Some((line, fields, size)) if size == head.len() => judge(scan::tidy(head, fields), line, fields, limits),
        _ => rare_request(head, limits, rare),
    }
}

/// The request line and the fields, by httparse, and where they end. None: it does not take them.
fn tokens<'t, 'b>(
    bytes: &'b [u8],
    limits: &Limits,
    room: &'t mut Room<'b>,
) -> Option<(RequestLine<'b>, &'t [Header<'b>], usize)> {
    let most = limits.fields.min(room.len());
    let mut parsed = httparse::Request::new(&mut []);
    let size = parsed.parse_with_uninit_headers(bytes, &mut room[..most]);
    match (size, parsed.method, parsed.path, parsed.version) {
        (Ok(Status::Complete(size)), Some(method), Some(path), Some(version)) => {
            let version = if version == 0 { Version::V10 } else { Version::V11 };
            Some((RequestLine { method, target: path.as_bytes(), version }, parsed.headers, size))
        }
        _ => None,
    }
}

/// What httparse did not take: refused for a reason that is found here, or HTTP/1.2, which it does not know.
#[cold]
fn rare_request<'t, 'b>(
    head: &'b [u8],
    limits: &Limits,
    rare: &'t mut Vec<Header<'b>>,
) -> Result<Request<'t, 'b>, Malformed> {
    let (line, rest) = scan::first_line(head);
    let line = scan::request_line(line, limits)?;
    judge(None, line, fields::parse(rest, limits, rare)?, limits)
}

/// Every rule for what a request may say.
fn judge<'t, 'b>(
    tidy: Option<&'b [u8]>,
    line: RequestLine<'b>,
    fields: &'t [Header<'b>],
    limits: &Limits,
) -> Result<Request<'t, 'b>, Malformed> {
    let verb = Verb::of(line.method);
    scan::fits(line.method.as_bytes(), line.target, limits)?;
    let target = target::target(verb, line.target)?;
    let mut asked = Asked::default();
    for (index, field) in fields.iter().enumerate() {
        asked.take(index, verb, field)?;
    }
    asked.hop.remove_named(fields, limits)?;
    let modern = line.version == Version::V11;
    asked.hop.trailers &= modern;
    let host = asked.host(modern, &target)?;
    let framing = asked.framing(modern, limits)?;
    let expects = asked.expects(modern)?;
    Ok(Request {
        method: line.method,
        verb,
        target: target.onward,
        version: line.version,
        host,
        fields,
        framing,
        keep_alive: asked.hop.keeps_alive(modern),
        expects_continue: expects && !matches!(framing, Framing::None | Framing::Length(0)),
        // RFC 9110 7.8: ignored in HTTP/1.0, and without the connection option.
        upgrade: asked.hop.upgrade.filter(|_| modern && asked.hop.connection.upgrade),
        drops_trailers: asked.hop.connection.names_others,
        max_forwards: asked.max_forwards,
        request_id: asked.request_id.fit(),
        hop: asked.hop,
        tidy,
        host_stays: host.is_some() && target.authority.is_none(),
    })
}

/// What the fields of a request ask for, gathered one by one and judged when all are known.
#[derive(Debug, Default)]
struct Asked<'b> {
    hop: Hop<'b>,
    host: Option<(&'b [u8], usize)>,
    expects: Expects,
    max_forwards: Option<u64>,
    request_id: RequestId<'b>,
}

impl<'b> Asked<'b> {
    fn take(&mut self, index: usize, verb: Verb, field: &Header<'b>) -> Result<(), Malformed> {
        let value = field.value;
        match fields::name(field.name.as_bytes()) {
            Name::Other => {}
            Name::Host => return self.take_host(index, value),
            Name::Expect => self.expects.take(index, value),
            Name::MaxForwards if verb.counts_forwards() => {
                return self.take_max_forwards(index, value);
            }
            Name::RequestId => self.request_id.take(index, value, &mut self.hop.marks),
            Name::ForwardedFor | Name::ForwardedHost | Name::ForwardedProto => self.hop.marks.set(index),
            name => return self.hop.take(index, name, value),
        }
        Ok(())
    }

    fn take_host(&mut self, index: usize, value: &'b [u8]) -> Result<(), Malformed> {
        match self.host.replace((value, index)) {
            Some(_) => Err(Malformed::HostTwice),
            None if target::is_authority(value) => Ok(()),
            None => Err(Malformed::Host),
        }
    }

    fn take_max_forwards(&mut self, index: usize, value: &[u8]) -> Result<(), Malformed> {
        self.hop.marks.set(index); // written anew, one less
        let plain = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        match plain && self.max_forwards.is_none() {
            true => self.max_forwards = Some(framing::digits(value).unwrap_or(u64::MAX)),
            false => return Err(Malformed::MaxForwards),
        }
        Ok(())
    }

    /// RFC 9112 3.2: exactly one in HTTP/1.1; RFC 9112 3.2.2: an absolute target wins and replaces it.
    fn host(&mut self, modern: bool, target: &Target<'b>) -> Result<Option<&'b [u8]>, Malformed> {
        match (self.host, target.authority) {
            (None, _) if modern => Err(Malformed::HostMissing),
            (Some((_, index)), Some(authority)) => {
                self.hop.marks.set(index);
                Ok(Some(authority))
            }
            (field, authority) => Ok(authority.or(field.map(|(value, _)| value))),
        }
    }

    /// RFC 9112 6.3. The method plays no part in it.
    fn framing(&self, modern: bool, limits: &Limits) -> Result<Framing, Malformed> {
        match (self.hop.coding, self.hop.length) {
            (Coding::Absent, None) => Ok(Framing::None),
            (Coding::Absent, Some(length)) if limits.body > 0 && length.bytes > limits.body => {
                Err(Malformed::BodyTooLarge)
            }
            (Coding::Absent, Some(length)) => Ok(Framing::Length(length.bytes)),
            (_, Some(_)) => Err(Malformed::LengthAndCoding), // RFC 9112 6.1, 11.2
            _ if !modern => Err(Malformed::CodingInOld),     // RFC 9112 6.1
            (Coding::Chunked, None) => Ok(Framing::Chunked),
            (Coding::Unsupported, None) => Err(Malformed::CodingUnsupported),
            (Coding::Bad, None) => Err(Malformed::Coding),
        }
    }

    /// RFC 9110 10.1.1: to be ignored in HTTP/1.0, whose clients would not understand a 100.
    fn expects(&mut self, modern: bool) -> Result<bool, Malformed> {
        match self.expects {
            Expects::Nothing => Ok(false),
            Expects::Continue(_) if modern => Ok(true),
            Expects::Continue(index) => {
                self.hop.marks.set(index);
                Ok(false)
            }
            Expects::Other => Err(Malformed::Expectation),
        }
    }
}

/// What `Expect` says (RFC 9110 10.1.1).
#[derive(Debug, Default, Clone, Copy)]
enum Expects {
    #[default]
    Nothing,
    Continue(usize),
    Other,
}

impl Expects {
    fn take(&mut self, index: usize, value: &[u8]) {
        *self = match self {
            Expects::Nothing if value.eq_ignore_ascii_case(b"100-continue") => Expects::Continue(index),
            _ => Expects::Other,
        };
    }
}

/// The client's own name for a request.
#[derive(Debug, Default, Clone, Copy)]
enum RequestId<'b> {
    #[default]
    Absent,
    Fit(&'b [u8], usize),
    Unfit,
}

/// Longer ones fill logs.
const LONGEST_ID: usize = 128;

impl<'b> RequestId<'b> {
    /// One of its fields. Two are none, as is one that could break a log line.
    fn take(&mut self, index: usize, value: &'b [u8], marks: &mut Marks) {
        let fit = |byte: &u8| words::is_tchar(*byte) || b"/=:@".contains(byte);
        *self = match *self {
            RequestId::Absent if (1..=LONGEST_ID).contains(&value.len()) && value.iter().all(fit) => {
                return *self = RequestId::Fit(value, index);
            }
            RequestId::Fit(_, first) => {
                marks.set(first);
                RequestId::Unfit
            }
            _ => RequestId::Unfit,
        };
        marks.set(index);
    }

    fn fit(self) -> Option<&'b [u8]> {
        match self {
            RequestId::Fit(value, _) => Some(value),
            _ => None,
        }
    }
}
