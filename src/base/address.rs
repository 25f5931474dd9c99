//! Where something listens, and who called: TCP over IP, or a Unix socket in the file system.
//!
//! A Unix socket is known by its path, and who calls there by nothing at all: such a client has no address.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

/// What an address of a Unix socket begins with, and all there is of its clients.
pub const UNIX: &str = "unix:";

/// Where something listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// A port.
    Tcp(SocketAddr),
    /// A path.
    Unix(Arc<Path>),
}

impl Address {
    /// A Unix socket.
    pub fn unix(path: impl AsRef<Path>) -> Address {
        Address::Unix(path.as_ref().into())
    }

    /// The port; 0: it has none.
    pub fn port(&self) -> u16 {
        match self {
            Address::Tcp(at) => at.port(),
            Address::Unix(_) => 0,
        }
    }

    /// The same host at this port. A path has no ports, so it stays the same.
    pub fn at_port(&self, port: Option<u16>) -> Address {
        match (self, port) {
            (Address::Tcp(at), Some(port)) => SocketAddr::new(at.ip(), port).into(),
            _ => self.clone(),
        }
    }

    /// Whether it is a path.
    pub fn is_unix(&self) -> bool {
        matches!(self, Address::Unix(_))
    }

    /// The address, if it is one of IP.
    pub fn tcp(&self) -> Option<SocketAddr> {
        match self {
            Address::Tcp(at) => Some(*at),
            Address::Unix(_) => None,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::Tcp(at) => at.fmt(f),
            Address::Unix(path) => write!(f, "{UNIX}{}", path.display()),
        }
    }
}

impl From<SocketAddr> for Address {
    fn from(at: SocketAddr) -> Address {
        Address::Tcp(at)
    }
}

impl From<&Address> for Address {
    fn from(at: &Address) -> Address {
        at.clone()
    }
}

impl PartialEq<SocketAddr> for Address {
    fn eq(&self, other: &SocketAddr) -> bool {
        self.tcp().as_ref() == Some(other)
    }
}

/// Who called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer {
    /// Somebody with an address.
    Tcp(SocketAddr),
    /// Some process of this machine.
    Unix,
}

// Sessions are many, and each has one.
const _: () = assert!(size_of::<Peer>() == size_of::<SocketAddr>());

impl Peer {
    /// The address without the port, if there is one.
    pub fn ip(&self) -> Option<IpAddr> {
        match self {
            Peer::Tcp(at) => Some(at.ip()),
            Peer::Unix => None,
        }
    }
}

impl From<SocketAddr> for Peer {
    fn from(at: SocketAddr) -> Peer {
        Peer::Tcp(at)
    }
}

impl From<IpAddr> for Peer {
    /// Where the port makes no difference.
    fn from(at: IpAddr) -> Peer {
        Peer::Tcp(SocketAddr::new(at, 0))
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(at) => at.fmt(f),
            Peer::Unix => f.write_str(UNIX),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_shown_as_it_is_written() {
        let tcp = Address::from(SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!(tcp.to_string(), "127.0.0.1:80");
        assert_eq!(Address::unix("/run/app.sock").to_string(), "unix:/run/app.sock");
        assert_eq!(Peer::Unix.to_string(), "unix:");
    }

    #[test]
    fn a_path_is_the_same_however_many_slashes_it_has_and_knows_no_port() {
        assert_eq!(Address::unix("/run//app.sock"), Address::unix("/run/app.sock"));
        assert_ne!(Address::unix("/run/app.sock"), Address::unix("/run/app"));
        assert_eq!(Address::unix("/run/app").at_port(Some(9)), Address::unix("/run/app"));
        let tcp = Address::from(SocketAddr::from(([127, 0, 0, 1], 80)));
        assert_eq!((tcp.at_port(Some(9)).port(), tcp.at_port(None).port()), (9, 80));
    }
}
