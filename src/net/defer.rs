//! TCP_DEFER_ACCEPT (tcp(7)): `accept` tells of a connection only once its client has sent something.
//!
//! The reading that follows an accept then never comes in vain, and most connections are served without being registered
//! for events at all. Neither std nor socket2 nor rustix knows the option, so this is the one place with an unsafe call.
//! Where there is no such option, the twin below says so: clients come in as they are, and are waited for.

use socket2::Socket;
use std::time::Duration;

/// For so long the kernel keeps a silent client back: until its first repeated SYN-ACK.
pub(super) const KEPT_BACK: Duration = Duration::from_secs(1);

/// Asks for it on a listening socket, as an economy, or for an end of it. Whether the kernel will do as asked.
#[cfg(all(target_os = "linux", not(evenkeel_portable)))]
#[allow(unsafe_code)] // one call of setsockopt(2), with an int that lives on the stack
pub(super) fn defer_accept(listener: &Socket, deferred: bool) -> bool {
    use std::os::fd::AsRawFd;
    // In seconds, rounded up by the kernel to a number of repeated SYN-ACKs. Less would switch it off, more would leave
    // silent clients to the kernel and out of sight of our deadlines.
    let patience = libc::c_int::from(deferred);
    let size = size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the descriptor is open for the call, and the kernel reads `size` bytes behind a pointer to so many.
    let done = unsafe {
        libc::setsockopt(
            listener.as_raw_fd(),
            libc::IPPROTO_TCP,
            libc::TCP_DEFER_ACCEPT,
            std::ptr::from_ref(&patience).cast(),
            size,
        )
    };
    done == 0
}

#[cfg(not(all(target_os = "linux", not(evenkeel_portable))))]
pub(super) fn defer_accept(_: &Socket, _: bool) -> bool {
    false
}
