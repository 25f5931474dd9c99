//! The PROXY protocol (HAProxy's `proxy-protocol.txt`): whose connection this is, said by the proxy that made it.
//!
//! Section 2.1 of the text is version 1, one line (`v1.rs`); section 2.2 is version 2, in binary (`v2.rs`). The first
//! byte tells them apart, and what is neither is refused: on a connection that should begin with a header there is no
//! guessing whether one is there (section 2), since whoever may leave it out may as well invent it.
//!
//! A header is believed, so only trusted peers may be asked for one. That is decided elsewhere.

mod crc32c;
mod v1;
mod v2;

use super::Refusal;
use std::net::{IpAddr, SocketAddr};

/// How a header is written.
pub use crate::config::ProxyVersion as Version;

/// The longest header that is read, in bytes. One with every record that has a name so far stays below a quarter of it.
pub const MOST: usize = v2::MOST;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// `LOCAL`: the peer speaks for itself, for example to probe. The connection's own addresses are the true ones.
    Local,
    /// `UNKNOWN`, `UNSPEC`, or datagrams: relayed, but nobody says for whom. The connection's own addresses must do.
    Unknown,
    /// Relayed for a client of a Unix socket on the peer's machine. Its paths mean nothing here, and are not kept.
    Unix,
    /// Relayed for a TCP client.
    Tcp {
        /// The client.
        source: SocketAddr,
        /// Whom the client has connected to.
        destination: SocketAddr,
    },
}

/// Reads the header that `bytes` begin with, once it is whole, and how many of them are the header.
pub fn read(bytes: &[u8]) -> Result<Option<(Header, usize)>, Refusal> {
    match bytes.first() {
        None => Ok(None),
        Some(b'P') => v1::read(bytes),
        Some(b'\r') => v2::read(bytes),
        Some(_) => Err(Refusal::NotProxy),
    }
}

impl Header {
    /// For a connection from `source` that had reached `destination`.
    ///
    /// Both become addresses of one family, since a header has only one: IPv4 if both are, also when a socket of both
    /// families reports it as `::ffff:192.0.2.1`; otherwise IPv6.
    pub fn tcp(source: SocketAddr, destination: SocketAddr) -> Header {
        let (from, to) = match (source.ip().to_canonical(), destination.ip().to_canonical()) {
            (from @ IpAddr::V4(_), to @ IpAddr::V4(_)) => (from, to),
            (from, to) => (widen(from), widen(to)),
        };
        let (source, destination) = (SocketAddr::new(from, source.port()), SocketAddr::new(to, destination.port()));
        Header::Tcp { source, destination }
    }

    /// Appends the header to `out`. It is to be the very first thing sent, and all at once (section 2).
    ///
    /// Version 1 has no word for [`Header::Local`]: it becomes `UNKNOWN`, which some receivers refuse. Section 2.1
    /// would rather have a probe say [`Header::tcp`], with the addresses of its own connection.
    pub fn write(&self, version: Version, out: &mut Vec<u8>) {
        let header = match *self {
            Header::Tcp { source, destination } => Header::tcp(source, destination),
            other => other,
        };
        match version {
            Version::V1 => v1::write(&header, out),
            Version::V2 => v2::write(&header, out),
        }
    }
}

fn widen(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(v4) => IpAddr::V6(v4.to_ipv6_mapped()),
        v6 => v6,
    }
}

#[cfg(test)]
mod tests;
