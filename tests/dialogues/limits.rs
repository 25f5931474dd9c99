//! Too much at once: who waits, in which order, who is turned down, and what they are told.

use super::play::Play;
use evenkeel::config::{ClientLimit, Mode, Queue, Rate};
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const LINE: &str = "GET / HTTP/1.1";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const SHORT: Duration = Duration::from_millis(250);
const LONG: Duration = Duration::from_secs(20);

fn full(backends: usize, queue: Option<(u32, Duration)>) -> Play {
    Play::new().backends(backends).pool(|pool| {
        pool.max_inflight = Some(1);
        pool.queue = queue.map(|(length, timeout)| Queue { length, timeout });
    })
}

fn client_limit(limit: ClientLimit) -> Play {
    Play::new().listener(|listener| listener.client_limit = Some(limit))
}

#[test]
fn requests_wait_for_a_full_backend_in_the_order_in_which_they_came() {
    full(1, Some((5, LONG))).uncut().run(|s| {
        let first = s.client();
        first.says(GET);
        let backend = s.backend_hears_request(LINE);
        let waiting: Vec<_> = (0..3)
            .map(|number| {
                let client = s.client();
                client.says(format!("GET /{number} HTTP/1.1\r\nHost: h\r\n\r\n"));
                assert!(s.wait(|_| s.stats().queued == number + 1), "request {number} does not wait");
                client.hears_nothing_more();
                client
            })
            .collect();
        assert_eq!((s.backend(0).1, s.stats().queued), (1, 3));
        backend.says(OK);
        first.hears_message("HTTP/1.1 200 OK", "ok");
        for (number, client) in waiting.iter().enumerate() {
            s.backend_hears_request(&format!("GET /{number} HTTP/1.1")).says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        }
        assert_eq!(s.counted("queue_timeout") + s.counted("queue_full"), 0);
    });
}

#[test]
fn without_a_queue_a_full_pool_turns_requests_down_at_once_and_keeps_the_connection() {
    full(1, None).uncut().run(|s| {
        let first = s.client();
        first.says(GET);
        let backend = s.backend_hears_request(LINE);
        let second = s.client();
        second.says(GET);
        assert_eq!(second.is_answered_with(503).get("Retry-After"), Some("1"));
        assert_eq!(s.counted("queue_full"), 1);
        backend.says(OK);
        first.hears_message("HTTP/1.1 200 OK", "ok");
        second.says(GET);
        s.backend_hears_request(LINE).says(OK);
        second.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_full_queue_turns_requests_down_and_one_that_takes_too_long_as_well() {
    full(1, Some((1, SHORT))).timeouts(|_| {}).run(|s| {
        let first = s.client();
        first.says(GET);
        let backend = s.backend_hears_request(LINE);
        let second = s.client();
        second.says(GET);
        second.hears_nothing_more();
        let third = s.client();
        third.says(GET);
        third.is_answered_with(503);
        second.is_answered_with(503);
        assert_eq!((s.counted("queue_full"), s.counted("queue_timeout")), (1, 1));
        backend.says(OK);
        first.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn who_leaves_the_queue_costs_nobody_a_turn() {
    full(1, Some((2, LONG))).uncut().needs_edges().run(|s| {
        let first = s.client();
        first.says(GET);
        let backend = s.backend_hears_request(LINE);
        let [second, third] = ["/2", "/3"].map(|path| {
            let client = s.client();
            client.says(format!("GET {path} HTTP/1.1\r\nHost: h\r\n\r\n"));
            client.hears_nothing_more();
            client
        });
        second.resets();
        s.blink();
        backend.says(OK);
        first.hears_message("HTTP/1.1 200 OK", "ok");
        s.backend_hears_request("GET /3 HTTP/1.1").says(OK);
        third.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_full_backend_is_passed_over_while_another_has_room() {
    full(2, None).uncut().run(|s| {
        let clients = [s.client(), s.client()];
        let backends = clients.each_ref().map(|client| {
            client.says(GET);
            s.backend_hears_request(LINE)
        });
        assert_ne!(backends[0].backend(), backends[1].backend());
        backends[1].says(OK);
        clients[1].hears_message("HTTP/1.1 200 OK", "ok");
        for _ in 0..3 {
            clients[1].says(GET);
            let again = s.backend_hears_request(LINE);
            assert_eq!(again.backend(), backends[1].backend());
            again.says(OK);
            clients[1].hears_message("HTTP/1.1 200 OK", "ok");
        }
    });
}

#[test]
fn a_request_that_goes_elsewhere_waits_there_and_not_for_itself() {
    full(2, Some((5, LONG))).uncut().run(|s| {
        let (busy, client) = (s.client(), s.client());
        busy.says(GET);
        let other = s.backend_hears_request(LINE);
        client.says(GET);
        let dying = s.backend_hears_request(LINE);
        assert_ne!(dying.backend(), other.backend());
        s.backend_refuses(dying.backend());
        dying.resets();
        client.hears_nothing_more();
        other.says(OK);
        busy.hears_message("HTTP/1.1 200 OK", "ok");
        let home = s.backend_hears_request(LINE);
        assert_eq!(home.backend(), other.backend());
        home.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn tunnels_wait_for_room_too_and_are_closed_when_there_is_none() {
    let tcp = |queue| full(1, queue).timeouts(|_| {}).listener(|listener| listener.mode = Mode::Tcp);
    tcp(Some((1, SHORT))).run(|s| {
        let first = s.client();
        first.says("hello");
        let backend = s.backend_is_called();
        backend.hears("hello");
        let second = s.client();
        second.says("is there room?");
        second.hears_reset_or_close();
        assert_eq!(s.counted("queue_timeout"), 1);
        backend.says("bye");
        first.hears("bye");
    });
}

#[test]
fn a_full_listener_lets_the_next_client_in_when_one_leaves() {
    Play::new().listener(|listener| listener.max_connections = Some(1)).uncut().run(|s| {
        let first = s.client();
        first.says(GET);
        s.backend_hears_request(LINE).says(OK);
        first.hears_message("HTTP/1.1 200 OK", "ok");
        let second = s.client();
        second.says(GET);
        second.hears_nothing_more();
        assert_eq!((s.stats().accepted, s.stats().listener_full), (1, 1));
        first.ends();
        s.backend_hears_request(LINE).says(OK);
        second.hears_message("HTTP/1.1 200 OK", "ok");
        assert_eq!(s.counted("made_room"), 0);
    });
}

#[test]
fn a_client_that_asks_too_fast_is_told_when_to_come_again_and_kept() {
    let requests = Some(Rate { count: 2, per: Duration::from_secs(60) });
    client_limit(ClientLimit { connections: None, requests, burst: Some(1) }).uncut().run(|s| {
        let client = s.client();
        client.says(GET);
        s.backend_hears_request(LINE).says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        for _ in 0..2 {
            client.says(GET);
            assert_eq!(client.is_answered_with(429).get("Retry-After"), Some("30"));
        }
        client.is_kept_alive();
        assert_eq!((s.counted("client_requests"), s.stats().answered), (2, 2));
    });
}

#[test]
fn a_client_that_waits_for_its_tokens_is_served() {
    let requests = Some(Rate { count: 10, per: Duration::from_secs(1) });
    client_limit(ClientLimit { connections: None, requests, burst: Some(1) }).timeouts(|_| {}).run(|s| {
        let client = s.client();
        for _ in 0..3 {
            client.says(GET);
            s.backend_hears_request(LINE).says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
            s.time_passes(Duration::from_millis(110));
        }
        assert_eq!(s.counted("client_requests"), 0);
    });
}

#[test]
fn connections_beyond_those_of_one_address_are_closed_at_once() {
    let limit = ClientLimit { connections: Some(1), ..ClientLimit::default() };
    client_limit(limit).real_only("there all clients have the same address").run(|s| {
        let first = s.client();
        first.says(GET);
        s.backend_hears_request(LINE).says(OK);
        first.hears_message("HTTP/1.1 200 OK", "ok");
        let second = s.client();
        second.says(GET);
        second.hears_reset_or_close();
        assert_eq!((s.counted("client_connections"), s.stats().accepted), (1, 1));
        first.is_kept_alive();
    });
}

#[test]
fn the_client_that_has_been_idle_for_the_longest_makes_room() {
    Play::new().limits(|limits| limits.connections = 2).uncut().run(|s| {
        let [oldest, younger] = [(); 2].map(|()| {
            let client = s.client();
            client.says(GET);
            s.backend_hears_request(LINE).says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
            s.time_passes(Duration::from_millis(5));
            client
        });
        let third = s.client();
        third.says(GET);
        s.backend_hears_request(LINE).says(OK);
        third.hears_message("HTTP/1.1 200 OK", "ok");
        oldest.hears_reset_or_close();
        younger.is_kept_alive();
        assert_eq!(s.counted("made_room"), 1);
    });
}

#[test]
fn descriptors_are_left_for_backends() {
    Play::new().limits(|limits| limits.descriptors = 4).uncut().run(|s| {
        let first = s.client();
        first.says(GET);
        let backend = s.backend_hears_request(LINE);
        let second = s.client();
        second.says(GET);
        second.hears_nothing_more();
        assert_eq!((s.stats().accepted, s.stats().full), (1, 1));
        backend.says(OK);
        first.hears_message("HTTP/1.1 200 OK", "ok");
        first.ends();
        s.backend_hears_request(LINE).says(OK);
        second.hears_message("HTTP/1.1 200 OK", "ok");
    });
}
