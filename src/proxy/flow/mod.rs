//! One direction: from a socket, through a lent buffer or a pipe, to a socket.
//!
//! A flow sends *messages* ([`message`]): something of our own around a piece of payload straight from where it was read
//! into. Nothing is read while a message is owed (law 6), and only small payload is copied from one buffer to another.
//! The first message of a request that is whole at hand is kept until the first byte of a response, so that it can be
//! sent once more.
//!
//! Payload that comes in bulk takes a shorter way on kernels that know one: through a pipe, without being copied to us at
//! all ([`Net::pull`]). A length of many buffers says that it does, or what came of late ([`pace`]). While it does, and more
//! is promised, events tell of it only once much is there ([`End::expect`]); and while the destination takes no more, of
//! nothing ([`End::hold_back`]): a source that is faster than its destination woke the loop for each segment.
//!
//! This file knows bodies and sockets; it knows nothing of phases or retries, and of time only what [`pace`] does. Read [`Flow::pump`].

mod body;
pub mod message;
pub mod pace;

pub use body::Body;

use super::context::Context;
use super::end::{End, Filled};
use crate::config::Limits;
use crate::http::{self, Malformed};
use crate::net::Net;
use message::Message;
use pace::Pace;
use std::io;
use std::ops::Range;

/// Who promises so many buffers full is taken at its word, and its body for bulk from the start: to copy the first of it
/// costs 5 to 8 % more on a megabyte.
const MANY: u64 = 4;

/// Where a pump stopped.
#[derive(Debug)]
pub enum Pumped {
    /// Every byte is sent.
    Complete,
    /// Nothing can be done before an event.
    Waiting,
    /// The destination is owed something brief, and others are to be heard first.
    Later,
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
    message: Message,
    body: Body,
    /// The body goes out in chunks, whatever it came in.
    chunking: bool,
    /// What the source says behind its body does not go on.
    drops_trailers: bool,
    /// The destination is let go once it has all of it.
    parting: bool,
    /// Payload that may pass, in bytes; 0: any.
    limit: u64,
    /// The message is the whole of a request: keep it until [`Flow::forget`].
    whole: bool,
    /// A byte of this flow was sent on the present connection.
    touched: bool,
    /// How fast the source is.
    pace: Pace,
    /// Payload that passed, in bytes.
    pub carried: u64,
    /// Bytes sent, heads and framing included.
    pub moved: u64,
}

impl Flow {
    /// A flow whose first message begins with `head`, followed by `body`, sent in chunks if `chunking`.
    pub fn new(head: Vec<u8>, body: Body, chunking: bool) -> Flow {
        Flow { message: Message::new(head), body, chunking, ..Flow::default() }
    }

    /// The same flow, refused once its payload exceeds `limit` bytes; 0: never.
    pub fn limited(self, limit: u64) -> Flow {
        Flow { limit, ..self }
    }

    /// The same flow, which forgets what the source says behind its body if `drops` says so.
    pub fn trailers(self, drops: bool) -> Flow {
        Flow { drops_trailers: drops, ..self }
    }

    /// The same flow, after which the destination is let go within the same turn if `parts` says so: its last bytes leave
    /// together with the end.
    pub fn parting(self, parts: bool) -> Flow {
        Flow { parting: parts, ..self }
    }

    /// Takes what `from` already holds into the first message, so that head and body leave in one write.
    pub fn begin(&mut self, from: &mut End, limits: &Limits) -> Result<(), Malformed> {
        self.take(from, limits)?;
        self.pace = Pace::promised(self.body.promised() >= MANY * limits.bulk as u64);
        Ok(())
    }

    /// Takes payload that `from` holds for ourselves, and sends it to nobody. Whether there was anything.
    pub fn collect(&mut self, from: &mut End, into: &mut Vec<u8>, limits: &Limits) -> Result<bool, Malformed> {
        let any = self.take(from, limits)?;
        into.extend_from_slice(from.held().get(..self.message.payload).unwrap_or_default());
        self.message.clear(from);
        Ok(any)
    }

    /// Keeps the first message for another try, if it is all there is.
    pub fn keep_if_whole(&mut self) {
        self.whole = self.body.is_done();
    }

    /// Whether every byte is sent, though the message may be kept.
    pub fn is_complete(&self) -> bool {
        self.body.is_done() && !self.owes()
    }

    /// Whether the destination is owed bytes.
    pub fn owes(&self) -> bool {
        self.message.owed() > 0
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
        self.message.start_over();
        self.touched = false;
    }

    /// Replaces a part of our own bytes, before any was sent.
    pub fn rewrite(&mut self, part: Range<usize>, with: &[u8]) {
        self.message.rewrite(part, with);
    }

    /// The message will not be sent again: lets go of its bytes once they are sent.
    pub fn forget(&mut self, from: &mut End) {
        self.whole = false;
        if !self.owes() {
            self.message.clear(from);
        }
    }

    /// Whether nothing more is to come from the source: what is not sent yet is at hand.
    pub fn is_at_hand(&self) -> bool {
        self.body.is_done()
    }

    /// The message will not be sent at all: its bytes leave the source's buffer.
    pub fn discard(&mut self, from: &mut End) {
        self.message.clear(from);
    }

    /// Gives back what was lent to it, with what is in there, sent or not. Nothing more can come of it: another is to take
    /// its place.
    pub fn give_back<N: Net>(&mut self, cx: &mut Context<N>) {
        self.message.drop_pipe(&mut cx.net);
        let out = std::mem::take(&mut self.message.out);
        if out.capacity() > 0 {
            cx.lender.give_back_scrap(out);
        }
    }

    /// Moves as much as the sockets and the budget allow.
    pub fn pump<N: Net>(&mut self, from: &mut End, to: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Pumped {
        let pumped = self.move_on(from, to, cx, budget);
        if !self.owes() {
            self.message.drop_pipe(&mut cx.net); // lent, not owned (law 5)
        }
        pumped
    }

    fn move_on<N: Net>(&mut self, from: &mut End, to: &mut End, cx: &mut Context<N>, budget: &mut usize) -> Pumped {
        loop {
            if self.owes() {
                if cx.hearing && self.message.is_brief() {
                    return Pumped::Later;
                }
                match self.write(from, to, cx) {
                    Ok(true) => {}
                    Ok(false) => return hold_back(from, cx),
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
            match self.refill(from, cx, *budget) {
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

    /// Writes what is owed, write first and wait only if something is left (law 4). Whether all of it went.
    fn write<N: Net>(&mut self, from: &mut End, to: &mut End, cx: &mut Context<N>) -> io::Result<bool> {
        let before = self.message.sent();
        let last = self.parting && self.body.is_done();
        let written = self.message.write(from, to, last, &mut cx.net);
        let taken = self.message.sent() - before;
        self.moved += taken as u64;
        cx.moved += taken as u64;
        self.touched |= taken > 0;
        written?;
        if self.owes() {
            return Ok(false);
        }
        if !self.whole {
            self.message.clear(from);
        }
        Ok(true)
    }

    /// Makes the next message of what `from` holds, or adds it to a head not yet sent. Whether there was anything.
    fn take(&mut self, from: &mut End, limits: &Limits) -> Result<bool, Malformed> {
        let there = from.held().len();
        if there == 0 || self.body.is_done() {
            return Ok(false);
        }
        let mut trailers = Vec::new(); // does not allocate unless there are any
        let (payload, eaten) = match &mut self.body {
            Body::Chunked(decoder) => {
                let step = decoder.decode(from.held_mut(), limits, &mut trailers)?;
                if step.done {
                    self.body = Body::Done;
                }
                (step.produced, step.consumed)
            }
            other => {
                let count = usize::try_from(other.blind()).map_or(there, |blind| blind.min(there));
                other.came(count);
                (count, count)
            }
        };
        if self.limit > 0 && self.carried + payload as u64 > self.limit {
            return Err(Malformed::BodyTooLarge); // before a byte of it goes out
        }
        self.frame(payload, &trailers);
        self.message.eaten = eaten;
        if !self.owes() {
            self.message.clear(from); // only framing was there, and it is not passed on
        }
        Ok(eaten > 0)
    }

    /// Has more come from the source: into a pipe while it comes in bulk, else into its buffer.
    fn refill<N: Net>(&mut self, from: &mut End, cx: &mut Context<N>, budget: usize) -> io::Result<Filled> {
        let within_limit = if self.limit > 0 { self.limit - self.carried } else { u64::MAX };
        let most = self.body.blind().min(within_limit);
        if self.pace.is_bulk()
            && from.readable
            && most >= cx.limits.bulk as u64
            && from.held().is_empty()
            && let Some(pulled) = self.pull(from, most, budget, cx)?
        {
            return Ok(pulled);
        }
        let filled = from.fill(&mut cx.net, &mut cx.lender)?;
        if let Filled::Bytes(count) = filled {
            let promised = most.min(self.body.promised()) >= cx.limits.bulk as u64;
            self.pace.read(count, cx.limits.bulk, promised, cx.now);
        }
        Ok(filled)
    }

    /// Makes the next message of payload in a pipe. None: copy instead.
    fn pull<N: Net>(
        &mut self,
        from: &mut End,
        most: u64,
        budget: usize,
        cx: &mut Context<N>,
    ) -> io::Result<Option<Filled>> {
        let unknown = matches!(self.body, Body::UntilClose);
        let likely = if unknown { self.carried.saturating_mul(8) } else { most }; // who has said much will say more
        let Some(pipe) = self.message.pipe(likely, &mut cx.net) else { return Ok(None) };
        let now = usize::try_from(most).map_or(budget, |most| most.min(budget));
        let pulled = from.pull(&mut cx.net, pipe, now)?;
        match pulled {
            Some(Filled::Bytes(count)) => {
                self.pace.came(count);
                self.body.came(count);
                self.frame(count, &[]);
                self.message.piped = true;
                cx.stats.bytes_spliced += count as u64;
            }
            Some(Filled::Nothing) => {
                self.pace.paused(cx.limits.bulk, cx.now);
                match self.pace.is_bulk() && !unknown {
                    true => from.expect(handful(most), cx),
                    false => from.expect_any(&mut cx.net),
                }
            }
            Some(_) => {} // the end
            None => self.message.drop_pipe(&mut cx.net),
        }
        Ok(pulled)
    }

    /// Puts our own framing around `payload` bytes.
    fn frame(&mut self, payload: usize, trailers: &[u8]) {
        self.carried += payload as u64;
        let Message { out, split, .. } = &mut self.message;
        if self.chunking && payload > 0 {
            http::chunk_head(payload, out);
        }
        *split = out.len();
        if self.chunking && payload > 0 {
            out.extend_from_slice(b"\r\n");
        }
        if self.chunking && self.body.is_done() {
            http::last_chunk(if self.drops_trailers { b"" } else { trailers }, out);
        }
        self.message.payload = payload;
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

/// The destination owes; what the source has is left where it is.
fn hold_back<N: Net>(from: &mut End, cx: &mut Context<N>) -> Pumped {
    match from.hold_back(&mut cx.net) {
        Ok(()) => Pumped::Waiting,
        Err(error) => Pumped::SourceGone(error),
    }
}

/// Of so much still to come, so much is worth to be woken for: less, and waking costs more than moving; more, and the
/// source's kernel has to keep it (a body of a megabyte passes in two halves, one on its way in while the other goes out).
fn handful(left: u64) -> usize {
    const MUCH: u64 = 512 * 1024;
    let most = if left >= 16 * MUCH { 2 * MUCH } else { MUCH };
    left.min(most) as usize
}
