//! What failing may cost is computed, and holds: a balancer on the simulated kernel, probing one backend that fails in one
//! of four ways at a moment of a seed's choosing, has it excluded within the time that its budget says.

use evenkeel::balance::budget::{Budget, Hurt};
use evenkeel::balance::{BackendId, State};
use evenkeel::base::{Rng, Time};
use evenkeel::config::{Backend, Config, Guard, HashOn, Health, Limits, Listener, PolicyName, Pool, Timeouts};
use evenkeel::net::sim::{Cruelty, Far, Sim, Welcome};
use evenkeel::proxy::Proxy;
use std::net::SocketAddr;
use std::time::Duration;

/// How the backend fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failing {
    Refuses,
    /// Nothing comes from its address.
    Swallows,
    /// Its process stands still.
    Hangs,
    Errs,
}

const ALL: [Failing; 4] = [Failing::Refuses, Failing::Swallows, Failing::Hangs, Failing::Errs];

fn address(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn config(rng: &mut Rng) -> Config {
    let mut millis = |least: u64, most: u64| Duration::from_millis(least + rng.below(most - least));
    let (interval, timeout) = (millis(100, 8000), millis(50, 4000));
    let (fall, rise) = (1 + rng.below(4) as u32, 1 + rng.below(3) as u32);
    let backend = Backend { name: "127.0.0.1:8080".into(), address: address(8080).into(), weight: 1 };
    let (name, policy, hash) = ("main".to_string(), PolicyName::RoundRobin, HashOn::Client);
    Config {
        listeners: vec![Listener {
            name: name.clone(),
            bind: vec![address(5001).into()],
            pool: Some(0),
            ..Listener::default()
        }],
        pools: vec![Pool {
            name,
            policy,
            hash,
            backends: vec![backend],
            health: Health { interval, timeout, fall, rise, ..Health::default() },
            ..Pool::default()
        }],
        admin: Vec::new(),
        guard: Guard::default(),
        timeouts: Timeouts::default(),
        limits: Limits::default(),
    }
}

/// The backend: it answers each probe after a while of its own, well or badly.
struct Server {
    rng: Rng,
    /// As long as an answer takes at most.
    slowest: Duration,
    failing: Option<Failing>,
    open: Vec<(Far, Time)>,
}

impl Server {
    fn act(&mut self, sim: &mut Sim) {
        let now = sim.now();
        while let Some(far) = sim.take(&address(8080).into()) {
            let at = now + Duration::from_nanos(self.rng.below(self.slowest.as_nanos() as u64));
            sim.alarm(at);
            self.open.push((far, at));
        }
        let status = if self.failing == Some(Failing::Errs) { "503 No" } else { "200 OK" };
        let silent = matches!(self.failing, Some(Failing::Hangs | Failing::Swallows));
        self.open.retain(|&(far, at)| {
            let due = at <= now && !silent;
            if due {
                sim.far_write(far, format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes());
                sim.far_close(far);
            }
            !due && !sim.far(far).ended
        });
    }

    fn fail(&mut self, failing: Failing, sim: &mut Sim) {
        self.failing = Some(failing);
        match failing {
            Failing::Refuses => {
                sim.serve(address(8080), Welcome::Refuse);
                self.open.drain(..).for_each(|(far, _)| sim.far_reset(far));
            }
            Failing::Swallows => sim.serve(address(8080), Welcome::Swallow),
            Failing::Hangs | Failing::Errs => {}
        }
    }
}

/// Lets it fail: how long it took until it was excluded, and how long by the balancer's own measure.
fn exclusion(config: &Config, failing: Failing, seed: u64) -> (Duration, Duration) {
    let mut rng = Rng::new(!seed);
    let mut sim = Sim::new(seed, Cruelty::calm());
    sim.serve(address(8080), Welcome::Accept);
    let Health { interval, timeout, .. } = config.pools[0].health;
    let slowest = if failing == Failing::Errs { timeout / 50 } else { timeout * 8 / 10 };
    let mut server = Server { rng: Rng::new(seed), slowest, failing: None, open: Vec::new() };
    let fails = sim.now() + (interval + timeout) * 2 + Duration::from_nanos(rng.below(4 * interval.as_nanos() as u64));
    sim.alarm(fails);
    let mut proxy = Proxy::new(config, sim, seed).unwrap();
    loop {
        let now = proxy.net().now();
        if now >= fails && server.failing.is_none() {
            server.fail(failing, proxy.net_mut());
        }
        server.act(proxy.net_mut());
        proxy.turn().unwrap();
        let backend = proxy.backends().get(BackendId(0));
        if backend.state() == State::Down {
            return (backend.since() - fails, backend.health.fell_in().unwrap());
        }
        assert!(now < fails + Duration::from_secs(600), "it is never excluded");
    }
}

#[test]
fn no_exclusion_takes_longer_than_was_computed_and_some_nearly_as_long() {
    let mut tight = [0.0_f64; 4];
    for seed in 0..400 {
        for (number, failing) in ALL.into_iter().enumerate() {
            let config = config(&mut Rng::new(seed));
            let budget = Budget::of(&config.pools[0], &config);
            let Hurt { within, .. } = match failing {
                Failing::Refuses => budget.refused,
                Failing::Swallows | Failing::Hangs => budget.silent,
                Failing::Errs => budget.failing,
            };
            let (within, (took, measured)) = (within.unwrap(), exclusion(&config, failing, seed));
            // Answers that say no take their time as well.
            let own = if failing == Failing::Errs { config.pools[0].health.timeout / 50 } else { Duration::ZERO };
            let bound = within + own * config.pools[0].health.fall;
            assert!(took <= bound, "seed {seed} {failing:?}: {took:?} of {bound:?}");
            assert!(measured <= took, "seed {seed} {failing:?}: {measured:?} measured of {took:?}");
            tight[number] = tight[number].max(took.as_secs_f64() / bound.as_secs_f64());
        }
    }
    assert!(tight.iter().all(|share| *share > 0.9), "a bound that is never come near to says little: {tight:?}");
}
