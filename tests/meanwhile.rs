//! What happens in the middle of a turn, while the loop is at work: clients and backends have processors of their own.

use evenkeel::config::{Backend, Config, Guard, Health, Limits, Listener, Pool, ProbeKind, Timeouts};
use evenkeel::net::sim::{Cruelty, Far, Sim, Welcome};
use evenkeel::proxy::Proxy;
use std::net::SocketAddr;
use std::time::Duration;

const CHATTY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nchatty";
const POISON: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Before one backend that nobody probes.
fn balancer() -> Proxy<Sim> {
    let name = "main".to_string();
    let backend = Backend { name: "one".into(), address: address(8080).into(), weight: 1 };
    let health = Health { kind: ProbeKind::Off, ..Health::default() };
    let listener =
        Listener { name: name.clone(), bind: vec![address(5001).into()], pool: Some(0), ..Listener::default() };
    let config = Config {
        listeners: vec![listener],
        pools: vec![Pool { name, backends: vec![backend], health, ..Pool::default() }],
        admin: Vec::new(),
        guard: Guard::default(),
        timeouts: Timeouts::default(),
        limits: Limits::default(),
    };
    let mut sim = Sim::new(7, Cruelty { latency: Duration::ZERO, ..Cruelty::calm() });
    sim.serve(address(8080), Welcome::Accept);
    Proxy::new(&config, sim, 7).unwrap()
}

/// Turns until `far` has heard all of one message, which ends so.
fn hears(proxy: &mut Proxy<Sim>, far: Far, end: &str) -> String {
    let mut heard = Vec::new();
    while !heard.ends_with(end.as_bytes()) {
        proxy.turn().unwrap();
        proxy.net_mut().far_read(far, &mut heard, usize::MAX);
    }
    String::from_utf8(heard).unwrap()
}

/// Turns until the backend is called.
fn called(proxy: &mut Proxy<Sim>) -> Far {
    loop {
        proxy.turn().unwrap();
        if let Some(far) = proxy.net_mut().take(&address(8080).into()) {
            return far;
        }
    }
}

/// A backend says more than its answer, then the client, who is not watched yet, asks again: all of it before the loop has
/// looked up from having sent it the first answer. What came before a request was sent is not its answer.
#[test]
fn what_came_before_the_next_request_does_not_answer_it() {
    let mut proxy = balancer();
    let client = proxy.net_mut().dial(address(5001));
    proxy.net_mut().far_write(client, b"GET /first HTTP/1.1\r\nHost: h\r\n\r\n");
    let backend = called(&mut proxy);
    assert!(hears(&mut proxy, backend, "\r\n\r\n").starts_with("GET /first "));
    let next = b"GET /next HTTP/1.1\r\nHost: h\r\n\r\n";
    proxy.net_mut().react(client, backend, POISON);
    proxy.net_mut().react(client, client, next);
    proxy.net_mut().far_write(backend, CHATTY);
    assert!(hears(&mut proxy, client, "y").ends_with("chatty"));
    let another = called(&mut proxy);
    assert!(hears(&mut proxy, another, "\r\n\r\n").starts_with("GET /next "));
    proxy.net_mut().far_write(another, CHATTY);
    assert!(hears(&mut proxy, client, "y").ends_with("chatty"));
    assert_eq!((proxy.stats().surplus, proxy.stats().reused), (1, 0));
}
