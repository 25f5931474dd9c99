//! What happened, call by call: a hash over everything, the last calls for a panic, all of it aloud on demand.

use super::{Outcome, Sim};
use crate::base::Time;
use crate::net::{Moved, Sent, Sock};
use std::collections::VecDeque;
use std::{fmt, io};

/// One call with its arguments and its result.
#[derive(Debug, Clone, Copy)]
pub(super) struct Note {
    pub(super) at: Time,
    /// The method, or what the kernel did of its own accord.
    pub(super) call: &'static str,
    /// A slot, or `None` for the outside face.
    pub(super) slot: Option<u32>,
    /// The connection, or the listener's port.
    pub(super) conn: Option<usize>,
    /// How much was asked for.
    pub(super) asked: u64,
    /// How much was given.
    pub(super) given: u64,
    /// The result in a word.
    pub(super) said: &'static str,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>13.6}  ", self.at.0 as f64 / 1e9)?;
        match self.slot {
            Some(slot) => write!(f, "{:<6}", format!("s{slot}"))?,
            None => write!(f, "{:<6}", "world")?,
        }
        match self.conn {
            Some(conn) => write!(f, "{:<6}", format!("c{conn}"))?,
            None => write!(f, "{:<6}", "")?,
        }
        match self.asked {
            until if self.call == "wait" && until < u64::MAX => {
                write!(f, "wait      until {:.6} -> {} {}", until as f64 / 1e9, self.given, self.said)
            }
            u64::MAX => write!(f, "{:<9} all -> {} {}", self.call, self.given, self.said),
            asked => write!(f, "{:<9} {asked} -> {} {}", self.call, self.given, self.said),
        }
    }
}

/// So many calls are kept for a panic.
const KEPT: usize = 80;

/// The record of one run.
#[derive(Debug, Default)]
pub(super) struct Trace {
    hash: u64,
    calls: u64,
    last: VecDeque<Note>,
    pub(super) aloud: bool,
}

impl Trace {
    pub(super) fn note(&mut self, note: Note) {
        self.calls += 1;
        self.mix(note.at.0);
        self.mix_bytes(note.call.as_bytes());
        self.mix(note.slot.map_or(u64::MAX, u64::from));
        self.mix(note.conn.map_or(u64::MAX, |conn| conn as u64));
        self.mix(note.asked);
        self.mix(note.given);
        self.mix_bytes(note.said.as_bytes());
        if self.aloud {
            println!("{note}");
        }
        if self.last.len() == KEPT {
            self.last.pop_front();
        }
        self.last.push_back(note);
    }

    pub(super) fn mix(&mut self, word: u64) {
        let mixed = (self.hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.hash = mixed ^ (mixed >> 29);
    }

    pub(super) fn mix_bytes(&mut self, bytes: &[u8]) {
        for word in bytes.chunks(8) {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            self.mix(u64::from_le_bytes(padded));
        }
    }

    pub(super) fn hash(&self) -> u64 {
        self.hash
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls
    }

    /// The last calls, one a line.
    pub(super) fn tail(&self) -> String {
        self.last.iter().map(|note| format!("{note}\n")).collect()
    }
}

impl Sim {
    /// How many bytes a read or pull brought.
    pub(super) fn record_read(
        &mut self,
        call: &'static str,
        (from, conn): (Sock, usize),
        asked: usize,
        result: &io::Result<Moved>,
    ) -> usize {
        let (given, said) = match result {
            Ok(Moved::Bytes { count, more: true }) => (*count, "more"),
            Ok(Moved::Bytes { count, more: false }) => (*count, "drained"),
            Ok(Moved::Nothing) => (0, "nothing"),
            Ok(Moved::End) => (0, "end"),
            Err(_) => (0, "error"),
        };
        self.record(call, Some(from.0), Some(conn), Outcome(asked, given, said));
        given
    }

    /// How many bytes a write or push took.
    pub(super) fn record_write(
        &mut self,
        call: &'static str,
        (to, conn): (Sock, usize),
        asked: usize,
        result: &io::Result<Sent>,
    ) -> usize {
        let (given, said) = match result {
            Ok(Sent::Bytes(count)) if *count < asked => (*count, "full"),
            Ok(Sent::Bytes(count)) => (*count, "taken"),
            Ok(Sent::Blocked) => (0, "blocked"),
            Err(_) => (0, "error"),
        };
        self.record(call, Some(to.0), Some(conn), Outcome(asked, given, said));
        given
    }
}
