//! What a flow sends next: something of our own, a piece of payload from where it was read into, something of our own.
//!
//! ```text
//!    out[..split]                 payload: held, or in a pipe     out[split..]
//!   "HTTP/1.1 200 OK ... 5\r\n"   "hello"                         "\r\n0\r\n\r\n"
//! ```
//!
//! With its payload in a buffer it is one write; with a pipe, one call for each part. A small payload is copied among our
//! own bytes, so that a plain send will do; no other is copied.

use crate::net::{Net, Pipe};
use crate::proxy::end::End;
use std::io::{self, IoSlice};
use std::ops::Range;

/// A message that is no longer than this leaves as one piece: writev(2) has to fetch the list of pieces first, and in the
/// quarter of a microsecond that it takes for that, twice as much is copied.
const SMALL: usize = 4096;

/// A message, none (nothing owed) to begin with.
#[derive(Debug, Default)]
pub struct Message {
    /// Our own bytes, those before the payload and those behind it; a small payload between them once it is sent.
    pub out: Vec<u8>,
    /// So many are before it.
    pub split: usize,
    /// Bytes of payload.
    pub payload: usize,
    /// Bytes of the source's buffer that this message stands for: its payload and the framing squeezed out of it.
    pub eaten: usize,
    sent: usize,
    /// A pipe at hand, empty unless the payload is in it.
    pipe: Option<Pipe>,
    /// The payload is there, and not in the source's buffer.
    pub piped: bool,
}

impl Message {
    /// A message of our own.
    pub fn new(out: Vec<u8>) -> Message {
        Message { split: out.len(), out, ..Message::default() }
    }

    /// How many bytes were sent.
    pub fn sent(&self) -> usize {
        self.sent
    }

    /// How many bytes are still to be sent.
    pub fn owed(&self) -> usize {
        self.out.len() + self.payload - self.sent
    }

    /// Whether it is no loss if others are served before it is sent: so little is soon in a cache again.
    pub fn is_brief(&self) -> bool {
        self.owed() <= SMALL
    }

    /// To be sent again from its first byte.
    pub fn start_over(&mut self) {
        self.sent = 0;
    }

    /// Replaces a part of our own bytes, before any was sent.
    pub fn rewrite(&mut self, part: Range<usize>, with: &[u8]) {
        self.split = self.split - part.len() + with.len();
        self.out.splice(part, with.iter().copied());
    }

    /// Nothing is owed any more, sent or not: the bytes it stood for make room.
    pub fn clear(&mut self, from: &mut End) {
        from.consume(self.eaten);
        self.out.clear();
        (self.split, self.payload, self.eaten, self.sent, self.piped) = (0, 0, 0, 0, false);
    }

    /// A pipe for the payload, borrowed if need be.
    pub fn pipe<N: Net>(&mut self, likely: u64, net: &mut N) -> Option<&Pipe> {
        if self.pipe.is_none() {
            self.pipe = net.lend_pipe(likely);
        }
        self.pipe.as_ref()
    }

    /// Gives the pipe back.
    pub fn drop_pipe<N: Net>(&mut self, net: &mut N) {
        if let Some(pipe) = self.pipe.take() {
            net.take_back(pipe);
        }
    }

    /// Writes what is owed, as far as it is taken; as the `last` before the end of the connection or not. Errors: the
    /// connection takes no more.
    pub fn write<N: Net>(&mut self, from: &End, to: &mut End, last: bool, net: &mut N) -> io::Result<()> {
        self.join(from);
        while self.owed() > 0 && to.writable {
            let taken = match &self.pipe {
                Some(pipe) if self.piped => self.write_piped(pipe, to, last, net)?,
                _ => self.write_held(from, to, last, net)?,
            };
            self.sent += taken;
        }
        Ok(())
    }

    /// Takes a small payload among our own bytes, if there are some.
    fn join(&mut self, from: &End) {
        let behind = self.out.len() - self.split;
        if self.payload == 0 || self.piped || self.out.is_empty() || self.sent > 0 || self.owed() > SMALL {
            return;
        }
        self.out.extend_from_slice(&from.held()[..self.payload]);
        self.out[self.split..].rotate_left(behind);
        self.split += std::mem::take(&mut self.payload);
    }

    fn write_held<N: Net>(&self, from: &End, to: &mut End, last: bool, net: &mut N) -> io::Result<usize> {
        if self.payload == 0 {
            return to.send(net, &[IoSlice::new(&self.out[self.sent..])], last);
        }
        let (before, behind) = self.out.split_at(self.split);
        let pieces = [before, &from.held()[..self.payload], behind];
        to.send(net, &remaining(&pieces, self.sent), last)
    }

    fn write_piped<N: Net>(&self, pipe: &Pipe, to: &mut End, last: bool, net: &mut N) -> io::Result<usize> {
        let behind = self.split + self.payload;
        if self.sent < self.split {
            to.send(net, &[IoSlice::new(&self.out[self.sent..self.split])], true)
        } else if self.sent < behind {
            to.push(net, pipe, behind - self.sent)
        } else {
            to.send(net, &[IoSlice::new(&self.out[self.sent - self.payload..])], last)
        }
    }
}

/// The pieces without their first `skip` bytes.
fn remaining<'a>(pieces: &[&'a [u8]; 3], mut skip: usize) -> Remaining<'a> {
    let mut rest = Remaining { pieces: [IoSlice::new(&[]); 3], count: 0 };
    for piece in pieces {
        let here = skip.min(piece.len());
        skip -= here;
        if here < piece.len() {
            rest.pieces[rest.count] = IoSlice::new(&piece[here..]);
            rest.count += 1;
        }
    }
    rest
}

/// Up to three pieces, the empty ones left out, so that a lone piece costs a plain send.
struct Remaining<'a> {
    pieces: [IoSlice<'a>; 3],
    count: usize,
}

impl<'a> std::ops::Deref for Remaining<'a> {
    type Target = [IoSlice<'a>];

    fn deref(&self) -> &[IoSlice<'a>] {
        &self.pieces[..self.count]
    }
}
