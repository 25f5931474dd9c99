//! One question to a running balancer's admin address, from the command line: a blocking GET, for a process that has no
//! loop.
//!
//! It speaks as much HTTP as our own answers need: the connection ends with the answer.

use crate::base::Address;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer is no longer.
const MOST: u64 = 64 << 20;

/// Asks the first of `addresses` that answers for `path`: status and body. Errors: nobody is there, or it is not ours.
pub fn get(addresses: &[Address], path: &str) -> io::Result<(u16, Vec<u8>)> {
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in addresses {
        match address {
            Address::Tcp(at) => match TcpStream::connect_timeout(at, PATIENCE) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return ask(stream, &at.to_string(), path);
                }
                Err(error) => last = error,
            },
            Address::Unix(at) => match UnixStream::connect(at) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return ask(stream, "localhost", path);
                }
                Err(error) => last = error,
            },
        }
    }
    Err(last)
}

fn ask(mut stream: impl Read + Write, host: &str, path: &str) -> io::Result<(u16, Vec<u8>)> {
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.take(MOST).read_to_end(&mut answer)?;
    parse(&answer).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "this is no answer of a balancer"))
}

fn parse(answer: &[u8]) -> Option<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n")?;
    let status = answer.strip_prefix(b"HTTP/1.1 ")?.get(..3)?;
    let status = str::from_utf8(status).ok()?.parse().ok()?;
    Some((status, answer.get(end + 4..)?.to_vec()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_taken_apart_and_anything_else_is_none() {
        assert_eq!(parse(b"HTTP/1.1 404 Not Found\r\nA: b\r\n\r\nno"), Some((404, b"no".to_vec())));
        for bad in
            [&b""[..], b"HTTP/1.1 200 OK\r\n", b"SSH-2.0-x\r\n\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"HTTP/1.1\r\n\r\n"]
        {
            assert_eq!(parse(bad), None);
        }
    }
}
