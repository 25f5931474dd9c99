//! The balancer under test, as the world sees it, and a configuration made by hand.

use super::House;
use super::plan::{Plan, address, listener};
use evenkeel::config::{Backend, Config, Health, Limits, Listener, Mode, PolicyName, Pool, ProbeKind, Timeouts};
use evenkeel::net::sim::Sim;
use evenkeel::proxy::{Proxy, Turned};
use std::io;
use std::time::Duration;

impl House for Proxy<Sim> {
    fn turn(&mut self) -> io::Result<bool> {
        Ok(Proxy::turn(self)? == Turned::Done)
    }

    fn net(&mut self) -> &mut Sim {
        self.net_mut()
    }

    fn owned(&self) -> usize {
        self.owned_sockets()
    }

    fn doors(&self) -> usize {
        self.addresses().count()
    }

    fn open(&self) -> usize {
        self.open_sessions()
    }

    fn lent(&self) -> usize {
        self.lent_buffers()
    }

    fn check(&self) -> Result<(), String> {
        let stats = self.stats();
        if stats.stuck > 0 {
            return Err(format!("{} sessions asked to go on and did nothing", stats.stuck));
        }
        stats.check(self.open_sessions() as u64, self.alive_requests() as u64)
    }
}

/// What a plan asks of a balancer: a listener and a pool for each mode that has backends, default limits, and a tunnel
/// that does not wait an hour.
pub fn config(plan: &Plan) -> Config {
    let modes: Vec<Mode> = [Mode::Http, Mode::Tcp].into_iter().filter(|&mode| !plan.pool(mode).is_empty()).collect();
    let door = |(pool, &mode): (usize, &Mode)| Listener { name: name(mode), bind: vec![listener(mode)], mode, pool };
    Config {
        listeners: modes.iter().enumerate().map(door).collect(),
        pools: modes.iter().map(|&mode| pool(plan, mode)).collect(),
        admin: Vec::new(),
        timeouts: Timeouts { tunnel: Duration::from_secs(60), ..Timeouts::default() },
        limits: Limits::default(),
    }
}

fn name(mode: Mode) -> String {
    format!("{mode:?}").to_lowercase()
}

fn pool(plan: &Plan, mode: Mode) -> Pool {
    let backend = |&index: &usize| Backend { name: address(index).to_string(), address: address(index), weight: 1 };
    let kind = match mode {
        _ if !plan.probes => ProbeKind::Off,
        Mode::Http => ProbeKind::Http { path: "/".into(), expect: vec![200..=399] },
        Mode::Tcp => ProbeKind::Off,
    };
    let (interval, timeout) = (Duration::from_secs(5), Duration::from_secs(2));
    Pool {
        name: name(mode),
        policy: PolicyName::RoundRobin,
        backends: plan.pool(mode).iter().map(backend).collect(),
        health: Health { kind, interval, timeout, fall: 3, rise: 2 },
    }
}
