//! Floor 5: everything needed to see it work, in one process: two embedded backends and some clients, each a thread with a
//! loop of its own, and the configuration of a balancer before them.
//!
//! [`backend`] is a second, tiny user of the same [`Net`] as the proxy, [`load`] a third: read them to see the contract in
//! a hundred lines. The balancer of the demo is the real one, with nothing added but a [`stage`], by which backends are made to
//! fail and clients to ask. It is told to look closer than by default, since who watches has no minute to wait.

pub mod account;
pub mod backend;
pub mod console;
pub mod load;
pub mod picture;
pub mod plain;
pub mod stage;

use crate::base::Address;
use crate::config::{self, Config, Ejection, Guard, Health, Limits, Listener, Pool, Timeouts};
use crate::net::os::{Os, Remote};
use crate::net::{ListenOptions, Net, Signal};
use backend::mood;
use backend::{Backend, Manner};
use console::Console;
use load::{Load, Seen};
use stage::{Actor, Bell, Crowd, Play};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

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

/// Starts the two backends and the clients, and describes the balancer before them. All end with the process. Errors: a
/// port is taken; the message names it.
pub fn start(ports: Ports, limits: Limits) -> io::Result<(Config, Play)> {
    let numbered = (1..).zip(ports.backends);
    let actors = numbered.map(|(number, port)| start_backend(number, port)).collect::<io::Result<Vec<_>>>()?;
    let crowd = start_load(local(ports.balancer))?;
    let title = format!(
        "evenkeel demo   balancer http://localhost:{}/   dashboard http://localhost:{}/",
        ports.balancer, ports.admin
    );
    let console = Console::new(vec![local(ports.admin)], title);
    // Without a thread for it nobody looks, and everything else goes on.
    let curtain = move || drop(spawn("console", move || console.run()));
    Ok((config(ports, has_ipv6(), limits), Play::new(actors, crowd, curtain)))
}

fn start_backend(number: u16, port: u16) -> io::Result<Actor> {
    let (name, address) = (format!("backend-{number}"), local(port));
    let os = Os::new()?;
    let bell = bell(os.remote());
    let manner = Manner { name: name.clone(), ..Manner::default() };
    let mut backend = Backend::new(os, std::slice::from_ref(&address), manner)?;
    let (handle, orders) = mood::pair();
    backend.heed(orders);
    spawn(&name, move || while backend.turn().is_ok_and(|on| on) {})?;
    Ok(Actor { name, address, handle, bell })
}

fn start_load(to: Address) -> io::Result<Crowd> {
    let os = Os::new()?;
    let (bell, (wishes, inbox), seen) = (bell(os.remote()), channel(), Arc::new(Seen::default()));
    let mut load = Load::new(os, to, inbox, Arc::clone(&seen));
    spawn("load", move || while load.turn().is_ok_and(|on| on) {})?;
    Ok(Crowd { wishes, seen, bell })
}

fn local(port: u16) -> Address {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port)).into()
}

fn bell(remote: Remote) -> Bell {
    Box::new(move || remote.send(Signal::Wake))
}

fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(work).map(drop)
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
    // A probe each second, and a second try for whatever a backend does wrong.
    let ejection = Some(Ejection { base: Duration::from_secs(5), ..Ejection::default() });
    let pool = Pool {
        name: "demo".into(),
        backends: ports.backends.map(backend).into(),
        health: Health { interval: Duration::from_secs(1), ejection, ..Health::default() },
        retry_on: vec![500, 502, 503, 504],
        ..Pool::default()
    };
    Config {
        listeners: vec![Listener {
            name: "demo".into(),
            bind: at(ports.balancer),
            pool: Some(0),
            ..Listener::default()
        }],
        pools: vec![pool],
        admin: at(ports.admin),
        guard: Guard::default(),
        timeouts: Timeouts { response: Duration::from_secs(2), ..Timeouts::default() },
        limits,
    }
}
