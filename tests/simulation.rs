//! The balancer in a simulated world. A thousand and more seeds in the normal test run, with
//!
//! - `SEEDS=n`, `FIRST_SEED=n`: others; `KEEP_GOING=1`: every seed that fails is listed;
//! - `SEED=n`: that one, told aloud: `SEED=7 cargo test --test simulation world -- --nocapture`;
//! - `WITHOUT=client0,deed2,...`: parts of its plan left out, as the message of a failing sweep says.
//!
//! `scripts/seeds.sh` sweeps many, `scripts/mutants.sh` shows that the world notices a broken loop.

mod sim;

use evenkeel::config::Mode;
use evenkeel::config::access::Format;
use evenkeel::host::spool::Spool;
use evenkeel::proxy::Proxy;
use evenkeel::proxy::access::Access;
use sim::house;
use sim::plan::{Plan, Scope, address, listener};
use sim::relay::{Bug, Relay};
use sim::sweep::{self, Sort, Swept};
use sim::world::{self, Report, World};

/// Prints what the balancer says among the calls it makes.
struct Aloud;

impl log::Log for Aloud {
    fn enabled(&self, _: &log::Metadata) -> bool {
        true
    }

    fn log(&self, record: &log::Record) {
        println!("{:>13}  says  {}", "", record.args());
    }

    fn flush(&self) {}
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Runs the seeds asked for, and says how to replay the first that fails.
fn check(name: &str, sort: Sort<'_>, seeds: u64) {
    if let Some(seed) = number("SEED") {
        if log::set_logger(&Aloud).is_ok() {
            log::set_max_level(log::LevelFilter::Debug);
        }
        let without: Vec<String> = std::env::var("WITHOUT").unwrap_or_default().split(',').map(str::to_owned).collect();
        let report = sort.attempt((sort.plan)(seed).without(&without), true);
        let report = report.unwrap_or_else(|what| panic!("seed {seed}: {what}"));
        println!("seed {seed}: {report:?}");
        return;
    }
    std::panic::set_hook(Box::new(|_| {})); // a panic under a seed is told below
    let (first, count) = (number("FIRST_SEED").unwrap_or(0), number("SEEDS").unwrap_or(seeds));
    let swept = sweep::sweep(sort, first, count, number("KEEP_GOING").is_some());
    tell(&swept);
    if let Some((seed, what)) = swept.failed.first() {
        let without = if number("SHRINK") == Some(0) { Vec::new() } else { sweep::shrink(sort, *seed) };
        let _ = std::panic::take_hook();
        let less = if without.is_empty() { String::new() } else { format!(" WITHOUT={}", without.join(",")) };
        panic!("SEED={seed}{less} cargo test --test simulation {name} -- --nocapture\nseed {seed}: {what}");
    }
    assert!(swept.answered > swept.lost, "a world in which nothing works proves nothing");
}

fn tell(swept: &Swept) {
    let Swept { seeds, calls, answered, lost, failed, seconds } = swept;
    for (seed, what) in failed {
        println!("seed {seed}: {}", what.lines().next().unwrap_or_default());
    }
    let (per_second, calls_per_second) = (*seeds as f64 / seconds, *calls as f64 / seconds);
    println!(
        "{seeds} seeds in {seconds:.1} s: {per_second:.0} seeds/s, {calls_per_second:.0} calls/s; \
         {answered} answered, {lost} lost with an excuse"
    );
}

/// The balancer itself, in the world that a plan describes.
fn proxy(plan: Plan, aloud: bool) -> Result<Report, String> {
    let mut net = world::kernel(&plan);
    if aloud {
        println!("{plan:#?}");
        net.speak();
    }
    let start = net.now();
    let mut proxy = Proxy::new(&house::config(&plan), net, plan.seed).map_err(|error| error.to_string())?;
    let (spool, _nobody_takes_them) = Spool::pair(1);
    proxy.log_to(Some(Access::new(Format::Json, spool)));
    World::new(plan, start).run(&mut proxy)
}

fn relay(plan: Plan, aloud: bool, bug: Bug) -> Result<Report, String> {
    let mut net = world::kernel(&plan);
    if aloud {
        println!("{plan:#?}");
        net.speak();
    }
    let start = net.now();
    let backends = (0..plan.backends.len()).map(address).collect();
    let mut relay = Relay::new(net, listener(Mode::Tcp), backends, bug).map_err(|error| error.to_string())?;
    World::new(plan, start).run(&mut relay)
}

fn of_relay(seed: u64) -> Plan {
    Plan::tcp(seed, Scope { timers: false })
}

/// Everything in one world.
const WORLD: Sort<'_> = Sort { plan: Plan::of, run: &proxy };

#[test]
fn the_world_is_served_rightly_whatever_happens() {
    check("world", WORLD, 1500);
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..40 {
        let run = || WORLD.attempt(Plan::of(seed), false);
        assert_eq!(run(), run(), "seed {seed}");
    }
}

#[test]
fn a_small_relay_bears_it_too() {
    check("relay", Sort { plan: of_relay, run: &|plan, aloud| relay(plan, aloud, Bug::None) }, 300);
}

#[test]
fn every_bug_planted_in_the_relay_is_caught_within_few_seeds() {
    for bug in Bug::ALL {
        let sort = Sort { plan: of_relay, run: &|plan, aloud| relay(plan, aloud, bug) };
        let caught = (0..200).find_map(|seed| Some((seed, sort.attempt(of_relay(seed), false).err()?)));
        let (seed, what) = caught.unwrap_or_else(|| panic!("{bug:?} was not caught"));
        println!("{bug:?}: seed {seed}: {}", what.lines().next().unwrap_or_default());
    }
}
