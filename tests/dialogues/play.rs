//! A dialogue played on every stage there is: the simulated kernel in many moods, and the real one.
//!
//! `DIALOGUE_SEEDS=n` plays it on so many seeds of each mood.

use super::kernel::Kernel;
use super::real::Real;
use super::simulated::Simulated;
use super::stage::{Pace, Stage};
use evenkeel::base::Address;
use evenkeel::config::{
    Backend, Config, Guard, HashOn, Health, Limits, Listener, PolicyName, Pool, ProbeKind, Route, Timeouts, Token,
};
use evenkeel::net::sim::Cruelty;
use std::net::SocketAddr;
use std::time::Duration;

/// Plays it everywhere, with the defaults and one backend.
pub fn play(dialogue: impl Fn(&Stage)) {
    Play::new().run(dialogue);
}

/// How a dialogue is to be played.
pub struct Play {
    config: Config,
    cut: bool,
    real: bool,
    edges: bool,
    calm: bool,
    simulated: bool,
}

impl Play {
    /// One backend, the default limits and time-outs, every stage.
    pub fn new() -> Play {
        Play { config: config(1), cut: true, real: true, edges: false, calm: false, simulated: true }
    }

    /// With so many backends.
    pub fn backends(self, count: usize) -> Play {
        Play { config: Config { pools: config(count).pools, ..self.config }, ..self }
    }

    /// With something else about the pool.
    pub fn pool(mut self, change: impl FnOnce(&mut Pool)) -> Play {
        change(&mut self.config.pools[0]);
        self
    }

    /// With an admin address, which asks for this token, if for any.
    pub fn admin(mut self, token: Option<&str>) -> Play {
        self.config.admin = vec![SocketAddr::from(([127, 0, 0, 1], 5002)).into()];
        self.config.guard.token = token.map(|token| Token::parse(token).expect("a token"));
        self
    }

    /// With something else about the listener.
    pub fn listener(mut self, change: impl FnOnce(&mut Listener)) -> Play {
        change(&mut self.config.listeners[0]);
        self
    }

    /// Through these routes; three backends, each the only one of its pool.
    pub fn routes(self, routes: Vec<Route>, rest: Option<usize>) -> Play {
        let mut config = config(3);
        let alone = |backend: &Backend| Pool {
            name: backend.name.clone(),
            backends: vec![backend.clone()],
            ..config.pools[0].clone()
        };
        config.pools = config.pools[0].backends.iter().map(alone).collect();
        (config.listeners[0].routes, config.listeners[0].pool) = (routes, rest);
        Play { config, ..self }
    }

    /// Everybody at a path instead of a port.
    pub fn at_paths(mut self) -> Play {
        let path = |number: usize| Address::unix(format!("/run/{number}"));
        self.config.listeners[0].bind = vec![path(0)];
        let backends = self.config.pools.iter_mut().flat_map(|pool| &mut pool.backends);
        for (number, backend) in (1..).zip(backends) {
            backend.address = path(number);
            backend.name = backend.address.to_string();
        }
        self
    }

    /// With other limits.
    pub fn limits(mut self, change: impl FnOnce(&mut Limits)) -> Play {
        change(&mut self.config.limits);
        self
    }

    /// With other time-outs, short enough for the real kernel. What is said is then not cut, for that takes time.
    pub fn timeouts(mut self, change: impl FnOnce(&mut Timeouts)) -> Play {
        change(&mut self.config.timeouts);
        self.cut = false;
        self
    }

    /// What is said is not cut into pieces.
    pub fn uncut(self) -> Play {
        Play { cut: false, ..self }
    }

    /// Not on a cruel kernel, which may tear apart what is said in one breath; uncut.
    pub fn calm(self) -> Play {
        Play { calm: true, ..self.uncut() }
    }

    /// Not where readiness comes through mio's portable selector: there nothing is told of a connection before a call on
    /// it has found nothing, and of a client that waits for its answer nothing more is read.
    pub fn needs_edges(self) -> Play {
        let portable = cfg!(any(mio_unsupported_force_poll_poll, evenkeel_portable));
        Play { edges: true, real: self.real && !portable, ..self }
    }

    /// Not on the real kernel; `why` is for the reader.
    pub fn simulated_only(self, why: &str) -> Play {
        assert!(!why.is_empty());
        Play { real: false, ..self }
    }

    /// Not on the simulated kernel; `why` is for the reader.
    pub fn real_only(self, why: &str) -> Play {
        assert!(!why.is_empty());
        Play { simulated: false, ..self.uncut() }
    }

    /// Plays it.
    pub fn run(&self, dialogue: impl Fn(&Stage)) {
        let longest = if self.simulated { self.moods(&dialogue) } else { 0 };
        if self.cut {
            self.cuts(&dialogue, longest);
        }
        if self.real {
            let kernel = Box::new(Real::new(&self.config, 1));
            perform(kernel, Pace::Whole, "the real kernel".into(), &dialogue);
        }
    }

    /// Every mood of the simulated kernel; the longest saying.
    fn moods(&self, dialogue: &impl Fn(&Stage)) -> usize {
        let more = std::env::var("DIALOGUE_SEEDS").ok().and_then(|value| value.parse().ok());
        let (calm, cruel) = (Cruelty::calm(), Cruelty::cruel());
        let deferring = Cruelty { defers: 1000, ..calm.clone() };
        let mut moods = vec![("calm", 2, calm.clone()), ("deferring", 1, deferring), ("portable", 1, calm.portable())];
        if !self.calm {
            moods.extend([("cruel", 12, cruel.clone()), ("cruel and portable", 4, cruel.portable())]);
        }
        moods.retain(|(.., mood)| !(self.edges && mood.portable));
        let mut longest = 0;
        for (name, seeds, mood) in moods {
            for seed in 0..more.unwrap_or(seeds) {
                let kernel = Box::new(Simulated::new(&self.config, seed, mood.clone()));
                let name = format!("the simulated kernel, {name}, seed {seed}");
                longest = perform(kernel, Pace::Whole, name, dialogue);
            }
        }
        longest
    }

    /// Every saying byte by byte, and in two pieces.
    fn cuts(&self, dialogue: &impl Fn(&Stage), longest: usize) {
        let prompt = Cruelty { latency: Duration::ZERO, ..Cruelty::calm() };
        for pace in std::iter::once(Pace::Bytes).chain((1..longest).map(Pace::Split)) {
            let kernel = Box::new(Simulated::new(&self.config, 1, prompt.clone()));
            perform(kernel, pace, format!("the simulated kernel, {pace:?}"), dialogue);
        }
    }
}

fn perform(kernel: Box<dyn Kernel>, pace: Pace, name: String, dialogue: &impl Fn(&Stage)) -> usize {
    let stage = Stage::new(kernel, pace, name);
    dialogue(&stage);
    stage.curtain();
    stage.longest()
}

/// One listener before one pool that is not probed.
fn config(backends: usize) -> Config {
    let at = |port: usize| SocketAddr::from(([127, 0, 0, 1], port as u16));
    let backend =
        |index: usize| Backend { name: at(8080 + index).to_string(), address: at(8080 + index).into(), weight: 1 };
    let second = Duration::from_secs(1);
    let health = Health { kind: ProbeKind::Off, interval: second, timeout: second, ..Health::default() };
    let backends = (0..backends).map(backend).collect();
    Config {
        listeners: vec![Listener {
            name: "main".into(),
            bind: vec![at(5001).into()],
            pool: Some(0),
            ..Listener::default()
        }],
        pools: vec![Pool {
            name: "main".into(),
            policy: PolicyName::RoundRobin,
            hash: HashOn::Client,
            backends,
            health,
            ..Pool::default()
        }],
        admin: Vec::new(),
        guard: Guard::default(),
        timeouts: Timeouts::default(),
        limits: Limits::default(),
    }
}
