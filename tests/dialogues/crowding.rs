//! A full house, and a client that is heard out.

use super::play::Play;
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn a_full_house_lets_the_next_client_in_when_one_leaves_and_counts_it() {
    Play::new().limits(|limits| limits.connections = 1).run(|s| {
        let first = s.client();
        first.says(GET);
        let backend = s.backend_hears_request("GET / HTTP/1.1");
        let second = s.client();
        second.says(GET);
        assert_eq!(s.stats().full, 1);
        second.hears_nothing_more();
        backend.says(OK);
        first.hears_message("HTTP/1.1 200 OK", "ok");
        first.ends();
        s.backend_hears_request("GET / HTTP/1.1").says(OK);
        second.hears_message("HTTP/1.1 200 OK", "ok");
        assert_eq!(s.stats().accepted, 2);
    });
}

#[test]
fn a_refused_client_is_heard_out_as_long_as_it_talks_and_not_longer_than_half_a_minute() {
    Play::new().simulated_only("half a minute").run(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: x\r\n\r\n");
        client.hears_own_head(400);
        for _ in 0..20 {
            client.says("still talking");
            s.time_passes(Duration::from_millis(1_400));
            s.check(s.stats().closed == 0, "it is heard out");
        }
        client.says("and on");
        s.time_passes(Duration::from_millis(1_400));
        client.says("and on");
        s.time_passes(Duration::from_millis(1_400));
        s.every_session_ends();
    });
}
