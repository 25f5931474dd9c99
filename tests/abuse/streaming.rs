//! Bodies far larger than any buffer between a fast side and a slow one, and both ways at once. That first bytes pass
//! before the last ones exist, and trailers behind them, is in `loopback/bodies.rs`.

use super::house::wait_for_a_stall;
use super::weight::{forget_peak, memory};
use crate::support::*;
use std::io::{self, Write};
use std::time::Duration;

const HUGE: u64 = 200 * 1024 * 1024;
const SMALL: u64 = 1024 * 1024;

/// What a slow side may cost beyond what the same way cost when both were quick, in KiB.
const ROOM: u64 = 512;

/// Reads a body like somebody who is easily tired.
fn read_slowly(wire: &mut Wire, framing: Framing, seed: u64) -> io::Result<u64> {
    let mut pattern = Pattern::new(seed);
    let mut rested = 0;
    wire.body_into(framing, &mut |bytes| {
        pattern.check(bytes);
        if pattern.offset > rested + 8 * SMALL {
            rested = pattern.offset;
            std::thread::sleep(Duration::from_millis(5));
        }
    })?;
    Ok(pattern.offset)
}

fn write_chunked(to: &mut impl Write, length: u64) -> io::Result<()> {
    let mut pattern = Pattern::new(2);
    while pattern.offset < length {
        let size = (length - pattern.offset).min(300_000);
        write!(to, "{size:x}\r\n")?;
        pattern.write(size, to)?;
        to.write_all(b"\r\n")?;
    }
    to.write_all(b"0\r\n\r\n")
}

/// The peak of its memory since `before` was taken, beyond what it was then, in KiB; none where nobody tells.
fn grown(balancer: &Balancer, before: Option<super::weight::Memory>) -> Option<u64> {
    let now = memory(balancer.pid())?;
    eprintln!("{before:?} became {now:?}");
    Some(now.peak.saturating_sub(before?.now))
}

#[test]
fn a_slow_reader_of_a_huge_response_costs_its_buffers() {
    let backend = Backend::http("big", |exchange| {
        let length = exchange.request.target.trim_start_matches("/").parse().unwrap();
        write!(exchange.wire.stream(), "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n")?;
        Pattern::new(1).write(length, &mut exchange.wire.stream())?;
        Ok(Then::Keep)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    assert_eq!(client.get(&format!("/{SMALL}")).body.len() as u64, SMALL);
    balancer.state();
    forget_peak(balancer.pid());
    let before = memory(balancer.pid());
    client.send(client::get(&format!("/{HUGE}"))).unwrap();
    wait_for_a_stall(&balancer, "bytes_down");
    client.final_head().unwrap();
    assert_eq!(read_slowly(&mut client, Framing::Length(HUGE), 1).unwrap(), HUGE);
    assert!(grown(&balancer, before) <= Some(ROOM));
}

#[test]
fn a_slow_backend_under_a_huge_upload_costs_its_buffers() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::http("slow", move |exchange| {
        if exchange.request.target == "/huge" {
            held.pass();
        }
        let length = read_slowly(exchange.wire, exchange.request.framing, 2)?;
        exchange.answer("200 OK", "", length.to_string().as_bytes())
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    let upload = |client: &mut Client, target: &str, length: u64| {
        client.send(format!("POST {target} HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n")).unwrap();
        let mut writer = client.stream().try_clone().unwrap();
        std::thread::spawn(move || write_chunked(&mut writer, length))
    };
    upload(&mut client, "/small", SMALL).join().unwrap().unwrap();
    assert_eq!(client.response("POST").unwrap().text(), SMALL.to_string());
    balancer.state();
    forget_peak(balancer.pid());
    let before = memory(balancer.pid());
    let writer = upload(&mut client, "/huge", HUGE);
    gate.wait_for(1);
    wait_for_a_stall(&balancer, "bytes_up");
    gate.open();
    writer.join().unwrap().unwrap();
    assert_eq!(client.response("POST").unwrap().text(), HUGE.to_string());
    assert!(grown(&balancer, before) <= Some(ROOM));
}

/// Sends every piece of a body back at once.
fn echo() -> Backend {
    Backend::http("echo", |exchange| {
        let mut back = exchange.wire.stream().try_clone()?;
        back.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        let framing = exchange.request.framing;
        let mut result = Ok(());
        let trailers = exchange.wire.body_into(framing, &mut |piece| {
            let framed = [format!("{:x}\r\n", piece.len()).as_bytes(), piece, b"\r\n"].concat();
            result = back.write_all(&framed);
        })?;
        result?;
        let trailers: String = trailers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        back.write_all(format!("0\r\n{trailers}\r\n").as_bytes())?;
        Ok(Then::Keep)
    })
}

const ASK: &str = "POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";

#[test]
fn pieces_of_a_few_bytes_pass_both_ways_at_once() {
    let backend = echo();
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    for _ in 0..3 {
        client.send(ASK).unwrap();
        client.final_head().unwrap(); // the answer begins before the request has a body
        for number in 100..200 {
            client.send(format!("3\r\n{number}\r\n")).unwrap();
            assert_eq!(client.take(8).unwrap(), format!("3\r\n{number}\r\n").as_bytes());
        }
        client.send("0\r\nSum: 7\r\n\r\n").unwrap();
        assert_eq!(client.take(13).unwrap(), b"0\r\nSum: 7\r\n\r\n");
    }
    assert_eq!(backend.accepted(), 1);
}

#[test]
fn a_large_body_flows_both_ways_at_once() {
    const LENGTH: u64 = 32 * SMALL;
    let backend = echo();
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    client.send(ASK).unwrap();
    let mut writer = client.stream().try_clone().unwrap();
    let writer = std::thread::spawn(move || write_chunked(&mut writer, LENGTH));
    client.final_head().unwrap();
    assert_eq!(read_slowly(&mut client, Framing::Chunked, 2).unwrap(), LENGTH);
    writer.join().unwrap().unwrap();
    assert_eq!(client.get("/next").status, 200);
}
