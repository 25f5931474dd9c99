//! What happens in the middle of a turn, while the loop is at work: clients and backends have processors of their own.

#[path = "support/lone.rs"]
mod lone;

use evenkeel::config::access::Format;
use evenkeel::host::spool::Spool;
use evenkeel::net::sim::{Cruelty, Far, Sim};
use evenkeel::net::traced::Traced;
use evenkeel::net::{ListenOptions, Moved, Net};
use evenkeel::proxy::Proxy;
use evenkeel::proxy::access::Access;
use lone::{address, balancer, balancer_over};
use std::time::Duration;

const CHATTY: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nchatty";
const GET: &[u8] = b"GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const POISON: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison";

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

/// What is on its way arrives while calls are made, whether anybody waits for it or not.
#[test]
fn calls_take_time_in_which_things_arrive() {
    let mut sim = Sim::new(1, Cruelty { calls: Duration::from_micros(50), ..Cruelty::calm() });
    let door = sim.listen(&address(5001).into(), ListenOptions::default()).unwrap();
    let client = sim.dial(address(5001));
    let (here, _) = std::iter::repeat_with(|| sim.accept(door).unwrap()).flatten().next().unwrap();
    sim.far_write(client, b"hello");
    let mut heard = [0; 9];
    let reads: Vec<Moved> = std::iter::repeat_with(|| sim.read(here, &mut heard).unwrap()).take(20).collect();
    assert_eq!(reads.iter().filter(|read| matches!(read, Moved::Bytes { count: 5, .. })).count(), 1, "{reads:?}");
    assert_eq!((reads[0], &heard[..5]), (Moved::Nothing, &b"hello"[..]));
}

/// A backend says more than its answer, then the client, who is not watched yet, asks again: all of it before the loop has
/// looked up from having sent it the first answer. What came before a request was sent is not its answer.
#[test]
fn what_came_before_the_next_request_does_not_answer_it() {
    let mut proxy = balancer(Cruelty { latency: Duration::ZERO, ..Cruelty::calm() });
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

/// Reads and writes of the turn that has just ended, in their order.
fn moves(proxy: &Proxy<Sim>) -> String {
    let tail = proxy.net().trace_tail();
    let calls = tail.lines().rev().take_while(|line| !line.contains(" wait "));
    let mut moves: Vec<&str> =
        calls.filter_map(|line| line.split(' ').find(|word| ["read", "write"].contains(word))).collect();
    moves.reverse();
    moves.join(" ")
}

/// Three clients, each with a request of its own that a backend has heard, and the backend's ends of those.
fn three_at_once(proxy: &mut Proxy<Sim>) -> (Vec<Far>, Vec<Far>) {
    let mut pairs = Vec::new();
    for _ in 0..3 {
        let client = proxy.net_mut().dial(address(5001));
        proxy.net_mut().far_write(client, GET);
        pairs.push((client, called(proxy)));
    }
    for (_, backend) in &pairs {
        hears(proxy, *backend, "\r\n\r\n");
    }
    pairs.into_iter().unzip()
}

/// Receiving after receiving and sending after sending is cheaper for a real kernel. What is long does not wait for others,
/// and who is alone has none to wait for.
#[test]
fn all_are_heard_before_anybody_speaks() {
    let mut proxy = balancer(Cruelty { latency: Duration::ZERO, ..Cruelty::calm() });
    let (clients, backends) = three_at_once(&mut proxy);
    let mut turn = |ends: &[Far], bytes: &[u8]| {
        ends.iter().for_each(|far| _ = proxy.net_mut().far_write(*far, bytes));
        proxy.turn().unwrap();
        moves(&proxy)
    };
    let all = "read read read write write write";
    assert_eq!(turn(&backends, CHATTY), all);
    assert_eq!(turn(&clients, GET), all);
    assert_eq!(turn(&backends, CHATTY), all);
    assert_eq!(turn(&clients[..1], GET), "read write");
    let long = [&b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 6000\r\n\r\n"[..], &[b'x'; 6000]].concat();
    assert_eq!(turn(&clients[1..], &long), "read write read write");
}

/// Each is billed for its own calls, though others make theirs in between.
#[test]
fn who_speaks_later_pays_for_having_heard() {
    let sim = Sim::new(7, Cruelty { latency: Duration::ZERO, ..Cruelty::calm() });
    let mut proxy = balancer_over(sim, Traced::new);
    let (spool, batches) = Spool::pair(9);
    proxy.log_to(Some(Access::new(Format::Text, spool)));
    let clients: Vec<Far> = (0..3).map(|_| proxy.net_mut().inner().dial(address(5001))).collect();
    let mut backends = Vec::new();
    proxy.turn().unwrap(); // all are let in
    clients.iter().for_each(|client| _ = proxy.net_mut().inner().far_write(*client, GET));
    while proxy.stats().finished < 3 {
        proxy.turn().unwrap();
        let sim = proxy.net_mut().inner();
        backends.extend(std::iter::from_fn(|| sim.take(&address(8080).into())));
        for backend in &backends {
            let mut heard = Vec::new();
            sim.far_read(*backend, &mut heard, usize::MAX);
            if !heard.is_empty() {
                sim.far_write(*backend, CHATTY);
            }
        }
    }
    drop(proxy.log_to(None));
    let lines: String = batches.iter().map(|batch| String::from_utf8(batch.bytes).unwrap()).collect();
    // Two reads, two writes, connect and what came of it.
    assert_eq!(lines.lines().filter(|line| line.contains(" calls=6 copied=71 ")).count(), 3, "{lines}");
}
