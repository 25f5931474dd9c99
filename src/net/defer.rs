//! TCP_DEFER_ACCEPT (tcp(7)): `accept` tells of a connection only once its client has sent something.
//!
//! The reading that follows an accept then never comes in vain, and most connections are served without being registered
//! for events at all. Neither std nor socket2 nor rustix knows the option, so this is the one place with an unsafe call.

#![allow(unsafe_code)] // one call of setsockopt(2), with an int that lives on the stack

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// In seconds, rounded up by the kernel to a number of repeated SYN-ACKs: with 1, a silent client is let in after about
/// a second. Less would switch it off, more would leave silent clients to the kernel and out of sight of our deadlines.
const PATIENCE: libc::c_int = 1;

/// Asks for it on a listening socket. Errors: it is not a TCP socket.
pub(super) fn defer_accept(listener: BorrowedFd<'_>) -> io::Result<()> {
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is borrowed for the call, and the kernel reads `size` bytes behind a pointer to so many.
    let done = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            std::ptr::from_ref(&PATIENCE).cast(),
            size,
        )
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
