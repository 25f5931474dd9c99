//! Measures the policies: who gets how much, how evenly, what moves when a backend leaves, and what a pick costs.
//!
//! `cargo run --release --example policies` prints the tables of README and of `src/balance/policy/mod.rs`. All but the
//! nanoseconds come out the same on every machine.

use evenkeel::balance::health::Step;
use evenkeel::balance::{BackendId, Backends, Cause, PoolId, Wanted, key};
use evenkeel::base::{Address, Rng, Time};
use evenkeel::config::{self, Health, PolicyName, Pool, ProbeKind};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

fn main() {
    println!("| policy | shares of weights 1, 1, 2 | busiest of 10 | slow one of 10 | fails | leaves |");
    println!("|---|---|---|---|---|---|");
    for (name, policy) in PolicyName::ALL {
        let [fails, leaves] = [fall as fn(&mut Backends), leave].map(|change| moved(policy, change));
        let (busiest, slow) = (in_flight(policy, 1).0, in_flight(policy, 5).1);
        println!("| `{name}` | {} | {busiest:.2} | {slow:.2} | {fails} | {leaves} |", shares(policy));
    }
    println!("\n| policy | 10 | 1,000 |\n|---|---|---|");
    for (name, policy) in PolicyName::ALL {
        println!("| `{name}` | {:.0} | {:.0} |", cost(policy, 10), cost(policy, 1000));
    }
    let mut backends = pool(PolicyName::RoundRobin, &[1, 2].repeat(500));
    println!("| `round-robin`, weights 1 and 2 | | {:.0} |", per_turn(&mut backends));
    let mut backends = pool(PolicyName::Rendezvous, &[1, 2].repeat(500));
    println!("| `rendezvous`, weights 1 and 2 | | {:.0} |", per_turn(&mut backends));
    for (name, policy) in [("maglev", PolicyName::Maglev), ("least-connections", PolicyName::LeastConnections)] {
        println!("{name}: learns a changed weight among 1,000 in {:.2} ms", learning(policy));
    }
}

fn pool(policy: PolicyName, weights: &[u32]) -> Backends {
    let (interval, timeout) = (Duration::from_secs(5), Duration::from_secs(2));
    let health = Health { kind: ProbeKind::Tcp, interval, timeout, fall: 1, rise: 1, ..Health::default() };
    let backend = |(row, &weight): (usize, &u32)| {
        let name = format!("10.0.{}.{}:80", (row + 1) / 256, (row + 1) % 256);
        config::Backend { address: Address::Tcp(name.parse().expect("an address")), name, weight }
    };
    let backends = weights.iter().enumerate().map(backend).collect();
    Backends::new(&[Pool { name: "app".into(), policy, backends, health, ..Pool::default() }], 7)
}

fn pick(backends: &mut Backends, key: u64) -> usize {
    backends.pick(PoolId(0), &Wanted { key, ..Wanted::default() }).expect("somebody is fit").0 as usize
}

fn id(row: usize) -> BackendId {
    BackendId(row as u32)
}

fn client(number: u64) -> u64 {
    key::hash(number.to_be_bytes())
}

/// Of 100,000 requests of as many clients, one after the other, in percent.
fn shares(policy: PolicyName) -> String {
    let mut backends = pool(policy, &[1, 1, 2]);
    let mut counts = [0; 3];
    (0..100_000).for_each(|number| counts[pick(&mut backends, client(number))] += 1);
    counts.map(|count| format!("{:.1}", f64::from(count) / 1000.0)).join(" ")
}

/// The most that any backend has in flight, and what the first has, over the mean: ten equal backends, the first of
/// them `slower` by that factor, 200 requests under way at any time, each from another client, each taking about as
/// long. Averages over 50,000 requests.
fn in_flight(policy: PolicyName, slower: u64) -> (f64, f64) {
    let mut backends = pool(policy, &[1; 10]);
    let (mut rng, mut ends, mut now) = (Rng::new(1), BTreeSet::new(), 0);
    let (mut most, mut first) = (0.0, 0.0);
    for number in 0..55_000 {
        if ends.len() == 200 {
            let Some((at, _, row)) = ends.pop_first() else { continue };
            now = at;
            backends.end(id(row));
        }
        let row = pick(&mut backends, client(number));
        backends.begin(id(row));
        let takes = (500 + rng.below(1_000)) * if row == 0 { slower } else { 1 };
        ends.insert((now + takes, number, row));
        if number >= 5_000 {
            let loads = (0..10).map(|row| backends.get(id(row)).in_flight);
            most += f64::from(loads.max().unwrap_or(0)) / 20.0;
            first += f64::from(backends.get(id(0)).in_flight) / 20.0;
        }
    }
    (most / 50_000.0, first / 50_000.0)
}

/// How many of 100,000 keys have another home once the fourth of ten has fallen or left; 10 % had to.
fn moved(policy: PolicyName, change: fn(&mut Backends)) -> String {
    if !policy.hashes() {
        return "-".into();
    }
    let mut backends = pool(policy, &[1; 10]);
    let mut homes = || -> Vec<usize> { (0..100_000).map(|number| pick(&mut backends, client(number))).collect() };
    let before = homes();
    let owned = before.iter().filter(|&&row| row == 3).count() as f64 / 1000.0;
    change(&mut backends);
    let after = (0..100_000).map(|number| pick(&mut backends, client(number)));
    let moved = before.iter().zip(after).filter(|(was, is)| **was != *is).count() as f64 / 1000.0;
    format!("{moved:.1} % of {owned:.1} %")
}

fn fall(backends: &mut Backends) {
    let cause = Cause { step: Step::Connect, what: "refused".into(), took: Duration::ZERO };
    backends.get_mut(id(3)).health.fail(Time(0), &cause);
}

fn leave(backends: &mut Backends) {
    backends.get_mut(id(3)).weight = 0;
}

/// Nanoseconds for a request's pick, begin and end, with twice as many under way as there are backends.
fn cost(policy: PolicyName, count: usize) -> f64 {
    per_turn(&mut pool(policy, &vec![1; count]))
}

fn per_turn(backends: &mut Backends) -> f64 {
    let under_way = 2 * backends.iter().count();
    let mut rows = std::collections::VecDeque::new();
    let mut run = |from: u64, to: u64| {
        let began = Instant::now();
        for number in from..to {
            let row = pick(backends, client(number));
            backends.begin(id(row));
            rows.push_back(row);
            if rows.len() > under_way {
                backends.end(id(rows.pop_front().unwrap_or_default()));
            }
        }
        began.elapsed().as_nanos() as f64 / (to - from) as f64
    };
    run(0, 20_000);
    let mut times: Vec<f64> = (1..16).map(|round| run(round * 20_000, (round + 1) * 20_000)).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn learning(policy: PolicyName) -> f64 {
    let mut backends = pool(policy, &[2; 1000]);
    pick(&mut backends, 1);
    let began = Instant::now();
    for round in 0..10 {
        backends.get_mut(id(3)).weight = 3 - round % 2;
        pick(&mut backends, 1);
    }
    began.elapsed().as_secs_f64() * 100.0
}
