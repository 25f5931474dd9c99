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
use std::net::{IpAddr, Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// So many looks in a row may find nothing before we pause between them.
const EAGER: u32 = 30;

/// Where a backend listens.
enum Ear {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Ear {
    /// At an address like this one: at a port that is free, or at a path in `folder`.
    fn like(address: &Address, folder: &Folder) -> (Ear, Address) {
        let Address::Unix(path) = address else {
            let listener = TcpListener::bind(ANY).expect("a port");
            listener.set_nonblocking(true).expect("a socket");
            let address = listener.local_addr().expect("an address");
            return (Ear::Tcp(listener), address.into());
        };
        let address = folder.like(path);
        let Address::Unix(path) = &address else { unreachable!() };
        let listener = UnixListener::bind(path).expect("a path");
        listener.set_nonblocking(true).expect("a socket");
        (Ear::Unix(listener), address)
    }

    fn accept(&self) -> Option<TcpStream> {
        match self {
            Ear::Tcp(listener) => Some(listener.accept().ok()?.0), // nobody there is an error, too
            Ear::Unix(listener) => Some(as_tcp(listener.accept().ok()?.0)),
        }
    }
}

/// Reading, writing and shutting down are the same calls.
fn as_tcp(stream: UnixStream) -> TcpStream {
    OwnedFd::from(stream).into()
}

/// A directory of one dialogue.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        Folder(std::env::temp_dir().join(format!("dialogue-{}-{number}", std::process::id())))
    }

    /// The same name in here.
    fn like(&self, path: &Path) -> Address {
        std::fs::create_dir_all(&self.0).expect("a directory");
        Address::unix(self.0.join(path.file_name().expect("a name")))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // most need none
    }
}

const ANY: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// The pause.
const PAUSE: Duration = Duration::from_micros(300);

pub struct Real {
    proxy: Proxy<Os>,
    remote: Remote,
    door: Address,
    backends: Vec<Option<Ear>>,
    /// Where the sockets are that have a path; it goes with this.
    _folder: Folder,
    wires: Vec<Option<TcpStream>>,
    origin: Instant,
    idle: u32,
}

impl Real {
    /// The same configuration, its addresses replaced by such as the system gives away.
    pub fn new(config: &Config, seed: u64) -> Real {
        let (mut config, mut backends) = (config.clone(), Vec::new());
        let folder = Folder::new();
        config.listeners[0].bind = match &config.listeners[0].bind[0] {
            Address::Tcp(_) => vec![ANY.into()],
            Address::Unix(path) => vec![folder.like(path)],
        };
        for backend in config.pools.iter_mut().flat_map(|pool| &mut pool.backends) {
            let (ear, address) = Ear::like(&backend.address, &folder);
            if backend.name == backend.address.to_string() {
                backend.name = address.to_string();
            }
            backend.address = address;
            backends.push(Some(ear));
        }
        config.admin.iter_mut().for_each(|at| *at = ANY.into());
        let os = Os::new().expect("a kernel");
        let remote = os.remote();
        let proxy = Proxy::new(&config, os, seed).expect("it listens");
        let door = proxy.addresses().next().cloned().expect("a listener");
        Real { proxy, remote, door, backends, _folder: folder, wires: Vec::new(), origin: Instant::now(), idle: 0 }
    }

    fn add(&mut self, stream: TcpStream) -> Wire {
        stream.set_nonblocking(true).expect("a socket");
        let _ = stream.set_nodelay(true); // a Unix socket knows no such thing
        self.wires.push(Some(stream));
        self.idle = 0;
        self.wires.len() - 1
    }
}

impl Kernel for Real {
    fn dial(&mut self) -> Wire {
        let stream = match &self.door {
            Address::Tcp(at) => TcpStream::connect(at),
            Address::Unix(path) => UnixStream::connect(path).map(as_tcp),
        };
        let stream = stream.expect("it accepts");
        self.add(stream)
    }

    fn dial_admin(&mut self) -> Wire {
        let at = self.proxy.addresses().last().and_then(Address::tcp).expect("an admin address");
        let stream = TcpStream::connect(at).expect("it accepts");
        self.add(stream)
    }

    fn accept(&mut self) -> Option<(usize, Wire)> {
        let accepted = |(which, ear): (usize, &Option<Ear>)| Some((which, ear.as_ref()?.accept()?));
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

    fn reload(&mut self, change: &dyn Fn(&mut Config)) -> Result<(), String> {
        kernel::reload(&mut self.proxy, change)
    }

    fn backend(&self, backend: usize) -> (State, u32) {
        kernel::backend(&self.proxy, backend)
    }

    fn names(&self) -> Vec<String> {
        kernel::names(&self.proxy)
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
