//! What `src/http` makes of a stream of bytes, by the calls that a session makes.

use super::reading::{self, Ending, Message, Reading};
use evenkeel::http::*;

/// A reading, and the name of the rule by which it ended if it was refused.
pub type Judged = (Reading, Option<Malformed>);

struct Stream<'b> {
    rest: &'b [u8],
    messages: Vec<Message>,
    limits: Limits,
}

/// Reads requests until one ends the connection, is refused, or is not whole.
pub fn requests(bytes: &[u8]) -> Judged {
    let mut stream = Stream { rest: bytes, messages: Vec::new(), limits: Limits::default() };
    while !stream.rest.is_empty() && stream.messages.last().is_none_or(|last| last.keep_alive) {
        let read = stream.request();
        if read != Ok(true) {
            return stream.ends(read);
        }
    }
    stream.done()
}

/// Reads the responses to one request: interim ones, and one that is not. `bytes` are all there will be.
pub fn responses(bytes: &[u8], asked: &str) -> Judged {
    let asked = if asked == "HEAD" { Verb::Head } else { Verb::Get };
    let mut stream = Stream { rest: bytes, messages: Vec::new(), limits: Limits::default() };
    loop {
        let read = stream.response(asked);
        if read != Ok(true) {
            return stream.ends(read);
        }
        let interim = |last: &Message| last.start.starts_with('1') && last.start != "101";
        if !stream.messages.last().is_some_and(interim) {
            return stream.done();
        }
    }
}

impl Stream<'_> {
    fn done(self) -> Judged {
        (Reading { messages: self.messages, ending: Ending::Done(self.rest.len()) }, None)
    }

    fn ends(self, read: Result<bool, Malformed>) -> Judged {
        let ending = match read {
            Ok(_) => Ending::More(Vec::new()),
            Err(malformed) => Ending::Refused(vec![malformed.status().0]),
        };
        (Reading { messages: self.messages, ending }, read.err())
    }

    /// False: it is not whole.
    fn request(&mut self) -> Result<bool, Malformed> {
        let mut room = table();
        let found = head::next_request(&mut Scan::default(), self.rest, &self.limits, &mut room)?;
        let Some((head, size)) = found else { return Ok(false) };
        let slash = if head.target.starts_with(b"?") { "/" } else { "" };
        let start = format!("{} {slash}{}", head.method, String::from_utf8_lossy(head.target));
        let host = head.host.map(<[u8]>::to_vec);
        self.messages.push(Message { start, host, keep_alive: head.keep_alive, ..Message::default() });
        self.rest = &self.rest[size..];
        self.body(head.framing)
    }

    fn response(&mut self, asked: Verb) -> Result<bool, Malformed> {
        let mut room = table();
        let found = head::next_response(&mut Scan::default(), self.rest, asked, &self.limits, &mut room)?;
        let Some((head, size)) = found else { return Ok(false) };
        let start = head.status.to_string();
        self.messages.push(Message { start, keep_alive: head.keep_alive, ..Message::default() });
        self.rest = &self.rest[size..];
        self.body(head.framing)
    }

    fn body(&mut self, framing: Framing) -> Result<bool, Malformed> {
        let Some(message) = self.messages.last_mut() else { return Ok(false) };
        let size = match framing {
            Framing::None => 0,
            Framing::UntilClose => self.rest.len(),
            Framing::Length(length) => usize::try_from(length).unwrap_or(usize::MAX).min(self.rest.len()),
            Framing::Chunked => return self.chunks(),
        };
        let (body, rest) = self.rest.split_at(size);
        (message.body, self.rest) = (body.to_vec(), rest);
        (message.framing, message.complete) = match framing {
            Framing::Length(length) => (reading::Framing::Length(length), length == size as u64),
            Framing::UntilClose => (reading::Framing::UntilClose, true),
            _ => (reading::Framing::None, true),
        };
        Ok(message.complete)
    }

    fn chunks(&mut self) -> Result<bool, Malformed> {
        let Some(message) = self.messages.last_mut() else { return Ok(false) };
        message.framing = reading::Framing::Chunked;
        let (mut held, mut trailers) = (self.rest.to_vec(), Vec::new());
        let decoded = Chunked::new().decode(&mut held, &self.limits, &mut trailers)?;
        message.body = held[..decoded.produced].to_vec();
        message.trailers = lines(&trailers);
        message.complete = decoded.done;
        self.rest = &self.rest[decoded.consumed..];
        Ok(decoded.done)
    }
}

/// Trailers that go on, as they are written.
fn lines(trailers: &[u8]) -> Vec<(String, Vec<u8>)> {
    let lines = trailers.split(|&b| b == b'\n').filter_map(|line| line.strip_suffix(b"\r"));
    let field = |line: &[u8]| {
        let colon = line.iter().position(|&b| b == b':').expect("a colon");
        let value = line[colon + 1..].strip_prefix(b" ").expect("a space");
        (String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase(), value.to_vec())
    };
    lines.map(field).collect()
}
