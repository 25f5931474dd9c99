//! One end of a pair: a socket, what is known of its readiness, and the bytes read from it that nobody has taken yet.
//!
//! Readiness is told on its edge, once, so it is remembered here until a call says that there is nothing more.

use super::context::Context;
use crate::base::{Buffer, Lender};
use crate::net::{Moved, Net, Pipe, Sent, Sock};
use std::io::{self, IoSlice};

/// One end.
#[derive(Debug)]
pub struct End {
    /// Its socket.
    pub sock: Sock,
    /// Reading may bring something.
    pub readable: bool,
    /// Writing may be accepted.
    pub writable: bool,
    /// The peer has said everything.
    pub ended: bool,
    /// The connection was reset, or an error told so: an end that is read from now on is not a clean one, since the
    /// kernel tells the error once and then pretends that the peer has said everything.
    pub broken: bool,
    /// Events tell of it. If not, nobody may wait for it.
    pub watched: bool,
    /// A moment is running, after which it is to be looked at.
    put_off: bool,
    /// Events tell of bytes once there are so many.
    low_water: u32,
    /// An event told of bytes that were known to be there.
    told_again: bool,
    /// Events do not tell of bytes. So it is only while it is readable.
    muted: bool,
    held: Option<Buffer>,
}

/// What [`End::fill`] brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Filled {
    /// So many more bytes are held.
    Bytes(usize),
    /// Nothing is there: wait.
    Nothing,
    /// Nothing more will come.
    Ended,
    /// There is no room for more before what is held was taken.
    Full,
}

impl End {
    /// A watched end that is writable, as a connected socket is, and has said nothing.
    pub fn new(sock: Sock) -> End {
        End {
            sock,
            readable: false,
            writable: true,
            ended: false,
            broken: false,
            watched: true,
            put_off: false,
            low_water: 1,
            told_again: false,
            muted: false,
            held: None,
        }
    }

    /// The end of a client that was just let in and may have spoken already: worth a look before it is watched.
    pub fn admitted(sock: Sock) -> End {
        End { readable: true, watched: false, ..End::new(sock) }
    }

    /// An end whose connection does not stand yet.
    pub fn connecting(sock: Sock) -> End {
        End { writable: false, ..End::new(sock) }
    }

    /// Lets events tell of it, if they do not yet. Errors: out of memory or watches.
    pub fn watch<N: Net>(&mut self, net: &mut N) -> io::Result<()> {
        if std::mem::replace(&mut self.watched, true) {
            return Ok(());
        }
        self.readable = false; // what is there will be told
        net.watch(self.sock)
    }

    /// Remembers what an event told.
    pub fn note(&mut self, readable: bool, writable: bool, broken: bool) {
        self.told_again |= readable && self.readable;
        self.readable |= readable | broken;
        self.writable |= writable;
        self.broken |= broken;
    }

    /// The bytes read and not yet taken.
    pub fn held(&self) -> &[u8] {
        self.held.as_ref().map_or(&[], Buffer::bytes)
    }

    /// The same, to be changed in place.
    pub fn held_mut(&mut self) -> &mut [u8] {
        self.held.as_mut().map_or(&mut [], Buffer::bytes_mut)
    }

    /// Takes `count` bytes from the front of those held.
    pub fn consume(&mut self, count: usize) {
        if let Some(held) = &mut self.held {
            held.consume(count);
        }
    }

    /// Reads once, into a buffer borrowed for it if need be. Errors: the connection is gone.
    pub fn fill<N: Net>(&mut self, net: &mut N, lender: &mut Lender) -> io::Result<Filled> {
        if self.ended {
            return Ok(Filled::Ended);
        }
        if !self.readable {
            return Ok(Filled::Nothing);
        }
        self.expect_any(net);
        let held = self.held.get_or_insert_with(|| lender.lend());
        if held.room().is_empty() {
            held.make_room();
        }
        if held.room().is_empty() {
            return Ok(Filled::Full);
        }
        let moved = net.read(self.sock, held.room()).inspect_err(|_| self.broken = true)?;
        if let Moved::Bytes { count, .. } = moved {
            held.filled(count);
        }
        let filled = self.learn(moved);
        self.hear_again(net)?;
        Ok(filled)
    }

    /// As [`End::fill`], at most `most` bytes, into an empty pipe. None: copy instead.
    pub fn pull<N: Net>(&mut self, net: &mut N, pipe: &Pipe, most: usize) -> io::Result<Option<Filled>> {
        if self.ended {
            return Ok(Some(Filled::Ended));
        }
        if !self.readable {
            return Ok(Some(Filled::Nothing));
        }
        let moved = match net.pull(self.sock, pipe, most) {
            Err(error) if error.kind() == io::ErrorKind::Unsupported => return Ok(None),
            moved => moved.inspect_err(|_| self.broken = true)?,
        };
        let filled = self.learn(moved);
        self.hear_again(net)?;
        Ok(Some(filled))
    }

    /// `count` bytes will come for certain, and fewer are of no use: events are to tell of it once they are there. If that
    /// takes longer than a moment, it is to be looked at ([`End::look`]). Until [`End::expect_any`].
    pub fn expect<N: Net>(&mut self, count: usize, cx: &mut Context<N>) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        if std::mem::replace(&mut self.low_water, count) != count {
            cx.net.low_water(self.sock, count as usize);
        }
        if !std::mem::replace(&mut self.put_off, true) {
            cx.gatherings.begin(self.sock, cx.now);
        }
    }

    /// Each byte is of use: events are to tell of it. So it is to begin with, and from each [`End::fill`] on.
    pub fn expect_any<N: Net>(&mut self, net: &mut N) {
        if std::mem::replace(&mut self.low_water, 1) > 1 {
            net.low_water(self.sock, 1);
        }
    }

    /// Whether a moment is running for it.
    pub fn is_put_off(&self) -> bool {
        self.put_off
    }

    /// Its moment has ended: whether there may be bytes of which no event tells.
    pub fn look(&mut self) -> bool {
        let looks = std::mem::take(&mut self.put_off) && self.low_water > 1;
        self.readable |= looks;
        looks
    }

    /// Its bytes cannot be taken yet. If events go on telling of them they are asked not to, until all were read.
    pub fn hold_back<N: Net>(&mut self, net: &mut N) -> io::Result<()> {
        let told_again = std::mem::take(&mut self.told_again);
        if told_again && self.readable && self.watched && !self.muted {
            net.mute(self.sock, true)?;
            self.muted = true;
        }
        Ok(())
    }

    /// Once all were read, events tell of those that follow. Errors: they cannot.
    fn hear_again<N: Net>(&mut self, net: &mut N) -> io::Result<()> {
        if self.muted && !self.readable {
            self.muted = false;
            net.mute(self.sock, false)?;
        }
        Ok(())
    }

    /// Remembers what a read told of those to come.
    fn learn(&mut self, moved: Moved) -> Filled {
        self.readable = matches!(moved, Moved::Bytes { more: true, .. });
        match moved {
            Moved::Bytes { count, .. } => Filled::Bytes(count),
            Moved::Nothing => Filled::Nothing,
            Moved::End => {
                self.ended = true;
                Filled::Ended
            }
        }
    }

    /// Writes once, with `more` or the end to follow at once ([`Net::write_more`]) or not. How many bytes were taken; fewer
    /// than offered: wait. Errors: the connection takes no more.
    pub fn send<N: Net>(&mut self, net: &mut N, pieces: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
        let offered = pieces.iter().map(|piece| piece.len()).sum();
        let sent = if more { net.write_more(self.sock, pieces) } else { net.write(self.sock, pieces) };
        self.sent(sent, offered)
    }

    /// As [`End::send`], what is in a pipe: `inside` bytes.
    pub fn push<N: Net>(&mut self, net: &mut N, pipe: &Pipe, inside: usize) -> io::Result<usize> {
        let sent = net.push(pipe, self.sock);
        self.sent(sent, inside)
    }

    fn sent(&mut self, sent: io::Result<Sent>, offered: usize) -> io::Result<usize> {
        let taken = match sent.inspect_err(|_| self.broken = true)? {
            Sent::Bytes(count) => count,
            Sent::Blocked => 0,
        };
        self.writable = taken == offered;
        Ok(taken)
    }

    /// Gives the buffer back if nothing is in it (law 5).
    pub fn settle(&mut self, lender: &mut Lender) {
        if let Some(empty) = self.held.take_if(|held| held.is_empty()) {
            lender.give_back(empty);
        }
    }

    /// Gives the buffer back, whatever is in it.
    pub fn drop_held(&mut self, lender: &mut Lender) {
        if let Some(held) = self.held.take() {
            lender.give_back(held);
        }
    }
}
