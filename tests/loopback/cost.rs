//! What a request costs, counted at the seam: the library's own loop over the real kernel, with `net/traced.rs` between.

use crate::support::*;
use evenkeel::base::Address;
use evenkeel::config::{self, Command, Config};
use evenkeel::host::resolve::resolve;
use evenkeel::net::os::Os;
use evenkeel::net::traced::Traced;
use evenkeel::net::{Calls, Net};
use evenkeel::proxy::Proxy;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

/// A balancer in a thread of this process, with its calls counted.
struct Counted {
    address: SocketAddr,
    calls: Arc<Mutex<Calls>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Counted {
    fn before(backend: &Backend) -> Counted {
        let config = configured(backend.address);
        let (calls, stop) = (Arc::default(), Arc::default());
        let (told, address) = channel();
        let (same_calls, same_stop) = (Arc::clone(&calls), Arc::clone(&stop));
        let thread = std::thread::spawn(move || turn(&config, &told, &same_calls, &same_stop));
        Counted { address: address.recv().expect("it listens"), calls, stop, thread: Some(thread) }
    }

    fn calls(&self) -> Calls {
        *self.calls.lock().unwrap()
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = Client::try_connect(self.address).map(|mut client| client.send("x")); // wakes it
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn turn(config: &Config, told: &Sender<SocketAddr>, calls: &Mutex<Calls>, stop: &AtomicBool) {
    let mut proxy = Proxy::new(config, Traced::new(Os::new().unwrap()), 1).unwrap();
    told.send(proxy.addresses().next().and_then(Address::tcp).unwrap()).unwrap();
    while !stop.load(Ordering::SeqCst) {
        proxy.turn().unwrap();
        *calls.lock().unwrap() = proxy.net().calls();
    }
}

fn configured(backend: SocketAddr) -> Config {
    let line = format!("evenkeel -l 127.0.0.1:0 -b {backend} --admin off --health off");
    let read = |path: &std::path::Path| std::fs::read_to_string(path);
    match config::from_args(line.split(' ').map(Into::into), &|_| None, &read, &resolve) {
        Ok(Command::Run { mut config, .. }) => {
            config.limits.connections = 100;
            config
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_kept_alive_request_costs_four_data_calls() {
    const REQUESTS: u64 = 1000;
    let backend = Backend::named("one");
    let balancer = Counted::before(&backend);
    let mut client = Client::connect(balancer.address);
    client.get("/");
    until("the first request's calls", || balancer.calls().data() >= 4);
    let before = balancer.calls();
    (0..REQUESTS).for_each(|_| assert_eq!(client.get("/").status, 200));
    until("the last request's calls", || useful(balancer.calls()) - useful(before) >= 4 * REQUESTS);
    let after = balancer.calls();
    assert_eq!(useful(after) - useful(before), 4 * REQUESTS);
    for (name, count) in [("watch", after.watch - before.watch), ("connect", after.connect - before.connect)] {
        assert_eq!(count, 0, "{name}");
    }
}

/// Two accepts of which one finds nobody, the four of any request, an end for the answer to leave with, and a close, which
/// shares its call with others if there are any: nothing is registered, nothing asked.
#[cfg(all(target_os = "linux", not(evenkeel_portable)))]
#[test]
fn a_request_on_a_connection_of_its_own_costs_four_calls_more() {
    const REQUESTS: u64 = 300;
    let backend = Backend::named("one");
    let balancer = Counted::before(&backend);
    let ask = || {
        let mut client = Client::connect(balancer.address);
        client.send("GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n").unwrap();
        assert_eq!(client.response("GET").unwrap().status, 200);
        client.expect_end();
    };
    ask();
    until("the first connection's end", || balancer.calls().close == 1);
    let done = balancer.calls();
    (0..REQUESTS).for_each(|_| ask());
    until("the last connection's end", || balancer.calls().close - done.close == REQUESTS);
    let after = balancer.calls();
    assert_eq!(after.data() - done.data(), 4 * REQUESTS);
    assert!(after.accept - done.accept <= 2 * REQUESTS + 2);
    assert_eq!(after.finish - done.finish, REQUESTS);
    let others = |calls: Calls| calls.connect + calls.outcome + calls.reset;
    assert_eq!(others(after) - others(done), 0, "{after:?}");
    // Only who waits for long is watched, and on a busy machine that may happen to some.
    assert!(after.watch - done.watch <= REQUESTS / 10, "{after:?}");
}

/// Each request is told what it cost, and the status API what everything did.
#[test]
fn the_bill_is_told() {
    let backend = Backend::named("one");
    let balancer = Balancer::with_file(&[&backend], "http", "");
    let mut client = balancer.client();
    client.get("/first");
    client.get("/second");
    balancer.wait_for_line(" system calls");
    let calls = balancer.state()["calls"].clone();
    assert!(calls["read"].as_u64() >= Some(4) && calls["bytes_read"].as_u64() > Some(100), "{calls}");
    if !cfg!(any(mio_unsupported_force_poll_poll, evenkeel_portable)) {
        balancer.wait_for_line(" and 4 system calls");
    }
}

/// Also where no log asks what the first has cost: who looks at the loop is told of each its own. The second, which came
/// with the first, has cost nothing but to be sent; the first one's answer took two more.
#[test]
fn a_request_is_not_charged_what_the_one_before_it_in_the_pipe_spent() {
    let (backend, gate) = Backend::gated();
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    client.get("/");
    client.send(client::get("/first") + &client::get("/slow")).unwrap();
    assert_eq!(client.response("GET").unwrap().text(), "one");
    gate.wait_for(1);
    let calls = calls_of_what_waits(&balancer);
    assert!(calls < 3, "{calls} calls");
    gate.open();
    assert_eq!(client.response("GET").unwrap().text(), "one");
}

/// What the request has cost so far that waits for its backend.
fn calls_of_what_waits(balancer: &Balancer) -> u64 {
    let mut operator = Client::connect(balancer.admin.expect("an admin address"));
    let pages = (0..100).map(|slot| operator.get(&format!("/api/loop/{slot}")));
    let mut seen = pages.filter_map(|page| serde_json::from_slice::<serde_json::Value>(&page.body).ok());
    let page = seen.find(|page| page["owner"] == "upstream").expect("a request under way");
    page["calls"].as_u64().expect("a number")
}

/// Data calls. The portable selector wakes us again only after a call that found nothing, so there those are needed;
/// everywhere else they are a waste and count (law 3).
fn useful(calls: Calls) -> u64 {
    match cfg!(mio_unsupported_force_poll_poll) {
        true => calls.data() - calls.read_nothing - calls.write_blocked,
        false => calls.data(),
    }
}
