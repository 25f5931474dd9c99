//! Version 1, section 2.1: `PROXY TCP4 192.0.2.1 192.0.2.2 56324 443` and CRLF.
//!
//! The text asks for one spelling, and any other is refused: one space, no leading zeros, a CRLF and no half of it.
//! IPv6 addresses are the exception, as it does not tell which zeros `::` has to stand for, and senders that print them
//! the usual way write `::ffff:192.0.2.1`: whatever is an address in text (RFC 4291 2.2) is taken for one.

use super::{Header, Refusal};
use std::io::Write as _;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const START: &[u8] = b"PROXY ";

/// With its CRLF. The worst case of section 2.1; a real line is shorter.
const LONGEST: usize = 107;

pub fn read(bytes: &[u8]) -> Result<Option<(Header, usize)>, Refusal> {
    if !bytes.iter().zip(START).all(|(byte, expected)| byte == expected) {
        return Err(Refusal::NotProxy);
    }
    let Some(line) = line(bytes)? else {
        return Ok(None);
    };
    let rest = line.get(START.len()..).ok_or(Refusal::NotProxy)?;
    Ok(Some((judge(rest)?, line.len() + 2)))
}

/// The line without its CRLF, once that is there.
fn line(bytes: &[u8]) -> Result<Option<&[u8]>, Refusal> {
    let window = bytes.get(..LONGEST).unwrap_or(bytes);
    let end = window.iter().position(|byte| b"\r\n".contains(byte));
    match end.and_then(|end| window.split_at_checked(end)) {
        Some((line, [b'\r', b'\n', ..])) => Ok(Some(line)),
        Some((_, [b'\r'])) | None if window.len() < LONGEST => Ok(None),
        Some((_, [b'\r'])) | None => Err(Refusal::ProxyLineTooLong),
        Some(_) => Err(Refusal::ProxyLineEnd),
    }
}

/// What follows `PROXY `. Behind `UNKNOWN` anything may stand, and is ignored.
fn judge(rest: &[u8]) -> Result<Header, Refusal> {
    if rest.strip_prefix(b"UNKNOWN").is_some_and(|more| more.is_empty() || more.starts_with(b" ")) {
        return Ok(Header::Unknown);
    }
    let mut words = str::from_utf8(rest).map_err(|_| Refusal::ProxyLine)?.split(' ');
    let address: fn(&str) -> Result<IpAddr, Refusal> = match words.next() {
        Some("TCP4") => |word| word.parse().map(Ipv4Addr::into).map_err(|_| Refusal::ProxyAddress),
        Some("TCP6") => |word| word.parse().map(Ipv6Addr::into).map_err(|_| Refusal::ProxyAddress),
        _ => return Err(Refusal::ProxyProtocol),
    };
    let mut word = || words.next().ok_or(Refusal::ProxyLine);
    let (from, to) = (address(word()?)?, address(word()?)?);
    let (source, destination) = (SocketAddr::new(from, port(word()?)?), SocketAddr::new(to, port(word()?)?));
    match words.next() {
        None => Ok(Header::Tcp { source, destination }),
        Some(_) => Err(Refusal::ProxyLine),
    }
}

fn port(word: &str) -> Result<u16, Refusal> {
    let plain = word.bytes().all(|byte| byte.is_ascii_digit()) && (word == "0" || !word.starts_with('0'));
    word.parse().ok().filter(|_| plain).ok_or(Refusal::ProxyPort)
}

pub fn write(header: &Header, out: &mut Vec<u8>) {
    let Header::Tcp { source, destination } = header else {
        return out.extend_from_slice(b"PROXY UNKNOWN\r\n");
    };
    let protocol = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.ip(), destination.ip());
    let ports = (source.port(), destination.port());
    // A vector takes whatever is written to it.
    let _ = write!(out, "PROXY {protocol} {from} {to} {} {}\r\n", ports.0, ports.1);
}
