//! What an operator asks of backends while everything runs.

use super::actor::Actor;
use super::kernel::Order;
use super::play::Play;
use super::stage::Stage;
use evenkeel::balance::State;
use evenkeel::config::ProbeKind;
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const LINE: &str = "GET / HTTP/1.1";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

fn served(s: &Stage, client: &Actor<'_>) -> usize {
    client.says(GET);
    let backend = s.backend_hears_request(LINE);
    backend.says(OK);
    client.hears_message("HTTP/1.1 200 OK", "ok");
    backend.backend()
}

#[test]
fn who_drains_or_is_disabled_finishes_what_it_has_and_gets_nothing_new() {
    let ways =
        [(Order::Drain, State::Draining), (Order::Disable, State::Disabled), (Order::Weight(0), State::Draining)];
    for (order, state) in ways {
        Play::new().backends(2).uncut().run(|s| {
            let client = s.client();
            client.says(GET);
            let backend = s.backend_hears_request(LINE);
            let which = backend.backend();
            backend.says("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nha");
            s.order(which, order);
            assert_eq!(s.backend(which), (state, 1));
            let other = s.client();
            for _ in 0..3 {
                assert_ne!(served(s, &other), which);
            }
            backend.says("lf");
            client.hears_message("HTTP/1.1 200 OK", "half");
            client.is_kept_alive();
            backend.hears_reset_or_close(); // nobody keeps it for later
            assert_eq!(s.backend(which), (state, 0));
            assert_ne!(served(s, &client), which);
        });
    }
}

#[test]
fn connections_that_wait_for_work_are_closed_at_once() {
    for order in [Order::Drain, Order::Disable, Order::Weight(0)] {
        Play::new().backends(2).uncut().run(|s| {
            let client = s.client();
            let both = [0, 1].map(|_| {
                client.says(GET);
                let backend = s.backend_hears_request(LINE);
                backend.says(OK);
                client.hears_message("HTTP/1.1 200 OK", "ok");
                backend
            });
            s.order(both[0].backend(), order);
            both[0].hears_end();
            both[1].hears_nothing_more();
        });
    }
}

#[test]
fn who_may_not_work_is_not_tried_though_nobody_else_be_left() {
    Play::new().backends(3).uncut().run(|s| {
        s.order(0, Order::Drain);
        s.order(1, Order::Disable);
        s.backend_refuses(2);
        let client = s.client();
        for _ in 0..4 {
            client.says(GET);
            client.is_answered_with(503).has(&["Retry-After: 1"]);
        }
        client.is_kept_alive();
        s.backends_were_called(0);
        assert_eq!(s.counted("no_backend"), 4);
    });
}

#[test]
fn who_is_enabled_has_its_turn_again() {
    Play::new().backends(2).uncut().run(|s| {
        let client = s.client();
        for (order, back) in
            [(Order::Drain, Order::Enable), (Order::Disable, Order::Enable), (Order::Weight(0), Order::Weight(1))]
        {
            s.order(1, order);
            s.order(1, order); // it has done so already
            assert_eq!([served(s, &client), served(s, &client)], [0, 0]);
            s.order(1, back);
            assert_eq!(s.backend(1).0, State::Unproven);
            let mut two = [served(s, &client), served(s, &client)];
            two.sort();
            assert_eq!(two, [0, 1]);
        }
        s.order(1, Order::Weight(3));
        let share = (0..8).filter(|_| served(s, &client) == 1).count();
        assert_eq!(share, 6);
    });
}

#[test]
fn a_request_that_fails_at_who_drains_is_sent_elsewhere() {
    Play::new().backends(2).uncut().run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request(LINE);
        s.order(backend.backend(), Order::Drain);
        backend.closes();
        let other = s.backend_hears_request(LINE);
        assert_ne!(other.backend(), backend.backend());
        other.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn without_probes_failed_connections_exclude_nobody() {
    Play::new().backends(2).uncut().run(|s| {
        s.backend_refuses(0);
        let client = s.client();
        for _ in 0..12 {
            assert_eq!(served(s, &client), 1);
        }
        assert_eq!(s.backend(0).0, State::Unproven, "nobody would bring it back");
    });
}

#[test]
fn who_is_disabled_is_not_probed_and_who_drains_is() {
    let probed = Play::new().backends(2).pool(|pool| pool.health.kind = ProbeKind::Tcp);
    probed.calm().simulated_only("seconds pass").run(|s| {
        let second = Duration::from_secs(1);
        let calls = |span| {
            let before = s.calls();
            s.time_passes(span);
            let after = s.calls();
            [0, 1].map(|backend| after[backend] - before[backend])
        };
        let [one, other] = calls(20 * second);
        assert!(one > 15 && other > 15);
        s.order(0, Order::Disable);
        s.order(1, Order::Drain);
        let [one, other] = calls(20 * second);
        assert!(one <= 1 && other > 15, "{one}: at most the one that was under way");
        assert_eq!((s.backend(0).0, s.backend(1).0), (State::Disabled, State::Draining));
        s.order(0, Order::Enable);
        assert_eq!(s.backend(0).0, State::Unproven);
        let [one, _] = calls(20 * second);
        assert!(one > 15);
        assert_eq!(s.backend(0).0, State::Up);
        s.order(0, Order::Disable);
        s.order(0, Order::Drain);
        let [one, _] = calls(20 * second);
        assert!(one > 15, "asked again, though it gets no work");
    });
}
