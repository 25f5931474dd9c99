//! Bytes from socket to socket without passing through us: splice(2) through pipes that are kept for the next use.
//!
//! The kernel hands the pages of a received segment to a pipe and from there to the other socket; nothing is copied, and
//! a megabyte costs a dozen calls instead of a hundred. It pays only in bulk, so [`flow`](crate::proxy::flow) says when.
//! Used by [`os`](super::os) alone. Where there is no splice(2), the twin below lends no pipe and everything is copied.

#[cfg(all(target_os = "linux", not(evenkeel_portable)))]
pub(super) use linux::Pipes;
#[cfg(not(all(target_os = "linux", not(evenkeel_portable))))]
pub(super) use none::Pipes;

#[cfg(all(target_os = "linux", not(evenkeel_portable)))]
mod linux {
    use crate::base::Shelf;
    use crate::net::{Moved, Pipe, Sent};
    use rustix::io::Errno;
    use rustix::pipe::{PipeFlags, SpliceFlags, fcntl_setpipe_size, pipe_with, splice};
    use slab::Slab;
    use std::io;
    use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

    /// What a pipe may hold, in bytes: what a body of a megabyte is woken for (`handful` in [`flow`](crate::proxy::flow))
    /// passes at once. Half of it costs 2 to 5 % more; the kernel's own choice, 64 KiB, several times the calls ...
    const ROOM: usize = 512 * 1024;

    /// ... and so much for long ones; the most that an unprivileged user may ask for (pipe(7)).
    const LARGE_ROOM: usize = 1024 * 1024;

    /// So much is a long one.
    const LONG: u64 = 8 * 1024 * 1024;

    /// So much room may be lent at once: each slow reader keeps a pipe, and with it that much of the kernel's memory and
    /// two descriptors. What is beyond is copied. (An unprivileged user has no more in all, pipe(7).)
    const MOST_ROOM: usize = 64 * 1024 * 1024;

    #[derive(Debug)]
    struct Pair {
        exit: OwnedFd,
        entrance: OwnedFd,
        room: usize,
        /// Bytes inside.
        inside: usize,
    }

    impl Pair {
        fn new(room: usize) -> Option<Pair> {
            let (exit, entrance) = pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).ok()?;
            let _ = fcntl_setpipe_size(&entrance, room); // not permitted: it is smaller, and still a pipe
            Some(Pair { exit, entrance, room, inside: 0 })
        }
    }

    /// The pipes of one loop.
    #[derive(Debug, Default)]
    pub(in crate::net) struct Pipes {
        lent: Slab<Pair>,
        /// The room of those, in bytes.
        lent_room: usize,
        free: Shelf<Pair>,
        free_large: Shelf<Pair>,
    }

    impl Pipes {
        /// An empty pipe. None: there are too many, or the system has none to give.
        pub(in crate::net) fn lend(&mut self, likely: u64) -> Option<Pipe> {
            let room = if likely >= LONG { LARGE_ROOM } else { ROOM };
            if self.lent_room + room > MOST_ROOM {
                return None;
            }
            let pair = self.shelf(room).take().or_else(|| Pair::new(room))?;
            self.lent_room += room;
            Some(Pipe(self.lent.insert(pair) as u32))
        }

        fn shelf(&mut self, room: usize) -> &mut Shelf<Pair> {
            if room == ROOM { &mut self.free } else { &mut self.free_large }
        }

        /// Takes a pipe back. One with bytes in it is closed, and they are gone.
        pub(in crate::net) fn take_back(&mut self, pipe: Pipe) {
            let Some(pair) = self.lent.try_remove(pipe.0 as usize) else { return };
            self.lent_room -= pair.room;
            if pair.inside == 0 {
                self.shelf(pair.room).put(pair);
            }
        }

        /// Closes half of those that nobody borrowed since the last call. Whether some are left.
        pub(in crate::net) fn trim(&mut self) -> bool {
            self.free.trim() | self.free_large.trim()
        }

        /// As [`Net::pull`](crate::net::Net::pull). The pipe is empty, so would-block speaks of the socket.
        pub(in crate::net) fn pull(&mut self, from: BorrowedFd<'_>, pipe: &Pipe, most: usize) -> io::Result<Moved> {
            let pair = self.lent.get_mut(pipe.0 as usize).ok_or(io::ErrorKind::NotConnected)?;
            match moved(from, pair.entrance.as_fd(), most)? {
                None => Ok(Moved::Nothing),
                Some(0) => Ok(Moved::End),
                Some(count) => {
                    pair.inside += count;
                    // A pipe counts pieces, not bytes: less than asked does not mean that no more was there.
                    Ok(Moved::Bytes { count, more: true })
                }
            }
        }

        /// As [`Net::push`](crate::net::Net::push): until the pipe is empty or the socket takes no more.
        pub(in crate::net) fn push(&mut self, pipe: &Pipe, to: BorrowedFd<'_>) -> io::Result<Sent> {
            let pair = self.lent.get_mut(pipe.0 as usize).ok_or(io::ErrorKind::NotConnected)?;
            let before = pair.inside;
            while pair.inside > 0 {
                match moved(pair.exit.as_fd(), to, pair.inside) {
                    Ok(None | Some(0)) => break,
                    Ok(Some(count)) => pair.inside -= count,
                    Err(_) if pair.inside < before => break, // it will be met again by whoever goes on
                    Err(error) => return Err(error),
                }
            }
            Ok(if pair.inside < before { Sent::Bytes(before - pair.inside) } else { Sent::Blocked })
        }
    }

    /// One splice; none: it would block.
    fn moved(from: BorrowedFd<'_>, to: BorrowedFd<'_>, most: usize) -> io::Result<Option<usize>> {
        loop {
            match splice(from, None, to, None, most, SpliceFlags::MOVE | SpliceFlags::NONBLOCK) {
                Ok(count) => return Ok(Some(count)),
                Err(Errno::AGAIN) => return Ok(None),
                Err(Errno::INTR) => {}
                // Not this kind of socket, or not in this sandbox.
                Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => return Err(io::ErrorKind::Unsupported.into()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

#[cfg(not(all(target_os = "linux", not(evenkeel_portable))))]
mod none {
    use crate::net::{Moved, Pipe, Sent};
    use std::io;
    use std::os::fd::BorrowedFd;

    /// No pipes at all.
    #[derive(Debug, Default)]
    pub(in crate::net) struct Pipes;

    impl Pipes {
        pub(in crate::net) fn lend(&mut self, _: u64) -> Option<Pipe> {
            None
        }

        pub(in crate::net) fn take_back(&mut self, _: Pipe) {}

        pub(in crate::net) fn trim(&mut self) -> bool {
            false
        }

        pub(in crate::net) fn pull(&mut self, _: BorrowedFd<'_>, _: &Pipe, _: usize) -> io::Result<Moved> {
            Err(io::ErrorKind::Unsupported.into())
        }

        pub(in crate::net) fn push(&mut self, _: &Pipe, _: BorrowedFd<'_>) -> io::Result<Sent> {
            Err(io::ErrorKind::Unsupported.into())
        }
    }
}
