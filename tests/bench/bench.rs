//! evenkeel beside HAProxy and nginx: the same load, the same origin, taking turns. `scripts/bench.sh` runs it.
//!
//! | file | what |
//! |---|---|
//! | [`scenario`] | what is measured, by name |
//! | [`round`] | who has its turn when, and what a turn is |
//! | [`peers`] | the contenders and their configurations |
//! | [`load`], [`client`], [`job`] | the load and its checks; [`body`] has the bytes |
//! | [`origin`] | who answers it |
//! | [`relay`], [`toy`] | the limit: what moving bytes costs that nobody understands |
//! | [`vitals`], [`calls`] | what the kernel says of a process |
//! | [`report`] | the tables |
//! | [`child`], [`options`] | processes and arguments |
//!
//! Origin and relay are this program again, as processes of their own. Read [`round`] first.

mod body;
mod calls;
mod child;
mod client;
mod job;
mod load;
mod options;
mod origin;
mod peers;
#[allow(dead_code)] // the tests use more of it
#[path = "../support/proc.rs"]
mod proc;
mod relay;
mod report;
mod round;
mod scenario;
mod toy;
mod vitals;
#[path = "../support/which.rs"]
mod which;

use child::{Cpus, Scratch};
use options::Options;
use peers::Field;
use std::net::SocketAddr;
use std::process::ExitCode;

fn main() -> ExitCode {
    // Cargo adds one of its own.
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let words: Vec<&str> = args.iter().map(String::as_str).collect();
    let done = match words[..] {
        ["origin"] => origin::serve().map_err(|error| error.to_string()),
        ["relay", origin] => before(origin).and_then(|at| relay::serve(at).map_err(|error| error.to_string())),
        ["toy", origin] => before(origin).and_then(|at| toy::serve(at).map_err(|error| error.to_string())),
        _ => Options::read(&args).and_then(|options| run(&options)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn before(origin: &str) -> Result<SocketAddr, String> {
    origin.parse().map_err(|error| format!("{origin}: {error}"))
}

fn run(options: &Options) -> Result<(), String> {
    if !vitals::are_told() {
        eprintln!("bench: processor time is read from /proc, which this system does not have; nothing measured");
        return Ok(());
    }
    child::heed_signals().map_err(|error| error.to_string())?;
    let strace = which::find("strace");
    if strace.is_none() {
        eprintln!("bench: strace is not installed, system calls are not counted");
    }
    let cpus = Cpus::share();
    let descriptors = child::raise_descriptors();
    let scratch = Scratch::new().map_err(|error| error.to_string())?;
    let field = Field::survey(cpus, scratch, descriptors, options.alone);

    println!("`scripts/bench.sh {}`: {}", options.line, field.versions());
    println!("{} rounds of {:?}, {}; {}", options.rounds, options.time, field.cpus.said(), kernel());
    let mut lines = Vec::new();
    for scenario in options.within(descriptors) {
        let rows = round::measure(&field, options, &scenario, strace.as_deref())?;
        println!("{}", report::table(&scenario, &rows).trim_end());
        lines.extend(report::lines(&scenario, &rows));
    }
    println!("{}\n{}", report::SUMMARY, lines.join("\n"));
    Ok(())
}

/// What of the host decides about the numbers.
fn kernel() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default().trim().to_string();
    let congestion = read("/proc/sys/net/ipv4/tcp_congestion_control");
    format!("Linux {}, {congestion} as congestion control of everybody", read("/proc/sys/kernel/osrelease"))
}
