//! The balancer under test, as the world sees it, and a configuration made by hand.

use super::plan::{Plan, address};
use super::watchers;
use super::{House, Order, Seen};
use evenkeel::admin::{self, Act};
use evenkeel::balance::{self, BackendId, Backends};
use evenkeel::config::network::Network;
use evenkeel::config::{
    Backend, Config, Guard, Health, Limits, Listener, Mode, PolicyName, Pool, Preface, ProbeKind, Timeouts,
};
use evenkeel::http;
use evenkeel::net::sim::Sim;
use evenkeel::proxy::{Proxy, Turned};
use std::io;
use std::time::Duration;

impl House for Proxy<Sim> {
    fn metrics(&self) -> String {
        let mut table = http::table();
        let head = b"GET /metrics HTTP/1.1\r\nHost: admin\r\n\r\n";
        let request = http::head::request(head, &http::Limits::default(), &mut table).expect("a request");
        String::from_utf8(admin::page(&request, &self.view()).body).expect("text")
    }

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

    fn backend(&self, index: usize) -> Option<Seen> {
        let Some(id) = find(self.backends(), index) else {
            return Some(Seen { up: true, ejected: false, requests: 0, in_flight: 0 });
        };
        let backend = self.backends().get(id);
        let balance::Backend { requests, in_flight, .. } = *backend;
        Some(Seen { up: backend.is_up(), ejected: backend.is_ejected(), requests, in_flight })
    }

    fn order(&mut self, index: usize, order: Order) {
        let Some(id) = find(self.backends(), index) else { return };
        let mut act = Act { backends: vec![id], weight: None, order: None };
        match order {
            Order::Drain => act.order = Some(balance::Order::Drain),
            Order::Disable => act.order = Some(balance::Order::Disable),
            Order::Enable => act.order = Some(balance::Order::Serve),
            Order::Weight(weight) => act.weight = Some(weight),
        }
        self.operate().perform(&act); // as the admin address has it
    }

    fn reload(&mut self, config: &Config) -> Result<(), String> {
        Proxy::reload(self, Ok(config)).map(drop)
    }

    fn lent(&self) -> usize {
        self.lent_buffers() + Proxy::net(self).lent_pipes()
    }

    fn describe(&self) -> Vec<String> {
        self.describe_sessions().collect()
    }

    fn check(&self) -> Result<(), String> {
        let stats = self.stats();
        if stats.stuck > 0 {
            return Err(format!("{} sessions asked to go on and did nothing", stats.stuck));
        }
        self.check_queues()?;
        if self.open_sessions() == 0 || stats.turns.is_multiple_of(16) {
            self.check_tallies()?;
        }
        if self.open_sessions() == 0 {
            stats.check_lines()?;
            if let Some(backend) = self.backends().departing().next() {
                return Err(format!("backend {} has left and {} are in flight", backend.name, backend.in_flight));
            }
        }
        stats.check(self.open_sessions() as u64, self.alive_requests() as u64)
    }
}

/// Where a backend of the world stands in the table, if the configuration has it. Most often where it stood at first.
fn find(all: &Backends, index: usize) -> Option<BackendId> {
    // Its last two digits tell them apart: this is asked for each of them after every turn.
    let wanted = address(index).port() % 100;
    let port = |name: &[u8]| match name {
        [.., tens, ones] => u16::from(tens.wrapping_sub(b'0')) * 10 + u16::from(ones.wrapping_sub(b'0')),
        _ => u16::MAX,
    };
    let is = |backend: &balance::Backend| {
        port(backend.name.as_bytes()) == wanted && backend.order() != balance::Order::Leave
    };
    let first = BackendId(index as u32);
    if is(all.get(first)) { Some(first) } else { all.iter().find(|(_, backend)| is(backend)).map(|(id, _)| id) }
}

/// Shorter than the defaults where nothing in the world takes as long: what was forgotten is found out sooner.
pub const TIMEOUTS: Timeouts = Timeouts {
    connect: Duration::from_secs(3),
    header: Duration::from_secs(5),
    body: Duration::from_secs(6),
    response: Duration::from_secs(7),
    client_idle: Duration::from_secs(15),
    upstream_idle: Duration::from_secs(4),
    tunnel: Duration::from_secs(20),
    drain: Duration::from_secs(8),
};

/// What a plan asks of a balancer: a listener and a pool or two for each mode that has backends, and its limits.
pub fn config(plan: &Plan) -> Config {
    let pools = plan.pools();
    let (firsts, seconds): (Vec<_>, Vec<_>) = (0..pools.len()).partition(|&row| !plan.is_apart(pools[row].1[0]));
    let door = |&row: &usize| {
        let mode = pools[row].0;
        let second = seconds.iter().find(|&&second| pools[second].0 == mode);
        let ways = plan.ways[mode as usize].as_ref().zip(second);
        let (routes, pool) = ways.map_or((Vec::new(), Some(row)), |((ways, _), &second)| ways.routes(row, second));
        Listener {
            name: name(mode),
            bind: vec![plan.paths.door(mode)],
            mode,
            preface: Preface { sni: mode == Mode::Tcp && ways.is_some(), ..preface(plan) },
            routes,
            pool,
            max_connections: plan.caps().most,
            client_limit: if mode == Mode::Http { plan.caps().client } else { None },
            congestion: None,
        }
    };
    Config {
        listeners: firsts.iter().map(door).collect(),
        pools: pools.iter().map(|(mode, backends)| pool(plan, *mode, backends)).collect(),
        admin: plan.watchers.iter().map(|_| watchers::door().into()).take(1).collect(),
        guard: Guard::default(),
        timeouts: TIMEOUTS,
        limits: Limits { body: plan.body_limit, connections: plan.most_clients, bulk: plan.bulk, ..Limits::default() },
    }
}

/// Everybody comes through a proxy, or nobody.
fn preface(plan: &Plan) -> Preface {
    match plan.heralds.before {
        true => Preface {
            proxy_protocol: true,
            trusted: ["0.0.0.0/0", "unix:"].iter().flat_map(|all| Network::parse(all)).collect(),
            sni: false,
        },
        false => Preface::default(),
    }
}

/// From one probe of a settled backend to the next, and how long one may take.
pub const INTERVAL: Duration = Duration::from_secs(5);
pub const PROBE_TIMEOUT: Duration = Duration::from_secs(2);

fn name(mode: Mode) -> String {
    format!("{mode:?}").to_lowercase()
}

fn pool(plan: &Plan, mode: Mode, backends: &[usize]) -> Pool {
    let (policy, hash) = plan.policy();
    let weight = |index: usize| if policy == PolicyName::RoundRobin { 1 } else { 1 + index as u32 % 3 };
    let backend = |&index: &usize| {
        let (name, address) = (address(index).to_string(), plan.paths.place(address(index)));
        Backend { name, address, weight: weight(index) }
    };
    let kind = match mode {
        _ if !plan.probes => ProbeKind::Off,
        Mode::Http => ProbeKind::get("/"),
        Mode::Tcp => ProbeKind::Tcp,
    };
    let (interval, timeout) = (INTERVAL, PROBE_TIMEOUT);
    let (ejection, slow_start) = plan.judgement();
    let health =
        Health { kind, interval, timeout, fall: plan.fall, rise: plan.rise, ejection, slow_start, ..Health::default() };
    Pool {
        name: if plan.is_apart(backends[0]) { format!("{}-other", name(mode)) } else { name(mode) },
        policy,
        hash,
        backends: backends.iter().map(backend).collect(),
        health,
        sticky: if mode == Mode::Http { plan.sticky() } else { None },
        retry_on: if mode == Mode::Http { plan.retry_on() } else { Vec::new() },
        proxy_protocol: plan.heralds.behind,
        max_inflight: plan.caps().inflight,
        queue: plan.caps().queue,
        congestion: None,
    }
}
