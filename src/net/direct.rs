//! The calls that move bytes over a connection, without libc where rustix knows how: there they may be cancelled, and so
//! each of them says twice, by an atomic exchange, whether it may be, as soon as the process has a second thread. Used by
//! [`os`](super::os) alone; mio sees what they come to, as its selector over poll(2) must.

use mio::net::TcpStream;
use rustix::net::{RecvFlags, SendFlags, recv, send};
use std::io::{self, IoSlice};

/// A peer that is gone is an error and no signal. (Apple says so by an option, which std has set.)
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// recv(2): how many bytes came.
pub(super) fn receive(stream: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    stream.try_io(|| Ok(recv(stream, into, RecvFlags::empty())?.0))
}

/// send(2), or writev(2) if there are several pieces: how many bytes were taken.
pub(super) fn transmit(stream: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    stream.try_io(|| match pieces {
        [only] => Ok(send(stream, only, NO_SIGNAL)?),
        several => Ok(rustix::io::writev(stream, several)?),
    })
}
