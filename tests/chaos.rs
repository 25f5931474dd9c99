//! Chaos on the real kernel: real processes killed, stopped and continued under load, wires that misbehave, and a machine
//! that runs short. A few seconds of it here; `scripts/soak.sh` for as long as you like.
//!
//! What chance decides is decided by `CHAOS_SEED`, but the kernel's scheduling is nobody's to repeat: what is found here is
//! to be found again in the simulated world (`simulation.rs`). A log that nobody reads is in `loopback/hardship.rs`.
//! An access log whose disk is full is in `loopback/access.rs`.
//!
//! `CHAOS_SECONDS`: how long the storm lasts (6). `CHAOS_SLOW`: how many slow clients there are (1500).
#![cfg(target_os = "linux")] // what a process costs is read from /proc

mod support;

#[path = "chaos/clock.rs"]
mod clock;
#[path = "chaos/limits.rs"]
mod limits;
#[path = "chaos/load.rs"]
mod load;
#[path = "chaos/netem.rs"]
mod netem;
#[path = "chaos/processes.rs"]
mod processes;
#[path = "chaos/relay.rs"]
mod relay;
#[path = "chaos/storm.rs"]
mod storm;
#[path = "chaos/vitals.rs"]
mod vitals;

use evenkeel::base::Rng;
use load::{Course, Log};
use processes::{Kind, Process};
use relay::Relay;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::{Duration, Instant};
use storm::{Entry, Town};
use support::balancer::scratch;
use support::{Balancer, Stop, until};
use vitals::Vitals;

/// Half of them on a bad way.
const CLIENTS: u64 = 10;

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// Not a test: the other life of this binary, entered when `chaos/processes.rs` starts it.
#[test]
fn this_binary_as_a_backend() {
    processes::serve();
}

/// A folder below the target folder, gone with its owner.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("chaos-{}", std::process::id()));
        std::fs::create_dir_all(&path).expect("the scratch folder");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The balancer in the middle: two pools, each with a listener.
fn balancer(town: &Town, direct: &[SocketAddr]) -> (Balancer, SocketAddr) {
    let quoted = |all: &[SocketAddr]| all.iter().map(|a| format!("\"{a}\"")).collect::<Vec<_>>().join(", ");
    let files: Vec<SocketAddr> = town.files.iter().map(|process| process.address).collect();
    let health = "health = { kind = \"tcp\", interval = \"300ms\", timeout = \"1s\", fall = 3, rise = 1 }";
    let file = scratch(&format!(
        "admin = \"127.0.0.1:0\"\n[listener.web]\nbind = \"127.0.0.1:0\"\npool = \"web\"\n[listener.files]\n\
         bind = \"127.0.0.1:0\"\npool = \"files\"\n[pool.web]\nbackends = [{}]\n{health}\n[pool.files]\nbackends = [{}]\n\
         {health}\n[timeouts]\nconnect = \"1s\"\nresponse = \"5s\"\nbody = \"5s\"\nupstream_idle = \"1s\"\ntunnel = \"5s\"\n",
        quoted(direct),
        quoted(&files)
    ));
    let balancer = Balancer::start(&["-c", file.path()]);
    let line = balancer.wait_for_line("pool files");
    let address = line.split("listening on ").nth(1).and_then(|rest| rest.split(' ').next()).expect("an address");
    (balancer, address.parse().expect("an address"))
}

fn everybody_is_up(balancer: &Balancer) -> bool {
    let state = balancer.state();
    let pools = state["pools"].as_array().expect("pools");
    let mut backends = pools.iter().flat_map(|pool| pool["backends"].as_array().expect("backends"));
    backends.all(|backend| backend["state"] == "up")
}

/// One deed after the other until the time is over; tells of the balancer now and then.
fn storm(town: &mut Town, balancer: &Balancer, seconds: u64, rng: &mut Rng) -> Vec<Entry> {
    let began = Instant::now();
    let (mut diary, mut told) = (Vec::new(), Instant::now());
    while began.elapsed() < Duration::from_secs(seconds) {
        diary.push(town.suffer(rng));
        until("every backend up", || everybody_is_up(balancer));
        if told.elapsed() > Duration::from_secs(30) {
            told = Instant::now();
            let vitals = Vitals::of(balancer.pid()).expect("a running process");
            println!("{:>6} s: {vitals}, {} deeds", began.elapsed().as_secs(), diary.len());
        }
    }
    diary
}

#[test]
fn no_get_is_lost_and_no_byte_wrong_whatever_happens_around() {
    let folder = Folder::new();
    let book = folder.0.join("book");
    processes::files(&folder.0);
    let nginx = processes::nginx().is_some();
    if !nginx {
        println!("nginx is not installed: the embedded backend serves the files");
    }
    let own = || Process::start(Kind::Own(book.clone()));
    let file = || Process::start(if nginx { Kind::Nginx(folder.0.clone()) } else { Kind::Embedded });
    let behind_the_wire = own();
    let wire = Relay::to(behind_the_wire.address);
    let mut town =
        Town { web: vec![own(), own()], files: vec![file(), file()], bad_way: Relay::to(wire.address), wire };
    let web = [town.web[0].address, town.wire.address, town.web[1].address];
    let (balancer, files) = balancer(&town, &web);
    town.bad_way = Relay::to(balancer.address);
    until("every backend up", || everybody_is_up(&balancer));

    let course =
        Course { web: balancer.address, files, nginx, over: AtomicBool::new(false), number: AtomicU64::new(1) };
    let seed = number("CHAOS_SEED", 1);
    let before = Vitals::of(balancer.pid()).expect("a running process");
    let bad_way = town.bad_way.address;
    let (logs, diary, warm) = std::thread::scope(|scope| {
        let course = &course;
        let client = |n: u64| move || load::client(seed << 8 | n, (n % 2 == 1).then_some(bad_way), course);
        let clients: Vec<_> = (0..CLIENTS).map(|n| scope.spawn(client(n))).collect();
        let stop = Stop(&course.over); // also when the storm itself panics
        std::thread::sleep(Duration::from_secs(1));
        let warm = Vitals::of(balancer.pid()).expect("a running process");
        let diary = storm(&mut town, &balancer, number("CHAOS_SECONDS", 6), &mut Rng::new(seed));
        drop(stop);
        let logs: Vec<Log> = clients.into_iter().map(|client| client.join().expect("a client")).collect();
        (logs, diary, warm)
    });

    // Probes come and go: at some moment everything else is gone.
    until("the last connection's end", || balancer.state()["open_connections"] == 0);
    until("descriptors as before", || Vitals::of(balancer.pid()).is_some_and(|v| v.descriptors <= before.descriptors));
    let after = Vitals::of(balancer.pid()).expect("a running process");
    println!("before: {before}\nwarm:   {warm}\nafter:  {after}");
    report(&logs, &diary);
    look_into_the_book(&book);
    let unexcused = logs.iter().flat_map(|log| &log.troubles).filter(|trouble| !storm::excuses(&diary, trouble));
    let unexcused: Vec<String> = unexcused.map(|trouble| storm::story(&diary, trouble)).collect();
    let first = &unexcused[..unexcused.len().min(10)];
    assert!(first.is_empty(), "{} losses that nothing excuses:\n{}", unexcused.len(), first.join("\n"));
    assert!(after.memory < 2 * warm.memory + 8 * 1024, "memory grew: {after}");
    let counters = &balancer.state()["counters"];
    let count = |name: &str| counters[name].as_u64().expect("a counter");
    assert_eq!(count("admitted"), count("finished") + count("failed"), "{counters}");
    assert_eq!((count("stuck"), count("violations")), (0, 0));
}

fn report(logs: &[Log], diary: &[Entry]) {
    let sum = |of: fn(&Log) -> u64| logs.iter().map(of).sum::<u64>();
    println!("{} asked, {} answered, {} bytes", sum(|log| log.asked), sum(|log| log.answered), sum(|log| log.bytes));
    let mut deeds = BTreeMap::<_, u64>::new();
    diary.iter().for_each(|entry| *deeds.entry((entry.victim, entry.deed)).or_default() += 1);
    println!("deeds: {deeds:?}");
    let mut troubles = BTreeMap::<_, u64>::new();
    for trouble in logs.iter().flat_map(|log| &log.troubles) {
        *troubles.entry((trouble.ask, &trouble.cause, trouble.bad_way)).or_default() += 1;
    }
    for ((ask, cause, bad_way), count) in troubles {
        println!("{count:>6} {ask:?} {cause:?}{}", if bad_way { ", on a bad way" } else { "" });
    }
    assert!(sum(|log| log.answered) > 0 && !diary.is_empty(), "nothing was tried");
}

/// What the strict backends wrote down: nothing wrong, and no POST twice.
fn look_into_the_book(book: &Path) {
    let text = std::fs::read_to_string(book).expect("a book with something in it");
    let wrong: Vec<&str> = text.lines().filter(|line| line.starts_with("WRONG")).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    let mut posts: Vec<&str> = text.lines().filter(|line| line.starts_with("POST")).collect();
    let all = posts.len();
    posts.sort_unstable();
    posts.dedup();
    assert_eq!(posts.len(), all, "a POST came twice");
    println!("{all} POSTs, none twice");
}
