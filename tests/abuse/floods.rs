//! Many at once: connections that are reset, half-closed, or talk without listening.

use super::house::{BIG, House, MANY};
use super::weight::{forget_peak, memory};
use crate::support::*;
use socket2::SockRef;
use std::io::{ErrorKind, Write};
use std::time::Duration;

const PATIENT: &str = "[timeouts]\nupstream_idle = \"100ms\"\nclient_idle = \"60s\"";

#[test]
fn a_storm_of_resets_leaves_nothing_behind() {
    let house = House::new(PATIENT);
    let said = [
        "",
        "GET / HT",
        "GET / HTTP/1.1\r\nHost: test\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nsome",
    ];
    house.stays_flat(MANY, |house| {
        for number in 0..1000 {
            let mut client = house.balancer.client();
            client.send(said[number % said.len()]).unwrap();
            SockRef::from(client.stream()).set_linger(Some(Duration::ZERO)).unwrap(); // closing becomes a RST
        }
    });
}

#[test]
fn half_closed_connections_get_their_answer_and_go() {
    let house = House::new(PATIENT);
    let said = [
        ("", None),
        ("\r\n\r\n", None),
        ("GET / HT", Some(400)),
        ("GET / HTTP/1.1\r\nHost: test\r\n\r\n", Some(200)),
        ("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 9\r\n\r\nsome", Some(400)),
        ("POST / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsome\r\n", Some(400)),
    ];
    house.stays_flat(MANY, |house| {
        let ask = |number: usize| {
            let mut client = house.balancer.client();
            client.send(said[number % said.len()].0).unwrap();
            client.finish().unwrap();
            client
        };
        for (number, mut client) in (0..600).map(ask).enumerate().collect::<Vec<_>>() {
            if let (_, Some(status)) = said[number % said.len()] {
                assert_eq!(client.response("GET").unwrap().status, status);
            }
            let _ = client.remainder();
        }
    });
    let rounds = house.ended_by("body_cut") / 200;
    assert_eq!((house.ended_by("body_cut"), house.ended_by("head_cut") % rounds), (200 * rounds, 0));
}

/// Writes the same request as long as the balancer takes it, without reading; how many bytes it took.
fn flood(client: &Client, request: &[u8]) -> u64 {
    let many = request.repeat(64 * 1024 / request.len());
    let mut stream = client.stream();
    stream.set_write_timeout(Some(Duration::from_millis(200))).unwrap(); // blocked for so long: it takes no more
    let mut taken = 0;
    loop {
        match stream.write(&many) {
            Ok(count) => taken += count as u64,
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return taken,
            Err(error) => panic!("flooding: {error}"),
        }
        assert!(taken < 1 << 30, "the balancer swallows without end");
    }
}

#[test]
fn requests_without_end_by_clients_that_do_not_read_are_held_back() {
    let house = House::new(PATIENT);
    let pid = house.balancer.pid();
    for _ in 0..2 {
        forget_peak(pid);
        let before = memory(pid);
        let clients: Vec<Client> = (0..8).map(|_| house.balancer.client()).collect();
        let flooders = clients.iter().map(|client| move || flood(client, b"GET /big HTTP/1.1\r\nHost: test\r\n\r\n"));
        let taken: Vec<u64> = std::thread::scope(|scope| {
            let threads: Vec<_> = flooders.map(|flooder| scope.spawn(flooder)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        house.serves();
        let grew = memory(pid).zip(before).map_or(0, |(now, before)| now.peak.saturating_sub(before.now));
        eprintln!("taken {taken:?}, peak {grew} KiB above the floor");
        assert!(grew <= 2 * 1024, "eight clients that do not read cost {grew} KiB");
        drop(clients);
        house.is_sound();
    }
}

#[test]
fn a_flood_is_answered_in_full_once_it_is_read() {
    let house = House::new(PATIENT);
    let mut client = house.balancer.client();
    let mut writer = client.stream().try_clone().unwrap();
    let thread = std::thread::spawn(move || {
        (0..200).try_for_each(|_| writer.write_all(b"GET /big HTTP/1.1\r\nHost: test\r\n\r\n"))
    });
    for _ in 0..200 {
        assert!(client.response("GET").unwrap().body.len() == BIG);
    }
    thread.join().unwrap().unwrap();
    drop(client);
    house.is_sound();
}
