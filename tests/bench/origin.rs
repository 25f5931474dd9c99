//! The origin behind every contender: `GET /N` is answered with N bytes, the body of any other method is read, checked and
//! answered with two. One thread, thousands of connections; it knows just enough HTTP for the balancers before it, and
//! ends a connection whose request it does not understand, which the client then reports.

use crate::body::{self, Pattern};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};

const DOOR: Token = Token(usize::MAX);

/// What one connection may move before the others have their turn, so that small answers are not late behind large ones.
const BUDGET: usize = 128 * 1024;

/// Bodies up to here leave in one write with their head, as a file server would send them.
const SMALL: u64 = 16 * 1024;

/// One connection.
struct Guest {
    stream: TcpStream,
    /// A head of which more must come.
    head: Vec<u8>,
    /// Of the body that comes in: how much has come, how much must.
    upload: (u64, u64),
    /// What leaves first: a head, and a small body with it.
    owed: Vec<u8>,
    written: usize,
    /// Of the large body that follows: how much has left, how much must.
    download: (u64, u64),
}

enum Next {
    Wait,
    GoOn,
    End,
}

/// Serves for ever.
pub fn serve() -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut door = crate::child::listen()?;
    poll.registry().register(&mut door, DOOR, Interest::READABLE)?;
    let mut house =
        House { guests: Slab::new(), hungry: VecDeque::new(), buffer: vec![0; BUDGET], pattern: Pattern::new() };
    loop {
        let timeout = (!house.hungry.is_empty()).then_some(std::time::Duration::ZERO);
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => house.turn(&poll, &door, &events)?,
        }
    }
}

struct House {
    guests: Slab<Guest>,
    hungry: VecDeque<usize>,
    buffer: Vec<u8>,
    pattern: Pattern,
}

impl House {
    fn turn(&mut self, poll: &Poll, door: &TcpListener, events: &Events) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.hungry);
        for event in events {
            match event.token() {
                DOOR => self.admit(poll, door)?,
                Token(at) => self.drive(at),
            }
        }
        waiting.into_iter().for_each(|at| self.drive(at));
        Ok(())
    }

    fn admit(&mut self, poll: &Poll, door: &TcpListener) -> io::Result<()> {
        loop {
            let mut stream = match door.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            stream.set_nodelay(true)?;
            let entry = self.guests.vacant_entry();
            poll.registry().register(&mut stream, Token(entry.key()), Interest::READABLE | Interest::WRITABLE)?;
            let (head, owed) = (Vec::new(), Vec::new());
            entry.insert(Guest { stream, head, upload: (0, 0), owed, written: 0, download: (0, 0) });
        }
    }

    fn drive(&mut self, at: usize) {
        let Some(guest) = self.guests.get_mut(at) else { return };
        match guest.advance(&mut self.buffer, &self.pattern) {
            Next::Wait => {}
            Next::GoOn => self.hungry.push_back(at),
            Next::End => drop(self.guests.remove(at)),
        }
    }
}

impl Guest {
    /// Writes what is owed, else reads what has come; until the kernel has nothing or the budget is spent.
    fn advance(&mut self, buffer: &mut [u8], pattern: &Pattern) -> Next {
        let mut spent = 0;
        while spent < BUDGET {
            let moved = if self.owes() { self.say(pattern) } else { self.hear(buffer, pattern) };
            match moved {
                Ok(0) => return Next::End,
                Ok(count) => spent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Next::Wait,
                Err(_) => return Next::End,
            }
        }
        Next::GoOn
    }

    fn owes(&self) -> bool {
        self.written < self.owed.len() || self.download.0 < self.download.1
    }

    fn say(&mut self, pattern: &Pattern) -> io::Result<usize> {
        if self.written < self.owed.len() {
            let count = self.stream.write(&self.owed[self.written..])?;
            self.written += count;
            return Ok(count);
        }
        let (done, all) = self.download;
        let piece = pattern.at(done, all - done);
        let count = self.stream.write(&piece[..piece.len().min(BUDGET)])?;
        self.download.0 += count as u64;
        Ok(count)
    }

    fn hear(&mut self, buffer: &mut [u8], pattern: &Pattern) -> io::Result<usize> {
        let count = self.stream.read(buffer)?;
        let heard = if self.upload.0 < self.upload.1 {
            self.swallow(&buffer[..count], pattern)
        } else if self.head.is_empty() {
            self.open(&buffer[..count], pattern)
        } else {
            let mut whole = std::mem::take(&mut self.head);
            whole.extend_from_slice(&buffer[..count]);
            self.open(&whole, pattern)
        };
        heard.map(|()| count).ok_or_else(|| ErrorKind::InvalidData.into())
    }

    /// Takes a head, or keeps its beginning; none if it is nothing that this origin knows.
    fn open(&mut self, bytes: &[u8], pattern: &Pattern) -> Option<()> {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut request = httparse::Request::new(&mut fields);
        let httparse::Status::Complete(length) = request.parse(bytes).ok()? else {
            self.head = bytes.to_vec();
            return Some(());
        };
        if request.method? == "GET" {
            // Nobody here asks before he has been answered.
            return (length == bytes.len())
                .then(|| self.answer(request.path?.strip_prefix('/')?.parse().ok(), pattern))?;
        }
        let size = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"))?.value;
        self.upload = (0, std::str::from_utf8(size).ok()?.parse().ok()?);
        self.swallow(&bytes[length..], pattern)
    }

    fn swallow(&mut self, piece: &[u8], pattern: &Pattern) -> Option<()> {
        let whole = body::fits(self.upload.0, piece) && piece.len() as u64 <= self.upload.1 - self.upload.0;
        self.upload.0 += piece.len() as u64;
        match whole {
            true if self.upload.0 == self.upload.1 => self.answer(Some(crate::job::RECEIPT), pattern),
            true => Some(()),
            false => None,
        }
    }

    fn answer(&mut self, size: Option<u64>, pattern: &Pattern) -> Option<()> {
        let size = size?;
        (self.written, self.download) = (0, (0, 0));
        self.owed.clear();
        self.owed.extend_from_slice(b"HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n");
        self.owed.extend_from_slice(
            b"Content-Type: application/octet-stream\r\nETag: \"pattern\"\r\nAccept-Ranges: none\r\n",
        );
        write!(self.owed, "Content-Length: {size}\r\n\r\n").ok()?;
        match size <= SMALL {
            true => self.owed.extend_from_slice(pattern.at(0, size)),
            false => self.download = (0, size),
        }
        Some(())
    }
}
