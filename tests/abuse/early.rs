//! A backend that answers before it was asked. Ours or its words are first by chance, unless the balancer is asleep
//! while the connection comes about: so it is stopped (SIGSTOP) while its SYN waits before a full queue. Linux alone
//! lets SYNs wait like that.

use crate::support::*;
use rustix::process::Signal;
use socket2::Socket;
use std::io::Write;
use std::net::{TcpListener, TcpStream};

/// Accepts until somebody comes who is none of the fillers.
fn accept(listener: Socket, fillers: &[Socket]) -> TcpStream {
    let known: Vec<_> = fillers.iter().filter_map(|filler| filler.local_addr().ok()?.as_socket()).collect();
    let listener = TcpListener::from(listener);
    listener.set_nonblocking(true).unwrap();
    let mut ours = None;
    until("the balancer's connection", || {
        ours = listener.accept().ok().filter(|(_, peer)| !known.contains(peer));
        ours.is_some()
    });
    let stream = ours.unwrap().0;
    stream.set_nonblocking(false).unwrap();
    stream
}

#[test]
fn an_answer_before_the_question_reaches_nobody() {
    let (listener, eager, fillers) = full();
    let file = balancer::scratch(&format!(
        "admin = \"127.0.0.1:0\"\n[listener.main]\nbind = \"127.0.0.1:0\"\npool = \"main\"\n[pool.main]\n\
         backends = [\"{eager}\"]\nhealth = {{ kind = \"off\" }}\n[timeouts]\nconnect = \"60s\"\n"
    ));
    let balancer = Balancer::start(&["-c", file.path(), "-v"]);
    let mut client = balancer.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 2\r\n\r\nhi").unwrap();
    balancer.wait_for_line("forwarding POST /");
    balancer.state(); // the turn that wrote the line has ended: its SYN is under way
    balancer.signal(Signal::STOP);
    let mut stream = accept(listener, &fillers);
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL").unwrap();
    balancer.signal(Signal::CONT);
    let answer = client.response("POST").unwrap();
    assert_eq!(answer.status, 502);
    assert!(!answer.text().contains("EVIL"));
    assert_eq!(balancer.state()["counters"]["surplus"], 1);
    balancer.wait_for_line("it came before the request");
}
