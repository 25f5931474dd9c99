//! Clients that come back, and requests that go elsewhere: the built binary with the keys that ask for it.

use crate::support::*;
use std::collections::HashMap;

const STICKY: &str = "sticky = { cookie = \"EVENKEEL\", ttl = \"1h\" }";

/// Asks with this cookie, or none: who answered, and the value it is told.
fn ask(balancer: &Balancer, cookie: Option<&str>) -> (String, Option<String>) {
    let cookie = cookie.map(|value| format!("Cookie: EVENKEEL={value}\r\n")).unwrap_or_default();
    let answer = balancer.client().raw("GET", format!("GET / HTTP/1.1\r\nHost: h\r\n{cookie}\r\n"));
    let told = answer.head.get("Set-Cookie").map(|field| {
        assert!(field.ends_with("; Path=/; HttpOnly; SameSite=Lax; Max-Age=3600"), "{field}");
        field.trim_start_matches("EVENKEEL=").split(';').next().unwrap_or_default().to_string()
    });
    (answer.text(), told)
}

#[test]
fn any_number_of_balancers_agree_on_whose_cookie_it_is() {
    let (one, two, three) = (Backend::named("one"), Backend::named("two"), Backend::named("three"));
    let start = |backends: &[&Backend]| Balancer::with_file(backends, "http", STICKY);
    let first = start(&[&one, &two, &three]);
    let homes: HashMap<String, String> =
        (0..3).map(|_| ask(&first, None)).map(|(who, told)| (told.unwrap(), who)).collect();
    assert_eq!(homes.len(), 3, "{homes:?}");
    let restarted = start(&[&three, &two, &one]);
    for (cookie, who) in &homes {
        for balancer in [&first, &restarted, &restarted] {
            assert_eq!(ask(balancer, Some(cookie)), (who.clone(), Some(cookie.clone())));
        }
    }
    let smaller = start(&[&one, &two]);
    let (lost, _) = homes.iter().find(|(_, who)| *who == "three").unwrap();
    let (_, told) = ask(&smaller, Some(lost));
    assert!(told.is_some_and(|told| told != *lost && homes.contains_key(&told)));
}

#[test]
fn a_client_goes_elsewhere_when_its_backend_is_killed_and_stays_there() {
    let (one, mut two) = (Backend::named("one"), Backend::named("two"));
    let balancer = Balancer::with_file(&[&one, &two], "http", STICKY);
    let mut told = (0..2).map(|_| ask(&balancer, None)).filter(|(who, _)| who == "two");
    let cookie = told.next().and_then(|(_, told)| told).unwrap();
    two.kill();
    let (who, told) = ask(&balancer, Some(&cookie));
    assert_eq!(who, "one");
    two.restart();
    assert_eq!(ask(&balancer, told.as_deref()).0, "one", "it has another home now");
}

#[test]
fn what_one_backend_cannot_do_another_is_asked_and_the_budget_is_shown() {
    let ill = Backend::http("ill", |exchange| exchange.answer("503 Service Unavailable", "", b"not now"));
    let well = Backend::named("well");
    let balancer = Balancer::with_file(&[&ill, &well], "http", "retry_on = [\"502\", \"503\"]");
    let mut client = balancer.client();
    (0..20).for_each(|_| assert_eq!(client.get("/").text(), "well"));
    let posted = (0..2).filter(|_| client.with_body("POST", "/", b"x").status == 503).count();
    assert_eq!(posted, 1, "a POST is not asked twice");
    let state = balancer.state();
    assert_eq!(state["counters"]["retries"], 10);
    let budget = &state["pools"][0]["retry_budget"];
    assert_eq!((budget["tokens"].as_f64(), budget["denied"].as_u64()), (Some(64.0 - 10.0 + 22.0 / 5.0), Some(0)));
}
