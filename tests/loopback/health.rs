//! Backends leave and come back: by probes, by live traffic, under load.

use crate::support::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Probes often and believes them quickly.
const BRISK: [&str; 10] = [
    "--health-path",
    "/health",
    "--health-interval",
    "100ms",
    "--health-timeout",
    "5s",
    "--health-fall",
    "1",
    "--health-rise",
    "1",
];

/// State changes of a backend that were logged so far: one line each, at warn or info.
fn changes(balancer: &Balancer, backend: &Backend) -> Vec<String> {
    balancer.lines(&[&backend.address.to_string(), "backend"])
}

#[test]
fn a_dead_backend_is_excluded_and_returns_with_one_line_each() {
    let (one, mut two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::before(&[&one, &two], &BRISK);
    balancer.wait_for_line(&format!("{} is up", two.address));
    let before = changes(&balancer, &two).len();
    two.kill();
    until("the exclusion's line", || changes(&balancer, &two).len() > before);
    let line = changes(&balancer, &two)[before].to_lowercase();
    let causes = ["refused", "reset"]; // the latter for a probe that was under way
    assert!(causes.iter().any(|cause| line.contains(cause)), "no cause in {line:?}");
    let mut client = balancer.client();
    assert!((0..20).all(|_| client.get("/").text() == "one"));
    two.restart();
    until("the return's line", || changes(&balancer, &two).len() > before + 1);
    let names: Vec<String> = (0..10).map(|_| client.get("/").text()).collect();
    assert_eq!(names.iter().filter(|name| *name == "two").count(), 5, "{names:?}");
    assert_eq!(changes(&balancer, &two).len(), before + 2, "one line each: {:?}", changes(&balancer, &two));
}

#[test]
fn a_backend_whose_probe_answers_badly_is_excluded_with_the_status() {
    let ill = Arc::new(AtomicBool::new(false));
    let same = Arc::clone(&ill);
    let one = Backend::named("one");
    let two = Backend::http("two", move |exchange| match exchange.request.target.as_str() {
        "/health" if same.load(Ordering::SeqCst) => exchange.answer("503 Service Unavailable", "", b""),
        _ => exchange.name_it(),
    });
    let balancer = Balancer::before(&[&one, &two], &BRISK);
    balancer.wait_for_line(&format!("{} is up", two.address));
    let before = changes(&balancer, &two).len();
    ill.store(true, Ordering::SeqCst);
    until("the exclusion's line", || changes(&balancer, &two).len() > before);
    let line = changes(&balancer, &two)[before].clone();
    assert!(line.contains("503"), "no cause in {line:?}");
    let mut client = balancer.client();
    assert!((0..20).all(|_| client.get("/").text() == "one"));
    ill.store(false, Ordering::SeqCst);
    until("its return", || client.get("/").text() == "two");
}

#[test]
fn probes_are_marked_by_nothing_but_their_path_and_close_cleanly() {
    let backend = Backend::named("one");
    let _balancer = Balancer::before(&[&backend], &BRISK);
    until("three probes", || backend.targets().len() >= 3);
    let probe = backend.requests()[0].clone();
    assert_eq!((probe.method.as_str(), probe.target.as_str()), ("GET", "/health"));
    assert!(probe.head.get("Host").is_some());
}

#[test]
fn tcp_probes_exclude_and_include() {
    let (one, mut two) = (Backend::named("one"), Backend::named("two"));
    let brisk = ["--health", "tcp", "--health-interval", "100ms", "--health-fall", "1", "--health-rise", "1"];
    let balancer = Balancer::before(&[&one, &two], &brisk);
    let mut client = balancer.client();
    two.kill();
    until("the exclusion", || !changes(&balancer, &two).is_empty());
    assert!((0..20).all(|_| client.get("/").text() == "one"));
    two.restart();
    until("its return", || client.get("/").text() == "two");
}

#[test]
fn three_kills_and_restarts_under_load_lose_no_request() {
    let (one, mut two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::before(&[&one, &two], &BRISK);
    let address = balancer.address;
    let (over, served) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let clients: Vec<_> = (0..6)
            .map(|_| {
                scope.spawn(|| -> std::io::Result<()> {
                    let mut client = Client::try_connect(address)?;
                    while !over.load(Ordering::SeqCst) {
                        let answer = client.try_get("/load")?;
                        if answer.status != 200 {
                            return Err(std::io::Error::other(format!("{} {}", answer.head.line, answer.text())));
                        }
                        served.fetch_add(1, Ordering::SeqCst);
                    }
                    Ok(())
                })
            })
            .collect();
        let stop = Stop(&over);
        let failed = || clients.iter().any(|client| client.is_finished());
        let loads = |backend: &Backend| backend.targets().iter().filter(|t| *t == "/load").count();
        for _ in 0..3 {
            let before = loads(&two);
            until("load on the backend", || loads(&two) > before + 50 || failed());
            two.kill();
            let before = served.load(Ordering::SeqCst);
            until("load without it", || served.load(Ordering::SeqCst) > before + 200 || failed());
            two.restart();
        }
        let before = loads(&two);
        until("its last return", || loads(&two) > before + 50 || failed());
        drop(stop);
        for client in clients {
            client.join().unwrap().expect("zero client-visible errors");
        }
    });
}
