//! One kind of request: its bytes, built once, and what must come back.

use crate::body::Pattern;

/// The size of the answer to an upload.
pub const RECEIPT: u64 = 2;

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub enum Work {
    /// So many bytes down.
    Get(u64),
    /// So many bytes up.
    Put(u64),
}

/// A request, ready to be sent any number of times.
pub struct Job {
    head: Vec<u8>,
    upload: u64,
    /// The length of the answer's body.
    pub answer: u64,
    /// Whether each request has a connection to itself.
    pub fresh: bool,
}

impl Job {
    /// As browsers and libraries ask, within reason: a handful of fields.
    pub fn new(work: Work, fresh: bool) -> Job {
        let (line, upload, answer) = match work {
            Work::Get(size) => (format!("GET /{size} HTTP/1.1"), 0, size),
            Work::Put(size) => (format!("PUT / HTTP/1.1\r\nContent-Length: {size}"), size, RECEIPT),
        };
        let close = if fresh { "Connection: close\r\n" } else { "" };
        let fields = "Host: bench.example\r\nUser-Agent: bench/1\r\nAccept: */*\r\nAccept-Encoding: identity";
        Job { head: format!("{line}\r\n{fields}\r\n{close}\r\n").into(), upload, answer, fresh }
    }

    /// How long all of it is.
    pub fn length(&self) -> u64 {
        self.head.len() as u64 + self.upload
    }

    /// What is to be sent after so many bytes.
    pub fn from<'a>(&'a self, sent: u64, pattern: &'a Pattern) -> &'a [u8] {
        match sent.checked_sub(self.head.len() as u64) {
            None => &self.head[sent as usize..],
            Some(offset) => pattern.at(offset, self.upload - offset),
        }
    }

    /// How many of the bytes `from..to` belong to the body.
    pub fn body_bytes(&self, from: u64, to: u64) -> u64 {
        let head = self.head.len() as u64;
        to.max(head) - from.max(head)
    }
}
