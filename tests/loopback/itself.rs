//! The neighbours against each other, without a balancer between: a test is worth what its tools are.

use crate::support::backend::echo;
use crate::support::wire::chunked;
use crate::support::*;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};

#[test]
fn a_named_backend_counts_connections_and_requests() {
    let backend = Backend::named("one");
    let (mut first, mut second) = (Client::connect(backend.address), Client::connect(backend.address));
    assert_eq!(first.get("/x").text(), "one");
    assert_eq!(second.get("/x").text(), "one");
    assert_eq!(first.get("/x").text(), "one");
    assert_eq!(backend.accepted(), 2);
    let connections: Vec<usize> = backend.requests().iter().map(|r| r.connection).collect();
    assert_eq!(connections, [0, 1, 0]);
    assert_eq!(backend.targets(), ["/x"; 3]);
}

#[test]
fn bodies_of_every_framing_arrive_whole() {
    let backend = Backend::http("echo", |exchange| {
        let body = exchange.body()?;
        match exchange.request.target.as_str() {
            "/length" => exchange.answer("200 OK", "", &body),
            "/chunked" => {
                exchange.wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                exchange.wire.send(chunked(&body, 1000, "Sum: 7\r\n"))?;
                Ok(Then::Keep)
            }
            _ => {
                exchange.wire.send("HTTP/1.1 200 OK\r\n\r\n")?;
                exchange.wire.send(body)?;
                Ok(Then::Close)
            }
        }
    });
    let body = Pattern::bytes(1, 300_000);
    let mut client = Client::connect(backend.address);
    assert_eq!(client.with_body("PUT", "/length", &body).body, body);
    let head = "PUT /chunked HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n";
    let answer = client.raw("PUT", [head.as_bytes(), &chunked(&body, 999, "A: b\r\n")].concat());
    assert_eq!((answer.framing, answer.trailers), (Framing::Chunked, vec![("Sum".into(), "7".into())]));
    assert_eq!(answer.body, body);
    assert_eq!(backend.last().trailers, [("A".into(), "b".into())]);
    let last = client.with_body("PUT", "/close", &body);
    assert_eq!((last.framing, last.body == body), (Framing::UntilClose, true));
}

#[test]
fn a_killed_backend_refuses_and_comes_back_on_its_port() {
    let mut backend = Backend::named("phoenix");
    for _ in 0..3 {
        let mut client = Client::connect(backend.address);
        client.get("/");
        backend.kill();
        client.expect_end();
        assert_eq!(refusal(backend.address), ErrorKind::ConnectionRefused);
        backend.restart();
        assert_eq!(Client::connect(backend.address).get("/").text(), "phoenix");
    }
}

#[test]
fn a_refusing_address_refuses() {
    let (_held, address) = refusing();
    assert_eq!(refusal(address), ErrorKind::ConnectionRefused);
}

#[test]
fn a_reset_is_a_reset_and_a_close_is_an_end() {
    let backend = Backend::http("rude", |exchange| match exchange.request.target.as_str() {
        "/reset" => Ok(Then::Reset),
        _ => Ok(Then::Close),
    });
    let error = Client::connect(backend.address).try_get("/reset").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    let error = Client::connect(backend.address).try_get("/close").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
}

#[test]
fn an_echo_carries_the_end_back() {
    let backend = Backend::tcp("echo", echo);
    let mut stream = TcpStream::connect(backend.address).unwrap();
    stream.write_all(b"over and out").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut back = String::new();
    stream.read_to_string(&mut back).unwrap();
    assert_eq!(back, "over and out");
    until("the connection's end", || backend.open() == 0);
}

#[test]
fn the_reader_is_strict() {
    let wrong = [
        "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
        "HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\n\r\n",
        "HTTP/1.1 20 OK\r\n\r\n",
    ];
    for answer in wrong {
        let backend = Backend::http("wrong", move |exchange| {
            exchange.wire.send(answer)?;
            Ok(Then::Close)
        });
        let error = Client::connect(backend.address).try_get("/").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{answer:?}");
    }
}

#[test]
fn a_pattern_notices_a_lost_byte() {
    let mut bytes = Pattern::bytes(3, 200_000);
    Pattern::new(3).check(&bytes);
    bytes.remove(70_000);
    let noticed = std::panic::catch_unwind(|| Pattern::new(3).check(&bytes)).unwrap_err();
    let words = noticed.downcast_ref::<String>().unwrap();
    assert!(words.contains("broken at byte 7000"), "{words}"); // its neighbour may happen to look the same
}

#[test]
fn a_gate_holds_until_it_is_opened() {
    let gate = Gate::default();
    let same = gate.clone();
    let backend = Backend::http("held", move |exchange| {
        same.pass();
        exchange.name_it()
    });
    let mut client = Client::connect(backend.address);
    client.send("GET / HTTP/1.1\r\nHost: test\r\n\r\n").unwrap();
    gate.wait_for(1);
    gate.open();
    assert_eq!(client.response("GET").unwrap().text(), "held");
}

fn refusal(address: std::net::SocketAddr) -> ErrorKind {
    Client::try_connect(address).err().expect("a refusal").kind()
}
