//! Clients that come back to the backend that served them, by a cookie.

use super::actor::Actor;
use super::kernel::Order;
use super::play::Play;
use super::stage::Stage;
use evenkeel::config::{PolicyName, Sticky};
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const LINE: &str = "GET / HTTP/1.1";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn sticky(backends: usize, ttl: Option<u64>) -> Play {
    let cookie = Sticky { cookie: "EVENKEEL".into(), ttl: ttl.map(Duration::from_secs) };
    Play::new().backends(backends).pool(|pool| pool.sticky = Some(cookie))
}

fn with(cookies: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: h\r\nCookie: {cookies}\r\n\r\n")
}

/// What it was told with its last response; none: nothing.
fn told(client: &Actor<'_>) -> Option<String> {
    let field = client.head().get("Set-Cookie").map(str::to_string)?;
    let value = field.strip_prefix("EVENKEEL=")?.split(';').next()?.to_string();
    assert!(value.len() == 16 && value.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')), "{field}");
    Some(value)
}

/// It is served: by whom.
fn served<'s>(s: &'s Stage, client: &Actor<'_>, asks: &str) -> Actor<'s> {
    client.says(asks);
    let backend = s.backend_hears_request(LINE);
    backend.says(OK);
    client.hears_message("HTTP/1.1 200 OK", "ok");
    backend
}

#[test]
fn who_was_served_comes_back_and_is_told_once() {
    sticky(3, None).uncut().run(|s| {
        let client = s.client();
        let home = served(s, &client, GET).backend();
        let value = told(&client).expect("a cookie");
        let field = format!("Set-Cookie: EVENKEEL={value}; Path=/; HttpOnly; SameSite=Lax");
        client.head().has(&[&field]);
        for _ in 0..4 {
            let backend = served(s, &client, &with(&format!("EVENKEEL={value}")));
            assert_eq!(backend.backend(), home);
            backend.head().lacks(&["Cookie"]);
            assert_eq!(told(&client), None);
        }
        let other = s.client();
        assert_eq!(served(s, &other, &with(&format!("EVENKEEL={value}"))).backend(), home, "whoever asks");
    });
}

#[test]
fn our_cookie_stays_behind_and_the_others_go_on_as_they_are() {
    sticky(1, None).uncut().run(|s| {
        let client = s.client();
        let asks = "GET / HTTP/1.1\r\nHost: h\r\nCookie: a=\"b c\";  EVENKEEL=x ; d=e=f\r\nX-Y: z\r\n\
            cookie: EVENKEEL=y\r\nCOOKIE: g;h=\r\n\r\n";
        let head = served(s, &client, asks).head();
        let sent: Vec<_> = head.fields.iter().filter(|(name, _)| name.eq_ignore_ascii_case("cookie")).collect();
        assert_eq!(sent, [&("Cookie".into(), "a=\"b c\"; d=e=f".into()), &("COOKIE".into(), "g;h=".into())]);
        assert!(
            head.fields.iter().position(|(name, _)| name == "X-Y")
                < head.fields.iter().position(|(name, _)| name == "COOKIE")
        );
    });
    Play::new().uncut().run(|s| {
        let client = s.client();
        served(s, &client, &with("EVENKEEL=1")).head().has(&["Cookie: EVENKEEL=1"]);
        assert_eq!(told(&client), None, "nobody asked for it");
    });
}

#[test]
fn a_cookie_that_names_nobody_is_as_none() {
    sticky(2, None).uncut().run(|s| {
        let client = s.client();
        let mut last = None;
        for value in ["0000000000000000", "", "127.0.0.1:8080", "000000000000000000000001"] {
            let home = served(s, &client, &with(&format!("EVENKEEL={value}"))).backend();
            assert!(told(&client).is_some());
            assert_ne!(last.replace(home), Some(home), "the policy picks");
        }
    });
}

#[test]
fn with_a_ttl_each_response_begins_it_anew() {
    sticky(2, Some(3600)).uncut().run(|s| {
        let client = s.client();
        let home = served(s, &client, GET).backend();
        for _ in 0..2 {
            let value = told(&client).expect("a cookie");
            assert!(client.head().get("Set-Cookie").is_some_and(|field| field.ends_with("; Max-Age=3600")));
            assert_eq!(served(s, &client, &with(&format!("EVENKEEL={value}"))).backend(), home);
        }
        assert!(told(&client).is_some());
    });
}

/// A client at home with a backend, and its cookie.
fn at_home<'s>(s: &'s Stage) -> (Actor<'s>, Actor<'s>, String) {
    let client = s.client();
    let backend = served(s, &client, GET);
    let value = told(&client).expect("a cookie");
    (client, backend, with(&format!("EVENKEEL={value}")))
}

#[test]
fn who_drains_or_refuses_loses_its_clients_and_they_are_told() {
    for order in [Some(Order::Drain), Some(Order::Disable), Some(Order::Weight(0)), None] {
        sticky(2, None).uncut().run(|s| {
            let (client, backend, asks) = at_home(s);
            let home = backend.backend();
            match order {
                Some(order) => s.order(home, order),
                None => {
                    s.backend_refuses(home);
                    backend.closes();
                }
            }
            assert_ne!(served(s, &client, &asks).backend(), home);
            let value = told(&client).expect("another cookie");
            assert_ne!(served(s, &client, &with(&format!("EVENKEEL={value}"))).backend(), home);
            assert_eq!(told(&client), None);
        });
    }
}

#[test]
fn who_is_stuck_shifts_nobodys_turn() {
    for policy in [PolicyName::RoundRobin, PolicyName::First, PolicyName::Maglev, PolicyName::LeastConnections] {
        sticky(2, None).pool(|pool| pool.policy = policy).uncut().run(|s| {
            let (client, backend, asks) = at_home(s);
            let other = s.client();
            let mut last = backend.backend();
            for _ in 0..4 {
                let next = served(s, &other, GET).backend();
                assert!(policy != PolicyName::RoundRobin || next != last, "by turns");
                last = next;
                assert_eq!(served(s, &client, &asks).backend(), backend.backend());
            }
        });
    }
}

#[test]
fn interim_responses_and_our_own_answers_set_no_cookie() {
    sticky(1, None).uncut().run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request(LINE);
        backend.says("HTTP/1.1 103 Early Hints\r\n\r\n");
        client.hears("HTTP/1.1 103 Early Hints\r\n\r\n");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        assert!(told(&client).is_some());
        s.backend_refuses(0);
        backend.closes();
        client.says(GET);
        client.is_answered_with(503).lacks(&["Set-Cookie"]);
    });
}

#[test]
fn a_backends_own_cookies_pass_beside_ours() {
    sticky(1, None).uncut().run(|s| {
        let client = s.client();
        client.says(GET);
        s.backend_hears_request(LINE)
            .says("HTTP/1.1 204 Done\r\nSet-Cookie: a=b\r\nSet-Cookie: EVENKEEL=theirs\r\n\r\n");
        let head = client.hears_head("HTTP/1.1 204 Done");
        let all: Vec<_> = head.all("Set-Cookie").collect();
        assert_eq!(all[..2], ["a=b", "EVENKEEL=theirs"]);
        assert!(all.len() == 3 && all[2].starts_with("EVENKEEL=") && all[2].ends_with("SameSite=Lax"));
    });
}
