//! Which pool a request goes to: by host, by path, by the rest; and 404 where there is none.

use crate::play::Play;
use evenkeel::config::{HostPattern, Route};

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A route to pool `pool`, which is backend `pool` alone.
fn route(host: Option<HostPattern>, path: Option<&str>, pool: usize) -> Route {
    Route { host, path: path.map(str::to_string), pool }
}

fn api() -> Route {
    route(Some(HostPattern::Exact("api.example.com".into())), Some("/v1/"), 1)
}

/// Asks for each target of each host on one connection, and names the backend that must be asked, in order.
fn ask(play: Play, asked: &[(&str, &str, usize)]) {
    play.run(|s| {
        let client = s.client();
        for (host, target, backend) in asked {
            client.says(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            let path = target.strip_prefix("http://").and_then(|rest| rest.find('/').map(|at| &rest[at..]));
            let actor = s.backend_hears_request(&format!("GET {} HTTP/1.1", path.unwrap_or(target)));
            assert_eq!(actor.backend(), *backend, "{host} {target}");
            actor.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        }
    });
}

#[test]
fn the_first_route_that_matches_is_taken() {
    let below = route(Some(HostPattern::Below(".example.com".into())), None, 2);
    let play = Play::new().routes(vec![api(), below], Some(0)).uncut();
    ask(
        play,
        &[
            ("api.example.com", "/v1/x", 1),
            ("API.Example.COM:8080", "/v1/", 1),
            ("api.example.com.", "/v1/?q", 1),
            ("api.example.com", "/v1", 2),
            ("a.b.example.com", "/", 2),
            ("example.com", "/v1/x", 0),
            ("xexample.com", "/", 0),
            ("other", "/v1/x", 0),
        ],
    );
}

#[test]
fn an_absolute_target_is_routed_by_its_own_host() {
    let play = Play::new().routes(vec![api()], Some(0)).uncut();
    ask(play, &[("other", "http://api.example.com/v1/x", 1), ("api.example.com", "http://other/v1/x", 0)]);
}

#[test]
fn dots_and_escapes_are_not_resolved() {
    let play = Play::new().routes(vec![route(None, Some("/v1/"), 1)], Some(0)).uncut();
    ask(play, &[("h", "/v2/../v1/x", 0), ("h", "/%76%31/x", 0), ("h", "/v1/../v2", 1)]);
}

#[test]
fn where_nothing_matches_we_answer_404_and_keep_the_connection() {
    Play::new().routes(vec![api()], None).run(|s| {
        let client = s.client();
        client.says("GET / HTTP/1.1\r\nHost: other\r\n\r\n");
        client.hears_head("HTTP/1.1 404 Not Found").lacks(&["Connection"]);
        s.no_backend_hears_anything();
        assert_eq!(s.counted("no_route"), 1);
        assert_eq!((s.stats().admitted, s.stats().failed), (0, 0));
    });
}

#[test]
fn a_body_for_nobody_is_not_taken_for_a_request() {
    Play::new().routes(vec![api()], None).run(|s| {
        let client = s.client();
        client.says(
            "POST / HTTP/1.1\r\nHost: other\r\nContent-Length: 38\r\n\r\nGET /v1/ HTTP/1.1\r\nHost: api.example.com",
        );
        client.hears_head("HTTP/1.1 404 Not Found").has(&["Connection: close"]);
        s.no_backend_hears_anything();
    });
}
