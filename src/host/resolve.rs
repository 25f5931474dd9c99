//! Floor 4: names become addresses through the system's resolver.
//!
//! It blocks, so it is called before the loop begins and never in it (law 1). Read
//! [`config::address`](crate::config::address) for what is asked of it.

use std::io;
use std::net::{Ipv4Addr, SocketAddr, ToSocketAddrs};

/// Every address of `name`, which is `host:port`.
pub fn resolve(name: &str) -> io::Result<Vec<SocketAddr>> {
    match name.to_socket_addrs() {
        Ok(found) => Ok(found.collect()),
        Err(error) => own(name).map(|address| vec![address]).ok_or(error),
    }
}

/// What `localhost` is where nothing says so, as in a container without /etc/hosts (RFC 6761 section 6.3). Not `::1` as
/// well: there nothing says either that there is IPv6, and a listener needs all of its addresses.
fn own(name: &str) -> Option<SocketAddr> {
    let (host, port) = name.rsplit_once(':')?;
    let host = host.strip_suffix('.').unwrap_or(host);
    let port = port.parse().ok().filter(|_| host.eq_ignore_ascii_case("localhost"))?;
    Some((Ipv4Addr::LOCALHOST, port).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn localhost_needs_nobody_to_say_what_it_is() {
        for name in ["localhost:80", "LocalHost:80", "localhost.:80"] {
            assert_eq!(own(name), Some("127.0.0.1:80".parse().unwrap()), "{name}");
        }
        for name in ["localhost", "localhost:x", "localhost:65536", "local:80", "localhost.example:80", ":80"] {
            assert_eq!(own(name), None, "{name}");
        }
    }
}
