//! One HTTP/1.1 connection read strictly: heads, bodies, trailers. Clients and backends are both made of it.
//!
//! Whatever RFC 9112 does not allow is an error here, never mended: the balancer must not send it. It does not know what
//! an exchange is; see [`super::client`] and [`super::backend`].

use super::PATIENCE;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};

/// Field lines in their order, names as they came.
pub type Fields = Vec<(String, String)>;

/// A start line and its fields.
#[derive(Debug, Clone, Default)]
pub struct Head {
    /// Every byte of it, with the empty line.
    pub raw: Vec<u8>,
    /// The start line without its end.
    pub line: String,
    /// The field lines.
    pub fields: Fields,
}

impl Head {
    /// The value of the only field of that name. Two of them are a mistake of the test or of the balancer.
    #[track_caller]
    pub fn get(&self, name: &str) -> Option<&str> {
        let all = self.all(name);
        assert!(all.len() < 2, "{name} comes {} times", all.len());
        all.first().copied()
    }

    /// Every value of that name, in order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        let same = |(n, _): &&(String, String)| n.eq_ignore_ascii_case(name);
        self.fields.iter().filter(same).map(|(_, value)| value.as_str()).collect()
    }

    /// Whether that field lists `token` (RFC 9110 5.6.1).
    pub fn lists(&self, name: &str, token: &str) -> bool {
        let lists = |value: &&str| value.split(',').any(|one| one.trim().eq_ignore_ascii_case(token));
        self.all(name).iter().any(lists)
    }

    /// How the body after this head ends, if its fields say so (RFC 9112 6.3).
    pub fn framing(&self) -> io::Result<Option<Framing>> {
        match (self.all("Transfer-Encoding").as_slice(), self.all("Content-Length").as_slice()) {
            ([], []) => Ok(None),
            (["chunked"], []) => Ok(Some(Framing::Chunked)),
            ([], [length]) if length.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(Some(Framing::Length(length.parse().map_err(io::Error::other)?)))
            }
            other => Err(wrong(format!("framing {other:?}"))),
        }
    }
}

/// How a body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    Nothing,
    /// After so many bytes.
    Length(u64),
    /// With the last chunk and its trailers.
    Chunked,
    /// With the connection.
    UntilClose,
}

/// Bytes read at once: at first, and at most.
const LEAST: usize = 4 * 1024;
const MOST: usize = 256 * 1024;

/// A connection, and what was read from it ahead of need.
pub struct Wire {
    stream: TcpStream,
    ahead: Vec<u8>,
    at_once: usize, // grows with what comes, so that thousands of connections stay small
}

impl Wire {
    /// Takes a connection over; a silence of [`PATIENCE`] on it is an error.
    pub fn new(stream: TcpStream) -> Wire {
        stream.set_read_timeout(Some(PATIENCE)).expect("a read timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("a write timeout");
        let _ = stream.set_nodelay(true); // fails on macOS when the peer has gone already
        Wire { stream, ahead: Vec::new(), at_once: LEAST }
    }

    /// The socket itself.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// Sends all of it.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref())
    }

    /// Says that nothing more will be sent: a FIN.
    pub fn finish(&self) -> io::Result<()> {
        self.stream.shutdown(Shutdown::Write)
    }

    /// A head; `None`: the peer had finished before its first byte.
    pub fn head(&mut self) -> io::Result<Option<Head>> {
        if self.ahead.is_empty() && self.fill()? == 0 {
            return Ok(None);
        }
        let mut head = Head::default();
        head.line = self.line(&mut head.raw)?;
        head.fields = self.fields(&mut head.raw)?;
        Ok(Some(head))
    }

    /// A body, and its trailers.
    pub fn body(&mut self, framing: Framing) -> io::Result<(Vec<u8>, Fields)> {
        let mut body = Vec::new();
        let trailers = self.body_into(framing, &mut |bytes| body.extend_from_slice(bytes))?;
        Ok((body, trailers))
    }

    /// A body, piece by piece into `sink`; returns its trailers.
    pub fn body_into(&mut self, framing: Framing, sink: &mut dyn FnMut(&[u8])) -> io::Result<Fields> {
        match framing {
            Framing::Nothing => {}
            Framing::Length(length) => self.exactly(length, sink)?,
            Framing::UntilClose => self.rest(sink)?,
            Framing::Chunked => {
                while self.chunk(sink)? {}
                return self.fields(&mut Vec::new());
            }
        }
        Ok(Fields::new())
    }

    /// Exactly `length` raw bytes.
    pub fn take(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(length);
        self.exactly(length as u64, &mut |piece| bytes.extend_from_slice(piece))?;
        Ok(bytes)
    }

    /// Everything up to the peer's FIN.
    pub fn remainder(&mut self) -> io::Result<Vec<u8>> {
        Ok(self.body(Framing::UntilClose)?.0)
    }

    /// One chunk (RFC 9112 7.1); false: it was the last one.
    fn chunk(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<bool> {
        let line = self.line(&mut Vec::new())?;
        let digits = line.split(';').next().unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(wrong(format!("chunk size {line:?}")));
        }
        let size = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
        if size == 0 {
            return Ok(false);
        }
        self.exactly(size, sink)?;
        match self.line(&mut Vec::new())?.as_str() {
            "" => Ok(true),
            other => Err(wrong(format!("{other:?} after a chunk"))),
        }
    }

    /// Field lines up to the empty one.
    fn fields(&mut self, raw: &mut Vec<u8>) -> io::Result<Fields> {
        let mut fields = Fields::new();
        loop {
            let line = self.line(raw)?;
            if line.is_empty() {
                return Ok(fields);
            }
            let (name, value) = line.split_once(':').ok_or_else(|| wrong(format!("field {line:?}")))?;
            if name.is_empty() || !name.bytes().all(is_token) {
                return Err(wrong(format!("field name in {line:?}")));
            }
            fields.push((name.to_string(), value.trim_matches([' ', '\t']).to_string()));
        }
    }

    /// A line without its CRLF; its bytes are added to `raw`.
    fn line(&mut self, raw: &mut Vec<u8>) -> io::Result<String> {
        loop {
            if let Some(end) = self.ahead.iter().position(|&b| b == b'\n') {
                let line: Vec<u8> = self.ahead.drain(..=end).collect();
                raw.extend_from_slice(&line);
                return clean_line(&line);
            }
            self.fill_or_fail()?;
        }
    }

    fn exactly(&mut self, length: u64, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        let mut left = length;
        while left > 0 {
            if self.ahead.is_empty() {
                self.fill_or_fail()?;
            }
            let count = self.ahead.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            sink(&self.ahead[..count]);
            self.ahead.drain(..count);
            left -= count as u64;
        }
        Ok(())
    }

    fn rest(&mut self, sink: &mut dyn FnMut(&[u8])) -> io::Result<()> {
        loop {
            sink(&self.ahead);
            self.ahead.clear();
            if self.fill()? == 0 {
                return Ok(());
            }
        }
    }

    fn fill_or_fail(&mut self) -> io::Result<()> {
        match self.fill()? {
            0 => Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the peer finished in the middle of a message")),
            _ => Ok(()),
        }
    }

    fn fill(&mut self) -> io::Result<usize> {
        let before = self.ahead.len();
        self.ahead.resize(before + self.at_once, 0);
        let mut count = self.stream.read(&mut self.ahead[before..]);
        // A process that was stopped and goes on finds its reads broken off, if they have a time-out (signal(7)).
        while count.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::Interrupted) {
            count = self.stream.read(&mut self.ahead[before..]);
        }
        let came = *count.as_ref().unwrap_or(&0);
        self.ahead.truncate(before + came);
        if came == self.at_once {
            self.at_once = (2 * came).min(MOST);
        }
        count
    }
}

fn clean_line(line: &[u8]) -> io::Result<String> {
    let bare = |bytes: &[u8]| bytes.iter().any(|&b| (b < b' ' && b != b'\t') || b == 0x7F);
    match line.strip_suffix(b"\r\n") {
        Some(line) if !bare(line) => Ok(line.iter().map(|&b| char::from(b)).collect()),
        _ => Err(wrong(format!("line {:?}", String::from_utf8_lossy(line)))),
    }
}

/// A byte that names and methods are made of (RFC 9110 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// What RFC 9112 does not allow.
pub fn wrong(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// `body` as chunks of at most `size` bytes, with the last chunk and `trailers` (complete field lines).
pub fn chunked(body: &[u8], size: usize, trailers: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    for piece in body.chunks(size) {
        bytes.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        bytes.extend_from_slice(piece);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(format!("0\r\n{trailers}\r\n").as_bytes());
    bytes
}
