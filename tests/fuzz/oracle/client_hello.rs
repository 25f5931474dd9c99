//! The server name of a ClientHello: the reader against a literal reading of the RFCs, however the bytes are cut, and
//! however the message is cut into records; and a ClientHello made for a name gives that name.

use super::strict::Read;
use super::{said_once, text};
use evenkeel::preface::client_hello::{MOST, MOST_RECORDS, read};
use evenkeel::preface::{Hello, Refusal};

/// See the [module](self).
pub fn check(input: &[u8]) {
    said_once(input, &Ok(None), read);
    agrees(input);
    made(input);
}

fn agrees(input: &[u8]) {
    match (model(input), read(input)) {
        (Read::Whole((name, message), size), Ok(Some(hello))) => {
            assert_eq!(name, hello.server_name, "{}", text(input));
            assert_eq!(read(&input[..size]), Ok(Some(hello.clone())), "{}", text(input));
            assert_eq!(read(&input[..size - 1]), Ok(None), "{}", text(input));
            cut_anew(&message, &Ok(Some(hello)));
        }
        (Read::More, Ok(None)) | (Read::Wrong(_), Err(_)) => {}
        (model, found) => panic!("{model:?}, but {found:?}: {}", text(input)),
    }
}

/// Where the records end means nothing.
fn cut_anew(message: &[u8], expected: &Result<Option<Hello>, Refusal>) {
    let least = message.len().div_ceil(MOST_RECORDS).max(1);
    for size in [least, least + 1, message.len() / 2 + 1, message.len() - 1, message.len()] {
        let wire = records(message, size.max(least));
        if wire.len() <= MOST {
            assert_eq!(read(&wire), *expected, "records of {size}: {}", text(message));
        }
    }
}

fn records(message: &[u8], size: usize) -> Vec<u8> {
    message.chunks(size).flat_map(|piece| [&[22, 3, 3][..], &length(piece.len()), piece].concat()).collect()
}

fn length(size: usize) -> [u8; 2] {
    u16::try_from(size).expect("a small size").to_be_bytes()
}

/// A ClientHello for a name that the input is, between extensions that the input decides.
fn made(input: &[u8]) {
    let name = &input[..input.len().min(300)];
    let odd = |kind: u8, size: usize| {
        let value = &input[..input.len().min(size)];
        [&[0x0a | kind << 4, 0x0a][..], &length(value.len()), value].concat()
    };
    let entry = [&[0][..], &length(name.len()), name].concat();
    let list = [&length(entry.len())[..], &entry].concat();
    let sni = [&[0, 0][..], &length(list.len()), &list].concat();
    let extensions = [odd(1, 40), sni, odd(2, 0), odd(3, 500)].concat();
    let body =
        [&[3, 3][..], &[5; 32], &[0], &[0, 2, 0x13, 1], &[1, 0], &length(extensions.len()), &extensions].concat();
    let message = [&[1, 0][..], &length(body.len()), &body].concat();
    let found = read(&records(&message, 1 << 14));
    match expected(name) {
        Some(name) => assert_eq!(found, Ok(Some(Hello { server_name: Some(name) }))),
        None => {
            assert!(matches!(found, Err(Refusal::ServerName | Refusal::ServerNameAddress)), "{found:?}: {}", text(name))
        }
    }
}

/// The name that these bytes are, if they are one.
fn expected(bytes: &[u8]) -> Option<String> {
    let (mut name, mut label, mut dots, mut digits) = (String::new(), 0, 0, true);
    let mut octets = vec![String::new()];
    for &byte in bytes {
        match byte {
            b'.' if label == 0 => return None,
            b'.' => {
                (label, dots) = (0, dots + 1);
                octets.push(String::new());
            }
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => {
                label += 1;
                digits &= byte.is_ascii_digit();
                octets.last_mut().expect("never empty").push(char::from(byte));
            }
            _ => return None,
        }
        if label > 63 || name.len() == 253 {
            return None;
        }
        name.push(char::from(byte | if byte.is_ascii_uppercase() { 0x20 } else { 0 }));
    }
    let octet = |word: &String| (word.len() == 1 || !word.starts_with('0')) && word.parse::<u8>().is_ok();
    let address = dots == 3 && digits && octets.iter().all(octet);
    (label > 0 && !address).then_some(name)
}

/// A name, perhaps, and the message that it stood in.
type Found = (Option<String>, Vec<u8>);

/// The RFCs again, read by somebody else: records into one message, byte by byte, then the message.
fn model(input: &[u8]) -> Read<Found> {
    let wrong = |why: &str| Read::Wrong(why.to_string());
    let (mut message, mut begun, mut left) = (Vec::new(), 0, 0);
    let mut head: Vec<u8> = Vec::new();
    for (at, &byte) in input.iter().enumerate().take(16384) {
        if left > 0 {
            left -= 1;
            message.push(byte);
        } else {
            if head.is_empty() {
                begun += 1;
            }
            head.push(byte);
            match head[..] {
                _ if begun > 64 => return wrong("records"),
                [22] | [22, 3] | [22, 3, _] | [22, 3, _, _] => {}
                [22, 3, _, high, low] => {
                    left = usize::from(high) * 256 + usize::from(low);
                    if left == 0 || left > 16384 {
                        return wrong("record length");
                    }
                    head.clear();
                }
                _ => return wrong("record"),
            }
        }
        match message[..] {
            [] | [1] | [1, _] | [1, _, _] => {}
            [1, a, b, c, ..] => {
                let size = usize::from(a) * 65536 + usize::from(b) * 256 + usize::from(c);
                if size + 9 > 16384 {
                    return wrong("message length");
                }
                if message.len() == size + 4 {
                    return match name(&message[4..]) {
                        Some(name) => Read::Whole((name, message), at + 1),
                        None => wrong("message"),
                    };
                }
            }
            _ => return wrong("no ClientHello"),
        }
    }
    if input.len() >= 16384 { wrong("too long") } else { Read::More }
}

/// The server name in the body; none at all if something is wrong.
fn name(body: &[u8]) -> Option<Option<String>> {
    let at = |place: usize| body.get(place).map(|&byte| usize::from(byte));
    let two = |place: usize| Some(at(place)? * 256 + at(place + 1)?);
    let session = at(34)?;
    let ciphers = two(35 + session)?;
    let compressions = at(37 + session + ciphers)?;
    if session > 32 || ciphers == 0 || ciphers % 2 == 1 || compressions == 0 {
        return None;
    }
    let mut place = 38 + session + ciphers + compressions;
    if place == body.len() {
        return Some(None);
    }
    if place + 2 + two(place)? != body.len() {
        return None;
    }
    place += 2;
    let mut values = Vec::new();
    while place < body.len() {
        let (kind, size) = (two(place)?, two(place + 2)?);
        let value = body.get(place + 4..place + 4 + size)?;
        place += 4 + size;
        if kind == 0 {
            values.push(listed(value)?);
        }
    }
    match &values[..] {
        [] => Some(None),
        [one] => Some(one.clone()),
        _ => None,
    }
}

fn listed(value: &[u8]) -> Option<Option<String>> {
    let (size, mut rest) = value.split_first_chunk::<2>()?;
    if usize::from(u16::from_be_bytes(*size)) != rest.len() || rest.is_empty() {
        return None;
    }
    let mut names = Vec::new();
    while let Some((&[kind, high, low], more)) = rest.split_first_chunk::<3>() {
        let size = usize::from(high) * 256 + usize::from(low);
        if kind == 0 {
            names.push(expected(more.get(..size)?)?);
        }
        rest = more.get(size..)?;
    }
    (rest.is_empty() && names.len() < 2).then(|| names.pop())
}
