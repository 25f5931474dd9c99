//! The calls that move bytes over a connection, without libc where rustix knows how: there they may be cancelled, and so
//! each of them says twice, by an atomic exchange, whether it may be, as soon as the process has a second thread. Used by
//! [`os`](super::os) alone; mio sees what they come to, as its selector over poll(2) must.

use mio::net::TcpStream;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, recv, send, sendmsg};
use std::io::{self, IoSlice};

/// A peer that is gone is an error and no signal. (Apple says so by an option, which std has set.)
#[cfg(not(target_vendor = "apple"))]
const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
const NO_SIGNAL: SendFlags = SendFlags::empty();

/// What is taken may wait for what follows at once. Where nobody can be told so, it leaves by itself.
#[cfg(all(any(target_os = "linux", target_os = "android"), not(evenkeel_portable)))]
const MORE: SendFlags = NO_SIGNAL.union(SendFlags::MORE);
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(evenkeel_portable))))]
const MORE: SendFlags = NO_SIGNAL;

/// recv(2): how many bytes came.
pub(super) fn receive(stream: &TcpStream, into: &mut [u8]) -> io::Result<usize> {
    stream.try_io(|| Ok(recv(stream, into, RecvFlags::empty())?.0))
}

/// send(2), or writev(2) if there are several pieces (sendmsg(2) if `more` follows them): how many bytes were taken.
pub(super) fn transmit(stream: &TcpStream, pieces: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
    stream.try_io(|| match pieces {
        [only] => Ok(send(stream, only, if more { MORE } else { NO_SIGNAL })?),
        several if more => Ok(sendmsg(stream, several, &mut SendAncillaryBuffer::default(), MORE)?),
        several => Ok(rustix::io::writev(stream, several)?),
    })
}
