//! A strict HTTP/1.1 client that can also be rude on purpose: it sends what it is told, byte for byte.

use super::PATIENCE;
use super::wire::{Fields, Framing, Head, Wire, wrong};
use std::io;
use std::net::{SocketAddr, TcpStream};
use std::ops::{Deref, DerefMut};

/// One connection of a client. Whatever a [`Wire`] can do, it can do.
pub struct Client {
    wire: Wire,
}

/// A final answer, complete.
#[derive(Debug, Clone)]
pub struct Response {
    /// Interim heads (1xx) that came before, in order.
    pub interim: Vec<Head>,
    /// Status line and fields.
    pub head: Head,
    /// The status code.
    pub status: u16,
    /// How the body ended.
    pub framing: Framing,
    /// The body, decoded.
    pub body: Vec<u8>,
    /// The fields after a chunked body.
    pub trailers: Fields,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Whether the server says that this was the last answer on this connection.
    pub fn closes(&self) -> bool {
        self.head.lists("Connection", "close")
    }
}

impl Deref for Client {
    type Target = Wire;
    fn deref(&self) -> &Wire {
        &self.wire
    }
}

impl DerefMut for Client {
    fn deref_mut(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

impl Client {
    /// Connects, or fails the test.
    #[track_caller]
    pub fn connect(to: SocketAddr) -> Client {
        Client::try_connect(to).unwrap_or_else(|error| panic!("connecting to {to}: {error}"))
    }

    /// Connects.
    pub fn try_connect(to: SocketAddr) -> io::Result<Client> {
        Ok(Client { wire: Wire::new(TcpStream::connect_timeout(&to, PATIENCE)?) })
    }

    /// GETs `target` and reads the answer, or fails the test.
    #[track_caller]
    pub fn get(&mut self, target: &str) -> Response {
        self.try_get(target).unwrap_or_else(|error| panic!("GET {target}: {error}"))
    }

    /// GETs `target` and reads the answer.
    pub fn try_get(&mut self, target: &str) -> io::Result<Response> {
        self.send(get(target))?;
        self.response("GET")
    }

    /// Sends a whole request with a body by length and reads the answer, or fails the test.
    #[track_caller]
    pub fn with_body(&mut self, method: &str, target: &str, body: &[u8]) -> Response {
        let length = body.len();
        let head = format!("{method} {target} HTTP/1.1\r\nHost: test\r\nContent-Length: {length}\r\n\r\n");
        let all = [head.as_bytes(), body].concat();
        let answer = self.send(all).and_then(|()| self.response(method));
        answer.unwrap_or_else(|error| panic!("{method} {target}: {error}"))
    }

    /// Sends these bytes and reads the answer to `method`, or fails the test.
    #[track_caller]
    pub fn raw(&mut self, method: &str, bytes: impl AsRef<[u8]>) -> Response {
        let answer = self.send(bytes).and_then(|()| self.response(method));
        answer.unwrap_or_else(|error| panic!("{method}: {error}"))
    }

    /// Reads the answer to a request of that method: interim heads, the final head, the body.
    pub fn response(&mut self, method: &str) -> io::Result<Response> {
        let (interim, head) = self.final_head()?;
        let status = status_of(&head)?;
        let framing = response_framing(&head, method, status)?;
        let (body, trailers) = self.body(framing)?;
        Ok(Response { interim, head, status, framing, body, trailers })
    }

    /// Heads up to the final one; a 101 is final.
    pub fn final_head(&mut self) -> io::Result<(Vec<Head>, Head)> {
        let mut interim = Vec::new();
        loop {
            let end = || io::Error::new(io::ErrorKind::UnexpectedEof, "closed without an answer");
            let head = self.head()?.ok_or_else(end)?;
            match status_of(&head)? {
                100 | 102..=199 => interim.push(head),
                _ => return Ok((interim, head)),
            }
        }
    }

    /// The peer has closed and sent nothing more.
    #[track_caller]
    pub fn expect_end(&mut self) {
        let rest = self.remainder().expect("an end, not an error");
        assert!(rest.is_empty(), "bytes before the end: {:?}", String::from_utf8_lossy(&rest));
    }
}

/// A plain GET.
pub fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: test\r\n\r\n")
}

/// The status code of a status line (RFC 9112 4).
pub fn status_of(head: &Head) -> io::Result<u16> {
    let after = head.line.strip_prefix("HTTP/1.1 ").ok_or_else(|| wrong(format!("status line {:?}", head.line)))?;
    let (digits, reason) = after.split_at_checked(3).ok_or_else(|| wrong(format!("status line {:?}", head.line)))?;
    if !reason.starts_with(' ') || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(wrong(format!("status line {:?}", head.line)));
    }
    digits.parse().map_err(io::Error::other)
}

/// How the body of an answer ends (RFC 9112 6.3).
fn response_framing(head: &Head, method: &str, status: u16) -> io::Result<Framing> {
    let said = head.framing()?;
    match status {
        _ if method == "HEAD" => Ok(Framing::Nothing),
        100..=199 | 204 | 304 => Ok(Framing::Nothing),
        _ => Ok(said.unwrap_or(Framing::UntilClose)),
    }
}
