//! Both neighbours of the balancer, in plain blocking threads over `std::net`: clients, backends, and the process itself.
//!
//! Everything here is written from the RFCs and shares no line with the balancer, so that a mistake cannot hide by being
//! made on both sides. Nothing sleeps for luck: whoever waits, waits for a condition, and [`PATIENCE`] only turns a hang
//! into a failure. Begin with [`wire`], the strict reader that clients and backends are made of.

#![allow(dead_code, unused_imports)] // each test binary uses its own part

pub mod backend;
pub mod balancer;
pub mod client;
pub mod gate;
pub mod pattern;
pub mod proc;
pub mod wire;

pub use backend::{Backend, Request, Then};
pub use balancer::Balancer;
pub use client::Client;
pub use gate::{Gate, Stop};
pub use pattern::Pattern;
pub use wire::{Framing, Wire};

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// After so long a wait counts as a hang. Nothing measures against it: a good run never comes near.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `ready`, looking again every few milliseconds; `what` names the wait when it was in vain.
#[track_caller]
pub fn until(what: &str, mut ready: impl FnMut() -> bool) {
    let started = Instant::now();
    while !ready() {
        assert!(started.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// An empty folder, gone with its owner, with a name short enough for a socket's path.
pub struct Nook(std::path::PathBuf);

impl Nook {
    /// A new one.
    pub fn new() -> Nook {
        static COUNT: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = COUNT.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("nook-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a scratch folder");
        Nook(path)
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.join(name)
    }

    /// The same as an address.
    pub fn address(&self, name: &str) -> String {
        format!("unix:{}", self.path(name).display())
    }
}

impl Drop for Nook {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A loopback address whose port the system chooses.
pub fn any_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// An address that refuses every connection for as long as the socket lives: bound, so that nobody else gets the port,
/// and never listening.
pub fn refusing() -> (socket2::Socket, SocketAddr) {
    let socket = bound(any_port()).expect("a free port");
    let address = socket.local_addr().unwrap().as_socket().unwrap();
    (socket, address)
}

/// A listener whose queue of finished handshakes is full, and those who fill it: who comes now gets no answer.
pub fn full() -> (socket2::Socket, SocketAddr, Vec<socket2::Socket>) {
    let (listener, address) = refusing();
    listener.listen(1).expect("a listener");
    let fill = || {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
        socket.set_nonblocking(true).expect("a socket");
        let _ = socket.connect(&address.into());
        socket
    };
    let fillers = (0..16).map(|_| fill()).collect();
    (listener, address, fillers)
}

/// A bound stream socket that does not listen yet.
fn bound(at: SocketAddr) -> std::io::Result<socket2::Socket> {
    let socket = socket2::Socket::new(socket2::Domain::for_address(at), socket2::Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&at.into())?;
    Ok(socket)
}

/// Room for thousands of sockets in this process: the soft limit of descriptors goes up to what the host allows.
pub fn raise_descriptor_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let wish = now.maximum.map_or(10_240, |most| most.min(10_240));
    if now.current.is_some_and(|current| current < wish) {
        let raised = Rlimit { current: Some(wish), maximum: now.maximum };
        setrlimit(Resource::Nofile, raised).expect("raising the soft limit below the hard one");
    }
}
