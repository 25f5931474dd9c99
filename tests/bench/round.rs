//! The measuring: in every round each contender has its turn, in an order that rotates, so that a busy moment of the
//! machine does not always hit the same one. A single wrong answer ends the whole run: there is no table with errors.

use crate::calls;
use crate::job::Job;
use crate::load::{Load, Pace, Tally};
use crate::options::Options;
use crate::peers::{Field, Peer, Runner};
use crate::scenario::{CROWD, GENTLE, Mode, PART, Scenario, Shape};
use crate::vitals::Vitals;
use std::path::Path;
use std::time::Duration;

/// One turn of one contender.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sample {
    /// Requests, or gigabytes of bodies, per second.
    pub rate: f64,
    /// Processor time for each of them, in nanoseconds.
    pub cpu: f64,
    /// Latency in nanoseconds: the median,
    pub p50: f64,
    /// what one of a hundred exceeds,
    pub p99: f64,
    /// and one of a thousand.
    pub p999: f64,
    /// Ticks in user space and in the kernel.
    pub ticks: (u64, u64),
    /// Gigabytes per second of downloads beside it.
    pub beside: f64,
    /// Resident bytes under this load.
    pub resident: f64,
    /// Resident bytes that each connection added.
    pub growth: f64,
}

/// What is known of one contender.
pub struct Row {
    /// Who.
    pub peer: Peer,
    /// Of each round.
    pub samples: Vec<Sample>,
    /// System calls per request, or per MiB of bodies.
    pub calls: Option<f64>,
}

/// Measures a scenario.
pub fn measure(
    field: &Field,
    options: &Options,
    scenario: &Scenario,
    strace: Option<&Path>,
) -> Result<Vec<Row>, String> {
    let runners = field.contenders(scenario).into_iter().map(|peer| field.start(peer, scenario));
    let runners = runners.collect::<Result<Vec<Runner>, String>>()?;
    let blame = |runner: &Runner, error: String| {
        let said = runner.child.said();
        let tail: String = said.lines().rev().take(5).collect::<Vec<_>>().join("\n");
        format!("{}, {}: {error}\n{tail}", runner.peer, scenario.name)
    };
    let mut rows: Vec<Row> =
        runners.iter().map(|runner| Row { peer: runner.peer, samples: Vec::new(), calls: None }).collect();
    let pace = pace(scenario, options, &runners)?;
    for round in 0..rounds(scenario, options) {
        for turn in 0..runners.len() {
            let at = (turn + round) % runners.len();
            let sample =
                sample(scenario, &runners[at], options.time, pace).map_err(|error| blame(&runners[at], error))?;
            let said = in_short(scenario, &sample);
            eprintln!("bench: {}, round {}: {}: {said}", scenario.name, round + 1, runners[at].peer);
            rows[at].samples.push(sample);
        }
    }
    let strace = strace.filter(|_| scenario.counts_calls());
    for (row, runner) in rows.iter_mut().zip(&runners) {
        let count =
            |strace| calls_of(strace, field, scenario, runner, options.time).map_err(|error| blame(runner, error));
        row.calls = strace.map(count).transpose()?;
    }
    Ok(rows)
}

/// Memory that was used once stays with the process, so only the first idle crowd shows what one costs. Of a tail it takes
/// many rounds to have some in which the machine did not stop.
fn rounds(scenario: &Scenario, options: &Options) -> usize {
    match scenario.shape {
        Shape::Idle => 1,
        Shape::Tail => 4 * options.rounds,
        Shape::Busy | Shape::Fair => options.rounds,
    }
}

fn in_short(scenario: &Scenario, sample: &Sample) -> String {
    let Sample { rate, cpu, p99, growth, .. } = sample;
    match scenario.shape {
        Shape::Idle => format!("{growth:.0} B for each connection"),
        Shape::Tail | Shape::Fair => format!("p99 {:.0} µs", p99 / 1e3),
        Shape::Busy if scenario.is_bulk() => format!("{rate:.2} GB/s, {:.0} ms of CPU per GB", cpu / 1e6),
        Shape::Busy => format!("{rate:.0} requests/s, {:.2} µs of CPU per request", cpu / 1e3),
    }
}

/// The pace of all contenders alike.
fn pace(scenario: &Scenario, options: &Options, runners: &[Runner]) -> Result<Pace, String> {
    match scenario.shape {
        Shape::Busy | Shape::Idle => Ok(Pace::Closed),
        Shape::Fair => Ok(Pace::Open(GENTLE)),
        Shape::Tail => {
            let mut slowest = f64::INFINITY;
            for runner in runners {
                let mut load = open(scenario, runner)?;
                let mut fastest = 0_f64; // of several: a stop of the machine is not the balancer's saturation
                for _ in 0..5 {
                    let tally = load.run(Pace::Closed, options.time / 2)?;
                    fastest = fastest.max(tally.answered as f64 / tally.elapsed.as_secs_f64());
                }
                slowest = slowest.min(fastest);
            }
            eprintln!("bench: {}: {:.0} requests per second for everybody", scenario.name, slowest * PART);
            Ok(Pace::Open(slowest * PART))
        }
    }
}

fn open(scenario: &Scenario, runner: &Runner) -> Result<Load, String> {
    Load::open(runner.address, scenario.connections, Job::new(scenario.work, scenario.mode == Mode::Fresh))
}

fn sample(scenario: &Scenario, runner: &Runner, time: Duration, pace: Pace) -> Result<Sample, String> {
    match scenario.shape {
        Shape::Idle => sample_idle(scenario, runner, time),
        Shape::Fair => sample_fair(scenario, runner, time, pace),
        Shape::Busy | Shape::Tail => {
            let mut load = open(scenario, runner)?;
            if !scenario.is_bulk() {
                // All at once, so that the upstreams of all of them stand.
                load.run(Pace::Whole, Duration::ZERO)?;
            }
            let warm = if scenario.shape == Shape::Tail { Pace::Whole } else { Pace::Closed };
            load.run(warm, time / 4)?;
            during(scenario, runner, || load.run(pace, time))
        }
    }
}

/// The small requests are measured. What the process has cost is the downloads' for the most part, and says nothing here.
fn sample_fair(scenario: &Scenario, runner: &Runner, time: Duration, pace: Pace) -> Result<Sample, String> {
    let mut crowd = Load::open(runner.address, CROWD.0, Job::new(CROWD.1, false))?;
    let mut load = open(scenario, runner)?;
    std::thread::scope(|scope| {
        let downloads = scope.spawn(move || crowd.run(Pace::Closed, time + time / 2));
        std::thread::sleep(time / 4);
        let sample = during(scenario, runner, || load.run(pace, time));
        let crowd = downloads.join().map_err(|_| "the downloads have panicked")??;
        Ok(Sample { beside: crowd.bytes as f64 / 1e9 / crowd.elapsed.as_secs_f64(), ..sample? })
    })
}

fn sample_idle(scenario: &Scenario, runner: &Runner, time: Duration) -> Result<Sample, String> {
    // What the first requests of its life make it allocate is not the cost of a connection.
    let few = Scenario { connections: scenario.connections.min(64), ..*scenario };
    open(&few, runner)?.run(Pace::Whole, time)?;
    let before = Vitals::of(runner.child.id())?;
    let load = open(scenario, runner)?;
    std::thread::sleep(time);
    let after = Vitals::of(runner.child.id())?;
    drop(load);
    let growth = after.resident.saturating_sub(before.resident) as f64 / scenario.connections as f64;
    Ok(Sample { resident: after.resident as f64, growth, ..Sample::default() })
}

/// What a run has cost.
fn during(scenario: &Scenario, runner: &Runner, run: impl FnOnce() -> Result<Tally, String>) -> Result<Sample, String> {
    let before = Vitals::of(runner.child.id())?;
    let tally = run()?;
    let after = Vitals::of(runner.child.id())?;
    let units = if scenario.is_bulk() { tally.bytes as f64 / 1e9 } else { tally.answered as f64 };
    if units == 0.0 || tally.latency.is_empty() && !scenario.is_bulk() {
        return Err("nothing was answered".into());
    }
    let percentile = |part| tally.latency.value_at_quantile(part) as f64;
    Ok(Sample {
        rate: units / tally.elapsed.as_secs_f64(),
        cpu: after.cpu.saturating_sub(before.cpu) as f64 / units,
        p50: percentile(0.5),
        p99: percentile(0.99),
        p999: percentile(0.999),
        ticks: (after.user - before.user, after.system - before.system),
        resident: after.resident as f64,
        ..Sample::default()
    })
}

/// System calls per request, or per MiB.
fn calls_of(strace: &Path, field: &Field, scenario: &Scenario, runner: &Runner, time: Duration) -> Result<f64, String> {
    // No request may be under way when the counting begins or ends, so of large ones there are few.
    let connections = if scenario.is_bulk() { scenario.connections.min(2) } else { scenario.connections };
    let mut load = open(&Scenario { connections, ..*scenario }, runner)?;
    if !scenario.is_bulk() {
        load.run(Pace::Whole, time / 4)?;
    }
    let run = || load.run(Pace::Whole, time / 2);
    let (calls, tally) = calls::count(strace, &field.scratch, runner.child.id(), run)?;
    let units = if scenario.is_bulk() { tally.bytes as f64 / f64::from(1 << 20) } else { tally.answered as f64 };
    Ok(calls as f64 / units)
}
