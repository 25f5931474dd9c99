//! A crowd of clients that are kept alive and ask for nothing, on the simulated kernel: what does each cost us?
//!
//! Twenty thousand in the normal test run; `CLIENTS=1000000 cargo test --release --test million -- --nocapture` for the
//! million. The kernel's own sockets are not counted: `scripts/bench.sh idle` weighs a real process.

use evenkeel::base::Time;
use evenkeel::config::{self, Command, Config};
use evenkeel::net::sim::{Cruelty, Far, Sim, Welcome};
use evenkeel::proxy::Proxy;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

/// So many come at once.
const GROUP: usize = 500;

/// What an idle client may cost, in bytes.
const MOST: usize = 256;

const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: test\r\n\r\n";
const RESPONSE: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], port))
}

fn config() -> Config {
    let line = "evenkeel -l 127.0.0.1:5001 -b 127.0.0.1:8080 --admin off --health off";
    let read = |path: &Path| std::fs::read_to_string(path);
    match config::from_args(line.split(' ').map(Into::into), &|_| None, &read, &|_| Ok(vec![at(8080)])) {
        Ok(Command::Run { mut config, .. }) => {
            config.timeouts.client_idle = Duration::from_secs(1_000_000);
            config.timeouts.upstream_idle = Duration::from_secs(1_000_000);
            config
        }
        other => panic!("{other:?}"),
    }
}

/// The balancer, its backend, and whom the backend talks to.
struct House {
    proxy: Proxy<Sim>,
    upstreams: Vec<Far>,
}

impl House {
    fn new() -> House {
        let mut sim = Sim::new(1, Cruelty { latency: Duration::ZERO, ..Cruelty::calm() });
        sim.serve(at(8080), Welcome::Accept);
        House { proxy: Proxy::new(&config(), sim, 1).expect("a free port"), upstreams: Vec::new() }
    }

    /// One turn; the backend answers whatever it was asked.
    fn turn(&mut self) {
        let soon = self.proxy.net().now() + Duration::from_millis(1);
        self.proxy.net_mut().alarm(soon);
        self.proxy.turn().expect("a turn");
        let sim = self.proxy.net_mut();
        while let Some(upstream) = sim.take(&at(8080).into()) {
            self.upstreams.push(upstream);
        }
        for &upstream in &self.upstreams {
            let mut asked = Vec::new();
            if sim.far_read(upstream, &mut asked, usize::MAX) > 0 {
                assert_eq!(sim.far_write(upstream, RESPONSE), RESPONSE.len());
            }
        }
    }

    /// A group of clients comes, asks once, is answered, and stays.
    fn admit(&mut self, count: usize) {
        let sim = self.proxy.net_mut();
        let clients: Vec<Far> = (0..count).map(|_| sim.dial(at(5001))).collect();
        self.turn();
        for &client in &clients {
            assert_eq!(self.proxy.net_mut().far_write(client, REQUEST), REQUEST.len());
        }
        let mut heard = vec![Vec::new(); count];
        while heard.iter().any(|said: &Vec<u8>| !said.ends_with(b"ok")) {
            self.turn();
            for (client, said) in clients.iter().zip(&mut heard) {
                self.proxy.net_mut().far_read(*client, said, usize::MAX);
            }
        }
    }
}

#[test]
fn an_idle_client_costs_little_and_no_buffer() {
    let clients = std::env::var("CLIENTS").ok().and_then(|count| count.parse().ok()).unwrap_or(20_000);
    let mut house = House::new();
    for from in (0..clients).step_by(GROUP) {
        house.admit(GROUP.min(clients - from));
    }
    let (proxy, start) = (&house.proxy, Time(0));
    assert_eq!(proxy.open_sessions(), clients);
    assert_eq!((proxy.lent_buffers(), proxy.alive_requests(), proxy.stats().finished), (0, 0, clients as u64));
    let each = proxy.tables() / clients;
    println!(
        "{clients} idle clients after {:?} of simulated time: {each} bytes each in our tables; {} more while one is served",
        proxy.net().now().since(start),
        Proxy::<Sim>::exchange_size()
    );
    assert!(each <= MOST, "{each} bytes for each idle client");
}
