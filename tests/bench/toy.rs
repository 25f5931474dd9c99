//! The limit for a new connection per request: accept, read once, write to a pooled upstream, read, write, close. It takes
//! every request and every response for one whole buffer, which for this load they are, and understands neither. As with
//! us, the last bytes leave with the end.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;
use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

const DOOR: Token = Token(usize::MAX);

/// A socket that is registered.
enum Place {
    /// A client whose request was not there yet.
    Waiting(TcpStream),
    /// An upstream, and the client that is waiting for it.
    Upstream(TcpStream, Option<TcpStream>),
}

struct Toy {
    origin: SocketAddr,
    places: Slab<Place>,
    free: Vec<usize>,
    buffer: Vec<u8>,
}

/// Serves for ever.
pub fn serve(origin: SocketAddr) -> io::Result<()> {
    let mut poll = Poll::new()?;
    let mut events = Events::with_capacity(1024);
    let mut door = crate::child::listen()?;
    poll.registry().register(&mut door, DOOR, Interest::READABLE)?;
    let mut toy = Toy { origin, places: Slab::new(), free: Vec::new(), buffer: vec![0; 64 * 1024] };
    loop {
        match poll.poll(&mut events, None) {
            Err(error) if error.kind() != ErrorKind::Interrupted => return Err(error),
            _ => {}
        }
        for event in &events {
            match event.token() {
                DOOR => toy.admit(&poll, &door)?,
                Token(at) => toy.go_on(&poll, at)?,
            }
        }
    }
}

impl Toy {
    fn admit(&mut self, poll: &Poll, door: &TcpListener) -> io::Result<()> {
        loop {
            let mut client = match door.accept() {
                Ok((client, _)) => client,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error),
            };
            match client.read(&mut self.buffer) {
                Ok(0) => {}
                Ok(count) => self.forward(poll, client, count)?,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let entry = self.places.vacant_entry();
                    poll.registry().register(&mut client, Token(entry.key()), Interest::READABLE)?;
                    entry.insert(Place::Waiting(client));
                }
                Err(_) => {}
            }
        }
    }

    fn go_on(&mut self, poll: &Poll, at: usize) -> io::Result<()> {
        match self.places.get_mut(at) {
            Some(Place::Waiting(client)) => match client.read(&mut self.buffer) {
                Ok(count) => {
                    let Place::Waiting(client) = self.places.remove(at) else { return Ok(()) };
                    if count == 0 { Ok(()) } else { self.forward(poll, client, count) }
                }
                Err(_) => Ok(()),
            },
            // An edge of writability, or of an end, tells nothing here.
            Some(Place::Upstream(upstream, client @ Some(_))) => {
                if let Ok(count) = upstream.read(&mut self.buffer) {
                    if let Some(client) = client.take() {
                        farewell(client, &self.buffer[..count])?;
                    }
                    self.free.push(at);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn forward(&mut self, poll: &Poll, client: TcpStream, count: usize) -> io::Result<()> {
        let at = match self.free.pop() {
            Some(at) => at,
            None => self.connect(poll)?,
        };
        if let Some(Place::Upstream(upstream, whose)) = self.places.get_mut(at) {
            upstream.write_all(&self.buffer[..count])?;
            *whose = Some(client);
        }
        Ok(())
    }

    /// A new upstream. Blocking until it stands, which over loopback is at once, and happens as often as there are clients.
    fn connect(&mut self, poll: &Poll) -> io::Result<usize> {
        let stream = std::net::TcpStream::connect(self.origin)?;
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let mut stream = TcpStream::from_std(stream);
        let entry = self.places.vacant_entry();
        let at = entry.key();
        poll.registry().register(&mut stream, Token(at), Interest::READABLE)?;
        entry.insert(Place::Upstream(stream, None));
        Ok(at)
    }
}

/// Writes and closes.
#[cfg(target_os = "linux")]
fn farewell(client: TcpStream, last: &[u8]) -> io::Result<()> {
    rustix::net::send(&client, last, rustix::net::SendFlags::MORE)?;
    Ok(())
}

/// Writes and closes.
#[cfg(not(target_os = "linux"))]
fn farewell(mut client: TcpStream, last: &[u8]) -> io::Result<()> {
    client.write_all(last)
}
