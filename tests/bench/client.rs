//! One client connection: sends a request, checks every response in full, says when it has come. What is odd in any way is
//! an error in words, and the run with it.

use crate::body::{self, Pattern};
use crate::job::Job;
use httparse::Status;
use mio::net::TcpStream;
use std::io::{self, ErrorKind, Read, Write};
use std::time::Instant;

/// How many reads or writes one connection may do before the others have their turn.
const BUDGET: usize = 8;

/// What all connections of a load share.
pub struct Desk {
    /// What is asked.
    pub job: Job,
    /// The bytes of bodies.
    pub pattern: Pattern,
    /// For what is read.
    pub buffer: Vec<u8>,
    /// Body bytes that moved, either way.
    pub bytes: u64,
}

/// A connection and how far its request is.
pub struct Client {
    stream: TcpStream,
    phase: Phase,
    /// When the request was meant to begin.
    pub begun: Instant,
    /// A response head of which more must come.
    partial: Vec<u8>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    /// Nothing asked.
    Idle,
    /// So many bytes of the request have left.
    Sending(u64),
    /// The response is to begin.
    Head,
    /// So much of its body has come.
    Body(u64),
    /// The other side is to close.
    Closing,
}

/// Where an attempt to go on has led.
#[derive(Debug, PartialEq, Eq)]
pub enum Step {
    /// To the kernel, which has nothing more now.
    Wait,
    /// To the end of the budget.
    GoOn,
    /// To a whole response.
    Answered,
    /// To the end of a connection that had one.
    Closed,
}

impl Client {
    /// One on this connection, which may still be on its way.
    pub fn new(stream: TcpStream, now: Instant) -> Client {
        Client { stream, phase: Phase::Idle, begun: now, partial: Vec::new() }
    }

    /// For the poll.
    pub fn stream(&mut self) -> &mut TcpStream {
        &mut self.stream
    }

    /// Begins a request; `begun` is when it should have begun.
    pub fn begin(&mut self, begun: Instant) {
        (self.begun, self.phase) = (begun, Phase::Sending(0));
    }

    /// Goes on as far as it can. `hung_up`: the event told that the other side has closed, and no second one will.
    pub fn advance(&mut self, desk: &mut Desk, hung_up: bool) -> Result<Step, String> {
        for _ in 0..BUDGET {
            let step = match self.phase {
                Phase::Sending(sent) => self.send(desk, sent)?,
                _ => self.receive(desk, hung_up)?,
            };
            if step != Step::GoOn {
                return Ok(step);
            }
        }
        Ok(Step::GoOn)
    }

    fn send(&mut self, desk: &mut Desk, sent: u64) -> Result<Step, String> {
        let count = match self.stream.write(desk.job.from(sent, &desk.pattern)) {
            Ok(count) => sent + count as u64,
            Err(error) if is_early(&error) => return Ok(Step::Wait),
            Err(error) => return Err(format!("sending after {sent} bytes: {error}")),
        };
        desk.bytes += desk.job.body_bytes(sent, count);
        let whole = count == desk.job.length();
        self.phase = if whole { Phase::Head } else { Phase::Sending(count) };
        // Nobody answers at once: the event will tell.
        Ok(if whole { Step::Wait } else { Step::GoOn })
    }

    fn receive(&mut self, desk: &mut Desk, hung_up: bool) -> Result<Step, String> {
        let count = match self.stream.read(&mut desk.buffer) {
            Ok(count) => count,
            Err(error) if is_early(&error) => return Ok(Step::Wait),
            Err(error) => return Err(format!("reading in {:?}: {error}", self.phase)),
        };
        if count == 0 {
            return match self.phase {
                Phase::Closing => Ok(Step::Closed),
                phase => Err(format!("closed in {phase:?}")),
            };
        }
        let drained = count < desk.buffer.len() && !hung_up;
        match self.take(desk, count)? {
            Step::GoOn if drained => Ok(Step::Wait),
            step => Ok(step),
        }
    }

    /// Understands what has come into the buffer.
    fn take(&mut self, desk: &mut Desk, count: usize) -> Result<Step, String> {
        let piece = &desk.buffer[..count];
        match self.phase {
            Phase::Body(got) => {
                desk.bytes += count as u64;
                self.take_body(&desk.job, got, piece)
            }
            Phase::Head if self.partial.is_empty() => self.take_head(&desk.job, piece, &mut desk.bytes),
            Phase::Head => {
                let mut whole = std::mem::take(&mut self.partial);
                whole.extend_from_slice(piece);
                self.take_head(&desk.job, &whole, &mut desk.bytes)
            }
            phase => Err(format!("bytes in {phase:?}: {:?}", String::from_utf8_lossy(&piece[..count.min(80)]))),
        }
    }

    fn take_head(&mut self, job: &Job, bytes: &[u8], moved: &mut u64) -> Result<Step, String> {
        let mut fields = [httparse::EMPTY_HEADER; 32];
        let mut response = httparse::Response::new(&mut fields);
        let length = match response.parse(bytes).map_err(|error| format!("no response: {error}"))? {
            Status::Complete(length) => length,
            Status::Partial => {
                self.partial = bytes.to_vec();
                return Ok(Step::GoOn);
            }
        };
        let size = response.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
        let size = size.and_then(|field| std::str::from_utf8(field.value).ok()?.parse().ok());
        if response.code != Some(200) || size != Some(job.answer) {
            return Err(format!("another answer: {:?}", String::from_utf8_lossy(&bytes[..length])));
        }
        *moved += (bytes.len() - length) as u64;
        self.take_body(job, 0, &bytes[length..])
    }

    fn take_body(&mut self, job: &Job, got: u64, piece: &[u8]) -> Result<Step, String> {
        let now = got + piece.len() as u64;
        if now > job.answer || !body::fits(got, piece) {
            return Err(format!("wrong bytes within {got}..{now} of a body of {}", job.answer));
        }
        if now < job.answer {
            self.phase = Phase::Body(now);
            return Ok(Step::GoOn);
        }
        self.phase = if job.fresh { Phase::Closing } else { Phase::Idle };
        Ok(Step::Answered)
    }
}

/// Whether it is only too early.
fn is_early(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected | ErrorKind::Interrupted)
}
