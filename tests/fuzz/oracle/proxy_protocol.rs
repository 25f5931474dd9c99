//! The PROXY protocol: the reader against a literal reading of the text, however the bytes are cut; and what is written
//! is read back as the same.

use super::strict::Read;
use super::{said_once, text};
use evenkeel::preface::proxy_protocol::{self, MOST, read};
use evenkeel::preface::{Header, Version};
use std::net::{IpAddr, SocketAddr};

/// See the [module](self).
pub fn check(input: &[u8]) {
    said_once(input, &Ok(None), read);
    agrees(input);
    if let Ok(Some((header, size))) = read(input) {
        assert!(size <= MOST);
        assert_eq!(read(&input[..size]), Ok(Some((header, size))), "{}", text(input));
        assert_eq!(read(&input[..size - 1]), Ok(None), "{}", text(input));
        rewritten(header);
    }
    for pair in input.chunks_exact(36).take(4) {
        rewritten(Header::tcp(address(&pair[..18]), address(&pair[18..])));
    }
}

fn agrees(input: &[u8]) {
    match (model(input), read(input)) {
        (Read::Whole(header, size), Ok(Some(found))) => assert_eq!((header, size), found, "{}", text(input)),
        (Read::More, Ok(None)) | (Read::Wrong(_), Err(_)) => {}
        (model, found) => panic!("{model:?}, but {found:?}: {}", text(input)),
    }
}

/// What we write is what was meant, to us and to the model. Only IPv4 that was dressed as IPv6 comes back undressed.
fn rewritten(header: Header) {
    for version in [Version::V1, Version::V2] {
        let mut sent = Vec::new();
        header.write(version, &mut sent);
        let expected = match (header, version) {
            (Header::Tcp { source, destination }, _) => Header::tcp(source, destination),
            (Header::Local, Version::V2) => Header::Local,
            _ => Header::Unknown,
        };
        assert_eq!(proxy_protocol::read(&sent), Ok(Some((expected, sent.len()))), "{}", text(&sent));
        assert_eq!(model(&sent), Read::Whole(expected, sent.len()), "{}", text(&sent));
    }
}

/// An address of either family, made of 18 bytes.
fn address(bytes: &[u8]) -> SocketAddr {
    let six: [u8; 16] = bytes[..16].try_into().expect("sixteen bytes");
    let ip = match six {
        [a, b, c, d, 0, ..] => IpAddr::from([a, b, c, d]),
        _ => IpAddr::from(six),
    };
    SocketAddr::new(ip, u16::from(bytes[16]) << 8 | u16::from(bytes[17]))
}

fn wrong<T>(why: &str) -> Read<T> {
    Read::Wrong(why.to_string())
}

/// The text again, read by somebody else.
fn model(input: &[u8]) -> Read<Header> {
    let begins = |start: &[u8]| input.starts_with(start) || start.starts_with(input);
    if begins(b"PROXY ") {
        return model_line(input);
    }
    if begins(b"\x0D\x0A\x0D\x0A\x00\x0D\x0A\x51\x55\x49\x54\x0A") {
        return model_binary(input);
    }
    wrong("neither version")
}

/// Section 2.1.
fn model_line(input: &[u8]) -> Read<Header> {
    let text: String = input.iter().take(107).map(|&byte| char::from(byte)).collect();
    let Some((line, _)) = text.split_once("\r\n") else {
        let lone = text.contains('\n') || text[..text.len() - usize::from(text.ends_with('\r'))].contains('\r');
        return match lone {
            true => wrong("half a line end"),
            false if input.len() >= 107 => wrong("too long"),
            false => Read::More,
        };
    };
    if line.contains(['\r', '\n']) {
        return wrong("half a line end");
    }
    let size = line.chars().count() + 2;
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Read::Whole(Header::Unknown, size),
        ["PROXY", family @ ("TCP4" | "TCP6"), from, to, source, destination] => {
            let ip = if family == "TCP4" { four } else { six };
            match (ip(from), ip(to), number(source, 65535), number(destination, 65535)) {
                (Some(from), Some(to), Some(source), Some(destination)) => {
                    let (source, destination) = (SocketAddr::new(from, source), SocketAddr::new(to, destination));
                    Read::Whole(Header::Tcp { source, destination }, size)
                }
                _ => wrong("an address or a port"),
            }
        }
        _ => wrong("words"),
    }
}

/// A decimal number without a zero in front.
fn number(word: &str, most: u32) -> Option<u16> {
    let digits = (1..=5).contains(&word.len()) && word.chars().all(|c| c.is_ascii_digit());
    let zero = word.len() > 1 && word.starts_with('0');
    let value = digits.then(|| word.chars().fold(0, |sum, c| sum * 10 + (c as u32 - '0' as u32)))?;
    (value <= most && !zero).then_some(value as u16)
}

fn four(word: &str) -> Option<IpAddr> {
    let parts: Option<Vec<u8>> = word.split('.').map(|part| number(part, 255).map(|value| value as u8)).collect();
    let four: [u8; 4] = parts?.try_into().ok()?;
    Some(IpAddr::from(four))
}

/// RFC 4291 2.2: groups, at most one `::` that stands for at least one of them, and perhaps IPv4 at the end.
fn six(word: &str) -> Option<IpAddr> {
    let groups = match word.split_once("::") {
        Some((front, back)) => {
            let (front, back) = (groups(front, false)?, groups(back, true)?);
            let zeros = 8usize.checked_sub(front.len() + back.len()).filter(|&zeros| zeros > 0)?;
            [front, vec![0; zeros], back].concat()
        }
        None => groups(word, true)?,
    };
    let eight: [u16; 8] = groups.try_into().ok()?;
    Some(IpAddr::from(eight))
}

/// What stands on one side of `::`, perhaps nothing.
fn groups(side: &str, last: bool) -> Option<Vec<u16>> {
    if side.is_empty() {
        return Some(Vec::new());
    }
    let words: Vec<&str> = side.split(':').collect();
    let mut groups = Vec::new();
    for (at, word) in words.iter().enumerate() {
        if last && at + 1 == words.len() && word.contains('.') {
            let IpAddr::V4(four) = four(word)? else { return None };
            let [a, b, c, d] = four.octets();
            groups.extend([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])]);
        } else {
            let hex = (1..=4).contains(&word.len()) && word.chars().all(|c| c.is_ascii_hexdigit());
            groups.push(hex.then(|| u16::from_str_radix(word, 16).ok())??);
        }
    }
    Some(groups)
}

/// Section 2.2, with the bound that is ours.
fn model_binary(input: &[u8]) -> Read<Header> {
    let (version, family) = (input.get(12).copied(), input.get(13).copied());
    let local = match version {
        None => return Read::More,
        Some(0x20) => true,
        Some(0x21) => false,
        Some(_) => return wrong("version or command"),
    };
    let Some(family) = family else { return Read::More };
    let addresses = match family {
        _ if local => 0,
        0x00 | 0x01 | 0x02 | 0x10 | 0x20 | 0x30 => 0,
        0x11 | 0x12 => 12,
        0x21 | 0x22 => 36,
        0x31 | 0x32 => 216,
        _ => return wrong("family"),
    };
    let Some(length) = input.get(14..16) else { return Read::More };
    let size = 16 + (usize::from(length[0]) * 256 + usize::from(length[1]));
    if size > 4096 || size < 16 + addresses {
        return wrong("length");
    }
    let Some(whole) = input.get(..size) else { return Read::More };
    if addresses > 0 && !records_fit(whole, 16 + addresses) {
        return wrong("records");
    }
    let block = &whole[16..];
    let port = |at: usize| u16::from_be_bytes([block[at], block[at + 1]]);
    let header = match family {
        _ if local => Header::Local,
        0x11 => {
            let ip = |at: usize| IpAddr::from(<[u8; 4]>::try_from(&block[at..at + 4]).expect("four bytes"));
            let (source, destination) = (SocketAddr::new(ip(0), port(8)), SocketAddr::new(ip(4), port(10)));
            Header::Tcp { source, destination }
        }
        0x21 => {
            let ip = |at: usize| IpAddr::from(<[u8; 16]>::try_from(&block[at..at + 16]).expect("sixteen bytes"));
            let (source, destination) = (SocketAddr::new(ip(0), port(32)), SocketAddr::new(ip(16), port(34)));
            Header::Tcp { source, destination }
        }
        0x31 => Header::Unix,
        _ => Header::Unknown,
    };
    Read::Whole(header, size)
}

/// Records from `at` to the end, at most one of them a checksum, and that a true one.
fn records_fit(whole: &[u8], mut at: usize) -> bool {
    let mut checksums = Vec::new();
    while at < whole.len() {
        if at + 3 > whole.len() {
            return false;
        }
        let length = usize::from(whole[at + 1]) << 8 | usize::from(whole[at + 2]);
        if at + 3 + length > whole.len() || (whole[at] == 3 && length != 4) {
            return false;
        }
        if whole[at] == 3 {
            checksums.push(at + 3);
        }
        at += 3 + length;
    }
    match checksums[..] {
        [] => true,
        [at] => {
            let blank = [&whole[..at], &[0; 4], &whole[at + 4..]].concat();
            castagnoli(&blank).to_be_bytes() == whole[at..at + 4]
        }
        _ => false,
    }
}

/// CRC32c as long division: most significant bit first, over bits that are turned round before and after.
fn castagnoli(bytes: &[u8]) -> u32 {
    let mut rest = u32::MAX;
    for byte in bytes {
        rest ^= u32::from(byte.reverse_bits()) << 24;
        for _ in 0..8 {
            let carry = rest >> 31 == 1;
            rest <<= 1;
            if carry {
                rest ^= 0x1edc_6f41;
            }
        }
    }
    !rest.reverse_bits()
}
