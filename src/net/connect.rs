//! How a connection to a backend begins. Used by [`os`](super::os) alone.

use super::unix;
use crate::base::Address;
use mio::net::TcpStream;
use std::io;

/// A connection on its way. Errors: refused at once, unreachable, out of descriptors.
pub(super) fn connect(to: &Address) -> io::Result<TcpStream> {
    match to {
        Address::Tcp(to) => {
            let stream = TcpStream::connect(*to)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }
        Address::Unix(path) => unix::connect(path),
    }
}
