//! Version 2, section 2.2: sixteen bytes that say how much follows, addresses, then records of type, length and value.
//!
//! ```text
//! signature (12) | version 2, command | family, transport | length (2) | addresses | records
//! ```
//!
//! Of the records only the checksum (2.2.3) is looked into. The block behind `LOCAL` and behind a family or transport
//! of `UNSPEC` is skipped unread, as the text says: nobody knows how long the addresses in it would be.

use super::super::cursor::Cursor;
use super::{Header, Refusal, crc32c};
use std::net::{IpAddr, SocketAddr};

const SIGNATURE: [u8; 12] = *b"\r\n\r\n\0\r\nQUIT\n";

/// The fixed part.
const FIXED: usize = 16;

/// With the fixed part. The text knows no bound but 65,551; it says that a header is always smaller than a segment.
pub const MOST: usize = 4096;

/// `PP2_TYPE_CRC32C`.
const CHECKSUM: u8 = 3;

/// What the fixed part announces.
struct Announced {
    block: Block,
    /// Bytes behind the fixed part.
    length: usize,
}

/// What lies behind the fixed part.
#[derive(Clone, Copy)]
enum Block {
    /// Nothing to be read.
    Skipped(Header),
    /// Addresses of so many bytes that say nothing to us, then records.
    Opaque(Header, usize),
    V4,
    V6,
}

pub fn read(bytes: &[u8]) -> Result<Option<(Header, usize)>, Refusal> {
    let Some(Announced { block, length }) = announced(bytes)? else {
        return Ok(None);
    };
    let Some(whole) = bytes.get(..FIXED + length) else {
        return Ok(None);
    };
    let mut cursor = Cursor::new(whole.get(FIXED..).unwrap_or_default());
    let header = match block {
        Block::Skipped(header) => return Ok(Some((header, whole.len()))),
        Block::Opaque(header, size) => cursor.take(size).map(|_| header),
        Block::V4 => pair::<4>(&mut cursor),
        Block::V6 => pair::<16>(&mut cursor),
    };
    let header = header.ok_or(Refusal::ProxyTooShort)?;
    check_records(whole, cursor)?;
    Ok(Some((header, whole.len())))
}

/// The fixed part. Each byte is judged as soon as it is there.
fn announced(bytes: &[u8]) -> Result<Option<Announced>, Refusal> {
    if !bytes.iter().zip(SIGNATURE).all(|(&byte, expected)| byte == expected) {
        return Err(Refusal::NotProxy);
    }
    let mut cursor = Cursor::new(bytes.get(SIGNATURE.len()..).unwrap_or_default());
    let Some([command]) = cursor.array() else {
        return Ok(None);
    };
    let local = is_local(command)?;
    let Some([family]) = cursor.array() else {
        return Ok(None);
    };
    let block = if local { Block::Skipped(Header::Local) } else { block(family)? };
    let Some(length) = cursor.number::<2>() else {
        return Ok(None);
    };
    match length {
        _ if length > MOST - FIXED => Err(Refusal::ProxyTooLong),
        _ if length < least(block) => Err(Refusal::ProxyTooShort),
        _ => Ok(Some(Announced { block, length })),
    }
}

/// The 13th byte: version and command.
fn is_local(byte: u8) -> Result<bool, Refusal> {
    match (byte >> 4, byte & 15) {
        (2, 0) => Ok(true),
        (2, 1) => Ok(false),
        (2, _) => Err(Refusal::ProxyCommand),
        _ => Err(Refusal::ProxyVersion),
    }
}

/// The 14th byte: family and transport. A value that has no meaning must be refused; a meaning that is of no use here
/// is the same as `UNSPEC`, and datagrams never are what a TCP connection relays.
fn block(byte: u8) -> Result<Block, Refusal> {
    match (byte >> 4, byte & 15) {
        (4.., _) | (_, 3..) => Err(Refusal::ProxyFamily),
        (0, _) | (_, 0) => Ok(Block::Skipped(Header::Unknown)),
        (1, 1) => Ok(Block::V4),
        (2, 1) => Ok(Block::V6),
        (3, 1) => Ok(Block::Opaque(Header::Unix, 2 * 108)),
        (1, _) => Ok(Block::Opaque(Header::Unknown, 12)),
        (2, _) => Ok(Block::Opaque(Header::Unknown, 36)),
        (3, _) => Ok(Block::Opaque(Header::Unknown, 2 * 108)),
    }
}

/// How long the addresses are.
fn least(block: Block) -> usize {
    match block {
        Block::Skipped(_) => 0,
        Block::Opaque(_, size) => size,
        Block::V4 => 12,
        Block::V6 => 36,
    }
}

/// Both addresses, then both ports.
fn pair<const N: usize>(cursor: &mut Cursor<'_>) -> Option<Header>
where
    IpAddr: From<[u8; N]>,
{
    let (from, to) = (cursor.array::<N>()?, cursor.array::<N>()?);
    let (source, destination) = (u16::from_be_bytes(cursor.array()?), u16::from_be_bytes(cursor.array()?));
    let (source, destination) = (SocketAddr::new(from.into(), source), SocketAddr::new(to.into(), destination));
    Some(Header::Tcp { source, destination })
}

/// `records` are the end of `whole`. They must fit together, and a checksum among them must match.
fn check_records(whole: &[u8], mut records: Cursor<'_>) -> Result<(), Refusal> {
    let mut checksum = None;
    while let Some([kind]) = records.array() {
        let value = records.vector::<2>().ok_or(Refusal::ProxyRecord)?;
        if kind == CHECKSUM {
            let sum = value.left().try_into().map_err(|_| Refusal::ProxyRecord)?;
            let end = whole.len() - records.left().len();
            if checksum.replace((u32::from_be_bytes(sum), end)).is_some() {
                return Err(Refusal::ProxyChecksum);
            }
        }
    }
    match checksum {
        Some((sum, end)) if sum != sum_without(whole, end) => Err(Refusal::ProxyChecksum),
        _ => Ok(()),
    }
}

/// The checksum over the header with zeros in place of the four bytes before `end`.
fn sum_without(whole: &[u8], end: usize) -> u32 {
    let place = end.saturating_sub(4)..end;
    crc32c::of(whole.iter().enumerate().map(|(at, &byte)| if place.contains(&at) { 0 } else { byte }))
}

pub fn write(header: &Header, out: &mut Vec<u8>) {
    out.extend_from_slice(&SIGNATURE);
    let Header::Tcp { source, destination } = header else {
        let command = if *header == Header::Local { 0x20 } else { 0x21 };
        return out.extend_from_slice(&[command, 0, 0, 0]);
    };
    out.extend_from_slice(if source.is_ipv4() { &[0x21, 0x11, 0, 12] } else { &[0x21, 0x21, 0, 36] });
    for address in [source, destination] {
        match address.ip() {
            IpAddr::V4(v4) => out.extend_from_slice(&v4.octets()),
            IpAddr::V6(v6) => out.extend_from_slice(&v6.octets()),
        }
    }
    out.extend_from_slice(&source.port().to_be_bytes());
    out.extend_from_slice(&destination.port().to_be_bytes());
}
