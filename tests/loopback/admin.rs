//! The status API, in the same loop.

use crate::support::*;

#[test]
fn healthz_says_ok() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = Client::connect(balancer.admin.unwrap());
    for _ in 0..3 {
        assert_eq!(client.get("/healthz").status, 200); // kept alive
    }
    assert_eq!(client.get("/nothing-here").status, 404);
}

#[test]
fn state_is_json_and_counts_what_happened() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::before(&[&one, &two], &["--health", "off"]);
    let mut client = balancer.client();
    (0..10).for_each(|_| assert_eq!(client.get("/").status, 200));
    let state = balancer.state();
    let backends = &state["pools"][0]["backends"];
    for (number, backend) in [&one, &two].into_iter().enumerate() {
        assert_eq!(backends[number]["address"], backend.address.to_string());
        assert_eq!(backends[number]["requests"], 5);
        assert_eq!(backends[number]["in_flight"], 0);
    }
    assert_eq!(state["counters"]["finished"], 10);
    assert_eq!(state["counters"]["failed"], 0);
    drop(client);
    until("the ended connection's reason", || balancer.state()["counters"]["reasons"]["client_done"] == 1);
}

#[test]
fn off_is_off() {
    let backend = Backend::named("one");
    let address = backend.address.to_string();
    let balancer = Balancer::start(&["-l", "127.0.0.1:0", "-b", &address, "--admin", "off", "--health", "off"]);
    assert_eq!(balancer.client().get("/").text(), "one");
    assert!(balancer.lines(&["(admin"]).is_empty());
}
