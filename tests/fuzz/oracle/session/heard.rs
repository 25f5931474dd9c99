//! Who was told what: everything that a backend or a client heard in a session, read strictly and laid beside what the
//! others said.

use super::Actor;
use crate::oracle::strict::{self, Body, Read};
use crate::oracle::text;
use std::collections::VecDeque;

pub fn whole(said: &[u8], says: &VecDeque<u8>) -> Vec<u8> {
    said.iter().chain(says).copied().collect()
}

/// A request as the strict reader has it from a client.
#[derive(Debug)]
pub struct Asked {
    method: Vec<u8>,
    target: Vec<u8>,
    body: Vec<u8>,
}

/// Every request in the bytes of one client, up to the first that is none. A body may be cut by the end.
pub fn asked(mut bytes: &[u8]) -> Vec<Asked> {
    let mut all = Vec::new();
    while let Read::Whole(request, size) = strict::request(bytes) {
        bytes = &bytes[size..];
        let (body, used) = body(bytes, request.body);
        all.push(Asked { method: request.method, target: request.target, body });
        match used {
            Some(used) => bytes = &bytes[used..],
            None => break,
        }
    }
    all
}

/// A body as far as it is there, and how many bytes it took if it is whole.
fn body(bytes: &[u8], framing: Body) -> (Vec<u8>, Option<usize>) {
    match framing {
        Body::None => (Vec::new(), Some(0)),
        Body::UntilClose => (bytes.to_vec(), None),
        Body::Length(length) => {
            let length = usize::try_from(length).unwrap_or(usize::MAX);
            (bytes[..bytes.len().min(length)].to_vec(), Some(length).filter(|&length| length <= bytes.len()))
        }
        Body::Chunked => {
            let mut data = Vec::new();
            strict::chunks(bytes, &mut data);
            match strict::chunked(bytes) {
                Read::Whole(_, used) => (data, Some(used)),
                _ => (data, None),
            }
        }
    }
}

/// A backend has heard requests and nothing else, each of them said by a client: what was not is smuggled.
pub fn backend_heard(backend: &Actor, asked: &[Asked]) {
    let mut bytes = &backend.heard[..];
    while !bytes.is_empty() {
        let (request, size) = match strict::request(bytes) {
            Read::Whole(request, size) => (request, size),
            Read::More => return,
            Read::Wrong(wrong) => panic!("a backend was sent {wrong}: {}", text(bytes)),
        };
        assert!(!bytes.starts_with(b"\r\n") && request.minor == 1, "{}", text(bytes));
        bytes = &bytes[size..];
        let (heard, used) = body(bytes, request.body);
        if let Body::Chunked = request.body {
            let mut data = Vec::new();
            let read = strict::chunks(bytes, &mut data);
            assert!(!matches!(read, Read::Wrong(_)), "{read:?}: {}", text(bytes));
        }
        let said = |one: &&Asked| {
            let target =
                one.target.ends_with(&request.target) || request.target == b"*" || same_but_slash(one, &request);
            let body = if used.is_some() { one.body == heard } else { one.body.starts_with(&heard) };
            one.method == request.method && target && body
        };
        let known = asked.iter().any(|one| said(&one));
        assert!(known, "smuggled: {} {}: {}", text(&request.method), text(&request.target), text(&heard));
        if !request.head.all("upgrade").is_empty() && backend.said.windows(12).any(|w| w.starts_with(b"HTTP/1.1 101")) {
            return; // from here on another protocol may be spoken
        }
        match used {
            Some(used) => bytes = &bytes[used..],
            None => return,
        }
    }
}

/// An absolute target without a path is sent as `/`, with a query as `/?query` (RFC 9112 3.2.1).
fn same_but_slash(one: &Asked, request: &strict::Request) -> bool {
    let query = one.target.iter().position(|&b| b == b'?').map_or(&b""[..], |at| &one.target[at..]);
    !one.target.starts_with(b"/") && request.target == [b"/", query].concat()
}

/// A client has heard responses and nothing else: to its requests, in their order, and at most one more, to what was
/// none or to its silence. Behind `close` there is nothing.
pub fn client_heard(client: &Actor) {
    let requests = asked(&whole(&client.said, &client.says));
    let mut methods = requests.iter().map(|one| &one.method[..]);
    let mut bytes = &client.heard[..];
    let mut over = false;
    while !bytes.is_empty() {
        assert!(!over, "behind the last answer: {}", text(bytes));
        let next = methods.next();
        over |= next.is_none();
        loop {
            let (response, size) = match strict::response(bytes, next == Some(b"HEAD")) {
                Read::Whole(response, size) => (response, size),
                Read::More => return,
                Read::Wrong(wrong) => panic!("a client was sent {wrong}: {}", text(bytes)),
            };
            bytes = &bytes[size..];
            if response.status == 101 {
                return;
            }
            if response.status < 200 {
                continue;
            }
            over |= response.head.lists("connection", "close");
            let (_, used) = body(bytes, response.body);
            if let Body::Chunked = response.body {
                let mut data = Vec::new();
                let read = strict::chunks(bytes, &mut data);
                assert!(!matches!(read, Read::Wrong(_)), "{read:?}: {}", text(bytes));
            }
            match used {
                Some(used) => bytes = &bytes[used..],
                None => return,
            }
            break;
        }
    }
}
