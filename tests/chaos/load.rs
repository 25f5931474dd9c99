//! Steady mixed load: clients that know every byte of what they will be answered, and say in one word what went wrong.
//!
//! A wrong byte is a panic. Everything else that a client can suffer is a [`Trouble`], judged later against the diary of
//! the [`storm`](super::storm): what happened when.

use super::processes::FILES;
use crate::support::client::{Client, status_of};
use crate::support::wire::{Head, chunked};
use crate::support::{Framing, Pattern};
use evenkeel::base::Rng;
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a client may ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ask {
    Get,
    Slow,
    Post,
    Chunks,
    Upgrade,
    File,
}

/// What a client may suffer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// The connection could not be made.
    Connect,
    /// No answer: closed or broken before its head.
    Unanswered,
    /// An answer that was not 200 (or 101).
    Status(u16),
    /// The body of the answer, or the tunnel, was cut.
    Cut,
}

/// Something that went wrong.
#[derive(Debug, Clone)]
pub struct Trouble {
    pub ask: Ask,
    pub cause: Cause,
    pub words: String,
    pub began: Instant,
    pub ended: Instant,
    /// The client's own way to the balancer is a bad one.
    pub bad_way: bool,
}

/// Where things are, and when to stop.
pub struct Course {
    pub web: SocketAddr,
    pub files: SocketAddr,
    /// The files are nginx's.
    pub nginx: bool,
    pub over: AtomicBool,
    pub number: AtomicU64,
}

/// What a client did.
#[derive(Debug, Default)]
pub struct Log {
    /// Requests that were asked, and those of them that were answered in full.
    pub asked: u64,
    pub answered: u64,
    pub bytes: u64,
    pub troubles: Vec<Trouble>,
}

type Failed = (Cause, io::Error);

/// Asks until the course is over. `bad_way`: through this relay instead.
pub fn client(seed: u64, bad_way: Option<SocketAddr>, course: &Course) -> Log {
    let mut rng = Rng::new(seed);
    let (mut log, mut web, mut files) = (Log::default(), None, None);
    while !course.over.load(Ordering::SeqCst) {
        let asks =
            [Ask::Get, Ask::Get, Ask::Get, Ask::Post, Ask::Chunks, Ask::Upgrade, Ask::Slow, Ask::File, Ask::File];
        let ask = rng.one_of(&asks).copied().unwrap_or(Ask::Get);
        let (slot, address) = match ask {
            Ask::File => (&mut files, course.files),
            _ => (&mut web, bad_way.unwrap_or(course.web)),
        };
        let began = Instant::now();
        log.asked += 1;
        match perform(ask, slot, address, &mut rng, course) {
            Ok(bytes) => (log.answered, log.bytes) = (log.answered + 1, log.bytes + bytes),
            Err((cause, error)) => {
                *slot = None;
                let bad_way = bad_way.is_some() && ask != Ask::File;
                let (words, ended) = (error.to_string(), Instant::now());
                log.troubles.push(Trouble { ask, cause, words, began, ended, bad_way });
            }
        }
        std::thread::sleep(Duration::from_micros(rng.below(4000)));
    }
    log
}

/// One request on the connection at hand or a new one; how many bytes of body came.
fn perform(
    ask: Ask,
    slot: &mut Option<Client>,
    address: SocketAddr,
    rng: &mut Rng,
    course: &Course,
) -> Result<u64, Failed> {
    let id = course.number.fetch_add(1, Ordering::SeqCst);
    let mut client = match slot.take() {
        Some(client) => client,
        None => Client::try_connect(address).map_err(|error| (Cause::Connect, error))?,
    };
    let (request, seed, length) = request(ask, id, rng, course.nginx);
    let sent = client.send(&request); // an early answer breaks it off; the answer decides
    let head = match client.final_head() {
        Ok((_, head)) => head,
        Err(error) => return Err((Cause::Unanswered, sent.err().unwrap_or(error))),
    };
    let status = status_of(&head).map_err(|error| (Cause::Unanswered, error))?;
    let cut = |error| (Cause::Cut, error);
    if status != if ask == Ask::Upgrade { 101 } else { 200 } {
        return Err((Cause::Status(status), io::Error::other(head.line)));
    }
    let bytes = match ask {
        Ask::Upgrade => return tunnel(client, id, rng).map_err(cut),
        Ask::File if !course.nginx => padded(&mut client, &head).map_err(cut)?,
        _ => body(&mut client, &head, ask, seed).map_err(cut)?,
    };
    assert_eq!(bytes, length, "a whole answer of another length to request {id}: {}", head.line);
    if !head.lists("Connection", "close") {
        *slot = Some(client);
    }
    Ok(bytes)
}

/// The bytes of a request; the seed and length of what will answer it.
fn request(ask: Ask, id: u64, rng: &mut Rng, nginx: bool) -> (Vec<u8>, u64, u64) {
    let most = if rng.chance(1, 10) { 300_000 } else { 5_000 };
    let (up, down) = (rng.below(most), if ask == Ask::Slow { 400_000 } else { rng.below(most) });
    let way = if rng.chance(1, 3) { "chunked" } else { "length" };
    let body = || Pattern::bytes(id, up as usize);
    let head = |method: &str, up: u64, field: &str| {
        format!("{method} /{way}/{id}/{up}/{down} HTTP/1.1\r\nHost: test\r\n{field}\r\n").into_bytes()
    };
    let bytes = match ask {
        Ask::Get | Ask::Slow => head("GET", 0, ""),
        Ask::Upgrade => head("GET", 0, "Connection: Upgrade\r\nUpgrade: echo\r\n"),
        Ask::Post => [head("POST", up, &format!("Content-Length: {up}\r\n")), body()].concat(),
        Ask::Chunks => [head("POST", up, "Transfer-Encoding: chunked\r\n"), chunked(&body(), 777, "")].concat(),
        Ask::File => {
            let file = rng.below(FILES.len() as u64);
            let bytes = format!("GET /{file} HTTP/1.1\r\nHost: test\r\n\r\n").into_bytes();
            return (bytes, file, if nginx { FILES[file as usize] } else { 40_000 });
        }
    };
    (bytes, id + 1, down)
}

fn body(client: &mut Client, head: &Head, ask: Ask, seed: u64) -> io::Result<u64> {
    let framing = head.framing()?.unwrap_or(Framing::UntilClose);
    let mut pattern = Pattern::new(seed);
    client.body_into(framing, &mut |bytes| {
        pattern.check(bytes);
        if ask == Ask::Slow {
            std::thread::sleep(Duration::from_millis(5));
        }
    })?;
    Ok(pattern.offset)
}

/// What the embedded backend says: its name, and padding.
fn padded(client: &mut Client, head: &Head) -> io::Result<u64> {
    let (body, _) = client.body(head.framing()?.unwrap_or(Framing::UntilClose))?;
    assert!(body.is_empty() || body.starts_with(b"Hello from embedded"), "somebody else's answer");
    Ok(body.len() as u64)
}

/// Through a tunnel and back, then both ends.
fn tunnel(mut client: Client, id: u64, rng: &mut Rng) -> io::Result<u64> {
    let mut all = 0;
    for turn in 0..1 + rng.below(4) {
        let bytes = Pattern::bytes(id + turn, rng.below(20_000) as usize);
        client.send(&bytes)?;
        assert!(client.take(bytes.len())? == bytes, "the tunnel of request {id} gave other bytes back");
        all += bytes.len() as u64;
    }
    client.finish()?;
    match client.remainder()?.len() {
        0 => Ok(all),
        more => panic!("{more} bytes more than went into the tunnel of request {id}"),
    }
}
