//! Floor 4: names become addresses through the system's resolver.
//!
//! It blocks, so it is called before the loop begins and never in it (law 1). Read
//! [`config::address`](crate::config::address) for what is asked of it.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

/// Every address of `name`, which is `host:port`.
pub fn resolve(name: &str) -> io::Result<Vec<SocketAddr>> {
    Ok(name.to_socket_addrs()?.collect())
}
