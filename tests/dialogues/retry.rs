//! Requests that are sent once more, and those that never are.

use super::actor::Actor;
use super::play::{Play, play};
use super::stage::Stage;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const POST: &str = "POST /once HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// So many connections to the backend are pooled, each having served one request; and the client that is left.
fn pooled(s: &Stage, count: usize) -> (Vec<Actor<'_>>, Actor<'_>) {
    let clients: Vec<_> = (0..count).map(|_| s.client()).collect();
    let asked = |client: &Actor<'_>| {
        client.says(GET);
        s.backend_hears_request("GET / HTTP/1.1")
    };
    let backends: Vec<_> = clients.iter().map(asked).collect();
    for (client, backend) in clients.iter().zip(&backends) {
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    }
    s.backends_were_called(count);
    (backends, clients[0])
}

/// A stale connection: it ends just when it hears a request.
fn goes_stale(s: &Stage, line: &str, backends: &[Actor<'_>]) {
    let backend = s.backend_hears_request(line);
    assert!(backends.contains(&backend), "a pooled connection");
    backend.closes();
}

#[test]
fn a_stale_connection_costs_a_get_nothing() {
    play(|s| {
        let (backends, client) = pooled(s, 1);
        client.says(GET);
        goes_stale(s, "GET / HTTP/1.1", &backends);
        let fresh = s.backend_hears_request("GET / HTTP/1.1");
        assert!(!backends.contains(&fresh));
        fresh.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
        assert_eq!(s.stats().retries, 1);
    });
}

#[test]
fn the_last_try_is_on_a_fresh_connection_even_when_the_whole_pool_is_stale() {
    play(|s| {
        let (backends, client) = pooled(s, 4);
        client.says(GET);
        goes_stale(s, "GET / HTTP/1.1", &backends);
        let fresh = s.backend_hears_request("GET / HTTP/1.1");
        assert!(!backends.contains(&fresh), "not another one of the pool");
        fresh.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        s.backends_were_called(5);
    });
}

#[test]
fn a_post_is_never_sent_twice_even_when_the_whole_pool_is_stale() {
    play(|s| {
        let (backends, client) = pooled(s, 3);
        client.says(POST);
        goes_stale(s, "POST /once HTTP/1.1", &backends);
        client.is_answered_with(502);
        s.no_backend_hears_anything();
        s.backends_were_called(3);
        assert_eq!((s.stats().retries, s.counted("upstream_died")), (0, 1));
    });
}

#[test]
fn a_put_whose_body_is_at_hand_is_sent_again() {
    Play::new().calm().run(|s| {
        let (backends, client) = pooled(s, 1);
        client.says("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
        goes_stale(s, "PUT / HTTP/1.1", &backends);
        let fresh = s.backend_hears_request("PUT / HTTP/1.1");
        fresh.hears("hi");
        fresh.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn a_put_whose_body_is_still_coming_is_not_sent_again() {
    play(|s| {
        let (backends, client) = pooled(s, 1);
        client.says("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhi");
        goes_stale(s, "PUT / HTTP/1.1", &backends);
        client.is_refused_with(502);
        s.no_backend_hears_anything();
    });
}

#[test]
fn an_empty_answer_is_asked_of_another_backend() {
    Play::new().backends(2).run(|s| {
        let client = s.client();
        client.says(GET);
        let first = s.backend_hears_request("GET / HTTP/1.1");
        first.closes();
        let second = s.backend_hears_request("GET / HTTP/1.1");
        assert!(first.backend() != second.backend());
        second.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn an_empty_answer_to_a_post_is_a_bad_gateway() {
    Play::new().backends(2).run(|s| {
        let client = s.client();
        client.says(POST);
        s.backend_hears_request("POST /once HTTP/1.1").closes();
        client.is_answered_with(502);
        s.no_backend_hears_anything();
        s.backends_were_called(1);
    });
}

#[test]
fn a_reset_instead_of_an_answer_to_a_post_is_a_bad_gateway() {
    Play::new().backends(2).run(|s| {
        let client = s.client();
        client.says(POST);
        let backend = s.backend_hears_request("POST /once HTTP/1.1");
        backend.hears("hi");
        backend.resets();
        client.is_answered_with(502);
        s.no_backend_hears_anything();
        s.backends_were_called(1);
    });
}

#[test]
fn tries_are_bounded() {
    Play::new().backends(3).run(|s| {
        let client = s.client();
        client.says(GET);
        for _ in 0..3 {
            s.backend_hears_request("GET / HTTP/1.1").closes();
        }
        client.is_answered_with(502);
        client.is_kept_alive();
        s.backends_were_called(3);
    });
}

#[test]
fn a_garbage_answer_is_not_asked_again() {
    Play::new().backends(2).run(|s| {
        let client = s.client();
        client.says(GET);
        s.backend_hears_request("GET / HTTP/1.1").says("\r\n\r\n");
        client.is_answered_with(502);
        s.backends_were_called(1);
    });
}

#[test]
fn a_post_goes_to_another_backend_when_one_cannot_be_reached() {
    Play::new().backends(2).run(|s| {
        s.backend_refuses(0);
        for _ in 0..2 {
            let client = s.client();
            client.says(POST);
            let backend = s.backend_hears_request("POST /once HTTP/1.1");
            assert_eq!(backend.backend(), 1);
            backend.hears("hi");
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        }
    });
}

#[test]
fn an_interim_response_ends_all_tries() {
    Play::new().backends(2).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        backend.says("HTTP/1.1 103 Early Hints\r\n\r\n");
        client.hears("HTTP/1.1 103 Early Hints\r\n\r\n");
        backend.closes();
        client.is_answered_with(502);
        s.backends_were_called(1);
    });
}

#[test]
fn a_delete_is_sent_again_after_a_reset() {
    play(|s| {
        let (_, client) = pooled(s, 1);
        client.says("DELETE / HTTP/1.1\r\nHost: h\r\n\r\n");
        s.backend_hears_request("DELETE / HTTP/1.1").resets();
        s.backend_hears_request("DELETE / HTTP/1.1").says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn an_unknown_method_is_never_sent_twice() {
    play(|s| {
        let (backends, client) = pooled(s, 1);
        client.says("BREW / HTTP/1.1\r\nHost: h\r\n\r\n");
        goes_stale(s, "BREW / HTTP/1.1", &backends);
        client.is_answered_with(502);
        client.is_kept_alive();
        s.no_backend_hears_anything();
    });
}

#[test]
fn after_a_stale_connection_not_even_another_backend_is_asked_on_a_pooled_one() {
    Play::new().backends(2).run(|s| {
        let (backends, client) = pooled(s, 2);
        client.says(GET);
        let stale = s.backend_hears_request("GET / HTTP/1.1");
        assert!(backends.contains(&stale), "a pooled connection");
        s.backend_refuses(stale.backend());
        stale.closes();
        let fresh = s.backend_hears_request("GET / HTTP/1.1");
        assert!(fresh.backend() != stale.backend() && !backends.contains(&fresh));
        fresh.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}
