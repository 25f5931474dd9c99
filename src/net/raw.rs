//! Two options of sockets and what else neither std nor socket2 nor rustix knows, and so the one place that is unsafe.
//!
//! TCP_DEFER_ACCEPT (tcp(7)): `accept` tells of a connection only once its client has sent something. The reading that
//! follows an accept then never comes in vain, and most connections are served without being registered for events at all.
//!
//! SO_RCVLOWAT (socket(7)): events tell of bytes only once so many are there. A large body then wakes us for every half
//! megabyte, not for each segment.
//!
//! close_range(2): many descriptors with numbers in a row are closed at once; or all of a thread's, which thereby has a
//! table of its own.
//!
//! All are economies. Where there is no such thing, and with the fast paths off, the twins below do nothing: clients come
//! in as they are and are waited for, every byte is told of, each descriptor is closed by itself, and threads share one table.

use std::time::Duration;

/// For so long the kernel keeps a silent client back: until its first repeated SYN-ACK.
pub(super) const KEPT_BACK: Duration = Duration::from_secs(1);

#[cfg(all(target_os = "linux", not(evenkeel_portable)))]
use linux as here;
#[cfg(not(all(target_os = "linux", not(evenkeel_portable))))]
use none as here;

pub(crate) use here::stand_aside;
pub(super) use here::{close_all, defer_accept, low_water};

#[cfg(all(target_os = "linux", not(evenkeel_portable)))]
mod linux {
    use libc::{c_int, c_uint};
    use socket2::Socket;
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, AsRawFd, OwnedFd};
    use std::vec::Drain;

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

    /// Closes all of them. The kernel hands out the lowest number that is free, so those of one turn are mostly neighbours.
    pub(in crate::net) fn close_all(sockets: &mut Vec<OwnedFd>) {
        sockets.sort_unstable_by_key(AsRawFd::as_raw_fd);
        let follows = |one: &OwnedFd, next: &OwnedFd| one.as_raw_fd() + 1 == next.as_raw_fd();
        while let Some(row) = sockets.chunk_by(follows).next_back() {
            let before = sockets.len() - row.len();
            close_row(sockets.drain(before..));
        }
    }

    /// Closes descriptors whose numbers follow on each other; each by itself if it is alone, or the kernel knows no better.
    #[allow(unsafe_code)] // one call of close_range(2), through syscall(2) because not every libc has it
    fn close_row(row: Drain<'_, OwnedFd>) {
        if let [first, .., last] = row.as_slice() {
            let (first, last) = (first.as_raw_fd() as c_uint, last.as_raw_fd() as c_uint);
            // SAFETY: `row` owns every descriptor from the first to the last, and forgets them once they are closed.
            if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0 as c_uint) } == 0 {
                row.for_each(std::mem::forget);
            }
        }
    }

    /// Has the calling thread share no descriptor any more: it keeps the standard streams, and what it opens from now on is
    /// its own. For the begin of a thread, before it has any. Where the kernel will not, it goes on sharing. No signal is
    /// handled on it any more, since who handles one writes to a descriptor of the loop's (pthread_sigmask(3)).
    #[allow(unsafe_code)] // two calls about signals, and close_range(2) as above
    pub(crate) fn stand_aside() {
        let mut all = MaybeUninit::uninit();
        // SAFETY: the set is on the stack and is filled first. The descriptors of all other threads stay open, since these
        // are closed in a table that is this thread's alone.
        unsafe {
            libc::sigfillset(all.as_mut_ptr());
            if libc::pthread_sigmask(libc::SIG_SETMASK, all.as_ptr(), std::ptr::null_mut()) == 0 {
                libc::syscall(libc::SYS_close_range, 3 as c_uint, c_uint::MAX, libc::CLOSE_RANGE_UNSHARE);
            }
        }
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
    use std::os::fd::{AsFd, OwnedFd};

    pub(in crate::net) fn defer_accept(_: &Socket, _: bool) -> bool {
        false
    }

    pub(in crate::net) fn low_water(_: &impl AsFd, _: usize) {}

    pub(crate) fn stand_aside() {}

    pub(in crate::net) fn close_all(sockets: &mut Vec<OwnedFd>) {
        sockets.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    #[cfg(all(target_os = "linux", not(evenkeel_portable)))]
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    #[test]
    fn all_are_closed_and_nobody_between_them() {
        let pairs: Vec<_> = (0..8).map(|_| UnixStream::pair().unwrap()).collect();
        let (mut far, mut near): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
        let (mut kept, mut keeper) = (near.remove(3), far.remove(3));
        near.swap(0, 5);
        let mut near = near.into_iter().map(Into::into).collect();
        close_all(&mut near);
        assert!(near.is_empty());
        for mut far in far {
            assert_eq!(far.read(&mut [0]).unwrap(), 0, "an end");
        }
        kept.write_all(b"k").unwrap();
        assert_eq!(keeper.read(&mut [0; 9]).unwrap(), 1);
    }

    #[cfg(all(target_os = "linux", not(evenkeel_portable)))]
    #[test]
    fn who_stands_aside_takes_no_descriptor_along_and_closes_none() {
        let (mut far, mut near) = UnixStream::pair().unwrap();
        let number = near.as_raw_fd();
        let mine = move || std::fs::read_link(format!("/proc/thread-self/fd/{number}")).is_ok();
        assert!(mine());
        let theirs = std::thread::spawn(move || {
            stand_aside();
            mine()
        });
        assert!(!theirs.join().unwrap());
        near.write_all(b"k").unwrap();
        assert_eq!(far.read(&mut [0; 9]).unwrap(), 1);
    }
}
