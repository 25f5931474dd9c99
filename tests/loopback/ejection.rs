//! Live traffic excludes backends, and they come back slowly; probes that ask for more; what failing costs, told.

use crate::support::*;
use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

/// A backend that answers with an error while it is ill, and the switch for that.
fn moody(name: &str) -> (Backend, Arc<AtomicBool>) {
    let ill = Arc::new(AtomicBool::new(false));
    let same = Arc::clone(&ill);
    let backend = Backend::http(name, move |exchange| match same.load(Ordering::SeqCst) {
        true => exchange.answer("503 Service Unavailable", "", exchange.name.as_bytes()),
        false => exchange.name_it(),
    });
    (backend, ill)
}

fn of_backend(balancer: &Balancer, number: usize) -> serde_json::Value {
    balancer.state()["pools"][0]["backends"][number].clone()
}

#[test]
fn a_row_of_errors_ejects_and_the_return_is_told() {
    let (one, (two, ill)) = (Backend::named("one"), moody("two"));
    let balancer = Balancer::with_file(&[&one, &two], "http", "ejection = { consecutive = 3, base = \"700ms\" }");
    let mut client = balancer.client();
    (0..6).for_each(|_| assert_eq!(client.get("/").status, 200));
    ill.store(true, Ordering::SeqCst);
    let bad = (0..40).filter(|_| client.get("/").status == 503).count();
    let lines = |words: &str| balancer.lines(&[&two.address.to_string(), words]);
    // On a busy machine the first ejection may be over before the last request, and lines come when they come.
    until("a line for every three errors", || bad == 3 * lines("is ejected").len());
    let line = lines("is ejected")[0].clone();
    assert!(line.contains("for 0.7 s: status 503 (bad responses in a row: 3)"), "{line}");
    ill.store(false, Ordering::SeqCst);
    balancer.wait_for(|line| line.contains(&two.address.to_string()) && line.contains("is back: its ejection of 0.7"));
    until("its share again", || client.get("/").text() == "two");
    until("a line for each return", || lines("is ejected").len() == lines("its ejection").len());
    let state = of_backend(&balancer, 1);
    assert_eq!(state["state"], "unproven");
    assert!(state["measured"]["ejected_in_seconds"].as_f64().unwrap() < 10.0, "{state}");
}

#[test]
fn no_more_than_its_share_of_a_pool_is_ejected_and_the_last_is_tried_all_the_same() {
    let (one, ill) = moody("one");
    let (two, too) = moody("two");
    [&ill, &too].iter().for_each(|ill| ill.store(true, Ordering::SeqCst));
    let ejection = |share| format!("ejection = {{ consecutive = 1, share = \"{share}%\", base = \"1h\" }}");
    for (share, out) in [(50, 1), (100, 2), (49, 0)] {
        let balancer = Balancer::with_file(&[&one, &two], "http", &ejection(share));
        let mut client = balancer.client();
        assert!((0..6).all(|_| client.get("/").status == 503), "the backends' own answers pass");
        let ejected = (0..2).filter(|&number| of_backend(&balancer, number)["state"] == "ejected").count();
        assert_eq!(ejected, out, "at {share} %");
        until("a line for each", || balancer.lines(&["is ejected"]).len() == out);
    }
    let alone = Balancer::with_file(&[&one], "http", &ejection(50));
    assert!((0..4).all(|_| alone.client().get("/").status == 503));
    assert!(alone.lines(&["is ejected"]).is_empty());
}

#[test]
fn connections_that_die_count_and_what_a_client_does_not() {
    let one = Backend::named("one");
    let two = Backend::http("two", |_| Ok(Then::Reset));
    let balancer = Balancer::with_file(&[&one, &two], "http", "ejection = { consecutive = 2, base = \"1h\" }");
    let mut client = balancer.client();
    assert!((0..12).all(|_| client.get("/").text() == "one"), "sent on to the other");
    let line = balancer.wait_for_line("is ejected for 3600.0 s");
    assert!(line.contains("connection died before a response (bad responses in a row: 2)"), "{line}");
    assert_eq!(two.requests().len(), 2);
    for _ in 0..5 {
        balancer.client().send(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhi").unwrap();
    }
    assert_eq!(client.get("/").text(), "one");
    assert_eq!(of_backend(&balancer, 0)["state"], "unproven");
}

#[test]
fn tunnels_count_by_their_connection() {
    let (mut one, two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::with_file(&[&one, &two], "tcp", "ejection = { consecutive = 2, base = \"1h\" }");
    one.kill();
    assert!((0..8).all(|_| balancer.client().get("/").text() == "two"));
    let line = balancer.wait_for_line("is ejected");
    assert!(line.contains("no connection (bad responses in a row: 2)"), "{line}");
    let state = of_backend(&balancer, 0);
    assert_eq!((&state["state"], &state["connect_failures"]), (&"ejected".into(), &2.into()), "{state}");
}

/// With an hour to warm, the share is next to nothing at first, unless nobody else is there.
#[test]
fn who_returns_gets_little_at_first() {
    let (mut one, (two, ill)) = (Backend::named("one"), moody("two"));
    let extra = "ejection = { consecutive = 1, base = \"100ms\" }\nslow_start = \"1h\"";
    let balancer = Balancer::with_file(&[&one, &two], "http", extra);
    let mut client = balancer.client();
    ill.store(true, Ordering::SeqCst);
    until("an ejection", || client.get("/").status == 503);
    ill.store(false, Ordering::SeqCst);
    balancer.wait_for_line("is back");
    let names: Vec<String> = (0..40).map(|_| client.get("/").text()).collect();
    assert!(names.iter().all(|name| name == "one"), "{names:?}");
    one.kill();
    assert_eq!(client.get("/").text(), "two");
}

#[test]
fn a_probe_asks_what_it_is_told_to_and_its_result_is_kept_verbatim() {
    let asked = Backend::http("asked", |exchange| exchange.answer("404 Not Found", "", b"all is well"));
    let idle = Backend::named("idle");
    let health = |body: &str| {
        format!(
            "path = \"/up\", expect = \"200-299,404\", body = \"{body}\", interval = \"100ms\", fall = 1, \
             port = {}, headers = {{ Host = \"app.example\", X-Probe = \"yes\" }}",
            asked.address.port()
        )
    };
    let balancer = Balancer::with_health(&[&idle], "http", &health("is well"), "");
    balancer.wait_for_line("is up");
    let probe = asked.last();
    let fields = ["Host", "X-Probe", "Connection"].map(|name| probe.head.get(name).unwrap_or_default().to_string());
    assert_eq!((probe.target.as_str(), fields), ("/up", ["app.example", "yes", "close"].map(str::to_string)));
    assert!(idle.requests().is_empty(), "the probes go to the other port");
    let state = of_backend(&balancer, 0)["probe"].clone();
    assert_eq!((&state["passed"], &state["step"], &state["status"]), (&true.into(), &"response".into(), &404.into()));
    assert!(state["milliseconds"].as_f64().unwrap() > 0.0 && state["error"].is_null(), "{state}");

    let balancer = Balancer::with_health(&[&idle], "http", &health("is ill"), "");
    let line = balancer.wait_for_line("is down");
    assert!(line.contains("body: body lacks \"is ill\" after"), "{line}");
    let state = of_backend(&balancer, 0);
    assert_eq!((&state["state"], &state["probe"]["step"]), (&"down".into(), &"body".into()), "{state}");
    assert_eq!(state["probe"]["error"], "body lacks \"is ill\"");
    assert_eq!(state["measured"]["down_in_seconds"], 0.0, "one failure was enough");
}

#[test]
fn a_refused_probe_is_told_with_the_systems_own_words() {
    let mut gone = Backend::named("gone");
    gone.kill();
    let balancer = Balancer::with_health(&[&gone], "http", "interval = \"50ms\", fall = 2", "");
    balancer.wait_for_line("is down: connect:");
    let state = of_backend(&balancer, 0);
    let probe = &state["probe"];
    assert_eq!((&probe["passed"], &probe["step"]), (&false.into(), &"connect".into()), "{state}");
    assert!(probe["error"].as_str().unwrap().contains("(os error "), "{probe}");
    let measured = state["measured"]["down_in_seconds"].as_f64().unwrap();
    let computed = balancer.state()["pools"][0]["budget"]["refused"]["excluded_within_seconds"].as_f64().unwrap();
    assert!(0.0 < measured && measured < 5.0 && 2.0 < computed && computed < 2.2, "{measured} {computed}");
}

#[test]
fn what_failing_costs_is_told_at_the_start() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health-interval", "1s"]);
    let line = balancer.wait_for_line("pool main: how a failing backend hurts:");
    assert!(line.contains("refused: out within 4.") && line.contains("silent: out within"), "{line}");
}

/// Each of its connections serves one request and dies with the next, as if it had gone stale.
#[test]
fn a_pooled_connection_that_was_stale_counts_against_nobody() {
    let seen = Mutex::new(HashSet::new());
    let stale =
        Backend::http("stale", move |exchange| match seen.lock().unwrap().insert(exchange.request.connection) {
            true => exchange.name_it(),
            false => Ok(Then::Reset),
        });
    let other = Backend::named("other");
    let balancer = Balancer::with_file(&[&stale, &other], "http", "ejection = { consecutive = 1, base = \"1h\" }");
    let mut client = balancer.client();
    let served = (0..20).filter(|_| client.get("/").text() == "stale").count();
    assert_eq!((served, of_backend(&balancer, 0)["state"].as_str()), (10, Some("unproven")));
    assert!(balancer.state()["counters"]["retries"].as_u64().unwrap() >= 4);
}
