//! The simulated kernel under a dialogue: a seed, a mood, and a clock that jumps.

use super::kernel::{self, Ending, Holdings, Kernel, Order, Wire, holdings, turn};
use evenkeel::balance::State;
use evenkeel::base::stats::Stats;
use evenkeel::base::{Address, Time};
use evenkeel::config::Config;
use evenkeel::net::sim::{Cruelty, Far, Sim, Welcome};
use evenkeel::proxy::Proxy;
use std::time::Duration;

pub struct Simulated {
    proxy: Proxy<Sim>,
    door: Address,
    admin: Option<Address>,
    backends: Vec<Address>,
    wires: Vec<Far>,
}

impl Simulated {
    /// A balancer with this configuration, whose first listener is where clients come in.
    pub fn new(config: &Config, seed: u64, mood: Cruelty) -> Simulated {
        let mut sim = Sim::new(seed, mood);
        let backends: Vec<_> =
            config.pools.iter().flat_map(|pool| &pool.backends).map(|backend| backend.address.clone()).collect();
        backends.iter().for_each(|at| sim.serve(at, Welcome::Accept));
        let proxy = Proxy::new(config, sim, seed).expect("it listens");
        Simulated {
            proxy,
            door: config.listeners[0].bind[0].clone(),
            admin: config.admin.first().cloned(),
            backends,
            wires: Vec::new(),
        }
    }

    fn sim(&mut self) -> &mut Sim {
        self.proxy.net_mut()
    }

    fn add(&mut self, far: Far) -> Wire {
        self.wires.push(far);
        self.wires.len() - 1
    }
}

impl Kernel for Simulated {
    fn dial(&mut self) -> Wire {
        let door = self.door.clone();
        let far = self.sim().dial(door);
        self.add(far)
    }

    fn dial_admin(&mut self) -> Wire {
        let door = self.admin.clone().expect("an admin address");
        let far = self.sim().dial(door);
        self.add(far)
    }

    fn accept(&mut self) -> Option<(usize, Wire)> {
        let backends = self.backends.clone();
        let taken = |(which, at): (usize, &Address)| Some((which, self.proxy.net_mut().take(at)?));
        let (which, far) = backends.iter().enumerate().find_map(taken)?;
        Some((which, self.add(far)))
    }

    fn write(&mut self, wire: Wire, bytes: &[u8]) -> usize {
        let far = self.wires[wire];
        self.sim().far_write(far, bytes)
    }

    fn read(&mut self, wire: Wire, into: &mut Vec<u8>) -> Option<Ending> {
        let far = self.wires[wire];
        self.sim().far_read(far, into, usize::MAX);
        let state = self.sim().far(far);
        match (state.reset, state.ended) {
            (true, _) => Some(Ending::Reset),
            (false, true) => Some(Ending::Clean),
            (false, false) => None,
        }
    }

    fn finish(&mut self, wire: Wire) {
        let far = self.wires[wire];
        self.sim().far_finish(far);
    }

    fn reset(&mut self, wire: Wire) {
        let far = self.wires[wire];
        self.sim().far_reset(far);
    }

    fn close(&mut self, wire: Wire) {
        let far = self.wires[wire];
        self.sim().far_close(far);
    }

    fn refuse(&mut self, backend: usize) {
        let at = self.backends[backend].clone();
        self.sim().serve(at, Welcome::Refuse);
    }

    fn swallow(&mut self, backend: usize) {
        let at = self.backends[backend].clone();
        self.sim().serve(at, Welcome::Swallow);
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

    fn turn(&mut self, until: Duration) {
        self.sim().alarm(Time(0) + until);
        turn(&mut self.proxy);
        let (open, owned) = (self.proxy.net().open_sockets(), self.proxy.owned_sockets());
        assert_eq!(open, owned, "sockets open and owned");
        assert!(self.proxy.net().lent_pipes() <= 2 * self.proxy.open_sessions(), "a pipe without a flow");
    }

    fn now(&self) -> Duration {
        self.proxy.net().now().since(Time(0))
    }

    fn blink(&self) -> Duration {
        Duration::from_millis(40)
    }

    fn patience(&self) -> Duration {
        Duration::from_millis(2500) // shorter than every time-out by default, so that none of them helps
    }

    fn stats(&self) -> Stats {
        self.proxy.stats().clone()
    }

    fn holdings(&self) -> Holdings {
        holdings(&self.proxy)
    }
}
