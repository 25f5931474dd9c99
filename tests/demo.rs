//! `evenkeel demo`, the built binary: what each act does to real clients, and what is shown on a terminal and elsewhere.
//!
//! Every wait is for a condition. Four ports in a row are the demo's way, so they are looked for where nobody else gets any.

mod support;

#[path = "demo/acts.rs"]
mod acts;
#[path = "demo/lines.rs"]
mod lines;
#[path = "demo/refusals.rs"]
mod refusals;
#[path = "demo/terminal.rs"]
mod terminal;

use serde_json::Value;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU16, Ordering};
use support::*;

/// The first of four ports that are free: below those that the system gives away by itself.
///
/// They are called, not bound: a process that another test begins just then would hold on to our listener until it has
/// become its program, and the demo would find the port taken.
fn four_ports() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = 15_000 + (std::process::id() % 1_000) as u16 * 16;
    loop {
        let base = start + NEXT.fetch_add(4, Ordering::SeqCst);
        let free = |port| TcpStream::connect(local(port)).is_err();
        if (base..base + 4).all(free) {
            return base;
        }
    }
}

fn local(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

/// One question to the admin address, with these lines in its head: status and body.
fn ask(admin: SocketAddr, method: &str, path: &str, lines: &str, body: &str) -> (u16, String) {
    let mut client = Client::connect(admin);
    let length = body.len();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n{lines}Content-Length: {length}\r\n\r\n");
    let answer = client.raw(method, head + body);
    (answer.status, answer.text())
}

const JSON: &str = "Content-Type: application/json\r\n";

/// Something is to be done; it is.
#[track_caller]
fn act(admin: SocketAddr, body: &str) -> Value {
    let (status, text) = ask(admin, "POST", "/api/demo", JSON, body);
    assert_eq!(status, 200, "{body}: {text}");
    serde_json::from_str(&text).expect("JSON")
}

/// A running demo.
struct Demo {
    balancer: Balancer,
    base: u16,
}

impl Demo {
    #[track_caller]
    fn start() -> Demo {
        let base = four_ports();
        Demo { balancer: Balancer::start(&["demo", "--port-base", &base.to_string()]), base }
    }

    fn admin(&self) -> SocketAddr {
        local(self.base + 3)
    }

    /// A client of the balancer.
    fn client(&self) -> Client {
        Client::connect(local(self.base + 2))
    }

    /// A client of a backend, past the balancer.
    fn direct(&self, backend: usize) -> Client {
        Client::connect(local(self.base + backend as u16 - 1))
    }

    #[track_caller]
    fn act(&self, deed: &str) -> Value {
        act(self.admin(), &format!("{{\"do\": \"{deed}\"}}"))
    }

    #[track_caller]
    fn put(&self, backend: usize, deed: &str) -> Value {
        act(self.admin(), &format!("{{\"do\": \"{deed}\", \"backend\": \"backend-{backend}\"}}"))
    }

    #[track_caller]
    fn demo(&self) -> Value {
        let (status, text) = ask(self.admin(), "GET", "/api/demo", "", "");
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).expect("JSON")
    }

    /// What came of the newest act so far.
    #[track_caller]
    fn newest(&self) -> Value {
        self.demo()["log"][0].clone()
    }

    /// What clients saw of it.
    #[track_caller]
    fn clients(&self, count: &str) -> u64 {
        self.newest()["clients"][count].as_u64().expect("a number")
    }

    #[track_caller]
    fn why(&self) -> String {
        self.newest()["why"].as_str().expect("words").to_string()
    }

    fn backend(&self, number: usize) -> Value {
        self.balancer.state()["pools"][0]["backends"][number - 1].clone()
    }

    fn is(&self, number: usize, states: &[&str]) -> bool {
        states.contains(&self.backend(number)["state"].as_str().expect("a state"))
    }

    fn answered(&self, number: usize) -> u64 {
        self.demo()["backends"][number - 1]["answered"].as_u64().expect("a number")
    }

    /// A gentle load that has begun to be answered, by both.
    #[track_caller]
    fn under_load() -> Demo {
        let demo = Demo::start();
        assert_eq!(demo.act("load")["load"], true);
        until("answers of both", || demo.answered(1) > 20 && demo.answered(2) > 20);
        demo
    }

    /// So many requests were answered since the newest act, and none has failed.
    #[track_caller]
    fn nobody_loses(&self, count: u64) {
        until("answers", || self.clients("ok") >= count);
        assert_eq!(self.clients("failed"), 0, "{}", self.newest());
    }

    /// A backend that was told to be normal is taken for fit, and has work again.
    #[track_caller]
    fn returns(&self, number: usize) {
        let name = format!("backend-{number}");
        assert_eq!(self.put(number, "restart")["backends"][number - 1]["manner"], "normal");
        until("its return", || self.is(number, &["up", "unproven"]));
        let answered = self.answered(number);
        until("new work for it", || self.answered(number) > answered + 20);
        assert_eq!(self.clients("failed"), 0, "{}", self.newest());
        assert!(self.why().contains(&format!("{name} is back")), "{}", self.why());
    }
}
