//! The balancer in a simulated world: a thousand seeds in the normal test run, `SEEDS=n` for more,
//! `KEEP_GOING=1` to list every failing one, `SEED=n` for one,
//! told aloud: `SEED=7 cargo test --test simulation -- --nocapture`.

mod sim;

use evenkeel::config::{Mode, ProbeKind};
use evenkeel::proxy::Proxy;
use sim::house;
use sim::plan::{Plan, Scope, address, listener};
use sim::relay::{Bug, Relay};
use sim::world::{self, Report, World};
use std::panic::{AssertUnwindSafe, catch_unwind};

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs one seed; a panic counts as a violation.
fn attempt(run: impl FnOnce() -> Result<Report, String>) -> Result<Report, String> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|panic| {
        let words = panic.downcast_ref::<String>().cloned();
        Err(words.or_else(|| panic.downcast_ref::<&str>().map(|words| words.to_string())).unwrap_or_default())
    })
}

/// Runs the seeds asked for, and says how to replay the first that fails.
fn sweep(seeds: u64, run: impl Fn(u64, bool) -> Result<Report, String>) {
    if let Some(seed) = number("SEED") {
        let report = attempt(|| run(seed, true)).unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        println!("seed {seed}: {report:?}");
        return;
    }
    let (mut answered, mut lost, mut failed) = (0, 0, 0);
    let first = number("FIRST_SEED").unwrap_or(0);
    for seed in first..first + number("SEEDS").unwrap_or(seeds) {
        match attempt(|| run(seed, false)) {
            Ok(report) => (answered, lost) = (answered + report.answered, lost + report.lost),
            Err(what) if number("KEEP_GOING").is_some() => {
                failed += 1;
                println!("seed {seed}: {}", what.lines().next().unwrap_or_default());
            }
            Err(what) => panic!("SEED={seed} cargo test --test simulation -- --nocapture\n{what}"),
        }
    }
    assert_eq!(failed, 0, "seeds failed");
    println!("{answered} answered, {lost} lost with an excuse");
    assert!(answered > lost, "a world in which nothing works proves nothing");
}

fn relay(seed: u64, aloud: bool, bug: Bug) -> Result<Report, String> {
    let plan = Plan::tcp(seed, Scope { timers: false });
    let mut net = world::kernel(&plan);
    if aloud {
        println!("{plan:#?}");
        net.speak();
    }
    let start = net.now();
    let backends = (0..plan.backends.len()).map(address).collect();
    let mut relay = Relay::new(net, listener(), backends, bug).map_err(|error| error.to_string())?;
    World::new(plan, start).run(&mut relay)
}

/// The balancer itself, in the world that a plan describes.
fn proxy(plan: Plan, mode: Mode, aloud: bool) -> Result<Report, String> {
    let mut net = world::kernel(&plan);
    if aloud {
        println!("{plan:#?}");
        net.speak();
    }
    let start = net.now();
    let probes = match plan.probes {
        true => ProbeKind::Http { path: "/".into(), expect: vec![200..=399] },
        false => ProbeKind::Off,
    };
    let config = house::config(mode, plan.backends.len(), probes);
    let mut proxy = Proxy::new(&config, net, plan.seed).map_err(|error| error.to_string())?;
    World::new(plan, start).run(&mut proxy)
}

#[test]
fn tcp_passes_whole_and_in_order_whatever_happens() {
    sweep(500, |seed, aloud| proxy(Plan::tcp(seed, Scope { timers: true }), Mode::Tcp, aloud));
}

#[test]
fn http_requests_are_answered_once_and_rightly_whatever_happens() {
    sweep(1000, |seed, aloud| proxy(Plan::http(seed), Mode::Http, aloud));
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        let run = || attempt(|| proxy(Plan::http(seed), Mode::Http, false));
        assert_eq!(run(), run(), "seed {seed}");
    }
}

#[test]
fn a_small_relay_lives_through_the_world() {
    sweep(300, |seed, aloud| relay(seed, aloud, Bug::None));
}

#[test]
fn every_bug_planted_in_the_relay_is_caught_within_few_seeds() {
    for bug in [
        Bug::ForgetsMore,
        Bug::DropsHungry,
        Bug::IgnoresBackPressure,
        Bug::LosesTail,
        Bug::ClosesAtFirstEnd,
        Bug::EndsWhatBroke,
        Bug::Leaks,
        Bug::MissesWritable,
        Bug::AcceptsOnce,
        Bug::StaleEvents,
    ] {
        let caught = (0..200).find_map(|seed| Some((seed, attempt(|| relay(seed, false, bug)).err()?)));
        let (seed, what) = caught.unwrap_or_else(|| panic!("{bug:?} was not caught"));
        println!("{bug:?}: seed {seed}: {}", what.lines().next().unwrap_or_default());
    }
}
