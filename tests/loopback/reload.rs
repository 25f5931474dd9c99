//! HUP: the configuration is read again, and what it says comes true without anybody noticing.

use crate::support::*;
use rustix::process::Signal;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A configuration file that changes.
struct File {
    nook: Nook,
    path: PathBuf,
}

impl File {
    fn new(text: &str) -> File {
        let nook = Nook::new();
        let file = File { path: nook.path("evenkeel.toml"), nook };
        file.says(text);
        file
    }

    fn says(&self, text: &str) {
        std::fs::write(&self.path, text).unwrap();
    }

    fn start(&self) -> Balancer {
        Balancer::start(&["-c", self.path.to_str().unwrap()])
    }
}

/// A listener on a port of the system's choice before these backends, and more keys of the pool, and more tables.
fn text(backends: &[&Backend], pool: &str, more: &str) -> String {
    let addresses: Vec<String> = backends.iter().map(|backend| format!("\"{}\"", backend.address)).collect();
    format!(
        "admin = \"127.0.0.1:0\"\n[listener.main]\nbind = \"127.0.0.1:0\"\npool = \"main\"\n\
         [pool.main]\nbackends = [{}]\n{pool}\n{more}\n",
        addresses.join(", ")
    )
}

/// Tells it to read again, and waits until it has said what came of it.
#[track_caller]
fn reload(balancer: &Balancer, outcome: &str) {
    let said = || balancer.lines(&["reloaded"]).len();
    let before = said();
    balancer.signal(Signal::HUP);
    until("the outcome of a reload", || said() > before);
    let all = balancer.lines(&["reloaded"]);
    assert!(all.last().unwrap().contains(outcome), "{all:?}");
}

/// 64 clients that are kept alive, and everything that may change changes a hundred times.
#[test]
fn a_hundred_reloads_under_load_lose_nothing() {
    const CLIENTS: usize = 64;
    let backends: Vec<Backend> = ["one", "two", "three"].map(Backend::named).into();
    let all: Vec<&Backend> = backends.iter().collect();
    let ways = [
        text(&all, "", ""),
        text(&all[..1], "policy = \"least-connections\"", ""),
        text(&all[1..], "policy = \"maglev\"\nmax_inflight = 100", "[limits]\nhead = \"32KiB\"\n"),
        text(
            &all,
            "health = { kind = \"off\" }",
            "[timeouts]\nupstream_idle = \"1s\"\n[listener.more]\nbind = \"127.0.0.1:0\"\npool = \"main\"",
        ),
        text(
            &all[..2],
            "sticky = { cookie = \"C\" }\nretry_on = [\"503\"]",
            "[pool.other]\nbackends = [\"127.0.0.1:1\"]\n",
        ),
    ];
    let file = File::new(&ways[0]);
    let balancer = file.start();
    let (over, asked) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let ask = || {
            let mut client = balancer.client();
            while !over.load(Ordering::Relaxed) {
                let answer = client.get("/");
                assert_eq!(answer.status, 200, "{}", answer.text());
                assert!(!answer.closes(), "the listener stays");
                asked.fetch_add(1, Ordering::Relaxed);
            }
        };
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(ask)).collect();
        let stop = Stop(&over);
        for turn in 1..=100 {
            file.says(&ways[turn % ways.len()]);
            reload(&balancer, "reloaded: ");
            let before = asked.load(Ordering::Relaxed);
            until("requests between two reloads", || asked.load(Ordering::Relaxed) > before + CLIENTS);
        }
        drop(stop);
        clients.into_iter().for_each(|client| client.join().expect("a client without complaints"));
    });
    let state = balancer.state();
    assert_eq!(state["counters"]["finished"].as_u64(), Some(asked.load(Ordering::Relaxed) as u64));
    assert_eq!(state["counters"]["failed"], 0);
    assert_eq!(state["counters"]["accepted"], CLIENTS);
}

#[test]
fn a_bad_file_changes_nothing_and_says_why() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let file = File::new(&text(&[&one], "", ""));
    let balancer = file.start();
    let mut client = balancer.client();
    assert_eq!(client.get("/").text(), "one");
    for (bad, why) in [
        (text(&[&two], "polcy = \"random\"", ""), "polcy"),
        (
            text(&[&two], "", "[listener.other]\nbind = \"192.0.2.1:80\"\npool = \"main\""),
            "cannot listen on 192.0.2.1:80",
        ),
        (text(&[&two], "", "x = 1"), "unknown key \"x\""),
    ] {
        file.says(&bad);
        reload(&balancer, "not reloaded, the configuration stays as it is: ");
        let said = balancer.lines(&["not reloaded"]).last().cloned().unwrap();
        let lines = balancer.lines(&[]);
        assert!(lines.iter().any(|line| line.contains(why)), "{why} in {said}");
        assert_eq!(client.get("/").text(), "one");
    }
    std::fs::remove_file(&file.path).unwrap();
    reload(&balancer, "not reloaded");
    file.says(&text(&[&two], "", ""));
    reload(&balancer, "backends: 1 added, 1 removed");
    assert_eq!(client.get("/").text(), "two");
    drop(file.nook);
}

#[test]
fn health_and_counters_of_what_stays_survive() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let mut three = Backend::named("three");
    three.kill();
    let file = File::new(&text(&[&one, &three], "health = { fall = 1, interval = \"100ms\" }", ""));
    let balancer = file.start();
    balancer.wait_for_line("is down");
    let mut client = balancer.client();
    (0..5).for_each(|_| assert_eq!(client.get("/").text(), "one"));
    file.says(&text(&[&three, &two, &one], "health = { fall = 1, interval = \"100ms\" }", ""));
    reload(&balancer, "backends: 1 added, 0 removed");
    let pool = balancer.state()["pools"][0]["backends"].clone();
    assert_eq!((&pool[0]["state"], &pool[2]["requests"]), (&"down".into(), &5.into()));
    let served: Vec<String> = (0..4).map(|_| client.get("/").text()).collect();
    assert!(served.contains(&"two".to_string()) && !served.contains(&"three".to_string()), "{served:?}");
    assert_eq!(balancer.state()["counters"]["accepted"], 1, "the client is the same");
}

/// A tunnel lives on though its backend is gone; who is new meets the new listener.
#[test]
fn tunnels_go_on_and_listeners_come_and_go() {
    let echo = Backend::tcp("echo", backend::echo);
    let one = Backend::named("one");
    let tcp = text(&[&echo], "health = { kind = \"off\" }", "")
        .replace("[listener.main]\n", "[listener.main]\nmode = \"tcp\"\n");
    let file = File::new(&tcp);
    let balancer = file.start();
    let mut tunnel = balancer.client();
    tunnel.send("ping").unwrap();
    assert_eq!(tunnel.take(4).unwrap(), b"ping");
    file.says(&text(&[&one], "", "").replace("listener.main", "listener.web"));
    reload(&balancer, "reloaded");
    tunnel.send("pong").unwrap();
    assert_eq!(tunnel.take(4).unwrap(), b"pong");
    let mut other = balancer.client();
    assert_eq!(other.get("/").text(), "one", "the same socket speaks HTTP now");
}
