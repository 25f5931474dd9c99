//! The server name in a TLS ClientHello (RFC 8446 4.1.2 and RFC 5246 7.4.1.2; RFC 6066 3), read in passing.
//!
//! ```text
//! record:    22 | version (2) | length (2) | fragment            one or more of them, the fragments joined are
//! handshake: 1  | length (3)  | ClientHello                      this, and its extensions are
//! extension: type (2) | length (2) | ...                         these, of which the one of type 0 is wanted
//! ```
//!
//! This is a router's reading, not a server's: what decides where the name stands and how long it is must be right,
//! and everything else (ciphers, key shares, GREASE) is skipped, for the server behind us to judge. A name that two
//! readers could see differently is refused. With an encrypted ClientHello the name seen is the public, outer one.
//!
//! No TLS is spoken here and nothing is decrypted.

use super::Refusal;
use super::cursor::Cursor;
use std::borrow::Cow;
use std::net::IpAddr;

/// The longest ClientHello that is read, in bytes on the wire. With post-quantum key shares one has about 2,000.
pub const MOST: usize = 16 * 1024;

/// The most records that it may be cut into, so that reading it again as it grows stays cheap. Most have one.
pub const MOST_RECORDS: usize = 64;

/// RFC 8446 5.1. None may be empty either, in a handshake.
const LONGEST_RECORD: usize = 1 << 14;

/// Before the body of a ClientHello in one record: five bytes of record, four of handshake.
const HEADS: usize = 5 + 4;

/// `ContentType`, the first half of `ProtocolVersion`, and `HandshakeType`.
const HANDSHAKE: u8 = 22;
const MAJOR_VERSION: u8 = 3;
const CLIENT_HELLO: u8 = 1;

/// `ExtensionType` and `NameType`.
const SERVER_NAME: usize = 0;
const HOST_NAME: u8 = 0;

/// The longest host name (RFC 1035 3.1, in text) and the longest part of one.
const LONGEST_NAME: usize = 253;
const LONGEST_LABEL: usize = 63;

/// What is wanted of a ClientHello.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// Whom the client wants to reach, in lower case; none if it does not say.
    pub server_name: Option<String>,
}

/// Reads the ClientHello that `bytes` begin with, once it is whole. Bytes behind it are not looked at.
pub fn read(bytes: &[u8]) -> Result<Option<Hello>, Refusal> {
    let window = bytes.get(..MOST).unwrap_or(bytes);
    match message(window)? {
        Some(message) => hello(&message).map(Some),
        None if window.len() == MOST => Err(Refusal::HelloTooLong),
        None => Ok(None),
    }
}

/// The handshake message, joined from the fragments of its records, once it is whole; perhaps with more behind it.
fn message(window: &[u8]) -> Result<Option<Cow<'_, [u8]>>, Refusal> {
    let mut records = Cursor::new(window);
    let mut joined = Cow::Borrowed(&[][..]);
    for nth in 0..MOST_RECORDS {
        let odd = if nth == 0 { Refusal::NotTls } else { Refusal::TlsRecord };
        let Some(length) = record(&mut records, odd)? else {
            return Ok(None);
        };
        let fragment = records.up_to(length);
        match joined.is_empty() {
            true => joined = Cow::Borrowed(fragment),
            false => joined.to_mut().extend_from_slice(fragment),
        }
        if is_whole(&joined)? {
            return Ok(Some(joined));
        }
    }
    // What is missing of the last record that is allowed may still be on its way.
    match records.is_empty() {
        true => Ok(None),
        false => Err(Refusal::TlsRecords),
    }
}

/// The length of the next record's fragment. RFC 8446 5.1: no other records may stand between those of one message, and
/// the minor version means nothing.
fn record(records: &mut Cursor<'_>, odd: Refusal) -> Result<Option<usize>, Refusal> {
    for expected in [HANDSHAKE, MAJOR_VERSION] {
        match records.array() {
            None => return Ok(None),
            Some([byte]) if byte != expected => return Err(odd),
            Some(_) => {}
        }
    }
    let length = records.array::<1>().and_then(|_| records.number::<2>());
    match length {
        Some(0) => Err(Refusal::TlsRecord),
        Some(length) if length > LONGEST_RECORD => Err(Refusal::TlsRecord),
        other => Ok(other),
    }
}

/// Whether all of the ClientHello is there; whether it is one, and not too long, is known earlier.
fn is_whole(joined: &[u8]) -> Result<bool, Refusal> {
    let mut cursor = Cursor::new(joined);
    match cursor.array() {
        None => return Ok(false),
        Some([CLIENT_HELLO]) => {}
        Some(_) => return Err(Refusal::NotHello),
    }
    match cursor.number::<3>() {
        Some(length) if length > MOST - HEADS => Err(Refusal::HelloTooLong),
        Some(length) => Ok(cursor.left().len() >= length),
        None => Ok(false),
    }
}

fn hello(message: &[u8]) -> Result<Hello, Refusal> {
    let mut extensions = extensions(message).ok_or(Refusal::HelloLengths)?;
    let mut found = None;
    while !extensions.is_empty() {
        let kind = extensions.number::<2>().ok_or(Refusal::HelloLengths)?;
        let value = extensions.vector::<2>().ok_or(Refusal::HelloLengths)?;
        if kind == SERVER_NAME && found.replace(server_name(value)?).is_some() {
            return Err(Refusal::ServerNameTwice);
        }
    }
    Ok(Hello { server_name: found.flatten() })
}

/// What stands behind everything else. RFC 5246 7.4.1.2: there may be nothing at all.
fn extensions(message: &[u8]) -> Option<Cursor<'_>> {
    let mut message = Cursor::new(message);
    message.array::<1>()?;
    let mut body = message.vector::<3>()?;
    body.take(2 + 32)?; // version, random
    let (session, ciphers, compressions) = (body.vector::<1>()?, body.vector::<2>()?, body.vector::<1>()?);
    let fit =
        session.left().len() <= 32 && !ciphers.is_empty() && ciphers.left().len() % 2 == 0 && !compressions.is_empty();
    let extensions = if body.is_empty() { Some(body) } else { body.vector::<2>() };
    extensions.filter(|_| fit && body.is_empty())
}

/// RFC 6066 3: a list of at least one name, and no two of a kind. Any kind that will ever be begins with its length.
fn server_name(mut value: Cursor<'_>) -> Result<Option<String>, Refusal> {
    let list = value.vector::<2>().filter(|list| !list.is_empty() && value.is_empty());
    let mut list = list.ok_or(Refusal::HelloLengths)?;
    let mut found = None;
    while let Some([kind]) = list.array() {
        let name = list.vector::<2>().ok_or(Refusal::HelloLengths)?;
        if kind == HOST_NAME && found.replace(host_name(name.left())?).is_some() {
            return Err(Refusal::ServerNameTwice);
        }
    }
    Ok(found)
}

/// RFC 6066 3: ASCII, no dot at the end, no address. The underscore is in no host name, but in names that are in use.
fn host_name(bytes: &[u8]) -> Result<String, Refusal> {
    let name = str::from_utf8(bytes).map_err(|_| Refusal::ServerName)?;
    if name.parse::<IpAddr>().is_ok() {
        return Err(Refusal::ServerNameAddress);
    }
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    let label = |label: &str| (1..=LONGEST_LABEL).contains(&label.len()) && label.bytes().all(plain);
    match name.len() <= LONGEST_NAME && name.split('.').all(label) {
        true => Ok(name.to_ascii_lowercase()),
        false => Err(Refusal::ServerName),
    }
}

#[cfg(test)]
mod tests;
