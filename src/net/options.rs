//! Two options of sockets that neither std nor socket2 nor rustix knows, and so the one place with an unsafe call.
//!
//! TCP_DEFER_ACCEPT (tcp(7)): `accept` tells of a connection only once its client has sent something. The reading that
//! follows an accept then never comes in vain, and most connections are served without being registered for events at all.
//!
//! SO_RCVLOWAT (socket(7)): events tell of bytes only once so many are there. A large body then wakes us for every half
//! megabyte, not for each segment.
//!
//! Both are economies. Where there is no such option, and with the fast paths off, the twins below do nothing: clients come
//! in as they are and are waited for, and every byte is told of.

use std::time::Duration;

/// For so long the kernel keeps a silent client back: until its first repeated SYN-ACK.
pub(super) const KEPT_BACK: Duration = Duration::from_secs(1);

#[cfg(all(target_os = "linux", not(evenkeel_portable)))]
pub(super) use linux::{defer_accept, low_water};
#[cfg(not(all(target_os = "linux", not(evenkeel_portable))))]
pub(super) use none::{defer_accept, low_water};

#[cfg(all(target_os = "linux", not(evenkeel_portable)))]
mod linux {
    use libc::c_int;
    use socket2::Socket;
    use std::os::fd::{AsFd, AsRawFd};

    /// Asks for it on a listening socket, as an economy, or for an end of it. Whether the kernel will do as asked.
    pub(in crate::net) fn defer_accept(listener: &Socket, deferred: bool) -> bool {
        // In seconds, rounded up by the kernel to a number of repeated SYN-ACKs. Less would switch it off, more would leave
        // silent clients to the kernel and out of sight of our deadlines.
        set(listener, libc::IPPROTO_TCP, libc::TCP_DEFER_ACCEPT, c_int::from(deferred))
    }

    /// Has events tell of bytes once so many are there. A kernel that will not goes on telling of each.
    pub(in crate::net) fn low_water(stream: &impl AsFd, bytes: usize) {
        set(stream, libc::SOL_SOCKET, libc::SO_RCVLOWAT, c_int::try_from(bytes).unwrap_or(c_int::MAX));
    }

    #[allow(unsafe_code)] // one call of setsockopt(2), with an int that lives on the stack
    fn set(socket: &impl AsFd, level: c_int, name: c_int, value: c_int) -> bool {
        let size = size_of::<c_int>() as libc::socklen_t;
        let value = std::ptr::from_ref(&value).cast();
        // SAFETY: the descriptor is open for the call, and the kernel reads `size` bytes behind a pointer to so many.
        unsafe { libc::setsockopt(socket.as_fd().as_raw_fd(), level, name, value, size) == 0 }
    }
}

#[cfg(not(all(target_os = "linux", not(evenkeel_portable))))]
mod none {
    use socket2::Socket;
    use std::os::fd::AsFd;

    pub(in crate::net) fn defer_accept(_: &Socket, _: bool) -> bool {
        false
    }

    pub(in crate::net) fn low_water(_: &impl AsFd, _: usize) {}
}
