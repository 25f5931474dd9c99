//! What a request costs, counted at the seam: the library's own loop over the real kernel, with `net/traced.rs` between.

use crate::support::*;
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
    told.send(proxy.addresses().next().unwrap()).unwrap();
    while !stop.load(Ordering::SeqCst) {
        proxy.turn().unwrap();
        *calls.lock().unwrap() = proxy.net().calls();
    }
}

fn configured(backend: SocketAddr) -> Config {
    balancer.wait_for_line(" system calls");
    let calls = balancer.state()["calls"].clone();
    assert!(calls["read"].as_u64() >= Some(4) && calls["bytes_read"].as_u64() > Some(100), "{calls}");
    if !cfg!(any(mio_unsupported_force_poll_poll, evenkeel_portable)) {
        balancer.wait_for_line(" and 4 system calls");
    }
}

/// Data calls. The portable selector wakes us again only after a call that found nothing, so there those are needed;
/// everywhere else they are a waste and count (law 3).
fn useful(calls: Calls) -> u64 {
    match cfg!(mio_unsupported_force_poll_poll) {
        true => calls.data() - calls.read_nothing - calls.write_blocked,
        false => calls.data(),
    }
}
