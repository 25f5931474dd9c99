//! The balancer under test, as the world sees it, and a configuration made by hand.

use super::House;
use super::plan::{address, listener};
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

/// One listener and one pool, with default limits and a tunnel that does not wait an hour.
pub fn config(mode: Mode, backends: usize, probes: ProbeKind) -> Config {
    let backend = |index| Backend { name: address(index).to_string(), address: address(index), weight: 1 };
    let health =
        Health { kind: probes, interval: Duration::from_secs(5), timeout: Duration::from_secs(2), fall: 3, rise: 2 };
    Config {
        listeners: vec![Listener { name: "main".into(), bind: vec![listener()], mode, pool: 0 }],
        pools: vec![Pool {
            name: "main".into(),
            policy: PolicyName::RoundRobin,
            backends: (0..backends).map(backend).collect(),
            health,
        }],
        admin: Vec::new(),
        timeouts: Timeouts { tunnel: Duration::from_secs(60), ..Timeouts::default() },
        limits: Limits::default(),
    }
}
