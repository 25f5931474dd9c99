//! One write of several pieces, again from where the last one stopped. Used by [`os`](super::os) alone.

use super::direct::transmit;
use mio::net::TcpStream;
use std::io::{self, ErrorKind, IoSlice};

/// The most pieces of one write; more would be a mistake of ours.
const PIECES: usize = 4;

/// One write of what lies behind the first `skip` bytes; 0: it would block.
pub(super) fn write_once(stream: &TcpStream, pieces: &[IoSlice<'_>], skip: usize) -> io::Result<usize> {
    if skip == 0 {
        return write(stream, pieces);
    }
    let mut copy = [IoSlice::new(&[]); PIECES];
    let count = pieces.len().min(PIECES);
    copy[..count].copy_from_slice(&pieces[..count]);
    let mut rest = &mut copy[..count];
    IoSlice::advance_slices(&mut rest, skip);
    write(stream, rest)
}

fn write(stream: &TcpStream, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
    loop {
        match transmit(stream, pieces) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(0),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}
