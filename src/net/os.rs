//! The kernel: mio for readiness, socket2 for options, a slab of sockets.
//!
//! This is the only file with system calls on sockets and the only one with a clock. It decides nothing about traffic:
//! it turns [`Net`] calls into system calls and kernel events into [`Event`]s, and knows when a call that would say
//! would-block can be left out (law 3). Read [`Net`] first; then [`Os::read`], where the kernel's moods are.

use super::congestion;
use super::connect::connect;
use super::direct::receive;
use super::ear::{self, Ear, Opened};
use super::inherit::{self, Inherited};
use super::raw;
use super::remote;
pub use super::remote::Remote;
use super::selector::{CLOSING_DEREGISTERS, INTEREST, MUTED, REPEATS, SHORT_MEANS_DRAINED};
use super::splice::Pipes;
use super::unix;
use super::write::write;
use super::{Event, ListenOptions, Moved, Net, Pipe, Sent, Signal, Sock, is_our_trouble};
use crate::base::{Address, Peer, Time};
use crate::host::signals::Signals;
use mio::event::Source;
use mio::net::TcpStream;
use mio::{Interest, Poll, Token};
use slab::Slab;
use socket2::SockRef;
use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Events fetched by one wait.
const BATCH: usize = 1024;

const SIGNALS: Token = Token(usize::MAX - 1);
const REMOTE: Token = Token(usize::MAX - 2);

/// What is in a slot. Small on purpose: idle connections are many.
pub(super) enum Slot {
    Listener {
        listener: Ear,
        /// The kernel keeps silent clients back.
        deferred: bool,
    },
    Stream {
        stream: TcpStream,
        /// A short read is no proof any more, so reads go on until would-block or the end: an event carried a hang-up,
        /// which no second edge follows, or urgent data, before which a read stops short of what is there. Or it is a
        /// Unix socket, of which that is never sure.
        doubtful: bool,
        /// An event told of urgent data.
        urgent: bool,
        watched: bool,
        /// It came through a listener that keeps silent clients back.
        deferred: bool,
    },
    /// Closed in the current batch; free from the next wait on (law 9).
    Closed,
}

/// The operating system's sockets, for one loop.
pub struct Os {
    poll: Poll,
    ready: mio::Events,
    pub(super) slots: Slab<Slot>,
    closed: Vec<usize>,
    /// Sockets of the current batch that are closed together, before the next wait at the latest.
    closing: Vec<OwnedFd>,
    /// The files of those listeners that have one.
    pub(super) files: Vec<(Sock, unix::File)>,
    pub(super) inherited: Inherited,
    pipes: Pipes,
    origin: Instant,
    began: Time,
    signals: Option<Signals>,
    inbox: mpsc::Receiver<Signal>,
    remote: Remote,
}

impl Os {
    /// A loop's own sockets, none yet. Errors: out of descriptors.
    pub fn new() -> io::Result<Os> {
        let poll = Poll::new()?;
        let (remote, inbox) = remote::pair(poll.registry(), REMOTE)?;
        Ok(Os {
            poll,
            ready: mio::Events::with_capacity(BATCH),
            slots: Slab::new(),
            closed: Vec::new(),
            closing: Vec::new(),
            files: Vec::new(),
            inherited: Inherited::default(),
            pipes: Default::default(),
            origin: Instant::now(),
            began: Time(0),
            signals: None,
            inbox,
            remote,
        })
    }

    /// Lets the process's signals reach this loop as events.
    pub fn hear_signals(&mut self) -> io::Result<()> {
        let mut signals = Signals::new()?;
        self.poll.registry().register(signals.source(), SIGNALS, Interest::READABLE)?;
        self.signals = Some(signals);
        Ok(())
    }

    /// A way to reach this loop from another thread.
    pub fn remote(&self) -> Remote {
        self.remote.clone()
    }

    fn now(&self) -> Time {
        Time(0) + self.origin.elapsed()
    }

    fn add(&mut self, slot: Slot) -> Sock {
        Sock(self.slots.insert(slot) as u32)
    }

    fn stream(&mut self, sock: Sock) -> io::Result<(&mut TcpStream, &mut bool)> {
        match self.slots.get_mut(sock.0 as usize) {
            Some(Slot::Stream { stream, doubtful, .. }) => Ok((stream, doubtful)),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Empties a slot and hands out what was in it, closing it on drop.
    fn vacate(&mut self, sock: Sock) -> Option<Slot> {
        let slot = self.slots.get_mut(sock.0 as usize)?;
        let mut old = std::mem::replace(slot, Slot::Closed);
        match &mut old {
            Slot::Closed => return None,
            Slot::Listener { listener, .. } => {
                self.files.retain(|(of, _)| *of != sock);
                let _ = self.poll.registry().deregister(listener); // another process may hold it open, too
            }
            Slot::Stream { stream, watched: true, .. } => deregister(&self.poll, stream),
            Slot::Stream { .. } => {}
        }
        self.closed.push(sock.0 as usize);
        Some(old)
    }

    fn translate(&mut self, events: &mut Vec<Event>) {
        for event in &self.ready {
            match event.token() {
                SIGNALS => {
                    let Some(signals) = &mut self.signals else { continue };
                    events.extend(signals.pending().map(Event::Signal));
                    // signal-hook reads its pipe past mio, so a selector over poll(2) does not know to listen again.
                    let _ = self.poll.registry().reregister(signals.source(), SIGNALS, Interest::READABLE);
                }
                REMOTE => events.extend(self.inbox.try_iter().map(Event::Signal)),
                Token(slot) => {
                    let hang_up = event.is_read_closed() || event.is_error();
                    if let Some(Slot::Stream { doubtful, urgent, .. }) = self.slots.get_mut(slot) {
                        *urgent |= event.is_priority();
                        *doubtful |= hang_up || *urgent;
                    }
                    events.push(Event::Ready {
                        sock: Sock(slot as u32),
                        readable: event.is_readable() || hang_up,
                        writable: event.is_writable() || event.is_write_closed() || event.is_error(),
                        broken: event.is_error(),
                    });
                }
            }
        }
    }
}

impl Net for Os {
    fn wait(&mut self, until: Option<Time>, events: &mut Vec<Event>) -> io::Result<Time> {
        for slot in self.closed.drain(..) {
            self.slots.remove(slot);
        }
        raw::close_all(&mut self.closing);
        self.began = self.now(); // whoever waits for something has to know it anyway
        let timeout = until.map(|until| until.since(self.began));
        match self.poll.poll(&mut self.ready, timeout) {
            Ok(()) => self.translate(events),
            Err(error) if error.kind() == ErrorKind::Interrupted => {} // a signal; its event comes by itself
            Err(error) => return Err(error),
        }
        Ok(self.now())
    }

    fn began(&self) -> Time {
        self.began
    }

    fn listen(&mut self, at: &Address, options: ListenOptions) -> io::Result<Sock> {
        let Opened { ear, deferred, file } = match self.inherited.take(at) {
            Some(inherited) => inherit::opened(inherited, options.deferred),
            None => ear::open(at, options)?,
        };
        let sock = self.add(Slot::Listener { listener: ear, deferred });
        self.files.extend(file.map(|file| (sock, file)));
        let registered = match self.slots.get_mut(sock.0 as usize) {
            Some(Slot::Listener { listener, .. }) => {
                self.poll.registry().register(listener, Token(sock.0 as usize), Interest::READABLE)
            }
            _ => Err(ErrorKind::NotConnected.into()),
        };
        registered.map(|()| sock).inspect_err(|_| self.close(sock))
    }

    fn defer(&mut self, listener: Sock, deferred: bool) {
        if let Some(Slot::Listener { listener, deferred: known }) = self.slots.get_mut(listener.0 as usize) {
            *known = listener.defer(deferred);
        }
    }

    fn knows_congestion(&mut self, name: &str) -> io::Result<()> {
        congestion::knows(name)
    }

    fn set_congestion(&mut self, sock: Sock, name: Option<&str>) -> io::Result<()> {
        match self.slots.get(sock.0 as usize) {
            Some(Slot::Listener { listener: Ear::Tcp(listener), .. }) => {
                congestion::set(&SockRef::from(listener), name)
            }
            // What is doubtful from the start is a Unix socket, and knows no such thing.
            Some(Slot::Stream { stream, doubtful: false, .. }) => congestion::set(&SockRef::from(stream), name),
            _ => Ok(()),
        }
    }

    fn local_address(&mut self, sock: Sock) -> io::Result<Address> {
        match self.slots.get(sock.0 as usize) {
            Some(Slot::Listener { listener, .. }) => listener.address(),
            Some(Slot::Stream { stream, .. }) => ear::address(&SockRef::from(stream)),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn accept(&mut self, listener: Sock) -> io::Result<Option<(Sock, Peer)>> {
        let Some(&Slot::Listener { ref listener, deferred }) = self.slots.get(listener.0 as usize) else {
            return Err(ErrorKind::NotConnected.into());
        };
        let Some((stream, peer)) = listener.accept()? else { return Ok(None) };
        Ok(Some((self.add(stream_slot(stream, peer == Peer::Unix, deferred)), peer)))
    }

    fn kept_back(&mut self, client: Sock) -> Duration {
        match self.slots.get(client.0 as usize) {
            Some(Slot::Stream { deferred: true, .. }) => raw::KEPT_BACK,
            _ => Duration::ZERO,
        }
    }

    fn connect(&mut self, to: &Address) -> io::Result<Sock> {
        let stream = match connect(to) {
            Err(error) if is_our_trouble(&error) && !self.closing.is_empty() => {
                raw::close_all(&mut self.closing);
                connect(to)?
            }
            begun => begun?,
        };
        let sock = self.add(stream_slot(stream, to.is_unix(), false));
        if let Err(error) = self.watch(sock) {
            self.close(sock);
            return Err(error);
        }
        Ok(sock)
    }

    fn outcome(&mut self, connecting: Sock) -> Option<io::Result<()>> {
        let stream = match self.stream(connecting) {
            Ok((stream, _)) => stream,
            Err(error) => return Some(Err(error)),
        };
        match stream.take_error() {
            Ok(None) => {}
            Ok(Some(error)) | Err(error) => return Some(Err(error)),
        }
        // No error is not yet success: only a connected socket has a peer (connect(2), mio's TcpStream::connect).
        match SockRef::from(&*stream).peer_addr() {
            Ok(_) => Some(Ok(())),
            Err(error) if error.kind() == ErrorKind::NotConnected => None,
            Err(error) => Some(Err(error)),
        }
    }

    fn watch(&mut self, sock: Sock) -> io::Result<()> {
        let Some(Slot::Stream { stream, watched, .. }) = self.slots.get_mut(sock.0 as usize) else {
            return Err(ErrorKind::NotConnected.into());
        };
        self.poll.registry().register(stream, Token(sock.0 as usize), INTEREST)?;
        *watched = true;
        Ok(())
    }

    fn read(&mut self, from: Sock, into: &mut [u8]) -> io::Result<Moved> {
        let (stream, doubtful) = self.stream(from)?;
        loop {
            match receive(stream, into) {
                Ok(0) => return Ok(Moved::End),
                Ok(count) => {
                    let more = count == into.len() || *doubtful || !SHORT_MEANS_DRAINED;
                    return Ok(Moved::Bytes { count, more });
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(Moved::Nothing),
                    ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    fn write(&mut self, to: Sock, pieces: &[IoSlice<'_>]) -> io::Result<Sent> {
        write(self.stream(to)?.0, pieces, false)
    }

    fn write_more(&mut self, to: Sock, pieces: &[IoSlice<'_>]) -> io::Result<Sent> {
        write(self.stream(to)?.0, pieces, true)
    }

    fn lend_pipe(&mut self, likely: u64) -> Option<Pipe> {
        self.pipes.lend(likely)
    }

    fn take_back(&mut self, pipe: Pipe) {
        self.pipes.take_back(pipe);
    }

    fn pull(&mut self, from: Sock, into: &Pipe, most: usize) -> io::Result<Moved> {
        match self.slots.get(from.0 as usize) {
            // splice(2) stops for ever before a byte of urgent data, which recv(2) steps over.
            Some(Slot::Stream { urgent: true, .. }) => Err(ErrorKind::Unsupported.into()),
            Some(Slot::Stream { stream, .. }) => self.pipes.pull(stream.as_fd(), into, most),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn low_water(&mut self, sock: Sock, bytes: usize) {
        if let Ok((stream, _)) = self.stream(sock) {
            raw::low_water(stream, bytes);
        }
    }

    fn mute(&mut self, sock: Sock, muted: bool) -> io::Result<()> {
        match self.slots.get_mut(sock.0 as usize) {
            Some(Slot::Stream { stream, watched: true, .. }) if REPEATS => {
                let interest = if muted { MUTED } else { INTEREST };
                self.poll.registry().reregister(stream, Token(sock.0 as usize), interest)
            }
            _ => Ok(()),
        }
    }

    fn push(&mut self, from: &Pipe, to: Sock) -> io::Result<Sent> {
        match self.slots.get(to.0 as usize) {
            Some(Slot::Stream { stream, .. }) => self.pipes.push(from, stream.as_fd()),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    fn trim(&mut self) -> bool {
        self.pipes.trim()
    }

    fn finish(&mut self, sock: Sock) {
        if let Ok((stream, _)) = self.stream(sock) {
            let _ = stream.shutdown(Shutdown::Write); // fails only when the peer is gone, which reading will tell
        }
    }

    fn reset(&mut self, sock: Sock) {
        if let Some(Slot::Stream { stream, .. }) = self.vacate(sock) {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO)); // else, and if Unix, an ordinary close: an end
        }
    }

    fn close(&mut self, sock: Sock) {
        if let Some(Slot::Stream { stream, .. }) = self.vacate(sock) {
            self.closing.push(stream.into());
        }
    }
}

/// A stream as it begins.
fn stream_slot(stream: TcpStream, local: bool, deferred: bool) -> Slot {
    Slot::Stream { stream, doubtful: local, urgent: false, watched: false, deferred }
}

fn deregister(poll: &Poll, source: &mut impl Source) {
    if !CLOSING_DEREGISTERS {
        let _ = poll.registry().deregister(source); // it was registered, and is about to go either way
    }
}
