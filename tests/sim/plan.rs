//! The grammar: what a seed means. Every weight of the world stands here.

use super::backend::{Deed, Habits};
use super::hostile;
use super::http_backend::HttpHabits;
use super::http_client::{Ask, Fault, HttpAsk};
use super::tcp::{Pace, Quit, TcpAsk};
use evenkeel::base::Rng;
use evenkeel::config::Mode;
use evenkeel::net::sim::Cruelty;
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
    /// Backends are probed.
    pub probes: bool,
    /// So many failures and passes in a row change the mind about a backend.
    pub fall: u32,
    pub rise: u32,
    /// Larger request bodies are refused; more clients wait outside; 0: no limit.
    pub body_limit: u64,
    pub most_clients: usize,
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

/// As fast as it goes.
const HASTE: Pace = Pace { chunk: u64::MAX, pause: Duration::ZERO, sip: usize::MAX, rest: Duration::ZERO };

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

impl Plan {
    /// What `seed` means: one mode or both, in one world.
    pub fn of(seed: u64) -> Plan {
        let dice = &mut Dice(Rng::new(seed ^ 0x0f));
        let http = |seed| Plan::http(seed);
        let tcp = |seed| Plan::tcp(seed, Scope { timers: true });
        match dice.pick(&[(5, 0), (2, 1), (3, 2)]) {
            0 => http(seed),
            1 => tcp(seed),
            _ => http(seed).beside(tcp(seed)),
        }
    }

    /// This and another in one world: this one's kernel, both ones' people.
    fn beside(mut self, other: Plan) -> Plan {
        let first = self.backends.len();
        self.backends.extend(other.backends);
        self.clients.extend(other.clients);
        self.deeds.extend(other.deeds.into_iter().map(|(at, index, deed)| (at, first + index, deed)));
        Plan { fair: self.fair && other.fair, ..self }
    }

    /// The backends of a pool, by index.
    pub fn pool(&self, mode: Mode) -> Vec<usize> {
        let of = |habits: &Habits| habits.http.is_some() == (mode == Mode::Http);
        (0..self.backends.len()).filter(|&index| of(&self.backends[index])).collect()
    }

    /// What can be left out of it, by name.
    pub fn parts(&self) -> Vec<String> {
        let clients = (0..self.clients.len()).rev().map(|index| format!("client{index}"));
        let deeds = (0..self.deeds.len()).rev().map(|index| format!("deed{index}"));
        let others = ["stop", "probes", "cruelty"].map(str::to_owned);
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
            probes: scope.timers && dice.chance(100),
            fall: 1 + dice.0.below(3) as u32,
            rise: 1 + dice.0.below(3) as u32,
            body_limit: 0,
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
            probes: dice.chance(150),
            fall: 1 + dice.0.below(3) as u32,
            rise: 1 + dice.0.below(3) as u32,
            body_limit: if !fair && dice.chance(100) { 1 + dice.0.below(5000) } else { 0 },
            most_clients: if dice.chance(100) { 1 + dice.0.below(3) as usize } else { 0 },
        };
        match dice.0.below(100) {
            0 => plan.with_long_bodies(dice),
            1..7 => plan.with_surplus(dice),
            7..13 => plan.with_flapping(dice),
            _ => plan,
        }
    }
}

impl Plan {
    /// A few bodies so long that a turn's budget is spent on them, through windows that let it.
    fn with_long_bodies(mut self, dice: &mut Dice) -> Plan {
        let long = |dice: &mut Dice| {
            let length = 200_000 + dice.0.below(800_000);
            let (method, body) = dice.pick(&[(1, ("GET", None)), (1, ("PUT", Some(length)))]);
            let chunked = dice.chance(500).then_some(50_000);
            let asks = vec![Ask { method, body, chunked, reply: length, ..one_ask(dice, true, true) }];
            let ask = HttpAsk { asks, pace: HASTE, ..http_ask(dice, true) };
            (dice.millis(5), Coming::Http(HttpAsk { pipelined: false, old: false, ..ask }))
        };
        self.backends.iter_mut().for_each(|habits| habits.pace = HASTE);
        let clients = (0..1 + dice.0.below(3)).map(|_| long(dice)).collect();
        let window = (100_000, 2_000_000);
        let cruelty = Cruelty { window, short_reads: 50, short_writes: 50, spurious: 0, ..Cruelty::cruel() };
        Plan { clients, deeds: Vec::new(), cruelty, fair: false, stop: None, body_limit: 0, ..self }
    }

    /// Backends that say more than they were asked, over a kernel that tells at once: so it can be known in time.
    fn with_surplus(mut self, dice: &mut Dice) -> Plan {
        for http in self.backends.iter_mut().filter_map(|habits| habits.http.as_mut()) {
            (http.surplus, http.closes_idle) = (dice.pick(&[(1, 100), (1, 500)]), 0);
        }
        let cruelty = Cruelty { short_writes: 100, blocked: 100, spurious: 100, accept_fails: 50, ..Cruelty::calm() };
        Plan { cruelty, fair: false, ..self }
    }

    /// Backends that come and go under probes, long after the clients have gone.
    fn with_flapping(mut self, dice: &mut Dice) -> Plan {
        let evils = [(2, Deed::Refuse), (1, Deed::Kill), (2, Deed::Sicken), (1, Deed::Hang), (1, Deed::Swallow)];
        self.deeds.clear();
        for index in 0..self.backends.len() {
            let (mut at, times) = (dice.millis(2000), dice.0.below(5));
            for _ in 0..times {
                self.deeds.push((at, index, dice.pick(&evils)));
                at += dice.millis(4000);
                self.deeds.push((at, index, Deed::Return));
                at += dice.millis(4000);
            }
        }
        Plan { probes: true, fair: false, stop: None, ..self }
    }
}

/// The kernel's mood, and seldom too few descriptors.
fn scarcity(dice: &mut Dice) -> Cruelty {
    let mood = cruelty(dice);
    match dice.0.below(20) {
        0 => Cruelty { descriptors: Some(3 + dice.0.below(8) as usize), ..mood },
        1 => Cruelty { connect_fails: 200, accept_fails: 300, ..mood },
        _ => mood,
    }
}

/// The kernel's mood.
pub fn cruelty(dice: &mut Dice) -> Cruelty {
    let cruel = Cruelty::cruel();
    let mood = match dice.0.below(8) {
        0 => Cruelty::calm(),
        1..4 => cruel,
        4 => Cruelty { segments: 900, window: (16, 300), ..Cruelty::calm() },
        5 => Cruelty { held_back: 500, apart: 900, spurious: 300, ..cruel },
        6 => Cruelty { short_reads: 600, short_writes: 600, nothing: 400, blocked: 400, ..cruel },
        _ => Cruelty { end_rides: 1000, latency: Duration::ZERO, ..cruel },
    };
    match dice.chance(200) {
        true => mood.portable(),
        false => mood,
    }
}

fn habits(dice: &mut Dice, fair: bool) -> Habits {
    Habits {
        pace: pace(dice),
        breaks: if fair { 0 } else { dice.pick(&[(2, 0), (1, 200), (1, 600)]) },
        longest: dice.pick(&[(2, 50), (3, 2_000), (1, 30_000)]),
        http: None,
    }
}

/// A firm backend answers every request, though in many ways.
fn http_habits(dice: &mut Dice, firm: bool) -> Habits {
    let often = |dice: &mut Dice| dice.pick(&[(3, 0), (2, 200), (1, 1000)]);
    let ill = |dice: &mut Dice| if firm { 0 } else { dice.pick(&[(3, 0), (1, 100), (1, 500)]) };
    let http = HttpHabits {
        chunks: often(dice),
        until_close: often(dice),
        interim: dice.pick(&[(3, 0), (1, 300)]),
        closes: dice.pick(&[(3, 0), (1, 300)]),
        closes_idle: dice.pick(&[(2, 0), (1, 500)]),
        early: dice.pick(&[(4, 0), (1, 300)]),
        dies_before: ill(dice),
        dies_within: ill(dice),
        hangs: ill(dice) / 5,
        thinks: dice.pick(&[(2, 0), (1, 500)]),
        statuses: dice.pick(&[(2, 0), (1, 300)]),
        old: dice.pick(&[(3, 0), (1, 500)]),
        continues: dice.pick(&[(1, 0), (2, 1000)]),
        upgrades: dice.pick(&[(1, 500), (2, 1000)]),
        bad_heads: ill(dice) / 2,
        bad_chunks: ill(dice),
        surplus: 0,
    };
    let hasty = HttpHabits { early: 800, until_close: 700, dies_within: 500, ..http };
    let http = if !firm && dice.chance(200) { hasty } else { http };
    let breaks = if firm { 0 } else { dice.pick(&[(2, 0), (1, 300)]) };
    Habits { pace: pace(dice), breaks, longest: dice.pick(&[(2, 50), (1, 3_000)]), http: Some(http) }
}

fn http_coming(dice: &mut Dice, fair: bool) -> Coming {
    match dice.chance(100) {
        true => Coming::Upgrade(tcp_ask(dice, fair, Scope { timers: true })),
        false => Coming::Http(http_ask(dice, fair)),
    }
}

fn http_ask(dice: &mut Dice, fair: bool) -> HttpAsk {
    let pipelined = dice.chance(250);
    let old = !pipelined && dice.chance(150);
    let mut asks: Vec<Ask> = (0..1 + dice.0.below(5)).map(|_| one_ask(dice, pipelined, !old)).collect();
    let hostile = !fair && dice.chance(150);
    if hostile && let Some(last) = asks.last_mut() {
        go_bad(last, dice, old);
    }
    let quits = [(3, Quit::Reset), (3, Quit::Close), (1, Quit::Silent)];
    HttpAsk {
        asks,
        old,
        old_keeps: dice.chance(500),
        pipelined,
        pace: match dice.0.below(10) {
            0 => Pace { chunk: 1, ..HASTE },
            _ => pace(dice),
        },
        half_close: dice.chance(200),
        stays: dice.chance(100),
        quit: (!fair && dice.chance(200)).then(|| (dice.size(), dice.pick(&quits))),
    }
}

/// The request turns hostile.
fn go_bad(ask: &mut Ask, dice: &mut Dice, old: bool) {
    let most = ask.body.unwrap_or(0);
    ask.expects = None;
    ask.fault = match (ask.body, ask.chunked) {
        (Some(_), Some(_)) if !old && dice.chance(800) => {
            Fault::Chunk(dice.0.below(most + 1), dice.0.below(hostile::CHUNKS.len() as u64) as usize)
        }
        (Some(1..), _) if dice.chance(500) => Fault::Stalls(dice.0.below(most)),
        _ => Fault::Hostile(dice.0.below(hostile::REQUESTS.len() as u64) as usize),
    };
}

fn one_ask(dice: &mut Dice, pipelined: bool, modern: bool) -> Ask {
    let method = match pipelined {
        true => dice.pick(&[(5, "GET"), (1, "HEAD")]),
        false => dice.pick(&[(6, "GET"), (1, "HEAD"), (3, "POST"), (2, "PUT"), (1, "DELETE")]),
    };
    let body = matches!(method, "POST" | "PUT").then(|| dice.size());
    // Thousands of tiny chunks are refused by right: the balancer is not to be kept busy with framing.
    let least = 1 + body.unwrap_or(0) / 5000;
    let chunked = dice.chance(400).then(|| (least + dice.size()) as usize);
    let expects = (modern && !pipelined && dice.chance(150)).then(|| dice.millis(1500));
    let host = modern || dice.chance(500);
    Ask { method, body, chunked, reply: dice.size(), think: dice.millis(100), expects, host, fault: Fault::None }
}

fn pace(dice: &mut Dice) -> Pace {
    match dice.0.below(6) {
        0 => Pace { chunk: 100 + dice.0.below(900), pause: dice.millis(20), ..HASTE },
        1 => Pace { sip: 100 + dice.0.below(900) as usize, rest: dice.millis(40), ..HASTE },
        _ => HASTE,
    }
}

fn tcp_ask(dice: &mut Dice, fair: bool, scope: Scope) -> TcpAsk {
    let length = dice.size();
    let quits: &[(u64, Quit)] = match scope.timers {
        true => &[(3, Quit::Reset), (3, Quit::Close), (1, Quit::Silent)],
        false => &[(1, Quit::Reset), (1, Quit::Close)],
    };
    let quit = (!fair && dice.chance(250)).then(|| (dice.size(), dice.pick(quits)));
    TcpAsk { length, pace: pace(dice), half_close: dice.chance(500), quit }
}

/// Deeds against all backends but the first, which stands firm in three runs of four.
fn deeds(dice: &mut Dice, backends: usize, scope: Scope) -> Vec<(Duration, usize, Deed)> {
    let firm = usize::from(dice.chance(750));
    let mut deeds = Vec::new();
    for index in firm..backends {
        if dice.chance(500) {
            let (at, back) = (dice.millis(300), dice.millis(300));
            let late = Deed::Delay(dice.millis(500));
            let deed = match scope.timers {
                true => dice.pick(&[
                    (4, Deed::Kill),
                    (2, Deed::Refuse),
                    (1, Deed::Swallow),
                    (1, late),
                    (1, Deed::Hang),
                    (1, Deed::Sicken),
                ]),
                false => dice.pick(&[(4, Deed::Kill), (2, Deed::Refuse), (1, late)]),
            };
            deeds.push((at, index, deed));
            deeds.push((at + back, index, Deed::Return));
        }
    }
    deeds
}
