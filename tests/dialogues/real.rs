//! The real kernel under a dialogue: the balancer as a library over loopback, its neighbours plain sockets.
//!
//! A turn of the balancer would sleep until an event; it is woken each time, so that everybody stays in lockstep on one
//! thread. Nothing sleeps for luck: who waits, waits for a condition, and looks again after a moment.

use super::kernel::{self, Ending, Holdings, Kernel, Order, Wire, holdings, turn};
use evenkeel::balance::State;
use evenkeel::base::Address;
use evenkeel::base::stats::Stats;
use evenkeel::config::Config;
use evenkeel::net::Signal;
use evenkeel::net::os::{Os, Remote};
use evenkeel::proxy::Proxy;
use socket2::SockRef;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// So many looks in a row may find nothing before we pause between them.
const EAGER: u32 = 30;

/// The pause.
const PAUSE: Duration = Duration::from_micros(300);

pub struct Real {
    proxy: Proxy<Os>,
    remote: Remote,
    door: SocketAddr,
    backends: Vec<Option<TcpListener>>,
    wires: Vec<Option<TcpStream>>,
    origin: Instant,
    idle: u32,
}

impl Real {
    /// The same configuration, its addresses replaced by such as the system gives away.
    pub fn new(config: &Config, seed: u64) -> Real {
        let (mut config, mut backends) = (config.clone(), Vec::new());
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        config.listeners[0].bind = vec![any.into()];
        for backend in config.pools.iter_mut().flat_map(|pool| &mut pool.backends) {
            let listener = TcpListener::bind(any).expect("a port");
            listener.set_nonblocking(true).expect("a socket");
            backend.address = listener.local_addr().expect("an address").into();
            backend.name = backend.address.to_string();
            backends.push(Some(listener));
        }
        let os = Os::new().expect("a kernel");
        let remote = os.remote();
        let proxy = Proxy::new(&config, os, seed).expect("it listens");
        let door = proxy.addresses().next().and_then(Address::tcp).expect("a listener");
        Real { proxy, remote, door, backends, wires: Vec::new(), origin: Instant::now(), idle: 0 }
    }

    fn add(&mut self, stream: TcpStream) -> Wire {
        stream.set_nonblocking(true).expect("a socket");
        stream.set_nodelay(true).expect("a socket");
        self.wires.push(Some(stream));
        self.idle = 0;
        self.wires.len() - 1
    }
}

impl Kernel for Real {
    fn dial(&mut self) -> Wire {
        let stream = TcpStream::connect(self.door).expect("it accepts");
        self.add(stream)
    }

    fn accept(&mut self) -> Option<(usize, Wire)> {
        let accepted = |(which, listener): (usize, &Option<TcpListener>)| {
            Some((which, listener.as_ref()?.accept().ok()?.0)) // nobody there is an error, too
        };
        let (which, stream) = self.backends.iter().enumerate().find_map(accepted)?;
        Some((which, self.add(stream)))
    }

    fn write(&mut self, wire: Wire, bytes: &[u8]) -> usize {
        let Some(mut stream) = self.wires[wire].as_ref() else { return 0 };
        let count = stream.write(bytes).unwrap_or(0); // what went wrong is seen by reading
        self.idle *= u32::from(count == 0);
        count
    }

    fn read(&mut self, wire: Wire, into: &mut Vec<u8>) -> Option<Ending> {
        let mut stream = self.wires[wire].as_ref()?;
        let mut piece = [0; 64 * 1024];
        loop {
            match stream.read(&mut piece) {
                Ok(0) => return Some(Ending::Clean),
                Ok(count) => {
                    into.extend_from_slice(&piece[..count]);
                    self.idle = 0;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return Some(Ending::Reset),
            }
        }
    }

    fn finish(&mut self, wire: Wire) {
        if let Some(stream) = &self.wires[wire] {
            let _ = stream.shutdown(Shutdown::Write); // fails on a connection that was reset
        }
    }

    fn reset(&mut self, wire: Wire) {
        if let Some(stream) = self.wires[wire].take() {
            let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
        }
    }

    fn close(&mut self, wire: Wire) {
        self.wires[wire] = None;
    }

    fn refuse(&mut self, backend: usize) {
        self.backends[backend] = None;
    }

    fn swallow(&mut self, _: usize) {
        panic!("loopback always answers");
    }

    fn order(&mut self, backend: usize, order: Order) {
        kernel::order(&mut self.proxy, backend, order);
    }

    fn backend(&self, backend: usize) -> (State, u32) {
        kernel::backend(&self.proxy, backend)
    }

    fn turn(&mut self, _: Duration) {
        self.idle += 1;
        if self.idle > EAGER {
            std::thread::sleep(PAUSE);
        }
        self.remote.send(Signal::Dump); // ends the wait; nobody reads the dump
        turn(&mut self.proxy);
    }

    fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    fn blink(&self) -> Duration {
        Duration::from_millis(2) // loopback delivers within the call that sends; see EAGER
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(8)
    }

    fn stats(&self) -> Stats {
        self.proxy.stats().clone()
    }

    fn holdings(&self) -> Holdings {
        holdings(&self.proxy)
    }
}
