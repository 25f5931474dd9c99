//! A second opinion on HTTP/1.1: slow, literal, whole messages only, each rule next to its RFC section.
//!
//! It is a model, not a parser for use: it copies everything, and says no more than where a message ends, what it is
//! made of, and whether it is one at all. What both readings take must mean the same to both.

use super::text;

/// What became of reading something from the front of some bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<T> {
    /// It is there, and so many bytes long.
    Whole(T, usize),
    /// It may become one.
    More,
    /// It is none.
    Wrong(String),
}

/// A start line and fields.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub start: Vec<u8>,
    /// Names in small letters, values without the white space around them.
    pub fields: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Where a body ends (RFC 9112 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    None,
    Length(u64),
    Chunked,
    UntilClose,
}

/// A request head, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    pub method: Vec<u8>,
    pub target: Vec<u8>,
    pub minor: u8,
    pub head: Head,
    pub body: Body,
}

/// A response head, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    pub reason: Vec<u8>,
    pub minor: u8,
    pub head: Head,
    pub body: Body,
}

impl Head {
    /// Every value of a field, in order.
    pub fn all(&self, name: &str) -> Vec<&[u8]> {
        let same = |(n, _): &&(Vec<u8>, Vec<u8>)| n == name.as_bytes();
        self.fields.iter().filter(same).map(|(_, value)| value.as_slice()).collect()
    }

    /// Whether some field of that name lists this member (RFC 9110 5.6.1), case aside.
    pub fn lists(&self, name: &str, member: &str) -> bool {
        let is = |one: &[u8]| one.trim_ascii().eq_ignore_ascii_case(member.as_bytes());
        self.all(name).iter().any(|value| value.split(|&b| b == b',').any(is))
    }
}

/// RFC 9112 2.1: a start line, fields, an empty line; every line ends in CRLF.
pub fn head(bytes: &[u8]) -> Read<Head> {
    let mut rest = bytes;
    let mut lines: Vec<&[u8]> = Vec::new();
    loop {
        let Some(at) = rest.iter().position(|&b| b == b'\n') else { return Read::More };
        let Some(line) = rest[..at].strip_suffix(b"\r") else { return Read::Wrong("LF without CR".into()) };
        rest = &rest[at + 1..];
        match line {
            b"" if lines.is_empty() => return Read::Wrong("an empty line for a start line".into()),
            b"" => break,
            line => lines.push(line),
        }
    }
    let Some((start, lines)) = lines.split_first() else { return Read::Wrong("no start line".into()) };
    match lines.iter().map(|line| field(line)).collect::<Result<Vec<_>, _>>() {
        Ok(fields) => Read::Whole(Head { start: start.to_vec(), fields }, bytes.len() - rest.len()),
        Err(wrong) => Read::Wrong(wrong),
    }
}

/// RFC 9112 5 and 5.1, RFC 9110 5.5: `token ":" OWS value OWS`.
fn field(line: &[u8]) -> Result<(Vec<u8>, Vec<u8>), String> {
    let wrong = |why: &str| Err(format!("{why}: {}", text(line)));
    let Some(colon) = line.iter().position(|&b| b == b':') else { return wrong("no colon") };
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if !token(name) {
        return wrong("no token for a name");
    }
    if !value.iter().copied().all(printable) {
        return wrong("a control byte");
    }
    Ok((name.to_ascii_lowercase(), spaces_off(value).to_vec()))
}

fn spaces_off(mut value: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', rest @ ..] | [rest @ .., b' ' | b'\t'] = value {
        value = rest;
    }
    value
}

/// HT, SP, visible ASCII and bytes beyond it.
fn printable(byte: u8) -> bool {
    byte == b'\t' || byte >= b' ' && byte != 0x7f
}

/// RFC 9110 5.6.2.
pub fn token(bytes: &[u8]) -> bool {
    let tchar =
        |byte: &u8| matches!(byte, b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z') || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(tchar)
}

/// RFC 9112 3, behind the empty lines that 2.2 lets one skip.
pub fn request(bytes: &[u8]) -> Read<Request> {
    let mut empty = 0;
    while bytes[empty..].starts_with(b"\r\n") {
        empty += 2;
    }
    let (head, size) = match head(&bytes[empty..]) {
        Read::Whole(head, size) => (head, size + empty),
        Read::More => return Read::More,
        Read::Wrong(wrong) => return Read::Wrong(wrong),
    };
    match request_of(head) {
        Ok(request) => Read::Whole(request, size),
        Err(wrong) => Read::Wrong(wrong),
    }
}

fn request_of(head: Head) -> Result<Request, String> {
    let words: Vec<&[u8]> = head.start.split(|&b| b == b' ').collect();
    let [method, target, version] = words[..] else { return Err(format!("not three words: {}", text(&head.start))) };
    let (method, target, minor) = (method.to_vec(), target.to_vec(), minor(version)?);
    if !token(&method) || target.is_empty() || !target.iter().all(u8::is_ascii_graphic) {
        return Err(format!("no request line: {}", text(&head.start)));
    }
    if minor > 0 && head.all("host").len() != 1 {
        return Err("not one Host".into()); // RFC 9112 3.2
    }
    let lengths = head.all("content-length");
    let body = match said(&head, minor)? {
        // RFC 9110 8.6 lets a recipient mend a repeated length; of a client nobody should.
        Body::Length(_) if lengths.len() > 1 || lengths.iter().any(|length| length.contains(&b',')) => {
            return Err("more than one length".into());
        }
        Body::UntilClose => Body::None,
        said => said,
    };
    Ok(Request { method, target, minor, head, body })
}

/// RFC 9112 2.3; only the major version 1.
fn minor(version: &[u8]) -> Result<u8, String> {
    match version {
        [b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor @ b'0'..=b'9'] => Ok(minor - b'0'),
        _ => Err(format!("version {}", text(version))),
    }
}

/// RFC 9112 6.3 by the fields alone; `UntilClose`: nothing was said.
fn said(head: &Head, minor: u8) -> Result<Body, String> {
    let (codings, lengths) = (head.all("transfer-encoding"), head.all("content-length"));
    match (codings.as_slice(), lengths.as_slice()) {
        ([], []) => Ok(Body::UntilClose),
        ([], lengths) => length(lengths).map(Body::Length),
        ([only], []) if minor > 0 && only.eq_ignore_ascii_case(b"chunked") => Ok(Body::Chunked),
        _ => Err("framing".into()),
    }
}

/// RFC 9110 8.6: decimal digits; said several times, always the same.
fn length(values: &[&[u8]]) -> Result<u64, String> {
    let mut lengths = Vec::new();
    for member in values.iter().flat_map(|value| value.split(|&b| b == b',')).map(spaces_off) {
        if member.is_empty() && values.len() + lengths.len() > 0 && values.iter().any(|v| v.contains(&b',')) {
            continue; // RFC 9110 5.6.1.2: empty members of a list
        }
        let digits = str::from_utf8(member).ok().filter(|m| !m.is_empty() && m.bytes().all(|b| b.is_ascii_digit()));
        lengths.push(digits.and_then(|digits| digits.parse().ok()).ok_or("a length that is none")?);
    }
    lengths.dedup();
    match lengths[..] {
        [length] => Ok(length),
        _ => Err("two lengths".into()),
    }
}

/// RFC 9112 4. `to_head`: it answers a HEAD.
pub fn response(bytes: &[u8], to_head: bool) -> Read<Response> {
    match head(bytes) {
        Read::Whole(head, size) => match response_of(head, to_head) {
            Ok(response) => Read::Whole(response, size),
            Err(wrong) => Read::Wrong(wrong),
        },
        Read::More => Read::More,
        Read::Wrong(wrong) => Read::Wrong(wrong),
    }
}

fn response_of(head: Head, to_head: bool) -> Result<Response, String> {
    let wrong = || format!("status line {}", text(&head.start));
    let mut words = head.start.splitn(3, |&b| b == b' ');
    let minor = minor(words.next().unwrap_or_default())?;
    let digits = words.next().ok_or_else(wrong)?;
    let reason = words.next().unwrap_or_default().to_vec();
    let three = digits.len() == 3 && digits.iter().all(u8::is_ascii_digit) && digits[0] != b'0';
    if !three || !reason.iter().copied().all(printable) {
        return Err(wrong());
    }
    let status = digits.iter().fold(0, |number, digit| number * 10 + u16::from(digit - b'0'));
    let body = match status {
        100..=199 | 204 => Body::None, // whatever the fields say
        304 => said(&head, minor).map(|_| Body::None)?,
        _ if to_head => said(&head, minor).map(|_| Body::None)?,
        _ => said(&head, minor)?,
    };
    Ok(Response { status, reason, minor, head, body })
}

/// A body that was in chunks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Payload {
    pub data: Vec<u8>,
    pub trailers: Vec<(Vec<u8>, Vec<u8>)>,
}

/// RFC 9112 7.1, as narrowly as the balancer's documentation says: at most 16 digits, an extension of at most 1024
/// bytes whose quotes are closed, no number beyond 2^63.
///
/// `More`'s counterpart of the payload: what is there of it can be had from [`data`].
pub fn chunked(bytes: &[u8]) -> Read<Payload> {
    let mut payload = Payload::default();
    let read = chunks(bytes, &mut payload.data);
    match read {
        Read::Whole((), used) => match trailer(&bytes[used..]) {
            Read::Whole(trailers, size) => Read::Whole(Payload { trailers, ..payload }, used + size),
            Read::More => Read::More,
            Read::Wrong(wrong) => Read::Wrong(wrong),
        },
        Read::More => Read::More,
        Read::Wrong(wrong) => Read::Wrong(wrong),
    }
}

/// All chunks up to and with the last; their data as far as they are there.
pub fn chunks(bytes: &[u8], data: &mut Vec<u8>) -> Read<()> {
    let mut at = 0;
    loop {
        let (size, line) = match chunk_line(&bytes[at..]) {
            Read::Whole(size, line) => (size, line),
            Read::More => return Read::More,
            Read::Wrong(wrong) => return Read::Wrong(wrong),
        };
        at += line;
        if size == 0 {
            return Read::Whole((), at);
        }
        let there = usize::try_from(size).unwrap_or(usize::MAX).min(bytes.len() - at);
        data.extend_from_slice(&bytes[at..at + there]);
        at += there;
        if (there as u64) < size {
            return Read::More;
        }
        match &bytes[at..] {
            [] | [b'\r'] => return Read::More,
            [b'\r', b'\n', ..] => at += 2,
            _ => return Read::Wrong("no line end behind a chunk".into()),
        }
    }
}

/// `1f;extension CRLF`: its size, and how long the line is.
fn chunk_line(bytes: &[u8]) -> Read<u64> {
    let digits = bytes.iter().take_while(|b| b.is_ascii_hexdigit()).count();
    let size = match &bytes[..digits] {
        [] => 0,
        hex if hex.len() > 16 => return Read::Wrong("more than sixteen digits".into()),
        hex => u64::from_str_radix(str::from_utf8(hex).unwrap_or_default(), 16).unwrap_or(u64::MAX),
    };
    if size > i64::MAX as u64 {
        return Read::Wrong("a size beyond all bodies".into());
    }
    let mut at = digits;
    match bytes.get(at) {
        None => return Read::More,
        Some(_) if digits == 0 => return Read::Wrong("no size".into()),
        Some(b';') => match extension(&bytes[at + 1..]) {
            Read::Whole((), length) => at += 1 + length,
            Read::More => return Read::More,
            Read::Wrong(wrong) => return Read::Wrong(wrong),
        },
        Some(_) => {}
    }
    match &bytes[at..] {
        [] | [b'\r'] => Read::More,
        [b'\r', b'\n', ..] => Read::Whole(size, at + 2),
        _ => Read::Wrong("no line end behind a size".into()),
    }
}

/// What stands between the `;` and the CR. Within quotes a backslash takes the next byte with it.
fn extension(bytes: &[u8]) -> Read<()> {
    let (mut quoted, mut escaped) = (false, false);
    for (at, &byte) in bytes.iter().enumerate() {
        if byte == b'\r' && !quoted && at <= 1023 {
            return Read::Whole((), at);
        }
        if at >= 1024 || !printable(byte) {
            return Read::Wrong("an extension too long, or with a control byte".into());
        }
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    Read::More
}

/// Fields up to the empty line.
fn trailer(bytes: &[u8]) -> Read<Vec<(Vec<u8>, Vec<u8>)>> {
    let with_start = [b"TRAILER\r\n", bytes].concat(); // the same grammar, once there is a start line
    match head(&with_start) {
        Read::Whole(head, size) => Read::Whole(head.fields, size - b"TRAILER\r\n".len()),
        Read::More => Read::More,
        Read::Wrong(wrong) => Read::Wrong(wrong),
    }
}
