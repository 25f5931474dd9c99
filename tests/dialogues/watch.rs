//! Those who watch: what they are told, when, and what they cannot do to anybody.

use super::actor::Actor;
use super::play::Play;
use super::stage::Stage;
use evenkeel::config::{Ejection, Token};
use serde_json::Value;
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const LINE: &str = "GET / HTTP/1.1";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn house() -> Play {
    Play::new().admin(None).uncut()
}

/// A client of the admin address that begins to watch this.
fn watcher<'s>(s: &'s Stage, what: &str) -> Actor<'s> {
    let watcher = s.operator();
    watcher.says(format!("GET /api/events?of={what} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    let head = watcher.hears_head_of_any_status();
    assert_eq!(head.line, "HTTP/1.1 200 OK");
    head.has(&["Content-Type: text/event-stream", "Cache-Control: no-store", "Connection: close"]);
    assert_eq!((head.get("Content-Length"), head.get("Transfer-Encoding")), (None, None));
    watcher
}

/// The next event: its name, and what it says.
fn event(watcher: &Actor<'_>) -> (String, Value) {
    let text = String::from_utf8(watcher.hears_through(b"\n\n")).expect("text");
    let lines: Vec<&str> = text.trim_end().split('\n').collect();
    assert_eq!(lines.len(), 2, "{text}");
    let name = lines[0].strip_prefix("event: ").expect("a name");
    (name.into(), serde_json::from_str(lines[1].strip_prefix("data: ").expect("data")).expect("JSON"))
}

/// The page of one socket.
fn slot(s: &Stage, number: u64) -> Value {
    let operator = s.operator();
    operator.says(format!("GET /api/loop/{number} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
    let head = operator.hears_head("HTTP/1.1 200 OK");
    let length: usize = head.get("Content-Length").and_then(|value| value.parse().ok()).expect("a length");
    serde_json::from_slice(&operator.hears_bytes(length)).expect("JSON")
}

/// The row of the first slot of this owner: its number, owner, phase and session.
fn find(told: &Value, owner: &str) -> Vec<i64> {
    let owners = told["owners"].as_array().unwrap();
    let number = owners.iter().position(|name| name == owner).unwrap() as i64;
    let row = |row: &Value| row.as_array().unwrap().iter().map(|it| it.as_i64().unwrap()).collect::<Vec<_>>();
    let mut slots = told["slots"].as_array().unwrap().iter().map(row);
    slots.find(|slot| slot[1] == number).unwrap_or_else(|| panic!("no {owner} in {told}"))
}

#[test]
fn the_first_is_told_at_once_and_the_next_at_each_beat() {
    house().run(|s| {
        let watcher = watcher(s, "state");
        let (name, first) = event(&watcher);
        assert_eq!((name.as_str(), &first["counters"]["finished"]), ("state", &Value::from(0)));
        let client = s.client();
        client.says(GET);
        s.backend_hears_request(LINE).says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        let (mut last, mut told) = (first["now"].as_f64().unwrap(), 0);
        for _ in 0..3 {
            let (_, next) = event(&watcher);
            let now = next["now"].as_f64().unwrap();
            assert!(now > last, "{now} after {last}");
            (last, told) = (now, next["counters"]["finished"].as_u64().unwrap());
        }
        assert_eq!(told, 1);
        let (_, next) = event(&watcher);
        let (pool, backend) = (&next["pools"][0], &next["pools"][0]["backends"][0]);
        let sum = |counts: &Value| counts.as_array().unwrap().iter().map(|it| it.as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum(&pool["latency"]), sum(&backend["latency"])), (1, 1));
        let bounds = next["latency_bounds_ms"].as_array().unwrap().len();
        assert_eq!(backend["latency"].as_array().unwrap().len(), bounds + 1);
        assert_eq!((&pool["finished"], &pool["by_class"]["2xx"], &pool["failed"]), (&1.into(), &1.into(), &0.into()));
        assert_eq!((&backend["ideal_share"], &backend["errors"]), (&Value::from(1.0), &Value::from(0)));
        assert_eq!((&next["phases"]["idle"], &next["idle_upstreams"]), (&1.into(), &1.into()));
        assert_eq!(next["receipts"].as_array().unwrap().len(), 1);
    });
}

/// Be it that such a backend can be ejected or not.
#[test]
fn who_serves_badly_is_seen_to() {
    for ejection in [None, Some(Ejection::default())] {
        house().pool(|pool| pool.health.ejection = ejection).run(|s| {
            let client = s.client();
            client.says(GET);
            s.backend_hears_request(LINE).says("HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\nno");
            client.hears_message("HTTP/1.1 503 Service Unavailable", "no");
            let (_, told) = event(&watcher(s, "state"));
            assert_eq!(
                (&told["pools"][0]["backends"][0]["errors"], &told["pools"][0]["failed"]),
                (&1.into(), &0.into())
            );
        });
    }
}

#[test]
fn the_loop_is_seen_from_inside() {
    house().run(|s| {
        let watcher = watcher(s, "loop");
        assert_eq!(event(&watcher).0, "loop");
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request(LINE);
        event(&watcher); // perhaps of a moment before
        let (_, told) = event(&watcher);
        let phase = |slot: &[i64]| told["phases"][slot[2] as usize].as_str().unwrap().to_string();
        let (of_client, of_upstream) = (find(&told, "upstream"), find(&told, "upstream"));
        assert_eq!((phase(&of_client), phase(&of_upstream)), ("awaiting".into(), "awaiting".into()));
        assert_eq!(of_client[3], of_upstream[3], "one session");
        assert_eq!(told["phase_counts"]["awaiting"], 1);
        find(&told, "listener");
        let turns = told["turns"].as_array().unwrap();
        assert!(!turns.is_empty() && turns.len() <= 240, "{told}");
        let number = |turn: &Value| turn[0].as_u64().unwrap();
        assert!(turns.windows(2).all(|pair| number(&pair[0]) + 1 == number(&pair[1])), "{told}");
        let timers: Vec<f64> = told["timers"].as_array().unwrap().iter().map(|it| it[3].as_f64().unwrap()).collect();
        assert!(timers.is_sorted() && told["timers_total"].as_u64() >= Some(timers.len() as u64), "{told}");

        let near = slot(s, of_upstream[0] as u64);
        assert_eq!((&near["owner"], &near["phase"]), (&"upstream".into(), &"awaiting".into()));
        let passed: Vec<&str> = near["phases"].as_array().unwrap().iter().map(|it| it[0].as_str().unwrap()).collect();
        assert!(passed.ends_with(&["awaiting"]) && passed.len() >= 2, "{near}");
        assert_eq!(near["backend"], s.backend_names()[0].as_str());
        assert!(near["bytes_up"].as_u64() > Some(0) && near["deadline_in_ms"].is_null(), "{near}");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_socket_that_nobody_owns_is_not_shown() {
    house().run(|s| {
        for path in ["/api/loop/9999", "/api/loop/4294967296", "/api/loop/-1", "/api/loop/x", "/api/loop/"] {
            let operator = s.operator();
            operator.says(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
            operator.hears_head("HTTP/1.1 404 Not Found");
        }
    });
}

/// Whoever does not read costs one frame and what the kernel holds.
#[test]
fn a_slow_watcher_is_left_out_and_hears_of_now_when_it_reads_again() {
    house().simulated_only("it takes a minute").run(|s| {
        let watcher = watcher(s, "state");
        event(&watcher);
        watcher.stops_listening();
        let client = s.client();
        for _ in 0..20 {
            client.says(GET);
            s.backend_hears_request(LINE).says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
            s.time_passes(Duration::from_secs(2));
        }
        watcher.listens_again();
        s.time_passes(Duration::from_secs(2));
        let told = String::from_utf8(watcher.heard()).unwrap();
        let count = told.matches("event: state").count();
        assert!((1..35).contains(&count), "{count} events");
        assert!(told.contains("\"finished\":20"), "what it hears last is how it is now");
    });
}

#[test]
fn who_takes_nothing_at_all_is_closed_on_in_the_end() {
    house().timeouts(|timeouts| timeouts.client_idle = Duration::from_secs(5)).simulated_only("it takes minutes").run(
        |s| {
            let watcher = watcher(s, "state");
            event(&watcher);
            watcher.stops_listening();
            let sockets = s.sockets();
            s.time_passes(Duration::from_secs(600)); // until every buffer is full
            assert_eq!(s.sockets(), sockets - 1);
            watcher.listens_again();
            watcher.hears_reset_or_close();
        },
    );
}

#[test]
fn who_leaves_leaves_nothing_behind() {
    house().run(|s| {
        let sockets = s.sockets();
        let (ends, resets) = (watcher(s, "loop"), watcher(s, "state"));
        event(&ends);
        event(&resets);
        ends.ends();
        ends.hears_reset_or_close();
        resets.resets();
        assert!(s.wait(|_| s.sockets() == sockets), "both are gone");
        assert_eq!(s.buffers(), 0);
    });
}

#[test]
fn what_a_watcher_says_is_not_heard() {
    house().run(|s| {
        let watcher = watcher(s, "loop");
        event(&watcher);
        watcher.says("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(2000));
        for _ in 0..3 {
            assert_eq!(event(&watcher).0, "loop");
        }
        assert_eq!(s.buffers(), 0);
    });
}

#[test]
fn others_are_refused_as_anywhere() {
    Play::new().admin(Some("0123456789abcdef")).uncut().run(|s| {
        let ask = |request: &str, status: &str| {
            let operator = s.operator();
            operator.says(format!("{request}\r\nConnection: close\r\n\r\n"));
            operator.hears_head(&format!("HTTP/1.1 {status}"));
        };
        let token = "Authorization: Bearer 0123456789abcdef";
        ask("GET /api/events?of=state HTTP/1.1\r\nHost: h", "401 Unauthorized");
        ask("GET /api/loop/0 HTTP/1.1\r\nHost: h", "401 Unauthorized");
        ask(&format!("GET /api/events?of=all HTTP/1.1\r\nHost: h\r\n{token}"), "404 Not Found");
        ask(&format!("HEAD /api/events HTTP/1.1\r\nHost: h\r\n{token}"), "200 OK");
        ask(&format!("GET /api/events HTTP/1.0\r\nHost: h\r\n{token}"), "200 OK");
        ask(&format!("POST /api/events HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n{token}"), "405 Method Not Allowed");
    });
}

/// It could read nothing, but it would take the seats of those who can.
#[test]
fn a_page_of_another_site_does_not_watch() {
    house().run(|s| {
        let operator = s.operator();
        let site = "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors";
        operator.says(format!("GET /api/events?of=loop HTTP/1.1\r\nHost: localhost\r\n{site}\r\n\r\n"));
        operator.hears_head("HTTP/1.1 403 Forbidden");
        watcher(s, "loop");
    });
}

#[test]
fn so_many_watch_and_no_more() {
    house().run(|s| {
        let all: Vec<Actor<'_>> = (0..32).map(|_| watcher(s, "state")).collect();
        let one_more = s.operator();
        one_more.says("GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n");
        one_more.hears_head("HTTP/1.1 503 Service Unavailable");
        all[0].ends();
        all[0].hears_reset_or_close();
        event(&all[1]); // the beat at which that is seen
        event(&all[1]);
        watcher(s, "loop");
    });
}

#[test]
fn who_watches_shows_another_token_when_there_is_one() {
    let (first, other) = ("0123456789abcdef", "fedcba9876543210");
    Play::new().admin(Some(first)).uncut().run(|s| {
        let watch = |token: &str, status: &str| {
            let watcher = s.operator();
            let bearer = format!("Authorization: Bearer {token}");
            watcher.says(format!("GET /api/events?of=loop HTTP/1.1\r\nHost: h\r\n{bearer}\r\n\r\n"));
            watcher.hears_head(&format!("HTTP/1.1 {status}"));
            watcher
        };
        let all: Vec<Actor<'_>> = (0..32).map(|_| watch(first, "200 OK")).collect();
        s.reload(|config| config.pools[0].max_inflight = Some(9)).unwrap();
        all.iter().for_each(|watcher| assert_eq!(event(watcher).0, "loop"));
        s.reload(|config| config.guard.token = Some(Token::parse(other).unwrap())).unwrap();
        all.iter().for_each(Actor::hears_reset_or_close);
        watch(first, "401 Unauthorized");
        assert_eq!(event(&watch(other, "200 OK")).0, "loop");
    });
}

#[test]
fn an_address_that_is_no_more_is_not_watched_any_longer() {
    house().run(|s| {
        let watcher = watcher(s, "loop");
        event(&watcher);
        let admin = std::cell::RefCell::default();
        s.reload(|config| admin.replace(std::mem::take(&mut config.admin)).clear()).unwrap();
        watcher.hears_reset_or_close();
        s.reload(|config| config.admin.append(&mut admin.borrow_mut())).unwrap();
    });
}
