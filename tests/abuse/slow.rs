//! Clients that take their time: with their heads, with their bodies, with anything at all.

use super::house::{FEW, House};
use crate::support::*;
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

/// Between two bytes of a slow client. Far below every limit, so that only a limit on the whole can end it.
const PAUSE: Duration = Duration::from_millis(10);

/// Writes the bytes of `drops`, over and over, one at a time to each, until all of them are answered or closed. Returns what
/// each of them heard.
fn drip(clients: &mut [Client], drops: &[u8]) -> Vec<String> {
    let mut heard = vec![(Vec::new(), false); clients.len()];
    for client in clients.iter() {
        client.stream().set_nonblocking(true).unwrap();
    }
    let mut drops = drops.iter().cycle();
    until("the slow clients' end", || {
        std::thread::sleep(PAUSE);
        let drop = drops.next().unwrap();
        for (client, (heard, over)) in clients.iter_mut().zip(&mut heard).filter(|(_, (_, over))| !over) {
            *over = write_and_read(client, *drop, heard);
        }
        heard.iter().all(|(_, over)| *over)
    });
    heard.into_iter().map(|(bytes, _)| String::from_utf8(bytes).unwrap()).collect()
}

/// One byte out, whatever there is in; whether the connection is over.
fn write_and_read(client: &Client, byte: u8, heard: &mut Vec<u8>) -> bool {
    let mut stream = client.stream();
    let _ = stream.write(&[byte]); // a client that was answered may find itself closed
    let mut bytes = [0; 4096];
    match stream.read(&mut bytes) {
        Ok(0) => true,
        Ok(count) => {
            heard.extend_from_slice(&bytes[..count]);
            false
        }
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

#[test]
fn a_slow_head_ends_at_the_header_timeout_whatever_arrives_in_between() {
    let house = House::new("[timeouts]\nheader = \"1s\"\nupstream_idle = \"100ms\"");
    let slow_lines = b"X: y\r\n";
    let mut clients = Vec::new();
    for number in 0..20 {
        let mut client = house.balancer.client();
        match number % 3 {
            0 => client.send("GET / HTTP/1.1\r\nHost: test\r\n").unwrap(),
            1 => client.send("GET / HTTP/1.1\r\nHost: test\r\nX-Long: yes\r\n").unwrap(),
            _ => assert_eq!(client.get("/").text(), "fine"), // the time counts anew for the second request
        }
        if number % 3 == 2 {
            client.send("POST / HTTP/1.1\r\nHost: test\r\n").unwrap();
        }
        clients.push(client);
    }
    for answer in drip(&mut clients, slow_lines) {
        assert!(answer.starts_with("HTTP/1.1 408 ") && answer.contains("\r\nConnection: close\r\n"), "{answer:?}");
    }
    drop(clients);
    house.is_sound();
    assert_eq!(house.ended_by("header_timeout"), 20);
    assert_eq!(house.balancer.lines(&["request refused: no complete head within the header time-out"]).len(), 20);
}

#[test]
fn a_body_may_be_slow_as_long_as_it_comes_on() {
    let house = House::new("[timeouts]\nbody = \"1s\"\nupstream_idle = \"100ms\"");
    let mut client = house.balancer.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 60\r\n\r\n").unwrap();
    for _ in 0..60 {
        std::thread::sleep(2 * PAUSE); // more than a second for all of it, and no two bytes that far apart
        client.send("x").unwrap();
    }
    assert_eq!(client.response("POST").unwrap().text(), "fine");
    drop(client);
    house.is_sound();
    assert_eq!(house.ended_by("body_timeout"), 0);
}

#[test]
fn a_body_that_stops_is_a_408_in_every_framing() {
    let house = House::new("[timeouts]\nbody = \"300ms\"\nupstream_idle = \"100ms\"");
    let stops = [
        "Content-Length: 40\r\n\r\nonly this",
        "Content-Length: 40\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n5;ext",
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nTrailer: x",
    ];
    let ask = |stop: &&str| {
        let mut client = house.balancer.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: test\r\n{stop}")).unwrap();
        client
    };
    for mut client in stops.iter().map(ask).collect::<Vec<_>>() {
        let answer = client.response("POST").unwrap();
        assert_eq!((answer.status, answer.closes()), (408, true));
    }
    house.is_sound();
    assert_eq!(house.ended_by("body_timeout"), 6);
    assert_eq!(house.balancer.lines(&["fails: body_timeout"]).len(), 6);
}

/// Connections that say nothing, or not enough.
const SILENT: usize = 2000;

#[test]
fn thousands_of_silent_connections_delay_nobody_and_weigh_little() {
    let house = House::new("[timeouts]\nheader = \"60s\"\nclient_idle = \"60s\"\nupstream_idle = \"100ms\"");
    house.stays_flat(FEW, |house| {
        let mut silent: Vec<Client> = (0..SILENT).map(|_| house.balancer.client()).collect();
        until("all of them inside", || house.balancer.state()["open_connections"] == SILENT);
        let mut quick = house.balancer.client();
        assert!((0..200).all(|_| quick.get("/").text() == "fine"));
        for client in silent.iter_mut().take(200) {
            assert_eq!(client.get("/").text(), "fine"); // silent for a while is no offence
        }
    });
}
