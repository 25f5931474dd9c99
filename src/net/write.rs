//! One write of several pieces, as far as it is taken. Used by [`os`](super::os) alone.

use super::Sent;
use super::direct::transmit;
use super::selector::SHORT_MEANS_DRAINED;
use mio::net::TcpStream;
use std::io::{self, ErrorKind, IoSlice};

/// The most pieces of one write; more would be a mistake of ours.
const PIECES: usize = 4;

/// As [`Net::write`](super::Net::write), or as [`Net::write_more`](super::Net::write_more).
pub(super) fn write(stream: &TcpStream, pieces: &[IoSlice<'_>], more: bool) -> io::Result<Sent> {
    let asked: usize = pieces.iter().map(|piece| piece.len()).sum();
    let mut taken = once(stream, pieces, more)?;
    while !SHORT_MEANS_DRAINED && taken > 0 && taken < asked {
        match rest(stream, pieces, taken, more) {
            Ok(0) | Err(_) => break, // an error will be met again by whoever goes on
            Ok(count) => taken += count,
        }
    }
    Ok(if taken == 0 { Sent::Blocked } else { Sent::Bytes(taken) })
}

/// What lies behind the first `skip` bytes.
fn rest(stream: &TcpStream, pieces: &[IoSlice<'_>], skip: usize, more: bool) -> io::Result<usize> {
    let mut copy = [IoSlice::new(&[]); PIECES];
    let count = pieces.len().min(PIECES);
    copy[..count].copy_from_slice(&pieces[..count]);
    let mut rest = &mut copy[..count];
    IoSlice::advance_slices(&mut rest, skip);
    once(stream, rest, more)
}

/// How many bytes were taken; 0: it would block.
fn once(stream: &TcpStream, pieces: &[IoSlice<'_>], more: bool) -> io::Result<usize> {
    loop {
        match transmit(stream, pieces, more) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
