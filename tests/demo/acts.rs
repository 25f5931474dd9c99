//! What each act does: to the backend, to the balancer's mind, and to clients.

use super::*;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::thread::{Builder, scope};

/// They wait for probes, time-outs and patient clients, seconds each, and work little: so they wait together.
#[test]
fn each_act_does_what_it_says() {
    const ALL: [(&str, fn()); 6] = [
        (
            "killing_a_backend_under_load_costs_no_client_anything",
            killing_a_backend_under_load_costs_no_client_anything,
        ),
        ("killing_both_is_noticed_and_said", killing_both_is_noticed_and_said),
        (
            "who_asked_a_hanging_backend_waits_and_is_answered_by_the_other",
            who_asked_a_hanging_backend_waits_and_is_answered_by_the_other,
        ),
        ("the_errors_of_a_broken_backend_reach_nobody", the_errors_of_a_broken_backend_reach_nobody),
        ("a_slow_backend_is_not_sick_and_its_clients_wait", a_slow_backend_is_not_sick_and_its_clients_wait),
        ("a_slow_client_and_nonsense_hurt_nobody", a_slow_client_and_nonsense_hurt_nobody),
    ];
    let failed: Vec<&str> = scope(|scope| {
        let begin = |(name, act): (&str, fn())| Builder::new().name(name.into()).spawn_scoped(scope, act).unwrap();
        let all = ALL.map(begin); // each panic tells whose it is
        ALL.into_iter().zip(all).filter_map(|((name, _), act)| act.join().err().map(|_| name)).collect()
    });
    assert!(failed.is_empty(), "{failed:?}");
}

fn killing_a_backend_under_load_costs_no_client_anything() {
    let demo = Demo::under_load();
    let mut held = demo.direct(1);
    assert!(held.get("/").text().starts_with("Hello from backend-1 on port"));
    assert_eq!(demo.put(1, "kill")["backends"][0]["manner"], "killed");
    let error = held.remainder().expect_err("a reset");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    until("the end of its listener", || Client::try_connect(local(demo.base)).is_err());
    until("its exclusion", || demo.is(1, &["down", "ejected"]));
    demo.nobody_loses(50);
    let newest = demo.newest();
    assert_eq!(newest["what"], "killed backend-1");
    until("its health's word", || demo.why().contains("backend-1 was taken out"));
    assert!(demo.why().contains("to backend-1 failed and went elsewhere at once"), "{}", demo.why());
    let own = demo.client().get("/");
    assert_eq!((own.status, own.text().starts_with("Hello from backend-2")), (200, true));
    demo.returns(1);
    let log = demo.demo()["log"].clone();
    assert_eq!(log[1]["what"], "killed backend-1");
    assert_eq!((&log[1]["clients"]["failed"], &log[2]["what"]), (&0.into(), &"started the gentle load".into()));
    assert!(log[0]["at"].as_f64() > log[1]["at"].as_f64());
}

fn killing_both_is_noticed_and_said() {
    let demo = Demo::under_load();
    demo.put(1, "kill");
    demo.put(2, "kill");
    until("failures", || demo.clients("failed") > 5);
    let why = demo.why();
    assert!(why.contains("failed: no_backend") && why.ends_with("failed for clients"), "{why}");
    assert!(!why.contains("elsewhere"), "there is nowhere to go: {why}");
    assert_eq!(demo.client().get("/").status, 503);
    demo.put(1, "restart");
    until("its return", || demo.is(1, &["up", "unproven"]));
    demo.put(2, "restart");
    until("answers again", || demo.clients("ok") > 50);
}

fn who_asked_a_hanging_backend_waits_and_is_answered_by_the_other() {
    let demo = Demo::under_load();
    demo.put(2, "hang");
    let mut waits = demo.direct(2);
    waits.send(support::client::get("/")).unwrap();
    until("its exclusion", || demo.is(2, &["down", "ejected"]));
    demo.nobody_loses(50);
    let newest = demo.newest();
    assert!(newest["clients"]["slowest_ms"].as_f64() >= Some(1900.0), "the time-out of the demo: {newest}");
    assert!(demo.why().contains("had no answer in time and went to another backend"), "{newest}");
    assert!(demo.why().contains("backend-2"), "{newest}");
    demo.put(2, "restart"); // which does not end its ejection
    assert_eq!(waits.response("GET").expect("its answer at last").status, 200);
}

fn the_errors_of_a_broken_backend_reach_nobody() {
    let demo = Demo::under_load();
    demo.put(1, "break");
    assert_eq!(demo.direct(1).get("/").status, 500);
    let mut client = demo.client();
    (0..20).for_each(|_| assert_eq!(client.get("/").status, 200));
    until("its ejection", || demo.backend(1)["measured"]["ejected_in_seconds"].is_number());
    until("its probes' word", || demo.backend(1)["health"] == "down");
    demo.nobody_loses(100);
    let why = demo.why();
    assert!(why.contains("not passed on: another backend was asked"), "{why}");
    assert!(why.contains("live traffic had backend-1 ejected"), "{why}");
    demo.returns(1);
}

fn a_slow_backend_is_not_sick_and_its_clients_wait() {
    let demo = Demo::under_load();
    demo.put(2, "slow");
    until("a slow answer", || demo.newest()["clients"]["slowest_ms"].as_f64() >= Some(990.0));
    demo.nobody_loses(50);
    assert!(demo.why().contains("the slowest took"), "{}", demo.why());
    demo.put(2, "restart");
    demo.nobody_loses(50);
}

#[test]
fn a_load_stops_when_it_is_told_so() {
    let demo = Demo::under_load();
    assert_eq!(demo.act("load")["load"], false);
    assert_eq!(demo.newest()["what"], "stopped the gentle load");
    until("no client", || demo.balancer.state()["open_connections"] == 0);
    assert_eq!((demo.clients("asked"), demo.clients("failed")), (0, 0));
}

#[test]
fn a_burst_is_answered_to_its_last_request() {
    let demo = Demo::start();
    assert_eq!(demo.act("burst")["log"][0]["what"], "sent a burst of 500 requests on 50 connections");
    until("its end", || demo.clients("ok") == 500);
    assert_eq!((demo.clients("asked"), demo.clients("failed")), (500, 0));
    assert_eq!(demo.balancer.state()["counters"]["finished"], 500);
}

fn a_slow_client_and_nonsense_hurt_nobody() {
    let demo = Demo::under_load();
    demo.act("garbage");
    until("the refusals", || demo.clients("refused") == 8);
    demo.nobody_loses(20);
    let why = demo.why();
    for kind in ["8 requests were turned down before a backend heard of them", "bare_lf", "length_and_coding"] {
        assert!(why.contains(kind), "{why}");
    }
    assert_eq!(demo.balancer.state()["counters"]["refused"], 8);
    demo.act("load");
    until("no client", || demo.balancer.state()["open_connections"] == 0);
    demo.act("slow-client");
    until("its answer", || demo.clients("ok") == 1);
    assert_eq!((demo.clients("asked"), demo.clients("failed")), (1, 0));
}

#[test]
fn the_last_twenty_acts_are_remembered() {
    let demo = Demo::start();
    (0..25).for_each(|_| _ = demo.put(1, "restart"));
    assert_eq!(demo.demo()["log"].as_array().map(Vec::len), Some(20));
}

#[test]
fn leaving_finishes_what_is_under_way_and_ends_everything() {
    let mut demo = Demo::under_load();
    demo.balancer.terminate();
    assert_eq!(demo.balancer.wait().code(), Some(0));
    assert!((0..4).all(|port| TcpListener::bind(local(demo.base + port)).is_ok()));
}

#[test]
fn who_was_taken_out_of_the_pool_is_not_blamed_for_the_other() {
    let demo = Demo::under_load();
    let path = format!("/api/backends/127.0.0.1:{}", demo.base);
    assert_eq!(ask(demo.admin(), "POST", &path, JSON, "{\"action\": \"remove\"}").0, 200);
    demo.put(2, "kill");
    until("failures", || demo.clients("failed") > 5);
    let why = demo.why();
    assert!(why.contains("to backend-2 failed") && !why.contains("backend-1"), "{why}");
}
