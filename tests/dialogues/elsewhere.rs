//! `retry_on`: what one backend cannot do is asked of another; and the budget for all that is sent once more.

use super::play::Play;
use super::stage::Stage;
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const LINE: &str = "GET / HTTP/1.1";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const BUSY: &str = "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\nbusy";
const SHORT: Duration = Duration::from_millis(250);

fn on(backends: usize, statuses: &[u16]) -> Play {
    Play::new().backends(backends).pool(|pool| pool.retry_on = statuses.to_vec())
}

/// A GET to whose backend this is said; another one answers well. The connection of the first.
fn goes_elsewhere<'s>(s: &'s Stage, says: &str) -> super::actor::Actor<'s> {
    let client = s.client();
    client.says(GET);
    let first = s.backend_hears_request(LINE);
    first.says(says);
    let second = s.backend_hears_request(LINE);
    assert_ne!(first.backend(), second.backend());
    second.says(OK);
    client.hears_message("HTTP/1.1 200 OK", "ok");
    client.is_kept_alive();
    assert_eq!((s.stats().retries, s.stats().retry_denied), (1, 0));
    first
}

#[test]
fn a_status_that_is_named_is_asked_of_another_backend_and_its_connection_kept() {
    on(2, &[503]).calm().run(|s| {
        let first = goes_elsewhere(s, BUSY);
        first.hears_nothing_more();
        let client = s.client();
        for _ in 0..2 {
            client.says(GET);
            s.backend_hears_request(LINE).says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        }
        s.backends_were_called(2);
    });
}

#[test]
fn a_chunked_answer_that_is_turned_down_leaves_its_connection_if_it_came_whole() {
    let chunked = "HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n0\r\n\r\n";
    on(2, &[502]).calm().run(|s| goes_elsewhere(s, chunked).hears_nothing_more());
}

#[test]
fn a_long_answer_that_is_turned_down_takes_its_connection_with_it() {
    for says in [
        "HTTP/1.1 503 Busy\r\nContent-Length: 50000\r\n\r\nbusy",
        "HTTP/1.1 503 Busy\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n",
        "HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\nno chunk\r\n",
        "HTTP/1.1 503 Busy\r\n\r\nbusy",
        "HTTP/1.1 503 Busy\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
    ] {
        on(2, &[503]).uncut().run(|s| goes_elsewhere(s, says).hears_reset_or_close());
    }
}

#[test]
fn an_answer_passes_as_it_is_when_nobody_else_is_left() {
    on(2, &[503]).run(|s| {
        let client = s.client();
        client.says(GET);
        s.backend_hears_request(LINE).says("HTTP/1.1 503 First\r\nContent-Length: 0\r\n\r\n");
        s.backend_hears_request(LINE).says("HTTP/1.1 503 Second\r\nContent-Length: 4\r\n\r\nbusy");
        client.hears_message("HTTP/1.1 503 Second", "busy");
        client.is_kept_alive();
        s.backends_were_called(2);
    });
    on(1, &[503]).run(|s| {
        let client = s.client();
        client.says(GET);
        s.backend_hears_request(LINE).says(BUSY);
        client.hears_message("HTTP/1.1 503 Busy", "busy");
        assert_eq!((s.stats().retries, s.stats().retry_denied), (0, 0));
    });
}

#[test]
fn other_statuses_and_other_methods_pass() {
    let post = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi";
    let brew = "BREW / HTTP/1.1\r\nHost: h\r\n\r\n";
    for (asks, named) in [(GET, 502), (post, 503), (brew, 503)] {
        on(2, &[named]).uncut().run(|s| {
            let client = s.client();
            client.says(asks);
            let line = asks.split("\r\n").next().unwrap_or_default();
            s.backend_hears_request(line).says(BUSY);
            client.hears_message("HTTP/1.1 503 Busy", "busy");
            s.backends_were_called(1);
        });
    }
}

#[test]
fn a_put_goes_elsewhere_with_its_body_if_that_is_at_hand() {
    on(2, &[503]).calm().run(|s| {
        let client = s.client();
        client.says("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
        let first = s.backend_hears_request("PUT / HTTP/1.1");
        first.hears("hi");
        first.says(BUSY);
        let second = s.backend_hears_request("PUT / HTTP/1.1");
        second.hears("hi");
        second.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
    on(2, &[503]).uncut().run(|s| {
        let client = s.client();
        client.says("PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nhi");
        s.backend_hears_request("PUT / HTTP/1.1").says(BUSY);
        client.hears_message("HTTP/1.1 503 Busy", "busy");
        s.backends_were_called(1);
    });
}

#[test]
fn after_an_interim_response_nothing_is_asked_elsewhere() {
    on(2, &[502, 503]).run(|s| {
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request(LINE);
        backend.says("HTTP/1.1 103 Early Hints\r\n\r\n");
        client.hears("HTTP/1.1 103 Early Hints\r\n\r\n");
        backend.says(BUSY);
        client.hears_message("HTTP/1.1 503 Busy", "busy");
        s.backends_were_called(1);
    });
}

#[test]
fn who_is_late_is_replaced_when_504_is_named() {
    on(2, &[504]).timeouts(|timeouts| timeouts.response = SHORT).run(|s| {
        let client = s.client();
        client.says(GET);
        let first = s.backend_hears_request(LINE);
        let second = s.backend_hears_request(LINE);
        assert_ne!(first.backend(), second.backend());
        first.hears_reset();
        second.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
        client.says("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi");
        s.backend_hears_request("POST / HTTP/1.1");
        client.is_answered_with(504);
        assert_eq!((s.stats().retries, s.counted("response_timeout")), (1, 1));
    });
    on(2, &[504]).timeouts(|timeouts| timeouts.response = SHORT).run(|s| {
        let client = s.client();
        client.says(GET);
        s.backend_hears_request(LINE);
        s.backend_hears_request(LINE);
        client.is_answered_with(504);
        s.backends_were_called(2);
    });
}

#[test]
fn who_says_no_response_is_replaced_when_502_is_named() {
    for nonsense in ["\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"] {
        on(2, &[502]).uncut().run(|s| goes_elsewhere(s, nonsense).hears_reset());
    }
    on(2, &[502]).uncut().run(|s| {
        let client = s.client();
        client.says(GET);
        let first = s.backend_hears_request(LINE);
        first.says("HTTP/1.1 200 OK\r\nConte");
        first.ends();
        s.backend_hears_request(LINE).says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        client.is_kept_alive();
    });
}

#[test]
fn the_next_one_may_be_refused_as_well_and_then_there_is_no_answer() {
    on(2, &[503]).uncut().run(|s| {
        let client = s.client();
        client.says(GET);
        let first = s.backend_hears_request(LINE);
        s.backend_refuses(1 - first.backend());
        first.says(BUSY);
        client.is_answered_with(503).has(&["Retry-After: 1"]);
        client.is_kept_alive();
        s.backends_were_called(1);
    });
}

/// So many requests, each sent once more, use up a budget of 64 to which each brings a fifth.
const BEARS: usize = 80;

/// Two backends die of each request until the budget is used up.
fn use_up(s: &Stage) {
    let client = s.client();
    for _ in 0..BEARS {
        client.says(GET);
        s.backend_hears_request(LINE).closes();
        s.backend_hears_request(LINE).closes();
        client.is_answered_with(502);
    }
    let stats = s.stats();
    assert_eq!((stats.retries, stats.retry_denied), (BEARS as u64, 0));
}

#[test]
fn an_outage_is_not_amplified_beyond_the_budget() {
    Play::new().backends(2).calm().run(|s| {
        use_up(s);
        let client = s.client();
        let called = 2 * BEARS;
        for more in 1..=4 {
            client.says(GET);
            s.backend_hears_request(LINE).closes();
            client.is_answered_with(502);
            s.backends_were_called(called + more);
        }
        assert_eq!((s.stats().retry_denied, s.counted("retry_denied")), (4, 4));
        client.says(GET); // the fifth fifth
        s.backend_hears_request(LINE).closes();
        s.backend_hears_request(LINE).says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        assert_eq!(s.stats().retry_denied, 4);
    });
}

#[test]
fn an_answer_passes_as_it_is_when_the_budget_is_used_up() {
    on(2, &[503]).calm().run(|s| {
        use_up(s);
        let client = s.client();
        client.says(GET);
        s.backend_hears_request(LINE).says(BUSY);
        client.hears_message("HTTP/1.1 503 Busy", "busy");
        client.is_kept_alive();
        assert_eq!((s.stats().retry_denied, s.counted("retry_denied")), (1, 0));
    });
}

#[test]
fn stale_and_refused_connections_cost_nothing_of_the_budget() {
    Play::new().backends(2).calm().run(|s| {
        use_up(s);
        let client = s.client();
        client.says(GET);
        let backend = s.backend_hears_request(LINE);
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        s.backend_refuses(1 - backend.backend());
        for _ in 0..2 {
            client.says(GET); // one of the two is for who refuses
            s.backend_hears_request(LINE).closes(); // stale
            s.backend_hears_request(LINE).says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        }
        assert_eq!((s.stats().retries, s.stats().retry_denied), (BEARS as u64 + 2, 0));
    });
}
