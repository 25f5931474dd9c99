//! Floor 4: all that is asked of an operating system's network, as one trait.
//!
//! The bugs of a proxy sit at the system call: short reads, an end riding on the last byte's event, slots reused inside
//! one batch. So the seam is exactly here. [`os::Os`] is the kernel, [`sim::Sim`] a simulated one, never kinder than
//! the real; [`traced::Traced`] wraps either and counts. Everything above is generic over [`Net`] and compiled once for
//! each: nothing is dynamic on the byte path.
//!
//! # The contract
//!
//! * Time passes in [`Net::wait`] and nowhere else, as far as anybody is told.
//! * Readiness is told on its *edge*, once. Who is told remembers it until a call says there is nothing more:
//!   [`Moved::Bytes`] with `more: false`, [`Moved::Nothing`], a [`Sent::Bytes`] shorter than asked, [`Sent::Blocked`].
//!   After one of these another edge will come. Before it none may, or one for each arrival ([`Net::mute`]). Spurious events
//!   are allowed.
//! * An accepted socket tells nothing until it is [watched](Net::watch), and then everything that is true by then: so it
//!   can be read and written without being watched for as long as nobody has to wait for it.
//! * A [`Sock`] is given away by [`Net::listen`], [`Net::accept`] or [`Net::connect`] and dies with [`Net::close`] or
//!   [`Net::reset`]. Its number is not used again before the next [`Net::wait`], so that no event of the current
//!   batch can reach a stranger (law 9).
//! * No call blocks but [`Net::wait`].
//!
//! What an implementation provides beyond this is nobody's to rely on. Read [`sim`] for how cruel it may be.

pub mod calls;
mod congestion;
mod connect;
mod direct;
mod ear;
pub mod inherit;
pub mod os;
pub(crate) mod raw;
mod remote;
mod selector;
pub mod sim;
mod splice;
pub mod traced;
mod unix;
mod write;

pub use crate::host::signals::Signal;
pub use calls::{Calls, Cost};

use crate::base::{Address, Peer, Time};
use std::io::{self, IoSlice};
use std::time::Duration;

/// A socket: its slot in the table of the [`Net`] that gave it, not a descriptor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sock(pub u32);

/// A pipe inside the kernel, through which bytes pass from one socket to another without being copied. Its borrower gives
/// it back with [`Net::take_back`].
#[derive(Debug, PartialEq, Eq)]
pub struct Pipe(pub u32);

/// What the operating system or the host has to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// Something changed at a socket. A listener is `readable` when there is a connection to accept.
    Ready {
        /// Which socket.
        sock: Sock,
        /// Reading may bring bytes, an end or an error.
        readable: bool,
        /// Writing may be accepted; for a connecting socket: [`Net::outcome`] is known.
        writable: bool,
        /// The connection is dead in both directions (reset), though bytes that came before may still be readable.
        broken: bool,
    },
    /// Somebody wants something of the whole process.
    Signal(Signal),
}

/// What a read did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moved {
    /// `count` bytes came, at least one. `more`: there may be others, read again before waiting; otherwise an edge will come.
    Bytes {
        /// How many.
        count: usize,
        /// Whether to read again.
        more: bool,
    },
    /// Nothing is there yet. An edge will come.
    Nothing,
    /// The peer has said everything (FIN). It may still listen.
    End,
}

/// What a write did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// So many bytes were taken, at least one. Fewer than offered: an edge will come, wait for it.
    Bytes(usize),
    /// No byte was taken. An edge will come.
    Blocked,
}

/// What a listener is opened with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListenOptions {
    /// How many finished handshakes may wait for `accept` (listen(2)).
    pub backlog: u32,
    /// Clients speak first here: where the kernel can, it lets nobody in before there is something to read, or a second
    /// has passed in silence (TCP_DEFER_ACCEPT, tcp(7)).
    pub deferred: bool,
}

impl Default for ListenOptions {
    fn default() -> ListenOptions {
        ListenOptions { backlog: 4096, deferred: false }
    }
}

/// An operating system's network, or something that behaves no better. See the [module](self) for the contract.
pub trait Net {
    /// Sleeps until something happens or `until` comes (`None`: for ever; the past: only looks), appends what happened
    /// to `events`, and says what time it is now.
    fn wait(&mut self, until: Option<Time>, events: &mut Vec<Event>) -> io::Result<Time>;

    /// When the last [`Net::wait`] began to wait: what had passed by then since the one before, its caller has worked.
    fn began(&self) -> Time;

    /// Opens a watched listener. Errors: the address is taken, not ours, or not permitted. The file of a Unix socket goes
    /// when it is closed.
    fn listen(&mut self, at: &Address, options: ListenOptions) -> io::Result<Sock>;

    /// Clients speak first at this listener from now on, or not any more: see [`ListenOptions::deferred`].
    fn defer(&mut self, listener: Sock, deferred: bool);

    /// Whether there is a congestion control of this name (tcp(7), TCP_CONGESTION). Errors: there is not, or one is not ours
    /// to choose.
    fn knows_congestion(&mut self, name: &str) -> io::Result<()>;

    /// Sends at the pace of this congestion control from now on, or as the system does; a listener's clients, each from its
    /// accept. Of a Unix socket it says nothing.
    fn set_congestion(&mut self, sock: Sock, name: Option<&str>) -> io::Result<()>;

    /// Where a listener really listens: the port that the system chose if 0 was asked for. Or where an accepted client
    /// has come in, for who must tell that to others (getsockname(2)).
    fn local_address(&mut self, sock: Sock) -> io::Result<Address>;

    /// Takes one waiting connection, if there is one. Errors: out of descriptors or memory; the connection stays in the
    /// queue and no new edge tells of it, so try again when something was closed or a moment later.
    fn accept(&mut self, listener: Sock) -> io::Result<Option<(Sock, Peer)>>;

    /// How long the kernel kept an accepted client to itself because it was silent ([`ListenOptions::deferred`]). Only to be
    /// asked when a first read has found nothing.
    fn kept_back(&mut self, client: Sock) -> Duration;

    /// Begins a connection, watched from the start. An event with `writable` or `readable` calls for [`Net::outcome`].
    /// Errors: nobody is there, as far as that is known at once (of a Unix socket it is), or we lack something.
    fn connect(&mut self, to: &Address) -> io::Result<Sock>;

    /// How an attempt to connect ended; `None`: it has not. Ask on an event of that socket.
    fn outcome(&mut self, connecting: Sock) -> Option<io::Result<()>>;

    /// Registers an accepted socket, once, for both directions, for its whole life (law 2). What happened to it before is
    /// told as well.
    fn watch(&mut self, sock: Sock) -> io::Result<()>;

    /// Reads once into `into` (recv(2)). `into` must not be empty. An error ends the connection.
    fn read(&mut self, from: Sock, into: &mut [u8]) -> io::Result<Moved>;

    /// Writes once, the pieces in order (writev(2)); at least one byte in all. An error ends this direction: bytes that
    /// the peer sent before may still be readable.
    fn write(&mut self, to: Sock, pieces: &[IoSlice<'_>]) -> io::Result<Sent>;

    /// As [`Net::write`], where all that is taken will be followed by more or a [`Net::finish`] before the next
    /// [`Net::wait`]: a kernel may keep it until then, so that both leave in one segment (MSG_MORE, send(2)). A
    /// [`Net::close`] will not do: with bytes unread it is a reset, in which what was kept is lost.
    fn write_more(&mut self, to: Sock, pieces: &[IoSlice<'_>]) -> io::Result<Sent>;

    /// Lends an empty pipe for what is `likely` to come, in bytes. None: bytes are to be copied.
    fn lend_pipe(&mut self, likely: u64) -> Option<Pipe>;

    /// Takes a pipe back; what is still in it is gone.
    fn take_back(&mut self, pipe: Pipe);

    /// As [`Net::read`], at most `most` bytes, into an empty pipe (splice(2)). The error `Unsupported` says nothing about
    /// the connection: copy instead.
    fn pull(&mut self, from: Sock, into: &Pipe, most: usize) -> io::Result<Moved>;

    /// Events tell of bytes here only once so many are there, an end or an error aside (SO_RCVLOWAT, socket(7)); 1: of each.
    /// Those that are there already count.
    /// Events may still tell of fewer, and must where no more can come before some are taken.
    fn low_water(&mut self, sock: Sock, bytes: usize);

    /// Events need not tell of bytes here, nor of an end, from now on; or they are to tell again, of what is there by then as
    /// well. An error is told all the same. For who knows that there are some and cannot take them yet: a kernel that tells
    /// of each arrival would wake him with every one. The one exception from the law that a socket is registered once: two
    /// calls (epoll_ctl(2), kevent(2)) for hundreds of wakings. Only of a watched socket. Errors: out of memory.
    fn mute(&mut self, sock: Sock, muted: bool) -> io::Result<()>;

    /// As [`Net::write`] of all that is in a pipe, which is not empty (splice(2)). What is not taken stays in it.
    fn push(&mut self, from: &Pipe, to: Sock) -> io::Result<Sent>;

    /// What was asked of it so far, where somebody counts: [`traced`] does.
    fn calls(&self) -> Calls {
        Calls::default()
    }

    /// Frees half of the pipes that nobody borrowed since the last call. Whether there are more to free.
    fn trim(&mut self) -> bool;

    /// Our side has said everything: a FIN after the last byte (shutdown(2)).
    fn finish(&mut self, sock: Sock);

    /// Closes so that the peer cannot take it for a clean end (RST). A Unix socket knows no such thing: its peer hears of
    /// it if we leave bytes of his unread, and else of an end.
    fn reset(&mut self, sock: Sock);

    /// Closes, before the next wait at the latest. What was written is still delivered.
    fn close(&mut self, sock: Sock);
}

/// Whether a call failed because this process or machine is out of descriptors or memory: our own trouble, which says
/// nothing about the other side.
pub fn is_our_trouble(error: &io::Error) -> bool {
    // ENFILE and EMFILE have no stable ErrorKind; their numbers are the same on Linux and the BSDs.
    matches!(error.raw_os_error(), Some(23 | 24)) || error.kind() == io::ErrorKind::OutOfMemory
}
