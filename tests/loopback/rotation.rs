//! Round robin is exact, and it is per request.

use crate::support::*;

#[test]
fn a_thousand_requests_on_one_connection_split_in_halves() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::before(&[&one, &two], &["--health", "off"]);
    let mut client = balancer.client();
    let names: Vec<String> = (0..1000).map(|_| client.get("/").text()).collect();
    assert!(names.windows(2).all(|pair| pair[0] != pair[1]), "two in a row from the same backend");
    assert_eq!((one.targets().len(), two.targets().len()), (500, 500));
}

#[test]
fn a_thousand_requests_on_as_many_connections_split_in_halves() {
    let (one, two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::before(&[&one, &two], &["--health", "off"]);
    for _ in 0..1000 {
        assert_eq!(balancer.client().get("/").status, 200);
    }
    assert_eq!((one.targets().len(), two.targets().len()), (500, 500));
}

#[test]
fn three_backends_take_turns_across_interleaved_clients() {
    let backends = ["a", "b", "c"].map(Backend::named);
    let balancer = Balancer::before(&[&backends[0], &backends[1], &backends[2]], &["--health", "off"]);
    let mut clients: Vec<Client> = (0..7).map(|_| balancer.client()).collect();
    for round in 0..30 {
        clients[round % 7].get("/");
    }
    assert_eq!(backends.map(|b| b.targets().len()), [10, 10, 10]);
}
