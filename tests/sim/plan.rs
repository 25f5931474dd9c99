//! The grammar: what a seed means. The weights of the actors are in `people.rs`, worlds with a theme in `flavours.rs`.

mod flavours;
mod people;

use super::Order;
use super::backend::{Deed, Habits};
use super::heralds::{self, Heralds};
use super::http_client::{Fault, HttpAsk};
use super::reloads::{self, Reload};
use super::tcp::TcpAsk;
use super::watchers::{self, Watching};
use super::ways::Ways;
use evenkeel::base::{Address, Rng};
use evenkeel::config::{ClientLimit, Ejection, HashOn, Mode, PolicyName, Queue, Rate, Sticky};
use evenkeel::net::Signal;
use evenkeel::net::sim::Cruelty;
use people::{cruelty, deeds, habits, http_coming, http_habits, scarcity, signals, tcp_ask};
use std::net::SocketAddr;
use std::time::Duration;

/// What the balancer under test can be asked to bear.
#[derive(Debug, Clone, Copy)]
pub struct Scope {
    /// It has deadlines: silence and swallowed connects may be tried on it.
    pub timers: bool,
}

/// Somebody who will come.
#[derive(Debug, Clone)]
pub enum Coming {
    Tcp(TcpAsk),
    Http(HttpAsk),
    /// Asks for a tunnel over HTTP.
    Upgrade(TcpAsk),
}

/// All that happens to come in one run.
#[derive(Debug, Clone)]
pub struct Plan {
    pub seed: u64,
    pub cruelty: Cruelty,
    pub backends: Vec<Habits>,
    /// Who comes when.
    pub clients: Vec<(Duration, Coming)>,
    /// What happens to which backend, when.
    pub deeds: Vec<(Duration, usize, Deed)>,
    /// Nothing is broken on purpose: all must succeed.
    pub fair: bool,
    /// The balancer is told to leave.
    pub stop: Option<Duration>,
    /// ... and so long after that to leave at once.
    pub hurry: Option<Duration>,
    /// What the operator asks of which backend, when. Never of the first of a pool.
    pub orders: Vec<(Duration, usize, Order)>,
    /// How the configuration changes, when.
    pub reloads: Vec<(Duration, Reload)>,
    /// An operator asks for other things, some of which are not there yet.
    pub signals: Vec<(Duration, Signal)>,
    /// Backends are probed.
    pub probes: bool,
    /// So many failures and passes in a row change the mind about a backend.
    pub fall: u32,
    pub rise: u32,
    /// Larger request bodies are refused; more clients wait outside; 0: no limit.
    pub body_limit: u64,
    /// Reads of so many bytes make the balancer try pipes.
    pub bulk: usize,
    pub most_clients: usize,
    /// This backend refuses everybody and is used all the same.
    pub lame: Option<usize>,
    /// Who says whose connections they are.
    pub heralds: Heralds,
    /// Who is at paths.
    pub paths: Paths,
    /// What leads to the second pool of each mode, and its one backend.
    pub ways: [Option<(Ways, usize)>; 2],
    /// Who watches it all, and from when on.
    pub watchers: Vec<(Duration, Watching)>,
}

/// What is limited.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Requests at a backend, and who waits.
    pub inflight: Option<u32>,
    pub queue: Option<Queue>,
    /// Clients at a listener.
    pub most: Option<u32>,
    /// Every client has an address of its own. Not in TCP mode.
    pub client: Option<ClientLimit>,
}

/// Chance with words for it.
pub struct Dice(pub Rng);

impl Dice {
    /// One of the things, by weight.
    pub fn pick<T: Clone>(&mut self, things: &[(u64, T)]) -> T {
        let total = things.iter().map(|(weight, _)| weight).sum();
        let mut at = self.0.below(total);
        for (weight, thing) in things {
            if at < *weight {
                return thing.clone();
            }
            at -= weight;
        }
        unreachable!("the weights sum up")
    }

    pub fn chance(&mut self, of_thousand: u64) -> bool {
        self.0.chance(of_thousand, 1000)
    }

    /// Mostly small, seldom large.
    pub fn size(&mut self) -> u64 {
        let most = self.pick(&[(12, 40), (12, 600), (7, 4_000), (1, 40_000)]);
        self.0.below(most)
    }

    pub fn millis(&mut self, most: u64) -> Duration {
        Duration::from_micros(self.0.below(most * 1000 + 1))
    }
}

/// The name of the cookie by which clients come back.
pub const COOKIE: &str = "EVENKEEL";

/// The address of a backend.
pub fn address(index: usize) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 8080 + index as u16))
}

/// Where the balancer under test listens.
pub fn listener(mode: Mode) -> SocketAddr {
    let port = match mode {
        Mode::Http => 5001,
        Mode::Tcp => 5003,
    };
    SocketAddr::from(([127, 0, 0, 1], port))
}

/// What listens at a path instead of a port.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Paths {
    pub doors: bool,
    /// Every backend, every other, or none.
    pub every: Option<usize>,
}

impl Paths {
    /// In two worlds of five. By dice of its own.
    fn of(seed: u64) -> Paths {
        let dice = &mut Dice(Rng::new(seed ^ 0x9a745));
        Paths { doors: dice.chance(250), every: dice.pick(&[(6, None), (1, Some(1)), (1, Some(2))]) }
    }

    /// Whether somebody is, so that a connection that broke may look as if it had ended.
    pub fn any(self) -> bool {
        self != Paths::default()
    }

    /// Where the backend with this address really listens.
    pub fn place(self, at: SocketAddr) -> Address {
        let index = usize::from(at.port());
        match self.every.is_some_and(|every| index.is_multiple_of(every)) {
            true => Address::unix(format!("/run/{index}")),
            false => at.into(),
        }
    }

    /// Where the balancer really listens.
    pub fn door(self, mode: Mode) -> Address {
        match self.doors {
            true => Address::unix(format!("/run/{mode:?}")),
            false => listener(mode).into(),
        }
    }
}

impl Plan {
    /// What `seed` means: one mode or both, in one world.
    pub fn of(seed: u64) -> Plan {
        let dice = &mut Dice(Rng::new(seed ^ 0x0f));
        let http = |seed| Plan::http(seed);
        let tcp = |seed| Plan::tcp(seed, Scope { timers: true });
        let mut plan = match dice.pick(&[(5, 0), (2, 1), (3, 2)]) {
            0 => http(seed),
            1 => tcp(seed),
            _ => http(seed).beside(tcp(seed)),
        };
        if plan.lame.is_none() {
            plan.paths = Paths::of(seed); // a lame one is to count as picked, which who is turned away at once does not
        }
        plan.part_ways();
        plan.orders = plan.some_orders();
        plan.reloads = reloads::some(&plan);
        plan.watchers = watchers::some(seed);
        if let Some(most) = plan.cruelty.descriptors.as_mut().filter(|_| !plan.watchers.is_empty()) {
            *most += 2; // the admin address has a socket of its own, and one watches
        }
        if plan.cruelty.window.0 >= heralds::LONGEST {
            plan.heralds = Heralds::of(seed);
        }
        plan
    }

    /// Requests find a second pool by routes, in one HTTP world of five; TLS clients by name, in one TCP world of three.
    fn part_ways(&mut self) {
        for (mode, share) in [(Mode::Http, 200), (Mode::Tcp, 330)] {
            let first = self.pool(mode).first().map(|&index| Habits { breaks: 0, ..self.backends[index] });
            if let Some(first) = first.filter(|_| self.lame.is_none()) {
                let ways = Ways::of(self.seed, mode, share);
                self.ways[mode as usize] = ways.map(|ways| (ways, self.backends.len()));
                self.backends.extend(self.ways[mode as usize].is_some().then_some(first));
            }
        }
    }

    /// In one world of four, an operator who cannot leave well alone. By dice of his own.
    fn some_orders(&self) -> Vec<(Duration, usize, Order)> {
        let dice = &mut Dice(Rng::new(self.seed ^ 0x0de5));
        let later = |mode| self.pool(mode).into_iter().skip(1);
        let open: Vec<usize> = later(Mode::Http).chain(later(Mode::Tcp)).collect();
        if !dice.chance(250) || self.lame.is_some() {
            return Vec::new();
        }
        let orders = [Order::Drain, Order::Disable, Order::Enable, Order::Weight(0), Order::Weight(3)];
        let count = 1 + dice.0.below(6);
        let one = |_| Some((dice.millis(1500), *dice.0.one_of(&open)?, *dice.0.one_of(&orders)?));
        let mut all: Vec<_> = (0..count).filter_map(one).collect();
        all.sort_by_key(|&(at, ..)| at);
        all
    }

    /// Whether clients come back by a cookie: in one world of four.
    pub fn sticky(&self) -> Option<Sticky> {
        let dice = &mut Dice(Rng::new(self.seed ^ 0xc00c1e));
        let ttl = dice.chance(500).then_some(Duration::from_secs(60));
        (dice.chance(250) && self.lame.is_none()).then(|| Sticky { cookie: COOKIE.into(), ttl })
    }

    /// What is asked of another backend: something in one world of three.
    pub fn retry_on(&self) -> Vec<u16> {
        let dice = &mut Dice(Rng::new(self.seed ^ 0xe15e));
        let some = dice.pick(&[(2, vec![500]), (1, vec![502]), (1, vec![504]), (2, vec![504, 500, 502])]);
        if dice.chance(330) && self.lame.is_none() { some } else { Vec::new() }
    }

    /// This and another in one world: this one's kernel, both ones' people.
    fn beside(mut self, other: Plan) -> Plan {
        let first = self.backends.len();
        self.backends.extend(other.backends);
        self.clients.extend(other.clients);
        self.deeds.extend(other.deeds.into_iter().map(|(at, index, deed)| (at, first + index, deed)));
        Plan { fair: self.fair && other.fair, ..self }
    }

    /// How backends are picked. Half of all worlds go round, which is looked at; the others have the policies in turn.
    pub fn policy(&self) -> (PolicyName, HashOn) {
        let turn = (self.seed / 2) as usize;
        if self.seed.is_multiple_of(2) || self.lame.is_some() {
            return (PolicyName::RoundRobin, HashOn::Client);
        }
        let parts = [HashOn::Client, HashOn::Path, HashOn::Host, HashOn::Header("content-length".into())];
        let policies = PolicyName::ALL;
        (policies[turn % policies.len()].1, parts[turn / policies.len() % parts.len()].clone())
    }

    /// Whether and how live traffic excludes backends, in two worlds of five; and how slowly who was excluded returns,
    /// in one of four. By dice of their own, so that they change nothing else of what a seed means.
    pub fn judgement(&self) -> (Option<Ejection>, Option<Duration>) {
        let dice = &mut Dice(Rng::new(self.seed ^ 0xe7ec7));
        let ejection = Ejection {
            consecutive: dice.pick(&[(2, 1), (1, 2), (1, 3)]),
            share: dice.pick(&[(1, 34), (2, 50), (1, 100)]),
            base: Duration::from_millis(200) + dice.millis(3000),
        };
        let ejects = dice.chance(400) && self.lame.is_none();
        (ejects.then_some(ejection), dice.chance(250).then(|| Duration::from_millis(1) + dice.millis(4000)))
    }

    /// How little may go on at once: something is limited in one world of three. By dice of its own.
    pub fn caps(&self) -> Caps {
        let dice = &mut Dice(Rng::new(self.seed ^ 0xcab5));
        if !dice.chance(330) || self.lame.is_some() {
            return Caps::default();
        }
        let inflight = dice.pick(&[(1, None), (3, Some(1)), (1, Some(2))]);
        let queue = Queue { length: 1 + dice.0.below(5) as u32, timeout: Duration::from_millis(1) + dice.millis(1500) };
        let queue = (inflight.is_some() && dice.chance(800)).then_some(queue);
        // Who has to wait outside may be late for what it was to be refused for.
        let late = |coming: &Coming| matches!(coming, Coming::Http(ask) if ask.asks.iter().any(|ask| ask.fault == Fault::Dribbles));
        let dribble = self.clients.iter().any(|(_, coming)| late(coming));
        let most = dice.pick(&[(3, None), (1, Some(1)), (1, Some(2))]).filter(|_| !dribble);
        let rate = Rate { count: 1 + dice.0.below(50) as u32, per: Duration::from_secs(1) };
        let (connections, burst) = (dice.pick(&[(1, None), (1, Some(1))]), dice.pick(&[(1, None), (1, Some(2))]));
        let client = ClientLimit { connections, requests: Some(rate), burst };
        Caps { inflight, queue, most, client: dice.chance(200).then_some(client) }
    }

    /// Nobody is excluded for what it answers, or by the operator, and there is room for all.
    pub fn is_steady(&self) -> bool {
        self.caps() == Caps::default() && self.is_still()
    }

    /// Nobody changes anything about its backends.
    pub fn is_still(&self) -> bool {
        self.judgement().0.is_none() && self.orders.is_empty() && self.reloads.is_empty()
    }

    /// The backends of the pool that there always is, by index.
    pub fn pool(&self, mode: Mode) -> Vec<usize> {
        let of = |habits: &Habits| habits.http.is_some() == (mode == Mode::Http);
        (0..self.backends.len()).filter(|&index| of(&self.backends[index]) && !self.is_apart(index)).collect()
    }

    /// Whether this backend is a second pool's.
    pub fn is_apart(&self, index: usize) -> bool {
        self.ways.iter().flatten().any(|&(_, other)| other == index)
    }

    /// All pools, in the order of the configuration.
    pub fn pools(&self) -> Vec<(Mode, Vec<usize>)> {
        let modes = [Mode::Http, Mode::Tcp];
        let main = modes.map(|mode| (mode, self.pool(mode)));
        let second = modes.map(|mode| (mode, self.ways[mode as usize].iter().map(|&(_, other)| other).collect()));
        main.into_iter().chain(second).filter(|(_, pool): &(Mode, Vec<usize>)| !pool.is_empty()).collect()
    }

    /// What can be left out of it, by name.
    pub fn parts(&self) -> Vec<String> {
        let clients = (0..self.clients.len()).rev().map(|index| format!("client{index}"));
        let deeds = (0..self.deeds.len()).rev().map(|index| format!("deed{index}"));
        let others = ["stop", "probes", "cruelty", "orders", "reloads", "watchers"].map(str::to_owned);
        others.into_iter().chain(deeds).chain(clients).collect()
    }

    /// The same without some of its parts.
    pub fn without(mut self, parts: &[String]) -> Plan {
        let stays = |kind: &str, index: usize| !parts.contains(&format!("{kind}{index}"));
        let mut index = 0..;
        self.clients.retain(|_| stays("client", index.next().unwrap_or(0)));
        let mut index = 0..;
        self.deeds.retain(|_| stays("deed", index.next().unwrap_or(0)));
        let out = |name: &str| parts.iter().any(|part| part == name);
        self.stop.take_if(|_| out("stop"));
        self.probes &= !out("probes");
        self.orders.retain(|_| !out("orders"));
        self.reloads.retain(|_| !out("reloads"));
        self.watchers.retain(|_| !out("watchers"));
        if out("cruelty") {
            self.cruelty = Cruelty { descriptors: self.cruelty.descriptors, ..Cruelty::calm() };
        }
        self
    }

    /// What `seed` means in TCP mode.
    pub fn tcp(seed: u64, scope: Scope) -> Plan {
        let dice = &mut Dice(Rng::new(seed ^ 0x7c9));
        let fair = dice.chance(400);
        let backends = (0..1 + dice.0.below(3)).map(|_| habits(dice, fair)).collect::<Vec<_>>();
        let clients = (0..1 + dice.0.below(6)).map(|_| (dice.millis(300), Coming::Tcp(tcp_ask(dice, fair, scope))));
        Plan {
            seed,
            clients: clients.collect(),
            deeds: if fair { Vec::new() } else { deeds(dice, backends.len(), scope) },
            backends,
            cruelty: if scope.timers && !fair { scarcity(dice) } else { cruelty(dice) },
            fair,
            stop: (scope.timers && dice.chance(80)).then(|| dice.millis(600)),
            orders: Vec::new(),
            reloads: Vec::new(),
            hurry: dice.chance(200).then(|| dice.millis(1000)),
            signals: Vec::new(),
            probes: scope.timers && dice.chance(100),
            fall: 1 + dice.0.below(3) as u32,
            rise: 1 + dice.0.below(3) as u32,
            body_limit: 0,
            bulk: dice.pick(&[(1, 20), (2, 200), (1, 16 * 1024)]),
            lame: None,
            heralds: Heralds::default(),
            paths: Paths::default(),
            ways: [None, None],
            watchers: Vec::new(),
            most_clients: if scope.timers && dice.chance(100) { 1 + dice.0.below(3) as usize } else { 0 },
        }
    }

    /// What `seed` means in HTTP mode.
    pub fn http(seed: u64) -> Plan {
        let dice = &mut Dice(Rng::new(seed ^ 0x477));
        let fair = dice.chance(400);
        let backends = (0..1 + dice.0.below(3) as usize).map(|index| http_habits(dice, fair || index == 0));
        let backends = backends.collect::<Vec<_>>();
        let clients = (0..1 + dice.0.below(5)).map(|_| (dice.millis(500), http_coming(dice, fair)));
        let plan = Plan {
            seed,
            clients: clients.collect(),
            deeds: if fair { Vec::new() } else { deeds(dice, backends.len(), Scope { timers: true }) },
            backends,
            cruelty: if fair { cruelty(dice) } else { scarcity(dice) },
            fair,
            stop: dice.chance(80).then(|| dice.millis(1500)),
            orders: Vec::new(),
            reloads: Vec::new(),
            hurry: dice.chance(200).then(|| dice.millis(1000)),
            signals: signals(dice),
            probes: dice.chance(150),
            fall: 1 + dice.0.below(3) as u32,
            rise: 1 + dice.0.below(3) as u32,
            lame: None,
            heralds: Heralds::default(),
            paths: Paths::default(),
            ways: [None, None],
            watchers: Vec::new(),
            bulk: dice.pick(&[(1, 20), (2, 200), (1, 16 * 1024)]),
            body_limit: if !fair && dice.chance(100) { 1 + dice.0.below(5000) } else { 0 },
            most_clients: if dice.chance(100) { 1 + dice.0.below(3) as usize } else { 0 },
        };
        match dice.0.below(100) {
            0 => plan.with_long_bodies(dice),
            1..7 => plan.with_surplus(dice),
            7..13 => plan.with_flapping(dice),
            13..17 => plan.with_slammed_doors(dice),
            17..20 => plan.with_dead_addresses(dice),
            20..22 => plan.with_a_lame_one(dice),
            22..24 => plan.with_quarrels(dice),
            24..26 => plan.with_false_starts(dice),
            26..28 => plan.with_dribblers(dice),
            _ => plan,
        }
    }
}
