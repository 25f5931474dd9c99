//! What the selector below mio is known to do, and what is asked of it: epoll and kqueue, or poll(2), over which mio has one
//! for every Unix. Used by [`os`](super::os) alone.

use mio::Interest;

/// Whether a read or write that did less than asked proves that the kernel has no more to give or take just now, with a
/// fresh edge to come. So it is on epoll and kqueue. mio's selector over poll(2) arms itself again only when it has seen
/// would-block, so there every call goes on until that.
pub(super) const SHORT_MEANS_DRAINED: bool = cfg!(all(
    any(target_os = "linux", target_os = "android", target_os = "macos", target_os = "ios", target_os = "freebsd"),
    not(mio_unsupported_force_poll_poll),
    not(evenkeel_portable),
));

/// Both directions, and on epoll whether urgent data lies in between. (kqueue tells of them in a way that mio does not
/// hear: there a client that sends some may wait for its time-out.)
#[cfg(all(any(target_os = "linux", target_os = "android"), not(mio_unsupported_force_poll_poll)))]
pub(super) const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);
#[cfg(not(all(any(target_os = "linux", target_os = "android"), not(mio_unsupported_force_poll_poll))))]
pub(super) const INTEREST: Interest = Interest::READABLE.add(Interest::WRITABLE);

/// The same, of one whose bytes cannot be taken for now. Urgent data counts as bytes: epoll wakes for either with both.
pub(super) const MUTED: Interest = Interest::WRITABLE;

/// epoll and kqueue tell of each arrival, whatever was read of those before; poll(2) first waits for would-block.
pub(super) const REPEATS: bool = cfg!(not(mio_unsupported_force_poll_poll));

/// Closing the descriptor takes a socket out of epoll and kqueue by itself; a selector over poll(2) must be told.
pub(super) const CLOSING_DEREGISTERS: bool = cfg!(not(mio_unsupported_force_poll_poll));

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Address;
    use crate::net::os::Os;
    use crate::net::{Event, ListenOptions, Moved, Net, Sock};
    use std::io::Write;
    use std::net::{SocketAddr, TcpStream};

    /// A connection to somewhere, and what the other side has of it.
    fn pair(os: &mut Os) -> (Sock, TcpStream) {
        let anywhere = Address::Tcp(SocketAddr::from(([127, 0, 0, 1], 0)));
        let listener = os.listen(&anywhere, ListenOptions::default()).unwrap();
        let Address::Tcp(at) = os.local_address(listener).unwrap() else { panic!("another family") };
        let far = TcpStream::connect(at).unwrap();
        let (near, _) = os.accept(listener).unwrap().unwrap();
        os.watch(near).unwrap();
        (near, far)
    }

    /// How often it is told that `sock` is readable, until `last` is.
    fn told(os: &mut Os, sock: Sock, last: Sock) -> usize {
        let (mut times, mut over) = (0, false);
        while !over {
            let mut events = Vec::new();
            os.wait(None, &mut events).unwrap();
            for event in events {
                let Event::Ready { sock: which, readable: true, .. } = event else { continue };
                times += usize::from(which == sock);
                over |= which == last;
            }
        }
        times
    }

    /// Over loopback a byte has arrived when it is sent, and those of one socket before those of another.
    #[test]
    fn each_arrival_is_told_of_unless_one_is_muted() {
        let os = &mut Os::new().unwrap();
        let ((near, mut far), (marker, mut mark)) = (pair(os), pair(os));
        let mut arrives = |os: &mut Os, what: &[u8]| {
            far.write_all(what).unwrap();
            mark.write_all(b"!").unwrap();
            let times = told(os, near, marker);
            while os.read(marker, &mut [0; 9]).unwrap() != Moved::Nothing {}
            times
        };
        assert_eq!(arrives(os, b"a"), 1);
        assert_eq!(arrives(os, b"b"), usize::from(REPEATS), "the first one is still there");
        os.mute(near, true).unwrap();
        assert_eq!(arrives(os, b"c"), 0);
        assert_eq!(os.read(near, &mut [0; 9]).unwrap(), Moved::Bytes { count: 3, more: !SHORT_MEANS_DRAINED });
        assert_eq!(arrives(os, b"d"), 0);
        os.mute(near, false).unwrap();
        if REPEATS {
            assert_eq!(told(os, near, near), 1, "what came meanwhile");
        }
        while os.read(near, &mut [0; 9]).unwrap() != Moved::Nothing {}
        assert_eq!(arrives(os, b"e"), 1);
    }

    #[test]
    fn a_reset_is_told_of_though_one_is_muted() {
        let os = &mut Os::new().unwrap();
        let (near, far) = pair(os);
        os.write(near, &[std::io::IoSlice::new(b"unread")]).unwrap();
        while os.read(near, &mut [0; 9]).unwrap() != Moved::Nothing {}
        os.mute(near, true).unwrap();
        drop(far); // with a byte unread
        let mut events = Vec::new();
        while !events.iter().any(|event| matches!(event, Event::Ready { broken: true, .. })) {
            os.wait(None, &mut events).unwrap();
        }
    }
}
