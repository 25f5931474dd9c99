//! One client of the [load](super): what it says, and what it makes of the answer.
//!
//! It keeps what it hears until the answer is whole, which is for short answers only: the demo's are.

use crate::base::Time;
use crate::http::{self, Framing, Limits, Scan, Verb};
use crate::net::{Moved, Net, Sent, Sock};
use std::io::{self, ErrorKind, IoSlice};

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: demo\r\nUser-Agent: evenkeel-demo\r\n\r\n";

/// It says no more than this of itself, so that it is not slow for longer than a head may take.
const SLOW_REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: slow\r\n\r\n";

/// What is no request, or is one that two programs would read differently.
pub(super) static NONSENSE: [&[u8]; 8] = [
    b"HELO there\r\n\r\n",
    b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00",
    b"GET / HTTP/1.1\nHost: demo\n\n",
    b"GET / HTTP/1.1\r\nHost: demo\r\nHost: other\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: demo\r\nX: a\0b\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: demo\r\nContent-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
    b"POST / HTTP/1.1\r\nHost: demo\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    b"POST / HTTP/1.1\r\nHost: demo\r\nContent-Length: +6\r\n\r\nabcdef",
];

/// No answer that is expected here is longer.
const MOST_ANSWER: usize = 64 * 1024;

/// A slow client reads so much at once.
const SIP: usize = 16;

/// Which client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Gentle,
    Burst,
    Slow,
    /// By its place in [`NONSENSE`].
    Garbage(usize),
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Heard {
    Good,
    /// Of nonsense: it was turned down.
    Refusal,
    Bad,
}

/// What the end of its connection means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// Nothing: nothing was asked.
    Idle,
    /// It was closed before it was asked, as far as can be told.
    Stale,
    Lost(Heard),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Connecting,
    Asking,
    Hearing,
    Idle,
}

pub(super) struct Client {
    pub(super) kind: Kind,
    /// When it was asked.
    pub(super) began: Time,
    at: At,
    readable: bool,
    writable: bool,
    sent: usize,
    heard: Vec<u8>,
    scan: Scan,
    /// It has had an answer before on this connection.
    reused: bool,
    /// The answer says that there may be another.
    kept: bool,
    /// A slow one may do the next little thing.
    may: bool,
}

impl Client {
    pub(super) fn new(kind: Kind, began: Time) -> Client {
        Client {
            kind,
            began,
            at: At::Connecting,
            readable: false,
            writable: false,
            sent: 0,
            heard: Vec::new(),
            scan: Scan::default(),
            reused: false,
            kept: false,
            may: false,
        }
    }

    pub(super) fn note(&mut self, readable: bool, writable: bool) {
        self.readable |= readable;
        self.writable |= writable;
    }

    pub(super) fn is_connected(&self) -> bool {
        self.at != At::Connecting
    }

    pub(super) fn is_kept(&self) -> bool {
        self.kept
    }

    pub(super) fn may_go_on(&mut self) {
        self.may = true;
    }

    pub(super) fn rest(&mut self) {
        self.at = At::Idle;
    }

    pub(super) fn ask_again(&mut self, now: Time) {
        (self.began, self.at, self.sent, self.reused) = (now, At::Asking, 0, true);
        (self.scan, self.kept) = (Scan::default(), false);
        self.heard.clear();
    }

    /// What the end of its connection means now.
    pub(super) fn fate(&self) -> Fate {
        match (self.at, self.kind) {
            (At::Idle, _) => Fate::Idle,
            (At::Asking | At::Hearing, Kind::Garbage(_)) => Fate::Lost(Heard::Refusal), // without a word
            _ if self.reused && self.heard.is_empty() => Fate::Stale,
            _ => Fate::Lost(Heard::Bad),
        }
    }

    fn says(&self) -> &'static [u8] {
        match self.kind {
            Kind::Gentle | Kind::Burst => REQUEST,
            Kind::Slow => SLOW_REQUEST,
            Kind::Garbage(which) => NONSENSE.get(which).copied().unwrap_or_default(),
        }
    }

    /// Goes on until it has to wait, or there is an answer. Errors: the connection is over.
    pub(super) fn go_on<N: Net>(&mut self, net: &mut N, sock: Sock) -> io::Result<Option<Heard>> {
        if self.at == At::Connecting {
            match net.outcome(sock) {
                None => return Ok(None),
                Some(outcome) => outcome?,
            }
            (self.at, self.writable) = (At::Asking, true);
        }
        self.ask(net, sock)?;
        self.hear(net, sock)
    }

    /// Says what there is to say. An answer may come before it is out: nonsense needs not be heard to its end.
    fn ask<N: Net>(&mut self, net: &mut N, sock: Sock) -> io::Result<()> {
        while self.at == At::Asking && self.writable {
            let rest = self.says().get(self.sent..).unwrap_or_default();
            let piece = if self.kind == Kind::Slow { rest.get(..1).unwrap_or_default() } else { rest };
            if self.kind == Kind::Slow && !std::mem::take(&mut self.may) {
                break;
            }
            let taken = match net.write(sock, &[IoSlice::new(piece)]) {
                Ok(Sent::Bytes(count)) => count,
                Ok(Sent::Blocked) => 0,
                Err(_) if self.readable => break, // what it has to say is worth more
                Err(error) => return Err(error),
            };
            self.writable = taken == piece.len();
            self.sent += taken;
            if self.sent == self.says().len() {
                self.at = At::Hearing;
            }
        }
        Ok(())
    }

    fn hear<N: Net>(&mut self, net: &mut N, sock: Sock) -> io::Result<Option<Heard>> {
        let mut piece = [0; 4096];
        let most = if self.kind == Kind::Slow { SIP } else { piece.len() };
        while self.readable {
            if self.kind == Kind::Slow && self.at == At::Hearing && !std::mem::take(&mut self.may) {
                break;
            }
            match net.read(sock, piece.get_mut(..most).unwrap_or_default())? {
                Moved::Bytes { count, more } => {
                    self.readable = more;
                    self.heard.extend_from_slice(piece.get(..count).unwrap_or_default());
                    if let Some(heard) = self.understand()? {
                        return Ok(Some(heard));
                    }
                }
                Moved::Nothing => self.readable = false,
                Moved::End => return Err(ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(None)
    }

    /// The answer, if it is whole. Errors: it is none, or of a kind that is not expected here.
    fn understand(&mut self) -> io::Result<Option<Heard>> {
        let bad = || io::Error::from(ErrorKind::InvalidData);
        let limits = Limits::default();
        let Some(size) = self.scan.response(&self.heard, &limits).map_err(|_| bad())? else { return Ok(None) };
        let head = self.heard.get(..size).unwrap_or_default();
        let mut table = http::table();
        let head = http::head::response(head, Verb::Get, &limits, &mut table).map_err(|_| bad())?;
        let length = match head.framing {
            Framing::None => 0,
            Framing::Length(length) => usize::try_from(length).unwrap_or(usize::MAX),
            Framing::Chunked | Framing::UntilClose => return Err(bad()),
        };
        let (status, whole) = (head.status, size.saturating_add(length));
        if whole > MOST_ANSWER || self.at == At::Idle {
            return Err(bad());
        }
        if self.heard.len() < whole {
            return Ok(None);
        }
        self.kept = head.keep_alive && self.heard.len() == whole;
        Ok(Some(match (self.kind, status) {
            (Kind::Garbage(_), 400..) => Heard::Refusal,
            (Kind::Garbage(_), _) => Heard::Bad,
            (_, 200..400) => Heard::Good,
            _ => Heard::Bad,
        }))
    }
}
