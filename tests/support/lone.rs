//! A balancer on a simulated kernel that its test drives turn by turn.

use evenkeel::config::{Backend, Config, Guard, Health, Limits, Listener, Pool, ProbeKind, Timeouts};
use evenkeel::net::Net;
use evenkeel::net::sim::{Cruelty, Sim, Welcome};
use evenkeel::proxy::Proxy;
use std::net::SocketAddr;
use std::time::Duration;

/// Where the balancer listens (5001) and its backend (8080).
pub fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// Before one backend that nobody probes.
pub fn balancer(cruelty: Cruelty) -> Proxy<Sim> {
    balancer_over(Sim::new(7, cruelty), |sim| sim)
}

/// The same, with something around the kernel.
pub fn balancer_over<N: Net>(mut sim: Sim, around: impl FnOnce(Sim) -> N) -> Proxy<N> {
    let name = "main".to_string();
    let backend = Backend { name: "one".into(), address: address(8080).into(), weight: 1 };
    let health = Health { kind: ProbeKind::Off, ..Health::default() };
    let config = Config {
        listeners: vec![Listener {
            name: name.clone(),
            bind: vec![address(5001).into()],
            pool: Some(0),
            ..Listener::default()
        }],
        pools: vec![Pool { name, backends: vec![backend], health, ..Pool::default() }],
        admin: Vec::new(),
        guard: Guard::default(),
        timeouts: Timeouts { client_idle: Duration::from_secs(60), ..Timeouts::default() },
        limits: Limits::default(),
    };
    sim.serve(address(8080), Welcome::Accept);
    Proxy::new(&config, around(sim), 7).unwrap()
}
