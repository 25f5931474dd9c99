//! Floor 5: everything needed to see it work, in one process: two embedded backends, each a thread with a loop of its
//! own, and the configuration of a balancer before them.
//!
//! [`backend`] is a second, tiny user of the same [`Net`] as the proxy: read it to see the contract in
//! a hundred lines. The balancer of the demo is the real one, with nothing added.

pub mod backend;
pub mod load;

use crate::base::Address;
use crate::config::{self, Config, Guard, Limits, Listener, Pool, Timeouts};
use crate::net::os::Os;
use crate::net::{ListenOptions, Net};
use backend::{Backend, Manner};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// Where everything of the demo listens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// The two backends.
    pub backends: [u16; 2],
    /// The balancer.
    pub balancer: u16,
    /// The dashboard.
    pub admin: u16,
}

impl Ports {
    /// Four ports from `base` on, or the usual ones. None: there are no four ports from there on.
    pub fn new(base: Option<u16>) -> Option<Ports> {
        match base {
            None => Some(Ports { backends: [8080, 8081], balancer: 5001, admin: 5002 }),
            Some(base) => {
                base.checked_add(3)?;
                Some(Ports { backends: [base, base + 1], balancer: base + 2, admin: base + 3 })
            }
        }
    }
}

/// Starts the two backends and describes the balancer before them. The backends end with the process. Errors: a port is
/// taken; the message names it.
pub fn start(ports: Ports, limits: Limits) -> io::Result<Config> {
    for (number, port) in (1..).zip(ports.backends) {
        let manner = Manner { name: format!("backend-{number}"), ..Manner::default() };
        let mut backend = Backend::new(Os::new()?, &[SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()], manner)?;
        let run = move || while backend.turn().is_ok_and(|on| on) {};
        std::thread::Builder::new().name(format!("backend-{number}")).spawn(run)?;
    }
    Ok(config(ports, has_ipv6(), limits))
}

/// Whether this machine has an IPv6 loopback: some containers have none.
fn has_ipv6() -> bool {
    let any = Address::from(SocketAddr::from((Ipv6Addr::LOCALHOST, 0)));
    Os::new().and_then(|mut os| os.listen(&any, ListenOptions::default())).is_ok()
}

fn config(ports: Ports, ipv6: bool, limits: Limits) -> Config {
    let at = |port| {
        let both = [SocketAddr::from((Ipv4Addr::LOCALHOST, port)), SocketAddr::from((Ipv6Addr::LOCALHOST, port))];
        both.into_iter().filter(|address| address.is_ipv4() || ipv6).map(Address::from).collect::<Vec<_>>()
    };
    let backend = |port| {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        config::Backend { name: address.to_string(), address: address.into(), weight: 1 }
    };
    Config {
        listeners: vec![Listener {
            name: "demo".into(),
            bind: at(ports.balancer),
            pool: Some(0),
            ..Listener::default()
        }],
        pools: vec![Pool { name: "demo".into(), backends: ports.backends.map(backend).into(), ..Pool::default() }],
        admin: at(ports.admin),
        guard: Guard::default(),
        timeouts: Timeouts::default(),
        limits,
    }
}
