//! The limit: what moving the bytes costs when nothing is understood. A bare byte copier with one upstream connection for
//! each client, registered once and edge-triggered, with one buffer for all. It parses nothing, checks nothing, knows no
//! deadline, and ends a pair with its first end. For a new connection per request see [`crate::toy`].

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::Duration;

const DOOR: Token = Token(usize::MAX);
const BUFFER: usize = 64 * 1024;

/// How many buffers one side may move before the others have their turn.
const BUDGET: usize = 16;

/// A client and its upstream, and what each could not be given yet.
struct Pair {
    sides: [TcpStream; 2],
    owed: [Vec<u8>; 2],
}

enum Next {
    Wait,
    GoOn,
    End,
}

/// Copies for ever.
pub fn serve(origin: SocketAddr) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut door = crate::child::listen()?;
    poll.registry().register(&mut door, DOOR, Interest::READABLE)?;
    let mut relay = Relay { pairs: Slab::new(), hungry: VecDeque::new(), buffer: vec![0; BUFFER] };
    loop {
        let timeout = (!relay.hungry.is_empty()).then_some(Duration::ZERO);
        match poll.poll(&mut events, timeout) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => relay.turn(&poll, &door, origin, &events)?,
        }
    }
}

struct Relay {
    pairs: Slab<Pair>,
    /// Pair and the side to read from.
    hungry: VecDeque<(usize, usize)>,
    buffer: Vec<u8>,
}

impl Relay {
    fn turn(&mut self, poll: &Poll, door: &TcpListener, origin: SocketAddr, events: &Events) -> io::Result<()> {
        let waiting = std::mem::take(&mut self.hungry);
        for event in events {
            if event.token() == DOOR {
                self.admit(poll, door, origin)?;
                continue;
            }
            let (at, side) = (event.token().0 / 2, event.token().0 % 2);
            let hung_up = event.is_read_closed() || event.is_error();
            if event.is_writable() && self.pairs.get(at).is_some_and(|pair| !pair.owed[side].is_empty()) {
                self.pump(at, 1 - side, true);
            }
            if event.is_readable() || hung_up {
                self.pump(at, side, hung_up);
            }
        }
        waiting.into_iter().for_each(|(at, side)| self.pump(at, side, true));
        Ok(())
    }

    fn admit(&mut self, poll: &Poll, door: &TcpListener, origin: SocketAddr) -> io::Result<()> {
        loop {
            let client = match door.accept() {
                Ok((client, _)) => client,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            let entry = self.pairs.vacant_entry();
            let mut sides = [client, TcpStream::connect(origin)?];
            for (side, stream) in sides.iter_mut().enumerate() {
                stream.set_nodelay(true)?;
                let token = Token(entry.key() * 2 + side);
                poll.registry().register(stream, token, Interest::READABLE | Interest::WRITABLE)?;
            }
            entry.insert(Pair { sides, owed: [Vec::new(), Vec::new()] });
        }
    }

    fn pump(&mut self, at: usize, from: usize, to_the_end: bool) {
        let Some(pair) = self.pairs.get_mut(at) else { return };
        match pair.pump(from, &mut self.buffer, to_the_end) {
            Next::Wait => {}
            Next::GoOn => self.hungry.push_back((at, from)),
            Next::End => drop(self.pairs.remove(at)),
        }
    }
}

impl Pair {
    fn pump(&mut self, from: usize, buffer: &mut [u8], to_the_end: bool) -> Next {
        let to = 1 - from;
        for _ in 0..BUDGET {
            if !self.owed[to].is_empty() {
                let owed = std::mem::take(&mut self.owed[to]);
                match self.give(to, &owed) {
                    Ok(true) => {}
                    Ok(false) => return Next::Wait,
                    Err(_) => return Next::End,
                }
            }
            let count = match self.sides[from].read(buffer) {
                Ok(0) => return Next::End,
                Ok(count) => count,
                Err(error) => return early(&error),
            };
            match self.give(to, &buffer[..count]) {
                Ok(true) if count < buffer.len() && !to_the_end => return Next::Wait,
                Ok(true) => {}
                Ok(false) => return Next::Wait,
                Err(_) => return Next::End,
            }
        }
        Next::GoOn
    }

    /// Writes what can be written and keeps the rest; whether there was none.
    fn give(&mut self, to: usize, bytes: &[u8]) -> io::Result<bool> {
        let count = match self.sides[to].write(bytes) {
            Ok(count) => count,
            Err(error) if matches!(early(&error), Next::Wait) => 0,
            Err(error) => return Err(error),
        };
        self.owed[to].extend_from_slice(&bytes[count..]);
        Ok(count == bytes.len())
    }
}

fn early(error: &io::Error) -> Next {
    match error.kind() {
        ErrorKind::WouldBlock | ErrorKind::NotConnected => Next::Wait,
        _ => Next::End,
    }
}
