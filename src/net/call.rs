//! How a connection to a backend begins. Used by [`os`](super::os) alone.

use super::unix;
use crate::base::Address;
use mio::net::TcpStream;
use rustix::io::Errno;
use std::io;

/// A connection on its way. Errors: refused at once, unreachable, [short](is_short) of descriptors.
pub(super) fn call(to: &Address) -> io::Result<TcpStream> {
    match to {
        Address::Tcp(to) => {
            let stream = TcpStream::connect(*to)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        }
        Address::Unix(path) => unix::connect(path),
    }
}

/// Whether there was no descriptor to be had: closing another helps.
pub(super) fn is_short(error: &io::Error) -> bool {
    matches!(Errno::from_io_error(error), Some(Errno::MFILE | Errno::NFILE))
}
