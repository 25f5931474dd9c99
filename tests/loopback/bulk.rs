//! A hundred mebibytes through HTTP, in every framing, either way, each byte in its place.

use crate::support::*;
use std::io::{self, Write};

const BIG: u64 = 100 * 1024 * 1024;
const PIECE: u64 = 200_000;

/// Writes the pattern as chunks.
fn write_chunked(seed: u64, to: &mut impl Write) -> io::Result<()> {
    let mut pattern = Pattern::new(seed);
    while pattern.offset < BIG {
        let size = PIECE.min(BIG - pattern.offset);
        write!(to, "{size:x}\r\n")?;
        pattern.write(size, to)?;
        to.write_all(b"\r\n")?;
    }
    to.write_all(b"0\r\n\r\n")
}

/// Reads a body and checks it against the pattern; returns how long it was.
fn check(wire: &mut Wire, framing: Framing, seed: u64) -> io::Result<u64> {
    let mut pattern = Pattern::new(seed);
    wire.body_into(framing, &mut |bytes| pattern.check(bytes))?;
    Ok(pattern.offset)
}

#[test]
fn down_by_length_by_chunks_and_until_close() {
    let backend = Backend::http("big", |exchange| {
        let mut stream = exchange.wire.stream();
        match exchange.request.target.as_str() {
            "/length" => {
                write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n")?;
                Pattern::new(1).write(BIG, &mut stream)?;
                Ok(Then::Keep)
            }
            "/chunked" => {
                write!(stream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                write_chunked(1, &mut stream)?;
                Ok(Then::Keep)
            }
            _ => {
                write!(stream, "HTTP/1.1 200 OK\r\n\r\n")?;
                Pattern::new(1).write(BIG, &mut stream)?;
                Ok(Then::Close)
            }
        }
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    for target in ["/length", "/chunked", "/close"] {
        client.send(client::get(target)).unwrap();
        let (_, head) = client.final_head().unwrap();
        let framing = head.framing().unwrap().unwrap_or(Framing::UntilClose);
        let before = spliced(&balancer);
        assert_eq!(check(&mut client, framing, 1).unwrap(), BIG, "{target}");
        bypasses_us(spliced(&balancer) - before, target);
    }
}

/// Payload that was not copied so far.
fn spliced(balancer: &Balancer) -> u64 {
    balancer.state()["counters"]["bytes_spliced"].as_u64().expect("a counter")
}

/// Where the kernel knows splice(2), most of a large body goes that way.
#[track_caller]
fn bypasses_us(bytes: u64, what: &str) {
    if cfg!(all(target_os = "linux", not(evenkeel_portable))) {
        assert!(bytes > BIG / 2, "{what}: only {bytes} bytes were not copied");
    } else {
        assert_eq!(bytes, 0);
    }
}

#[test]
fn up_by_length_and_by_chunks() {
    let backend = Backend::http("sink", |exchange| {
        let length = check(exchange.wire, exchange.request.framing, 2)?;
        exchange.answer("200 OK", "", length.to_string().as_bytes())
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    let mut stream = client.stream();
    write!(stream, "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: {BIG}\r\n\r\n").unwrap();
    Pattern::new(2).write(BIG, &mut stream).unwrap();
    assert_eq!(client.response("POST").unwrap().text(), BIG.to_string());
    let by_length = spliced(&balancer);
    bypasses_us(by_length, "by length");
    let mut stream = client.stream();
    write!(stream, "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n").unwrap();
    write_chunked(2, &mut stream).unwrap();
    assert_eq!(client.response("POST").unwrap().text(), BIG.to_string());
    bypasses_us(spliced(&balancer) - by_length, "in chunks");
    assert_eq!(backend.accepted(), 1);
}

/// Of a client that takes nothing: its backend goes on sending, and is not listened to until there is room again. Where
/// readiness comes from poll(2), nothing is told twice anyway.
#[test]
fn who_cannot_be_passed_on_is_not_listened_to_and_loses_nothing() {
    let backend = Backend::http("fast", |exchange| {
        let mut stream = exchange.wire.stream();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {BIG}\r\n\r\n")?;
        Pattern::new(3).write(BIG, &mut stream)?;
        Ok(Then::Keep)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    for _ in 0..2 {
        let before = muted(&balancer);
        client.send(client::get("/")).unwrap();
        if cfg!(not(mio_unsupported_force_poll_poll)) {
            until("its backend is muted", || muted(&balancer) > before);
        }
        let (_, head) = client.final_head().unwrap();
        let framing = head.framing().unwrap().unwrap_or(Framing::UntilClose);
        assert_eq!(check(&mut client, framing, 3).unwrap(), BIG);
    }
    assert_eq!(backend.accepted(), 1, "it is heard again, and kept");
}

fn muted(balancer: &Balancer) -> u64 {
    balancer.state()["calls"]["mute"].as_u64().expect("a counter")
}
