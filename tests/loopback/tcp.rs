//! TCP mode: any bytes, either side may finish first.

use crate::support::*;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

const BIG: u64 = 100 * 1024 * 1024;

fn before(backends: &[&Backend]) -> Balancer {
    Balancer::before(backends, &["--mode", "tcp", "--health", "off"])
}

#[test]
fn an_echo_with_the_clients_end_first() {
    let backend = Backend::tcp("echo", backend::echo);
    let balancer = before(&[&backend]);
    for round in 0..200 {
        let mut client = balancer.client();
        client.send("any bytes: \0\r\n\x01\x02").unwrap();
        client.finish().unwrap(); // often in the same segment
        let back = client.remainder().unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(back, b"any bytes: \0\r\n\x01\x02", "round {round}");
    }
    until("the upstream connections' ends", || backend.open() == 0);
}

#[test]
fn a_backend_may_finish_first_and_still_listen() {
    let backend = Backend::tcp("greeter", |mut stream| {
        stream.write_all(b"I say no more")?;
        stream.shutdown(Shutdown::Write)?;
        let mut rest = String::new();
        stream.read_to_string(&mut rest)?;
        assert_eq!(rest, "but I do");
        Ok(Then::Close)
    });
    let balancer = before(&[&backend]);
    let mut client = balancer.client();
    assert_eq!(client.remainder().unwrap(), b"I say no more");
    assert_eq!(backend.open(), 1, "half of it is still open");
    client.send("but I do").unwrap();
    client.finish().unwrap();
    until("the other half's end", || backend.open() == 0);
}

#[test]
fn connections_take_turns() {
    let name = |name: &'static str| {
        Backend::tcp(name, move |mut stream| {
            stream.write_all(name.as_bytes())?;
            Ok(Then::Close)
        })
    };
    let (one, two) = (name("1"), name("2"));
    let balancer = before(&[&one, &two]);
    let names: Vec<u8> = (0..100).flat_map(|_| balancer.client().remainder().unwrap()).collect();
    assert_eq!(names, b"12".repeat(50));
}

#[test]
fn a_refusing_backend_is_passed_over() {
    let one = Backend::tcp("echo", backend::echo);
    let (_held, refused) = refusing();
    let refused = refused.to_string();
    let balancer = Balancer::before(&[&one], &["-b", &refused, "--mode", "tcp", "--health", "off"]);
    for _ in 0..10 {
        let mut client = balancer.client();
        client.send("hello").unwrap();
        assert_eq!(client.take(5).unwrap(), b"hello");
    }
}

#[test]
fn a_reset_on_one_side_ends_the_other() {
    let backend = Backend::tcp("rude", |mut stream| {
        stream.read_exact(&mut [0; 5])?;
        Ok(Then::Reset)
    });
    let balancer = before(&[&backend]);
    let mut client = balancer.client();
    client.send("hello").unwrap();
    let _ = client.remainder(); // an end or a reset, either tells
    assert_eq!(backend.accepted(), 1);
}

#[test]
fn a_hundred_mebibytes_there_and_back() {
    let backend = Backend::tcp("echo", backend::echo);
    let balancer = before(&[&backend]);
    let mut down = TcpStream::connect(balancer.address).unwrap();
    down.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut up = down.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        Pattern::new(11).write(BIG, &mut up).unwrap();
        up.shutdown(Shutdown::Write).unwrap();
    });
    Pattern::new(11).check_to_end(&mut down, BIG);
    writer.join().unwrap();
}
