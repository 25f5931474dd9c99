//! What a request asks for, as the access log tells it: its first line, and what it says of who asks.
//!
//! A copy, since the bytes of the head are given back long before the line is written: in one piece of memory, which goes
//! from request to request ([`Access`](super::access::Access) keeps it in between).

use crate::http::{Request, Version};

/// See the [module](self).
#[derive(Debug, Default)]
pub struct Asked {
    /// Method, target and version, one space apart, since none of them has one; behind them the fields, nothing apart.
    text: Vec<u8>,
    /// Where each of them ends in it, but for the last one.
    method: usize,
    target: usize,
    line: usize,
    referer: usize,
    agent: usize,
}

/// A field that is longer is kept no further.
const LONGEST_FIELD: usize = 1024;

/// More memory than this is not kept for another request.
const LARGEST: usize = 4096;

impl Asked {
    /// What `request` asks for, in the memory of an `old` one. The fields only if `fields`, since each costs something.
    pub fn of(request: &Request<'_, '_>, fields: bool, old: Box<Asked>) -> Box<Asked> {
        let version = if request.version == Version::V10 { b" HTTP/1.0" } else { b" HTTP/1.1" };
        let told = if fields { request.first_of(["referer", "user-agent", "x-request-id"]) } else { [None; 3] };
        let mut asked = old;
        asked.set([request.method.as_bytes(), request.target, version], told.map(Option::unwrap_or_default));
        asked
    }

    /// Takes the memory of what was asked before.
    pub(super) fn set(&mut self, [method, target, version]: [&[u8]; 3], fields: [&[u8]; 3]) {
        let [referer, agent, id] = fields.map(|field| field.get(..LONGEST_FIELD).unwrap_or(field));
        let text = &mut self.text;
        text.clear();
        text.extend_from_slice(method);
        self.method = text.len();
        text.push(b' ');
        text.extend_from_slice(target);
        self.target = text.len();
        text.extend_from_slice(version);
        self.line = text.len();
        text.extend_from_slice(referer);
        self.referer = text.len();
        text.extend_from_slice(agent);
        self.agent = text.len();
        text.extend_from_slice(id);
    }

    /// Whether its memory is worth keeping.
    pub fn is_small(&self) -> bool {
        self.text.capacity() <= LARGEST
    }

    fn part(&self, from: usize, to: usize) -> &[u8] {
        self.text.get(from..to).unwrap_or_default()
    }

    /// Method, target and version.
    pub fn line(&self) -> &[u8] {
        self.part(0, self.line)
    }

    /// Method and target: visible ASCII, as nothing else gets so far.
    pub fn what(&self) -> &str {
        str::from_utf8(self.part(0, self.target)).unwrap_or_default()
    }

    /// The method.
    pub fn method(&self) -> &[u8] {
        self.part(0, self.method)
    }

    /// The target.
    pub fn target(&self) -> &[u8] {
        self.part(self.method + 1, self.target)
    }

    /// The version, as `HTTP/1.1`.
    pub fn version(&self) -> &[u8] {
        self.part(self.target + 1, self.line)
    }

    /// `Referer`, as it came; empty: none.
    pub fn referer(&self) -> &[u8] {
        self.part(self.line, self.referer)
    }

    /// `User-Agent`, likewise.
    pub fn agent(&self) -> &[u8] {
        self.part(self.referer, self.agent)
    }

    /// The client's own `X-Request-Id`, likewise.
    pub fn request_id(&self) -> &[u8] {
        self.part(self.agent, self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{self, Limits};

    fn asked(head: &[u8], old: Box<Asked>) -> Box<Asked> {
        let mut table = http::table();
        Asked::of(&http::head::request(head, &Limits::default(), &mut table).unwrap(), true, old)
    }

    #[test]
    fn what_was_asked_for_can_be_taken_apart_again() {
        let head = b"GET /a?b HTTP/1.0\r\nUser-Agent: curl\r\nX-Request-ID: 7\r\nuser-agent: other\r\n\r\n";
        let asked = asked(head, Box::default());
        assert_eq!([asked.method(), asked.target(), asked.version()], [&b"GET"[..], b"/a?b", b"HTTP/1.0"]);
        assert_eq!((asked.line(), asked.what()), (&b"GET /a?b HTTP/1.0"[..], "GET /a?b"));
        assert_eq!([asked.referer(), asked.agent(), asked.request_id()], [&b""[..], b"curl", b"7"]);
    }

    #[test]
    fn nothing_is_left_of_what_was_asked_before() {
        let long = "x".repeat(2 * LONGEST_FIELD);
        let old =
            asked(format!("POST /much HTTP/1.1\r\nHost: a\r\nReferer: {long}\r\n\r\n").as_bytes(), Box::default());
        assert_eq!((old.referer().len(), old.is_small()), (LONGEST_FIELD, true));
        let asked = asked(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", old);
        assert_eq!(asked.line(), b"GET / HTTP/1.1");
        assert_eq!([asked.referer(), asked.agent(), asked.request_id()], [b"", b"", b""]);
    }
}
