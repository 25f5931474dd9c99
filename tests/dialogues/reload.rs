//! Another configuration while everything runs: what differs changes, and nothing else.

use super::actor::Actor;
use super::play::Play;
use super::stage::Stage;
use evenkeel::balance::State;
use evenkeel::config::{Config, HostPattern, Mode, Queue, Route};
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const LINE: &str = "GET / HTTP/1.1";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn ask<'a>(s: &'a Stage, client: &Actor<'a>) -> Actor<'a> {
    client.says(GET);
    s.backend_hears_request(LINE)
}

fn served<'a>(s: &'a Stage, client: &Actor<'a>) -> Actor<'a> {
    let backend = ask(s, client);
    backend.says(OK);
    client.hears_message("HTTP/1.1 200 OK", "ok");
    backend
}

/// Backend `which` of the first pool is not in it any more.
fn without(which: usize) -> impl Fn(&mut Config) {
    move |config| drop(config.pools[0].backends.remove(which))
}

#[test]
fn the_same_configuration_changes_nothing() {
    Play::new().backends(2).uncut().run(|s| {
        let client = s.client();
        let first = served(s, &client).backend();
        let second = served(s, &client);
        let before = s.stats();
        s.reload(|_| {}).unwrap();
        assert_eq!(served(s, &client).backend(), first, "the rotation goes on");
        client.says(GET);
        second.hears_head(LINE); // on the connection that was kept
        second.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        assert_eq!((s.stats().connects, s.stats().accepted), (before.connects, before.accepted));
    });
}

#[test]
fn a_backend_that_is_removed_finishes_what_it_has_and_gets_nothing_new() {
    Play::new().backends(2).uncut().run(|s| {
        let client = s.client();
        let backend = ask(s, &client);
        let which = backend.backend();
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
        s.reload(without(which)).unwrap();
        assert_eq!(s.backend(which), (State::Draining, 1));
        let other = s.client();
        for _ in 0..3 {
            assert_ne!(served(s, &other).backend(), which);
        }
        backend.says("lf");
        client.hears_message("HTTP/1.1 200 OK", "half");
        client.is_kept_alive();
        backend.hears_reset_or_close();
        assert_ne!(served(s, &client).backend(), which);
    });
}

#[test]
fn what_was_kept_open_to_a_backend_that_is_removed_is_closed() {
    Play::new().backends(2).uncut().run(|s| {
        let client = s.client();
        let both = [served(s, &client), served(s, &client)];
        s.reload(without(both[0].backend())).unwrap();
        both[0].hears_end();
        both[1].hears_nothing_more();
        assert_eq!(served(s, &client).backend(), both[1].backend());
    });
}

/// Its row in the table is used again, by another.
#[test]
fn a_backend_that_takes_the_place_of_another_gets_its_own_connections() {
    Play::new().backends(3).uncut().run(|s| {
        let client = s.client();
        let all: Vec<usize> = (0..3).map(|_| served(s, &client).backend()).collect();
        assert_eq!(all, [0, 1, 2]);
        s.reload(without(2)).unwrap();
        let third = s.client();
        (0..4).for_each(|_| assert_ne!(served(s, &third).backend(), 2));
        let mut backends = Vec::new();
        s.reload(|config| drop(config.pools[0].backends.remove(1))).unwrap();
        s.reload(|config| {
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1)).into(); // nobody is there
            config.pools[0].backends.push(evenkeel::config::Backend { name: "x:1".into(), address, weight: 1 });
        })
        .unwrap();
        for _ in 0..4 {
            backends.push(served(s, &third).backend());
        }
        assert_eq!(backends, [0; 4], "who is new cannot be reached, and nobody who is gone stands in for it");
    });
}

#[test]
fn a_request_that_waits_is_served_by_a_backend_that_is_added() {
    let queue = Some(Queue { length: 5, timeout: Duration::from_secs(20) });
    Play::new().backends(2).pool(|pool| (pool.max_inflight, pool.queue) = (Some(1), queue)).uncut().run(|s| {
        let second = std::cell::RefCell::new(None);
        s.reload(|config| *second.borrow_mut() = config.pools[0].backends.pop()).unwrap();
        let (first, waiting) = (s.client(), s.client());
        let busy = ask(s, &first);
        waiting.says(GET);
        waiting.hears_nothing_more();
        s.reload(|config| config.pools[0].backends.extend(second.borrow().clone())).unwrap();
        let added = s.backend_hears_request(LINE);
        assert_eq!((busy.backend(), added.backend()), (0, 1));
        added.says(OK);
        waiting.hears_message("HTTP/1.1 200 OK", "ok");
        busy.says(OK);
        first.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_higher_limit_lets_in_who_waits() {
    let queue = Some(Queue { length: 5, timeout: Duration::from_secs(20) });
    Play::new().pool(|pool| (pool.max_inflight, pool.queue) = (Some(1), queue)).uncut().run(|s| {
        let (first, waiting) = (s.client(), s.client());
        let busy = ask(s, &first);
        waiting.says(GET);
        waiting.hears_nothing_more();
        s.reload(|config| config.pools[0].max_inflight = Some(2)).unwrap();
        let other = s.backend_hears_request(LINE);
        other.says(OK);
        waiting.hears_message("HTTP/1.1 200 OK", "ok");
        busy.says(OK);
        first.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn routes_lead_elsewhere_from_the_next_request_on_and_a_pool_that_is_gone_finishes() {
    let to = |pool| vec![Route { host: Some(HostPattern::Exact("h".into())), path: None, pool }];
    Play::new().routes(to(1), None).uncut().run(|s| {
        let client = s.client();
        let backend = ask(s, &client);
        assert_eq!(backend.backend(), 1);
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
        s.reload(|config| {
            config.pools.remove(1);
            config.listeners[0].routes = to(1); // the third one, now
        })
        .unwrap();
        backend.says("lf");
        client.hears_message("HTTP/1.1 200 OK", "half");
        assert_eq!(served(s, &client).backend(), 2);
        s.reload(|config| config.listeners[0].routes.clear()).unwrap();
        client.says(GET);
        client.is_answered_with(404);
        client.is_kept_alive();
    });
}

#[test]
fn the_clients_of_a_listener_that_is_gone_are_served_once_more() {
    Play::new().uncut().run(|s| {
        let client = s.client();
        served(s, &client);
        s.reload(|config| {
            let mut other = config.listeners[0].clone();
            (other.name, other.bind) = ("other".into(), vec![std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()]);
            config.listeners = vec![other];
            config.pools[0].name = "other".into(); // so that its pool is gone as well
        })
        .unwrap();
        s.reload(|config| config.pools[0].max_inflight = Some(9)).unwrap(); // whatever else is changed meanwhile
        let backend = ask(s, &client);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok").has(&["Connection: close"]);
        client.hears_end();
    });
}

#[test]
fn what_cannot_be_changes_nothing_at_all() {
    Play::new().backends(2).uncut().run(|s| {
        let client = s.client();
        let both = [served(s, &client), served(s, &client)];
        let sockets = s.sockets();
        let refused = s.reload(|config| {
            let mut twice = config.listeners[0].clone();
            twice.name = "twice".into();
            twice.bind.push("192.0.2.1:1".parse::<std::net::SocketAddr>().unwrap().into()); // nobody here has it; nor twice what comes before
            config.listeners.push(twice);
            config.pools[0].backends.remove(0);
        });
        assert!(refused.unwrap_err().contains("cannot listen on"));
        assert_eq!(s.sockets(), sockets);
        for backend in &both {
            client.says(GET);
            backend.hears_head(LINE);
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        }
    });
}

#[test]
fn a_tunnel_goes_on_whatever_is_changed_around_it() {
    Play::new().backends(2).listener(|listener| listener.mode = Mode::Tcp).uncut().run(|s| {
        let client = s.client();
        client.says("ping");
        let backend = s.backend_hears("ping");
        s.reload(|config| {
            config.pools[0].backends.remove(backend.backend());
            config.listeners[0].mode = Mode::Http;
        })
        .unwrap();
        backend.says("pong");
        client.hears("pong");
        client.says("again");
        backend.hears("again");
        client.ends();
        backend.hears_end();
        backend.ends();
        client.hears_end();
        let other = s.client();
        assert_ne!(served(s, &other).backend(), backend.backend(), "the listener speaks HTTP now");
    });
}

#[test]
fn limits_hold_for_the_next_request() {
    let long = format!("GET / HTTP/1.1\r\nHost: h\r\nX-Long: {}\r\n\r\n", "x".repeat(20_000));
    Play::new().uncut().run(|s| {
        let client = s.client();
        served(s, &client);
        s.reload(|config| config.limits.head = 64 * 1024).unwrap();
        client.says(&long);
        let backend = s.backend_hears_request(LINE);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        s.reload(|config| config.limits.head = 16 * 1024).unwrap();
        client.says(&long);
        client.is_refused_with(431);
    });
}

/// Its last response leaves a connection behind that may be used again. Its row in the table is another's by then.
#[test]
fn what_a_pool_that_is_gone_leaves_open_is_nobody_elses() {
    let way = vec![Route { host: Some(HostPattern::Exact("gone".into())), path: None, pool: 1 }];
    Play::new().routes(way, Some(0)).uncut().run(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: gone\r\n\r\n");
        let backend = s.backend_hears_request(LINE);
        backend.says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
        s.reload(|config| {
            config.pools.remove(1);
            config.listeners[0].routes.clear();
        })
        .unwrap();
        backend.says("lf");
        client.hears_message("HTTP/1.1 200 OK", "half");
        client.is_kept_alive();
        s.reload(|config| {
            let address = std::net::SocketAddr::from(([127, 0, 0, 1], 1)).into(); // nobody is there
            config.pools[0].backends.push(evenkeel::config::Backend { name: "x:1".into(), address, weight: 1 });
        })
        .unwrap();
        for _ in 0..4 {
            assert_eq!(served(s, &client).backend(), 0);
        }
    });
}
