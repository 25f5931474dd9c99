//! Where does this head end? And is it hopeless already?
//!
//! A head may arrive one byte at a time; [`Scan`] remembers how far it looked, so that all looking together costs the
//! length of the head. It also refuses early, so that a client that speaks something else is told at once and not at
//! the time-out. The verdict does not depend on how the bytes were cut: whatever is refused early would have been
//! refused for the same reason with all bytes at hand. What is let through is judged in [`super::head`].
//!
//! Most heads come whole, and then httparse has seen where they end while it looked for their fields: only those that do
//! not, or are not as they should be, are looked at here ([`super::head::next_request`]).

use super::words::{Version, is_tchar, is_token};
use super::{Limits, Malformed, target};
use httparse::Header;

/// How far a head that arrives in pieces was looked at.
#[derive(Debug, Default, Clone, Copy)]
pub struct Scan {
    seen: u32,   // bytes looked at for line ends
    start: u32,  // where the start line begins: behind the empty lines
    whole: bool, // whether the start line has ended
}

/// RFC 9112 2.2 asks for at least one empty line before a request to be skipped, for old clients that end a body so.
const MOST_EMPTY_LINES: u32 = 8;

/// No registered method is half as long.
const LONGEST_METHOD: usize = 64;

impl Scan {
    /// `bytes` is all that is held, from the first byte of the head on; the same start each call.
    ///
    /// Some: the head, its empty line and the empty lines before it are `bytes[..size]`. None: more is needed. Asked again,
    /// it says the same again, be it a refusal.
    pub fn request(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Malformed> {
        let before = *self;
        self.find_request(bytes, limits).inspect_err(|_| *self = before)
    }

    /// As [`Scan::request`], for a head that a backend sends. No empty line may precede it.
    pub fn response(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Malformed> {
        let before = *self;
        self.find_response(bytes, limits).inspect_err(|_| *self = before)
    }

    fn find_request(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Malformed> {
        let window = &bytes[..bytes.len().min(limits.head)];
        if !self.begins(window)? {
            return Ok(None);
        }
        let (found, first) = self.lines(window);
        match (found, first) {
            (Found::End(size), _) => return Ok(Some(size)),
            // The start line is judged before what follows it, so that the verdict is the same however bytes are cut.
            (_, Some(line)) => _ = request_line(line, limits)?,
            (Found::BareLf(at), None) if !self.whole => self.unfinished(&window[..at], limits)?,
            (Found::Nothing, None) if !self.whole => self.unfinished(window, limits)?,
            _ => {}
        }
        found.verdict(window, limits)
    }

    fn find_response(&mut self, bytes: &[u8], limits: &Limits) -> Result<Option<usize>, Malformed> {
        let window = &bytes[..bytes.len().min(limits.head)];
        if !window.iter().zip(b"HTTP/").all(|(byte, expected)| byte == expected) {
            return Err(Malformed::StatusLine);
        }
        let (found, first) = self.lines(window);
        match (found, first) {
            (Found::End(size), _) => return Ok(Some(size)),
            (_, Some(line)) => _ = status_line(line)?,
            _ => {}
        }
        found.verdict(window, limits)
    }

    /// Whether these bytes are looked at for the first time, and begin with a line that is not empty.
    pub(super) fn is_fresh(&self, bytes: &[u8]) -> bool {
        self.seen == 0 && !matches!(bytes, [] | [b'\r' | b'\n', ..])
    }

    /// Skips empty lines. Whether there is more, and it may be a request.
    fn begins(&mut self, bytes: &[u8]) -> Result<bool, Malformed> {
        let rest = |start: u32| bytes.get(start as usize..).unwrap_or_default();
        while !self.whole && rest(self.start).starts_with(b"\r\n") {
            self.start += 2;
            self.seen = self.start;
            if self.start > 2 * MOST_EMPTY_LINES {
                return Err(Malformed::EmptyLines);
            }
        }
        match rest(self.start) {
            [] | [b'\r'] => Ok(false),
            [b'\n', ..] => Err(Malformed::BareLf),
            [first, ..] => is_tchar(*first).then_some(true).ok_or(Malformed::NotHttp),
        }
    }

    /// Reads lines until an empty one; also tells the start line if this call saw it end.
    fn lines<'b>(&mut self, bytes: &'b [u8]) -> (Found, Option<&'b [u8]>) {
        let mut first = None;
        let mut from = self.seen as usize;
        self.seen = bytes.len() as u32;
        while let Some(at) = bytes.get(from..).and_then(|rest| memchr::memchr(b'\n', rest)) {
            let end = from + at;
            // RFC 9112 2.2 lets a recipient take a lone LF for a line end; who does not take it sees another message.
            if end == 0 || bytes[end - 1] != b'\r' {
                return (Found::BareLf(end), first);
            }
            if !self.whole {
                self.whole = true;
                first = bytes.get(self.start as usize..end - 1);
            } else if end >= 2 && bytes[end - 2] == b'\n' {
                self.seen = from as u32; // asked again, it is found again
                return (Found::End(end + 1), first);
            }
            from = end + 1;
        }
        (Found::Nothing, first)
    }

    /// A request line that has not ended: are its method or target too long already?
    fn unfinished(&self, bytes: &[u8], limits: &Limits) -> Result<(), Malformed> {
        const REST: usize = " HTTP/1.1\r".len();
        let line = bytes.get(self.start as usize..).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line); // the CR may be half of the line's end
        if line.len() <= LONGEST_METHOD {
            return Ok(());
        }
        let method = line[..=LONGEST_METHOD].iter().position(|&byte| byte == b' ').ok_or(Malformed::MethodTooLong)?;
        if line.len() - method - 1 <= limits.target + REST {
            return Ok(());
        }
        // Whatever comes now: the target is too long, or what follows it is no version.
        request_line(line, limits).and(Err(Malformed::Version))
    }
}

/// What reading lines came to.
#[derive(Debug, Clone, Copy)]
enum Found {
    End(usize),
    BareLf(usize),
    Nothing,
}

impl Found {
    /// Nothing found in all the room there is: it will not be found.
    fn verdict(self, window: &[u8], limits: &Limits) -> Result<Option<usize>, Malformed> {
        match self {
            Found::End(size) => Ok(Some(size)),
            Found::BareLf(_) => Err(Malformed::BareLf),
            Found::Nothing if window.len() >= limits.head => Err(Malformed::HeadTooLarge),
            Found::Nothing => Ok(None),
        }
    }
}

/// Whether every line of this head ends in CRLF, and the last of them is empty. httparse, which says where the fields are,
/// takes a lone LF for an end as well, and nothing else: so each line but the first begins with a field's name.
pub(super) fn ends_properly(head: &[u8], fields: &[Header]) -> bool {
    let begins_properly =
        |field: &Header| head.get(..place(head, field)).is_some_and(|before| before.ends_with(b"\r\n"));
    head.ends_with(b"\r\n\r\n") && fields.iter().all(begins_properly)
}

/// This head, if each field stands in it as it would be written anew, byte for byte, as nearly all do: a name, a colon, one
/// space, a value, CRLF, and behind the last one an empty line. Then it [ends properly](ends_properly), too.
pub(super) fn tidy<'b>(head: &'b [u8], fields: &[Header]) -> Option<&'b [u8]> {
    let first = place(head, fields.first()?);
    let mut at = first;
    for Header { name, value } in fields {
        let end = at + line_length(name, value);
        // With more white space around it, or another end, its end would not be here.
        let [b':', b' ', .., b'\r', b'\n'] = head.get(at + name.len()..end)? else { return None };
        at = end;
    }
    let ends = head.get(..first)?.ends_with(b"\r\n") && head.get(at..)? == b"\r\n";
    ends.then_some(head)
}

/// What a tidy line measures.
pub(super) fn line_length(name: &str, value: &[u8]) -> usize {
    name.len() + b": ".len() + value.len() + b"\r\n".len()
}

/// Where in its head a field begins.
pub(super) fn place(head: &[u8], field: &Header) -> usize {
    field.name.as_ptr().addr().wrapping_sub(head.as_ptr().addr())
}

/// The parts of a request line, judged from left to right.
#[derive(Debug)]
pub(super) struct RequestLine<'b> {
    pub(super) method: &'b str,
    pub(super) target: &'b [u8],
    pub(super) version: Version,
}

/// RFC 9112 3: a method longer than any is 501, a target longer than we want is 414.
pub(super) fn fits(method: &[u8], target: &[u8], limits: &Limits) -> Result<(), Malformed> {
    match () {
        _ if method.len() > LONGEST_METHOD => Err(Malformed::MethodTooLong),
        _ if target.len() > limits.target => Err(Malformed::TargetTooLong),
        _ => Ok(()),
    }
}

/// RFC 9112 3, for a line without its CRLF: the slow and talkative twin of what httparse does on the way.
pub(super) fn request_line<'b>(line: &'b [u8], limits: &Limits) -> Result<RequestLine<'b>, Malformed> {
    let mut parts = line.splitn(3, |&byte| byte == b' ');
    let method = parts.next().unwrap_or_default();
    fits(method, b"", limits)?;
    if !is_token(method) {
        return Err(Malformed::Method);
    }
    let target = parts.next().ok_or(Malformed::RequestLine)?;
    fits(method, target, limits)?;
    let Some(version) = parts.next() else {
        return Err(unversioned(method, target));
    };
    if target.is_empty() {
        return Err(Malformed::RequestLine);
    }
    if !target::is_clean(target) {
        return Err(Malformed::Target);
    }
    let method = str::from_utf8(method).map_err(|_| Malformed::Method)?;
    Ok(RequestLine { method, target, version: http_version(version)? })
}

/// `GET /path` alone was a whole request once, in HTTP/0.9.
fn unversioned(method: &[u8], target: &[u8]) -> Malformed {
    match target {
        [b'/', ..] if method == b"GET" && target::is_clean(target) => Malformed::VersionUnsupported,
        _ => Malformed::RequestLine,
    }
}

/// RFC 9112 2.3 and RFC 9110 2.5: a higher minor version is read as the highest that we know.
pub(super) fn http_version(bytes: &[u8]) -> Result<Version, Malformed> {
    match bytes {
        b"HTTP/1.1" => Ok(Version::V11),
        b"HTTP/1.0" => Ok(Version::V10),
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            if *major == b'1' {
                Ok(Version::V11)
            } else {
                Err(Malformed::VersionUnsupported)
            }
        }
        _ => Err(Malformed::Version),
    }
}

/// The parts of a status line.
#[derive(Debug)]
pub(super) struct StatusLine<'b> {
    pub(super) version: Version,
    pub(super) status: u16,
    pub(super) reason: &'b [u8],
}

/// RFC 9112 4, for a line without its CRLF. The space before an absent reason may be absent too.
pub(super) fn status_line(line: &[u8]) -> Result<StatusLine<'_>, Malformed> {
    let (version, rest) = line.split_at_checked(8).ok_or(Malformed::StatusLine)?;
    let version = http_version(version)?;
    let (status, reason) = match rest {
        [b' ', a, b, c] => ([a, b, c], &[][..]),
        [b' ', a, b, c, b' ', reason @ ..] => ([a, b, c], reason),
        _ => return Err(Malformed::StatusLine),
    };
    let printable = |&byte: &u8| byte == b'\t' || byte >= b' ' && byte != 0x7f;
    if *status[0] == b'0' || !status.iter().all(|d| d.is_ascii_digit()) || !reason.iter().all(printable) {
        return Err(Malformed::StatusLine);
    }
    let status = status.iter().fold(0, |number, &&digit| number * 10 + u16::from(digit - b'0'));
    Ok(StatusLine { version, status, reason })
}

/// The start line without its CRLF, and all that follows; empty lines before it are skipped.
pub(super) fn first_line(mut head: &[u8]) -> (&[u8], &[u8]) {
    while let [b'\r', b'\n', rest @ ..] = head {
        head = rest;
    }
    let end = memchr::memchr(b'\n', head).unwrap_or(head.len());
    let line = head.get(..end).unwrap_or_default();
    (line.strip_suffix(b"\r").unwrap_or(line), head.get(end + 1..).unwrap_or_default())
}
