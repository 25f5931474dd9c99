//! What clients come in through: listening sockets of TCP, and those in the file system. Used by [`os`](super::os) alone.
//!
//! What is special about the latter is in [`unix`](super::unix).

use super::ListenOptions;
use super::congestion;
use super::raw::defer_accept;
use super::unix::{self, File};
use crate::base::{Address, Peer};
use mio::event::Source;
use mio::net::{TcpListener, TcpStream, UnixListener};
use mio::{Interest, Registry, Token};
use socket2::{Domain, SockRef, Socket, Type};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// A listening socket of either kind.
pub(super) enum Ear {
    Tcp(TcpListener),
    Unix(UnixListener),
}

/// A listening socket, and what comes with it.
pub(super) struct Opened {
    pub(super) ear: Ear,
    /// The kernel keeps silent clients back.
    pub(super) deferred: bool,
    pub(super) file: Option<File>,
}

/// Listens at `at`.
pub(super) fn open(at: &Address, options: ListenOptions) -> io::Result<Opened> {
    let backlog = i32::try_from(options.backlog).unwrap_or(i32::MAX);
    match at {
        Address::Tcp(at) => {
            let (listener, deferred) = listen_tcp(*at, backlog, options.deferred)?;
            Ok(Opened { ear: Ear::Tcp(listener), deferred, file: None })
        }
        Address::Unix(path) => {
            let (listener, file) = unix::listen(path, backlog)?;
            Ok(Opened { ear: Ear::Unix(listener), deferred: false, file: Some(file) })
        }
    }
}

/// Listens at `at`, and whether silent clients are kept back.
fn listen_tcp(at: SocketAddr, backlog: i32, deferred: bool) -> io::Result<(TcpListener, bool)> {
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, None)?;
    socket.set_reuse_address(true)?; // a restart need not wait for connections in TIME_WAIT (socket(7))
    if at.is_ipv6() {
        socket.set_only_v6(true)?; // 0.0.0.0 beside [::] must not collide
    }
    socket.set_tcp_nodelay(true)?; // accepted sockets inherit it: no option per connection
    socket.set_nonblocking(true)?;
    let deferred = deferred && defer_accept(&socket, true);
    socket.bind(&at.into())?;
    socket.listen(backlog)?;
    Ok((TcpListener::from_std(socket.into()), deferred))
}

impl Ear {
    /// Sends as the system does.
    pub(super) fn forget_congestion(&self) {
        if let Ear::Tcp(listener) = self {
            let _ = congestion::set(&SockRef::from(listener), None); // or as it did
        }
    }

    /// Keeps silent clients back from now on, or not any more. Whether the kernel does.
    pub(super) fn defer(&self, deferred: bool) -> bool {
        match self {
            Ear::Tcp(listener) => defer_accept(&SockRef::from(listener), deferred) && deferred,
            Ear::Unix(_) => false,
        }
    }

    /// Who waits longest, if anybody does.
    pub(super) fn accept(&self) -> io::Result<Option<(TcpStream, Peer)>> {
        loop {
            match self.accept_once() {
                Ok(client) => return Ok(Some(client)),
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(None),
                    // The connection died while it waited; accept(2) says to treat it as none and go on.
                    ErrorKind::ConnectionAborted | ErrorKind::Interrupted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    fn accept_once(&self) -> io::Result<(TcpStream, Peer)> {
        match self {
            Ear::Tcp(listener) => listener.accept().map(|(stream, peer)| (stream, peer.into())),
            Ear::Unix(listener) => {
                listener.accept().map(|(stream, _)| (TcpStream::from(OwnedFd::from(stream)), Peer::Unix))
            }
        }
    }

    /// Where it listens.
    pub(super) fn address(&self) -> io::Result<Address> {
        match self {
            Ear::Tcp(listener) => address(&SockRef::from(listener)),
            Ear::Unix(listener) => address(&SockRef::from(listener)),
        }
    }
}

impl Source for Ear {
    fn register(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Ear::Tcp(listener) => listener.register(registry, token, interests),
            Ear::Unix(listener) => listener.register(registry, token, interests),
        }
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        match self {
            Ear::Tcp(listener) => listener.reregister(registry, token, interests),
            Ear::Unix(listener) => listener.reregister(registry, token, interests),
        }
    }

    fn deregister(&mut self, registry: &Registry) -> io::Result<()> {
        match self {
            Ear::Tcp(listener) => listener.deregister(registry),
            Ear::Unix(listener) => listener.deregister(registry),
        }
    }
}

/// The address of a socket on our side. Errors: it has none that we know.
pub(super) fn address(of: &Socket) -> io::Result<Address> {
    let local = of.local_addr()?;
    match (local.as_socket(), local.as_pathname()) {
        (Some(at), _) => Ok(at.into()),
        (None, Some(path)) => Ok(Address::unix(path)),
        (None, None) => Err(ErrorKind::AddrNotAvailable.into()),
    }
}
