//! One direction: from a socket, through a lent buffer, to a socket.
//!
//! A flow sends *messages*. A message is what one write can take: something of our own (a head written anew, a chunk's
//! size line), a piece of payload straight from the buffer it was read into, and something of our own behind it.
//!
//! ```text
//!    out[..split]                 held[..payload]            out[split..]
//!   "HTTP/1.1 200 OK ... 5\r\n"   "hello"                    "\r\n0\r\n\r\n"
//! ```
//!
//! Nothing is read while a message is owed (law 6), and payload is never copied. The first message of a request that is
//! whole at hand is kept until the first byte of a response, so that it can be sent once more. This file knows bodies
//! and sockets; it knows nothing of phases, retries or time. Read [`Flow::pump`].

use super::context::Context;
use super::end::{End, Filled};
use crate::base::Lender;
use crate::config::Limits;
use crate::http::{self, Chunked, Framing, Malformed};
use crate::net::Net;
use std::io::{self, IoSlice};
use std::ops::Range;

/// What is still to come from the source.
#[derive(Debug, Clone, Copy, Default)]
pub enum Body {
    /// Nothing: the last message is made.
    #[default]
    Done,
    /// So many bytes.
    Length(u64),
    /// Chunks, decoded so far as this.
    Chunked(Chunked),
    /// Everything until the source ends.
    UntilClose,
}

impl From<Framing> for Body {
    fn from(framing: Framing) -> Body {
        match framing {
            Framing::None | Framing::Length(0) => Body::Done,
            Framing::Length(count) => Body::Length(count),
            Framing::Chunked => Body::Chunked(Chunked::default()),
            Framing::UntilClose => Body::UntilClose,
        }
    }
}

/// Where a pump stopped.
#[derive(Debug)]
pub enum Pumped {
    /// Every byte is sent.
    Complete,
    /// Nothing can be done before an event.
    Waiting,
    /// The budget of this turn is used up; there is more to do.
    Hungry,
    /// The source ended before its message did.
    Cut,
    /// The source is not what it should be.
    Malformed(Malformed),
    /// The source was reset.
    SourceGone(io::Error),
    /// The destination takes no more.
    SinkGone(io::Error),
}

/// One direction of an exchange.
#[derive(Debug, Default)]
pub struct Flow {
    out: Vec<u8>,
    split: usize,
    payload: usize,
    /// Bytes of the source's buffer that this message stands for: its payload and the framing squeezed out of it.
    eaten: usize,
    sent: usize,
    body: Body,
    /// The body goes out in chunks, whatever it came in.
    chunking: bool,
    /// What the source says behind its body does not go on.
    drops_trailers: bool,
    /// Payload that may pass, in bytes; 0: any.
    limit: u64,
    /// The message is the whole of a request: keep it until [`Flow::forget`].
    whole: bool,
    /// A byte of this flow was sent on the present connection.
    touched: bool,
    /// Payload that passed, in bytes.
    pub carried: u64,
    /// Bytes sent, heads and framing included.
    pub moved: u64,
}

impl Flow {
    /// A flow whose first message begins with `head`, followed by `body`, sent in chunks if `chunking`.
    pub fn new(head: Vec<u8>, body: Body, chunking: bool) -> Flow {
        let split = head.len();
        Flow { out: head, split, body, chunking, ..Flow::default() }
    }

    /// The same flow, refused once its payload exceeds `limit` bytes; 0: never.
    pub fn limited(self, limit: u64) -> Flow {
        Flow { limit, ..self }
    }

    /// The same flow, which forgets what the source says behind its body if `drops` says so.
    pub fn trailers(self, drops: bool) -> Flow {
        Flow { drops_trailers: drops, ..self }
    }

    /// Takes what `from` already holds into the first message, so that head and body leave in one write.
    pub fn begin(&mut self, from: &mut End, limits: &Limits) -> Result<(), Malformed> {
        self.take(from, limits).map(drop)
    }

    /// Keeps the first message for another try, if it is all there is.
    pub fn keep_if_whole(&mut self) {
        self.whole = matches!(self.body, Body::Done);
    }

    /// Whether every byte is sent, though the message may be kept.
    pub fn is_complete(&self) -> bool {
        matches!(self.body, Body::Done) && self.owed() == 0
    }

    /// Whether the destination is owed bytes.
    pub fn owes(&self) -> bool {
        self.owed() > 0
    }

    /// Whether this can be sent on another connection: no byte was sent yet, or all of it is still at hand.
    pub fn can_start_over(&self) -> bool {
        self.whole || !self.touched
    }

    /// Whether no byte was sent on the present connection.
    pub fn untouched(&self) -> bool {
        !self.touched
    }

    /// To be sent again from its first byte. Only after [`Flow::can_start_over`].
    pub fn start_over(&mut self) {
        (self.sent, self.touched) = (0, false);
    }

    /// Replaces a part of our own bytes, before any was sent.
    pub fn rewrite(&mut self, part: Range<usize>, with: &[u8]) {
        self.split = self.split - part.len() + with.len();
        self.out.splice(part, with.iter().copied());
    }

    /// The message will not be sent again: lets go of its bytes once they are sent.
    pub fn forget(&mut self, from: &mut End) {
        self.whole = false;
        if self.owed() == 0 {
            self.retire(from);
        }
    }

    /// Whether nothing more is to come from the source: what is not sent yet is at hand.
    pub fn is_at_hand(&self) -> bool {
        matches!(self.body, Body::Done)
    }

    /// The message will not be sent at all: its bytes leave the source's buffer.
    pub fn discard(&mut self, from: &mut End) {
        self.retire(from);
    }

    /// Drops everything, sent or not, and gives its memory back.
    pub fn give_back(&mut self, lender: &mut Lender) {
        let out = std::mem::take(&mut self.out);
        if out.capacity() > 0 {
            lender.give_back_scrap(out);
        }
        *self = Flow::default();
    }

    /// Moves as much as the sockets and the budget allow.
    pub fn pump<N: Net>(&mut self, from: &mut End, to: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Pumped {
        loop {
            if self.owed() > 0 {
                match self.write(from, to, cx, budget) {
                    Ok(true) => {}
                    Ok(false) => return Pumped::Waiting,
                    Err(error) => return Pumped::SinkGone(error),
                }
            }
            if self.is_complete() {
                return Pumped::Complete;
            }
            match self.take(from, &cx.limits) {
                Err(malformed) => return Pumped::Malformed(malformed),
                Ok(true) => continue,
                Ok(false) if *budget == 0 && from.readable => return Pumped::Hungry,
                Ok(false) => {}
            }
            match from.fill(&mut cx.net, &mut cx.lender) {
                Ok(Filled::Bytes(count)) => {
                    *budget = budget.saturating_sub(count);
                    cx.moved += count as u64;
                }
                Ok(Filled::Nothing) => return Pumped::Waiting,
                Ok(Filled::Ended) if !from.broken && self.end() => {}
                Ok(Filled::Ended) => return Pumped::Cut,
                Ok(Filled::Full) => return Pumped::Malformed(Malformed::HeadTooLarge),
                Err(error) => return Pumped::SourceGone(error),
            }
        }
    }

    fn total(&self) -> usize {
        self.out.len() + self.payload
    }

    fn owed(&self) -> usize {
        self.total() - self.sent
    }

    /// Writes what is owed, write first and wait only if something is left (law 4). Whether all of it went.
    fn write<N: Net>(
        &mut self,
        from: &mut End,
        to: &mut End,
        cx: &mut Context<N>,
        budget: &mut usize,
    ) -> io::Result<bool> {
        if !to.writable {
            return Ok(false);
        }
        let (before, behind) = self.out.split_at(self.split);
        let pieces = [before, &from.held()[..self.payload], behind];
        let taken = to.send(&mut cx.net, &remaining(&pieces, self.sent))?;
        self.sent += taken;
        self.moved += taken as u64;
        cx.moved += taken as u64;
        self.touched |= taken > 0;
        *budget = budget.saturating_sub(taken);
        if self.owed() > 0 {
            return Ok(false);
        }
        if !self.whole {
            self.retire(from);
        }
        Ok(true)
    }

    /// The message is sent and will not be sent again: its bytes make room.
    fn retire(&mut self, from: &mut End) {
        from.consume(self.eaten);
        self.out.clear();
        (self.split, self.payload, self.eaten, self.sent) = (0, 0, 0, 0);
    }

    /// Makes the next message of what `from` holds, or adds it to a head not yet sent. Whether there was anything.
    fn take(&mut self, from: &mut End, limits: &Limits) -> Result<bool, Malformed> {
        let there = from.held().len();
        if there == 0 {
            return Ok(false);
        }
        let mut trailers = Vec::new(); // does not allocate unless there are any
        let (payload, eaten) = match &mut self.body {
            Body::Done => return Ok(false),
            Body::UntilClose => (there, there),
            Body::Length(left) => {
                let count = usize::try_from(*left).map_or(there, |left| left.min(there));
                *left -= count as u64;
                (count, count)
            }
            Body::Chunked(decoder) => {
                let step = decoder.decode(from.held_mut(), limits, &mut trailers)?;
                if step.done {
                    self.body = Body::Done;
                }
                (step.produced, step.consumed)
            }
        };
        if matches!(self.body, Body::Length(0)) {
            self.body = Body::Done;
        }
        if self.limit > 0 && self.carried + payload as u64 > self.limit {
            return Err(Malformed::BodyTooLarge); // before a byte of it goes out
        }
        self.frame(payload, &trailers);
        (self.payload, self.eaten) = (payload, eaten);
        if self.owed() == 0 {
            self.retire(from); // only framing was there, and it is not passed on
        }
        Ok(eaten > 0)
    }

    /// Puts our own framing around `payload` bytes.
    fn frame(&mut self, payload: usize, trailers: &[u8]) {
        self.carried += payload as u64;
        if self.chunking && payload > 0 {
            http::chunk_head(payload, &mut self.out);
        }
        self.split = self.out.len();
        if self.chunking && payload > 0 {
            self.out.extend_from_slice(b"\r\n");
        }
        if self.chunking && matches!(self.body, Body::Done) {
            http::last_chunk(if self.drops_trailers { b"" } else { trailers }, &mut self.out);
        }
    }

    /// The source has said everything. Whether that is how its body ends.
    fn end(&mut self) -> bool {
        if !matches!(self.body, Body::UntilClose) {
            return false;
        }
        self.body = Body::Done;
        self.frame(0, &[]);
        true
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
