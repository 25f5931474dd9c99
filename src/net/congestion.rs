//! TCP_CONGESTION (tcp(7)): by which algorithm a socket decides how fast it may send. Used by [`os`](super::os) alone.
//!
//! Linux and FreeBSD let a program choose; elsewhere asking for one is an error, told at the start.

use socket2::Socket;
use std::io::{self, ErrorKind};

/// Whether there is one of this name.
pub(super) fn knows(name: &str) -> io::Result<()> {
    set(&scratch()?, Some(name))
}

/// Has a TCP socket send by the one of this name, or as the system does.
#[cfg(any(target_os = "linux", target_os = "freebsd"))]
pub(super) fn set(socket: &Socket, name: Option<&str>) -> io::Result<()> {
    let done = match name {
        Some(name) => socket.set_tcp_congestion(name.as_bytes()),
        None => {
            let name = scratch()?.tcp_congestion()?;
            socket.set_tcp_congestion(name.split(|&byte| byte == 0).next().unwrap_or_default())
        }
    };
    done.map_err(|error| match error.kind() {
        ErrorKind::NotFound => io::Error::new(error.kind(), "this kernel has none of that name"),
        _ => error,
    })
}

#[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
pub(super) fn set(_: &Socket, name: Option<&str>) -> io::Result<()> {
    match name {
        None => Ok(()),
        Some(_) => Err(io::Error::new(ErrorKind::Unsupported, "this system lets no program choose one")),
    }
}

fn scratch() -> io::Result<Socket> {
    Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None)
}
