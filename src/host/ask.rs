//! One question to a running balancer's admin address, from the command line: a blocking request, for a process that has
//! no loop.
//!
//! It speaks as much HTTP as our own answers need: they have a length, and what comes before its end is not all. Of a
//! stream of events, which has none, it hears the first.

use crate::base::Address;
use crate::config::Token;
use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer is no longer.
const MOST: usize = 64 << 20;

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    /// GET or POST.
    pub method: &'a str,
    /// The path, escaped.
    pub path: &'a str,
    /// JSON, or nothing.
    pub body: &'a str,
    /// What shows that we may ask.
    pub token: Option<&'a Token>,
}

/// Asks the first of `addresses` that answers: status and body. Errors: nobody is there, or it is not ours.
pub fn ask(addresses: &[Address], question: Question<'_>) -> io::Result<(u16, Vec<u8>)> {
    let mut last = io::Error::from(ErrorKind::AddrNotAvailable);
    for address in addresses {
        match address {
            Address::Tcp(at) => match TcpStream::connect_timeout(at, PATIENCE) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return exchange(stream, &at.to_string(), question);
                }
                Err(error) => last = error,
            },
            Address::Unix(at) => match UnixStream::connect(at) {
                Ok(stream) => {
                    stream.set_read_timeout(Some(PATIENCE))?;
                    stream.set_write_timeout(Some(PATIENCE))?;
                    return exchange(stream, "localhost", question);
                }
                Err(error) => last = error,
            },
        }
    }
    Err(last)
}

/// Does nothing for so long.
pub fn pause(span: Duration) {
    std::thread::sleep(span);
}

fn exchange(mut stream: impl Read + Write, host: &str, question: Question<'_>) -> io::Result<(u16, Vec<u8>)> {
    stream.write_all(written(host, question).as_bytes())?;
    let (mut answer, mut piece) = (Vec::new(), [0; 16 * 1024]);
    while answer.len() < MOST && !is_whole(&answer) {
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(count) => answer.extend_from_slice(piece.get(..count).unwrap_or_default()),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return Err(io::Error::new(ErrorKind::TimedOut, format!("no answer within {PATIENCE:?}")));
            }
            Err(error) => return Err(error),
        }
    }
    parse(&answer).ok_or_else(|| io::Error::new(ErrorKind::InvalidData, "this is no answer of a balancer"))
}

/// Whether the end of an answer has come, as far as it announces one.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
    let head = String::from_utf8_lossy(answer.get(..end).unwrap_or_default()).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let events = head.lines().any(|line| line.starts_with("content-type: text/event-stream"));
    let body = answer.get(end + 4..).unwrap_or_default();
    match length {
        Some(length) => body.len() >= length,
        None => events && body.windows(2).any(|two| two == b"\n\n"),
    }
}

fn written(host: &str, Question { method, path, body, token }: Question<'_>) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n");
    if let Some(token) = token {
        text += &format!("Authorization: Bearer {}\r\n", token.secret());
    }
    if method != "GET" {
        text += &format!("Content-Length: {}\r\n", body.len());
    }
    if !body.is_empty() {
        text += "Content-Type: application/json\r\n";
    }
    text + "\r\n" + body
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
    fn an_answer_is_whole_when_its_length_is_there() {
        assert!(is_whole(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
        assert!(is_whole(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: state\ndata: {}\n\n"));
        for part in [
            &b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"[..],
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nok",
            b"HTTP/1.1 200 OK\r\n\r\nok\n\n",
            b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\nevent: state\ndata: {}\n",
        ] {
            assert!(!is_whole(part));
        }
    }

    #[test]
    fn a_question_says_who_asks_and_how_long_it_is() {
        let token = Token::parse("0123456789abcdef").unwrap();
        let get = Question { method: "GET", path: "/a", body: "", token: None };
        assert_eq!(written("h", get), "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
        let post = Question { method: "POST", body: "{}", token: Some(&token), ..get };
        let expected = "POST /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\nAuthorization: Bearer 0123456789abcdef\r\n\
                        Content-Length: 2\r\nContent-Type: application/json\r\n\r\n{}";
        assert_eq!(written("h", post), expected);
    }

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
