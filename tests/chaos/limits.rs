//! A machine that runs short: of descriptors, and of memory before slow clients.

use crate::number;
use crate::support::*;
use crate::vitals::Vitals;
use std::net::TcpStream;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::time::Duration;

fn vitals(balancer: &Balancer) -> Vitals {
    Vitals::of(balancer.pid()).expect("a running process")
}

const FLOOD: usize = 150;

fn started(backend: &Backend, descriptors: u64) -> Balancer {
    let address = backend.address.to_string();
    Balancer::start_limited(descriptors, &["-l", "127.0.0.1:0", "--admin", "off", "--health", "off", "-b", &address])
}

fn limited(backend: &Backend, descriptors: u64) -> Balancer {
    let balancer = started(backend, descriptors);
    assert_eq!(balancer.client().get("/").text(), "one");
    balancer
}

fn flood(balancer: &Balancer) -> Vec<TcpStream> {
    (0..FLOOD).map(|_| TcpStream::connect(balancer.address).unwrap()).collect()
}

/// It does nothing while there is nothing to do.
fn is_at_rest(balancer: &Balancer) {
    let (before, span) = (vitals(balancer).cpu, Duration::from_millis(1500));
    std::thread::sleep(span);
    let busy = vitals(balancer).cpu - before;
    assert!(busy < span / 10, "{busy:?} of CPU in {span:?}, with nothing to do");
}

fn says_little(balancer: &Balancer, told: &str) {
    let complaints = balancer.lines(&[told]);
    assert!(complaints.len() <= 3, "{} times: {complaints:?}", complaints.len());
}

/// More connections than descriptors: whoever got in is served, whoever did not waits outside at no cost, and gets in as
/// soon as somebody leaves. What backends and probes need is kept free.
#[test]
fn descriptors_that_run_out_cost_nothing_and_are_used_again_at_once() {
    const DESCRIPTORS: u64 = 40;
    let backend = Backend::named("one");
    let balancer = limited(&backend, DESCRIPTORS);
    let mut flood = flood(&balancer);
    balancer.wait_for_line("full: ");
    until("most descriptors taken", || vitals(&balancer).descriptors as u64 >= DESCRIPTORS * 3 / 4);
    is_at_rest(&balancer);

    // In a steady coming and going at the limit, everybody gets in, and nobody writes the same line again and again.
    for _ in 0..30 {
        flood.remove(0);
        flood.push(TcpStream::connect(balancer.address).unwrap());
    }
    let mut waiting = balancer.client();
    waiting.send(client::get("/")).unwrap();
    drop(flood);
    assert_eq!(waiting.response("GET").unwrap().text(), "one");
    says_little(&balancer, "full: ");
    until("descriptors given back", || vitals(&balancer).descriptors < 20);
}

/// It may have so many descriptors from now on, 60 at most.
#[cfg(target_os = "linux")]
fn may_have(balancer: &Balancer, descriptors: u64) {
    use rustix::process::{Pid, Resource, Rlimit, prlimit};
    let limit = Rlimit { current: Some(descriptors), maximum: Some(60) };
    prlimit(Pid::from_raw(balancer.pid() as i32), Resource::Nofile, limit).unwrap();
}

/// Somebody takes descriptors away while everything runs, so that what is kept free is not there either and accepting
/// itself fails.
#[cfg(target_os = "linux")]
#[test]
fn accepting_that_fails_rests_and_goes_on_when_it_can() {
    let backend = Backend::named("one");
    let balancer = limited(&backend, 60);
    may_have(&balancer, vitals(&balancer).descriptors as u64 + 3);
    let flood = flood(&balancer);
    balancer.wait_for_line("cannot accept");
    is_at_rest(&balancer);
    says_little(&balancer, "cannot accept");
    may_have(&balancer, 60);
    drop(flood);
    assert_eq!(balancer.client().get("/").text(), "one");
    until("descriptors given back", || vitals(&balancer).descriptors < 20);
}

/// There is not one descriptor to spare, and a request comes together with the end of the pooled connection that it would
/// have taken: the connection that is opened for it has that one's descriptor.
#[cfg(target_os = "linux")]
#[test]
fn a_connection_that_ends_makes_room_for_one_of_the_same_turn() {
    use rustix::process::Signal;
    let backend = Backend::named("one");
    let balancer = started(&backend, 60);
    let mut client = balancer.client();
    assert_eq!(client.get("/").text(), "one");
    balancer.signal(Signal::STOP);
    let stat = format!("/proc/{}/stat", balancer.pid());
    until("it has stopped", || std::fs::read_to_string(&stat).unwrap().contains(") T "));
    backend.hang_up();
    client.send(client::get("/")).unwrap();
    let open = |fd: &u64| Path::new(&format!("/proc/{}/fd/{fd}", balancer.pid())).exists();
    may_have(&balancer, (0..).find(|fd| !open(fd)).unwrap());
    balancer.signal(Signal::CONT);
    assert_eq!(client.response("GET").unwrap().text(), "one");
}

/// What a client may cost that is slow on purpose: what has come of its head or body, and what is to go to it, and no
/// more than a buffer for each.
#[test]
fn slow_clients_cost_a_bounded_amount_of_memory_and_delay_nobody() {
    let count = usize::try_from(number("CHAOS_SLOW", 1500)).unwrap();
    // Here is one for each client, and three for each connection that a backend takes, which is every fourth.
    if !room_for(2 * count as u64 + 100) {
        println!("the limit of descriptors is too low for {count} slow clients, left out");
        return;
    }
    let backend = Backend::http("one", |exchange| match exchange.request.target.as_str() {
        "/big" => exchange.answer("200 OK", "", &vec![b'x'; 6_000_000]), // more than any kernel holds for a reader that sleeps
        _ => exchange.name_it(),
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut quick = balancer.client();
    quick.get("/");
    let before = vitals(&balancer);
    let first = wave(&balancer, &backend, &mut quick, count);
    let each = (first.memory.saturating_sub(before.memory)) * 1024 / count as u64;
    println!("{count} slow clients: {before}, then {first}: {each} bytes each");
    assert!(each < MOST_EACH, "{each} bytes for each slow client");
    // An allocator need not give memory back, but it is there for the next ones.
    let second = wave(&balancer, &backend, &mut quick, count);
    println!("when they have left: {}, and as many again: {second}", vitals(&balancer));
    assert!(second.memory < first.memory + first.memory / 8 + 4 * 1024, "a second wave costs more: {first}, {second}");
    // Their upstream connections are warm for a while.
    until("their descriptors", || vitals(&balancer).descriptors <= before.descriptors + 3);
}

/// So many slow clients come, are waited for until the balancer has nothing to do, and leave; what it cost to have them.
fn wave(balancer: &Balancer, backend: &Backend, quick: &mut Client, count: usize) -> Vitals {
    let mut slow: Vec<Client> = (0..count).map(|_| balancer.client()).collect();
    for (number, client) in slow.iter_mut().enumerate() {
        client.send(slow_start(number)).unwrap();
    }
    until("all of them inside", || balancer.state()["open_connections"].as_u64() >= Some(count as u64));
    let forwarded = (0..count).filter(|number| number % 20 < 5).count();
    until("a backend that has taken all that came to it", || backend.open() >= forwarded);
    until("a quiet moment", || {
        let now = vitals(balancer).cpu;
        std::thread::sleep(Duration::from_millis(200));
        vitals(balancer).cpu - now < Duration::from_millis(20)
    });
    let during = vitals(balancer);
    for _ in 0..200 {
        assert_eq!(quick.get("/").text(), "one", "a quick one is served meanwhile");
    }
    drop(slow);
    until("the last slow one's end", || balancer.state()["open_connections"] == 1);
    during
}

/// Two buffers, the state of a session and of an exchange, and what an allocator wastes.
const MOST_EACH: u64 = 2 * 18 * 1024 + 6 * 1024;

/// Half a head; half a body; an answer that is not read.
fn slow_start(number: usize) -> Vec<u8> {
    match number % 20 {
        0 => client::get("/big").into_bytes(), // few: the kernel's own memory is not the question
        1..5 => b"POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000\r\n\r\nhalf".to_vec(),
        _ => b"GET / HTTP/1.1\r\nHost: test\r\nX-Slow: ".to_vec(),
    }
}

/// Whether this process may have so many descriptors; raises its limit as far as it goes.
fn room_for(descriptors: u64) -> bool {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, ..now });
    getrlimit(Resource::Nofile).current.is_none_or(|most| most >= descriptors)
}
