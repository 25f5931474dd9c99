//! Pipes inside the simulated kernel: no larger, no fuller and no more to be had than real ones.
//!
//! What a pull says and moves is what a read would say and move (`inside`), cut to what the pipe can hold; but never that
//! the socket is drained, which splice(2) cannot know.

use super::{Outcome, Sim};
use crate::net::{Moved, Pipe, Sent, Sock};
use std::io;

/// A pipe on loan.
#[derive(Debug)]
pub(super) struct Piped {
    bytes: Vec<u8>,
    room: usize,
}

impl Sim {
    pub(super) fn give_pipe(&mut self) -> Option<Pipe> {
        if self.luck(self.cruelty.no_pipe) {
            self.record("pipe", None, None, Outcome(0, 0, "none"));
            return None;
        }
        let (least, most) = self.cruelty.pipe;
        let room = least + self.rng.below((most - least) as u64 + 1) as usize;
        let row = self.pipes.iter().position(Option::is_none).unwrap_or(self.pipes.len());
        if row == self.pipes.len() {
            self.pipes.push(None);
        }
        self.pipes[row] = Some(Piped { bytes: Vec::new(), room });
        self.record("pipe", None, None, Outcome(0, row, "lent"));
        Some(Pipe(row as u32))
    }

    pub(super) fn drop_pipe(&mut self, pipe: &Pipe) {
        let left = self.pipe(pipe).bytes.len();
        self.pipes[pipe.0 as usize] = None;
        self.record("pipe", None, None, Outcome(pipe.0 as usize, left, "given back"));
    }

    pub(super) fn pull_some(&mut self, from: Sock, conn: usize, pipe: &Pipe, most: usize) -> io::Result<Moved> {
        if most == 0 || !self.pipe(pipe).bytes.is_empty() {
            self.accuse(Some(from), "pull of nothing, or into a pipe that is not empty");
        }
        if self.luck(self.cruelty.no_pipe) {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let room = self.pipe(pipe).room;
        let mut bytes = vec![0; most.min(room)];
        let moved = self.read_some(from, conn, &mut bytes)?;
        if let Moved::Bytes { count, .. } = moved {
            bytes.truncate(count);
            self.trace.mix_bytes(&bytes);
            self.pipe(pipe).bytes = bytes;
            self.slot_mut(from).read_owed = false;
            return Ok(Moved::Bytes { count, more: true });
        }
        Ok(moved)
    }

    /// What a push offers.
    pub(super) fn piped_bytes(&mut self, pipe: &Pipe) -> Vec<u8> {
        match self.pipe(pipe).bytes.clone() {
            empty if empty.is_empty() => self.accuse(None, "push from an empty pipe"),
            bytes => bytes,
        }
    }

    /// What a push took is no longer inside.
    pub(super) fn take_from_pipe(&mut self, pipe: &Pipe, result: &io::Result<Sent>) {
        if let Ok(Sent::Bytes(count)) = *result {
            self.pipe(pipe).bytes.drain(..count);
        }
    }

    fn pipe(&mut self, pipe: &Pipe) -> &mut Piped {
        if !self.pipes.get(pipe.0 as usize).is_some_and(Option::is_some) {
            self.accuse(None, "a pipe that is not on loan");
        }
        self.pipes[pipe.0 as usize].as_mut().expect("just seen")
    }
}
