//! Each policy at work, as an operator sees it. What they promise exactly is in `tests/policies.rs`.

use crate::support::*;
use std::collections::HashSet;

/// Who served these targets, each asked for on a connection of its own.
fn served(balancer: &Balancer, requests: impl Iterator<Item = String>) -> Vec<String> {
    requests.map(|request| balancer.client().raw("GET", request).text()).collect()
}

fn users(numbers: std::ops::Range<usize>) -> impl Iterator<Item = String> {
    numbers.map(|number| format!("GET / HTTP/1.1\r\nHost: x\r\nX-User: user-{number}\r\n\r\n"))
}

#[test]
fn weights_are_exact_and_zero_gets_nothing() {
    let (one, two, none) = (Backend::named("one"), Backend::named("two"), Backend::named("none"));
    let [a, b, c] = [&one, &two, &none].map(|backend| backend.address);
    let (a, b, c) = (a.to_string(), format!("{b},weight=3"), format!("{c},weight=0"));
    let args = ["-l", "127.0.0.1:0", "--admin", "off", "--health", "off", "-b", &a, "-b", &b, "-b", &c];
    let balancer = Balancer::start(&args);
    let mut client = balancer.client();
    let picked: Vec<String> = (0..8).map(|_| client.get("/").text()).collect();
    assert_eq!(picked, ["two", "one", "two", "two", "two", "one", "two", "two"]);
}

#[test]
fn two_balancers_send_a_user_to_the_same_backend_without_a_word() {
    let mut backends = ["a", "b", "c"].map(Backend::named);
    for policy in ["maglev", "rendezvous"] {
        let extra = format!("policy = \"{policy}\"\nhash = \"header:X-User\"");
        let [here, there] = [0, 1].map(|_| Balancer::with_file(&backends.each_ref(), "http", &extra));
        let homes = served(&here, users(0..30));
        assert_eq!(homes, served(&there, users(0..30)), "{policy}");
        assert_eq!(homes.iter().collect::<HashSet<_>>().len(), 3);
        // While one is away, the others' users stay where they are; and then all are at home again.
        backends[1].kill();
        for (home, now) in homes.iter().zip(served(&here, users(0..30))) {
            assert!(now != "b" && (*home == now || home == "b"), "{policy}: from {home} to {now}");
        }
        backends[1].restart();
        assert_eq!(homes, served(&there, users(0..30)), "{policy}");
    }
}

#[test]
fn without_a_hash_a_client_keeps_its_backend_in_both_modes() {
    let backends = ["a", "b", "c"].map(Backend::named);
    for mode in ["http", "tcp"] {
        let balancer = Balancer::with_file(&backends.each_ref(), mode, "policy = \"maglev\"");
        let one = |number| {
            let name = served(&balancer, users(number..number + 1)).remove(0);
            // Two at once would be more than the bound allows where nothing else is under way.
            until("the connection's end", || balancer.state()["open_connections"] == 0);
            name
        };
        let served: Vec<String> = (0..12).map(one).collect();
        assert!(served.iter().all(|name| *name == served[0]), "{mode}: {served:?}");
    }
}

#[test]
fn the_first_is_used_until_it_is_gone() {
    let (mut one, two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::before(&[&one, &two], &["--policy", "first", "--health", "off"]);
    assert_eq!(served(&balancer, users(0..3)), ["one", "one", "one"]);
    one.kill();
    assert_eq!(served(&balancer, users(0..3)), ["two", "two", "two"]);
}

fn under_way(balancer: &Balancer) -> u64 {
    let state = balancer.state();
    let backends = state["pools"][0]["backends"].as_array().unwrap();
    backends.iter().filter_map(|backend| backend["in_flight"].as_u64()).sum()
}

/// A tunnel holds the first; everything else goes to the other.
#[test]
fn who_is_busy_is_left_alone() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    for policy in ["least-connections", "two-choices"] {
        let balancer = Balancer::before(&[&one, &two], &["--policy", policy, "--mode", "tcp", "--health", "off"]);
        let mut held = balancer.client();
        let busy = held.get("/").text();
        for user in users(0..4) {
            assert_ne!(balancer.client().raw("GET", user).text(), busy, "{policy}");
            until("the other is idle again", || under_way(&balancer) == 1);
        }
    }
}

#[test]
fn by_lot_everybody_has_a_share() {
    let backends = ["a", "b", "c"].map(Backend::named);
    let balancer = Balancer::before(&backends.each_ref(), &["--policy", "random", "--health", "off"]);
    let served: HashSet<String> = served(&balancer, users(0..60)).into_iter().collect();
    assert_eq!(served.len(), 3); // somebody is left out once in 10^10
}
