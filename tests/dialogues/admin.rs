//! What is said on the admin address: how a request to ourselves is read, what it does, and who is not heard.

use super::actor::Actor;
use super::play::Play;
use super::stage::Stage;
use evenkeel::balance::State;
use evenkeel::config::Token;
use std::time::Duration;

const GET: &str = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
const LINE: &str = "GET / HTTP/1.1";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const JSON: &str = "Host: localhost\r\nContent-Type: application/json\r\n";
const DRAIN: &str = "{\"action\":\"drain\"}";

/// Two backends of one pool, called `a` and `b`.
fn house() -> Play {
    house_asking(None)
}

fn house_asking(token: Option<&str>) -> Play {
    let named = |pool: &mut evenkeel::config::Pool| {
        pool.name = "app".into();
        pool.backends.iter_mut().zip(["a", "b"]).for_each(|(backend, name)| backend.name = name.into());
    };
    Play::new().backends(2).pool(named).admin(token)
}

/// The whole of an answer: its status, and its body.
fn told(operator: &Actor<'_>) -> (u16, String) {
    let head = operator.hears_head_of_any_status();
    let status = head.line.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
    let length: usize = head.get("Content-Length").and_then(|value| value.parse().ok()).expect("a length");
    let body = operator.hears_bytes(length);
    (status, String::from_utf8(body).expect("text"))
}

#[track_caller]
fn is_told(operator: &Actor<'_>, status: u16, words: &str) {
    let (code, text) = told(operator);
    assert!(code == status && text.contains(words), "{code}: {text}");
}

fn states(s: &Stage) -> [State; 2] {
    [0, 1].map(|backend| s.backend(backend).0)
}

fn post(body: &str) -> String {
    format!("POST /api/backends/a HTTP/1.1\r\n{JSON}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn an_order_takes_effect_with_the_next_pick() {
    Play::new().backends(2).admin(None).uncut().run(|s| {
        let (client, operator) = (s.client(), s.operator());
        client.says(GET);
        let backend = s.backend_hears_request(LINE);
        let which = backend.backend();
        let other = s.client();
        other.says(GET);
        let second = s.backend_hears_request(LINE);
        let names = s.backend_names();
        let path = format!("/api/backends/main/{}", names[which].replace(':', "%3A"));
        operator.says(format!("POST {path} HTTP/1.1\r\n{JSON}Content-Length: {}\r\n\r\n{DRAIN}", DRAIN.len()));
        is_told(&operator, 200, "\"state\": \"draining\"");
        assert_eq!(s.backend(which), (State::Draining, 1));
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok"); // what it has it finishes
        second.says(OK);
        other.hears_message("HTTP/1.1 200 OK", "ok");
        for _ in 0..3 {
            client.says(GET);
            let backend = s.backend_hears_request(LINE);
            assert_ne!(backend.backend(), which);
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        }
        operator.says(format!("POST {path}?action=enable HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        is_told(&operator, 200, "\"state\": \"unproven\"");
        assert_eq!(s.backend(which).0, State::Unproven);
        operator.is_kept_alive();
    });
}

#[test]
fn a_body_comes_by_length_or_in_chunks_however_it_is_cut() {
    house().run(|s| {
        let operator = s.operator();
        operator.says(post(DRAIN));
        is_told(&operator, 200, "\"pool\": \"app\"");
        assert_eq!(states(s), [State::Draining, State::Unproven]);
        operator.says(format!(
            "POST /api/backends/app/b HTTP/1.1\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n\
             7;x=y\r\n{{\"actio\r\nc\r\nn\":\"disable\"\r\n1\r\n}}\r\n0\r\nX: trailer\r\n\r\n"
        ));
        is_told(&operator, 200, "\"state\": \"disabled\"");
        operator.is_kept_alive();
        assert_eq!(states(s), [State::Draining, State::Disabled]);
    });
}

#[test]
fn what_follows_a_body_is_the_next_request() {
    house().run(|s| {
        let operator = s.operator();
        operator.says(format!(
            "{}GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n{}",
            post(DRAIN),
            post("{\"weight\":7}")
        ));
        is_told(&operator, 200, "draining");
        is_told(&operator, 200, "ok");
        is_told(&operator, 200, "\"weight\": 7");
        operator.is_kept_alive();
    });
}

#[test]
fn who_waits_to_be_asked_for_a_body_is_asked() {
    house().run(|s| {
        let operator = s.operator();
        operator.says(format!(
            "POST /api/backends/a HTTP/1.1\r\n{JSON}Expect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            DRAIN.len()
        ));
        operator.hears("HTTP/1.1 100 Continue\r\n\r\n");
        operator.hears_nothing_more();
        operator.says(DRAIN);
        is_told(&operator, 200, "draining");
        operator.is_kept_alive();
        operator.says(
            "POST /api/backends/x HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        );
        is_told(&operator, 404, "there are app/a, app/b");
        operator.hears_end(); // whether its body comes nobody knows
    });
}

#[test]
fn a_wish_that_is_not_understood_changes_nothing() {
    house().uncut().run(|s| {
        let operator = s.operator();
        for (body, words) in [
            ("{\"weight\":3,\"acton\":\"drain\"}", "did you mean \"action\"?"),
            ("{\"action\":\"drain\",\"weight\":257}", "from 0 to 256"),
            ("{\"action\":\"drain\"", "no JSON object"),
        ] {
            operator.says(post(body));
            is_told(&operator, 400, words);
            operator.is_kept_alive();
        }
        operator.says("POST /api/backends/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
        is_told(&operator, 400, "nothing is asked for");
        operator.says("DELETE /api/backends/a HTTP/1.1\r\nHost: localhost\r\n\r\n");
        is_told(&operator, 405, "only GET, HEAD, POST");
        operator.head().has(&["Allow: GET, HEAD, POST"]);
        operator.says("POST /api/state HTTP/1.1\r\nHost: localhost\r\n\r\n");
        is_told(&operator, 405, "only GET, HEAD");
        operator.says("GET /api/reload HTTP/1.1\r\nHost: localhost\r\n\r\n");
        is_told(&operator, 405, "only POST");
        operator.head().has(&["Allow: POST"]);
        operator.is_kept_alive();
        operator.says("POST /api/backends/a HTTP/1.1\r\nHost: localhost\r\nContent-Length: 18\r\n\r\n");
        is_told(&operator, 415, "application/json");
        operator.hears_end();
        assert_eq!(states(s), [State::Unproven; 2]);
    });
}

#[test]
fn a_body_that_is_too_large_is_refused_in_time() {
    house().uncut().run(|s| {
        let by_length = s.operator();
        by_length.says(format!("POST /api/backends/a HTTP/1.1\r\n{JSON}Content-Length: 65537\r\n\r\n"));
        by_length.is_refused_with(413);
        let in_chunks = s.operator();
        in_chunks.says(format!("POST /api/backends/a HTTP/1.1\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n10001\r\n"));
        in_chunks.says(vec![b' '; 65_537]);
        in_chunks.is_refused_with(413);
        let whole = s.operator();
        let body = format!("{DRAIN}{}", " ".repeat(65_536 - DRAIN.len()));
        whole.says(post(&body));
        is_told(&whole, 200, "draining");
    });
}

#[test]
fn a_body_that_never_comes_or_is_cut_does_nothing() {
    let house = || house().timeouts(|timeouts| timeouts.body = Duration::from_millis(300));
    house().run(|s| {
        let late = s.operator();
        late.says(format!("POST /api/backends/a HTTP/1.1\r\n{JSON}Content-Length: 18\r\n\r\n{{\"action\""));
        late.is_refused_with(408);
        let cut = s.operator();
        cut.says(format!("POST /api/backends/a HTTP/1.1\r\n{JSON}Content-Length: 19\r\n\r\n{DRAIN}"));
        cut.ends();
        cut.is_refused_with(400);
        let gone = s.operator();
        gone.says(format!("POST /api/backends/a HTTP/1.1\r\n{JSON}Content-Length: 19\r\n\r\n{DRAIN}"));
        gone.resets();
        let bad = s.operator();
        bad.says(format!(
            "POST /api/backends/a HTTP/1.1\r\n{JSON}Transfer-Encoding: chunked\r\n\r\n+2\r\n{{}}\r\n0\r\n\r\n"
        ));
        bad.is_refused_with(400);
        assert_eq!(states(s), [State::Unproven; 2]);
    });
}

#[test]
fn who_does_not_know_the_token_is_not_heard() {
    house_asking(Some("0123456789abcdef")).run(|s| {
        let operator = s.operator();
        operator.says("GET /readyz HTTP/1.1\r\nHost: h\r\n\r\n");
        is_told(&operator, 200, "ready");
        operator.says("GET /api/state HTTP/1.1\r\nHost: h\r\n\r\n");
        is_told(&operator, 401, "the token is wanted");
        operator.head().has(&["WWW-Authenticate: Bearer realm=\"evenkeel\""]);
        operator.says("GET /api/state HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer 0123456789abcdef\r\n\r\n");
        is_told(&operator, 200, "\"pools\"");
        operator.is_kept_alive();
        operator.says(post(DRAIN));
        is_told(&operator, 401, "the token is wanted");
        operator.hears_end(); // its body was not read, and is no request
        assert_eq!(states(s), [State::Unproven; 2]);
    });
}

#[test]
fn a_page_of_another_site_is_not_heard() {
    house().uncut().run(|s| {
        for said in ["Host: localhost\r\nOrigin: http://evil.example", "Host: evil.example\r\nOrigin: http://evil.example"] {
            let operator = s.operator();
            operator.says(format!("POST /api/backends/a?action=drain HTTP/1.1\r\n{said}\r\n\r\n"));
            is_told(&operator, 403, "");
            operator.is_kept_alive();
        }
        let own = s.operator();
        own.says("POST /api/backends/a?action=drain HTTP/1.1\r\nHost: localhost:5002\r\nOrigin: http://localhost:5002\r\n\r\n");
        is_told(&own, 200, "draining");
    });
}

#[test]
fn it_is_ready_while_somebody_works() {
    house().uncut().run(|s| {
        let operator = s.operator();
        let ask = || operator.says("GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        ask();
        is_told(&operator, 200, "ready\n");
        operator.says(post(DRAIN));
        is_told(&operator, 200, "draining");
        ask();
        is_told(&operator, 200, "ready\n");
        operator.says("POST /api/backends/b?weight=0 HTTP/1.1\r\nHost: localhost\r\n\r\n");
        is_told(&operator, 200, "\"weight\": 0");
        ask();
        is_told(&operator, 503, "not ready: no backend of pool app is up\n");
        operator.says("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
        is_told(&operator, 200, "ok");
    });
}

#[test]
fn another_token_counts_from_a_reload_on() {
    house_asking(Some("0123456789abcdef")).uncut().run(|s| {
        let operator = s.operator();
        let ask = |token| {
            operator.says(format!("GET /api/backends HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {token}\r\n\r\n"))
        };
        ask("0123456789abcdef");
        is_told(&operator, 200, "\"app\"");
        s.reload(|config| config.guard.token = Some(Token::parse("fedcba9876543210").expect("a token")))
            .expect("it can");
        ask("0123456789abcdef");
        is_told(&operator, 401, "the token is wanted");
        ask("fedcba9876543210");
        is_told(&operator, 200, "\"app\"");
        operator.is_kept_alive();
    });
}

#[test]
fn an_order_outlasts_a_reload() {
    house().uncut().run(|s| {
        let operator = s.operator();
        operator.says(post("{\"action\":\"disable\",\"weight\":5}"));
        is_told(&operator, 200, "\"state\": \"disabled\"");
        s.reload(|config| config.timeouts.header = Duration::from_secs(7)).expect("it can");
        s.reload(|config| config.pools[0].max_inflight = Some(9)).expect("it can");
        operator.says("GET /api/backends/a HTTP/1.1\r\nHost: h\r\n\r\n");
        let (_, told) = told(&operator);
        assert!(["\"weight\": 5", "\"disabled\"", "\"max_inflight\": 9"].iter().all(|it| told.contains(it)), "{told}");
    });
}

const RELOAD: &str = "POST /api/reload HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[test]
fn who_asks_for_a_reload_hears_what_came_of_it() {
    house().calm().run(|s| {
        let operators = [s.operator(), s.operator()];
        for operator in &operators {
            operator.says(RELOAD);
            operator.hears_nothing_more();
        }
        s.reload(|config| config.pools[0].backends.truncate(1)).unwrap();
        for operator in &operators {
            is_told(operator, 200, "reloaded: ");
            operator.is_kept_alive();
        }
        operators[0].says(RELOAD);
        operators[0].hears_nothing_more();
        operators[1].says(RELOAD);
        operators[1].hears_nothing_more();
        operators[1].closes();
        s.reload(|config| config.pools[0].congestion = Some("nobody-has-it".into())).unwrap_err();
        is_told(&operators[0], 400, "not reloaded, the configuration stays as it is: pool app: congestion");
        operators[0].is_kept_alive();
    });
}

#[test]
fn a_reload_that_nobody_tells_the_end_of_has_a_deadline() {
    house().timeouts(|timeouts| timeouts.response = Duration::from_millis(300)).run(|s| {
        let operator = s.operator();
        operator.says(RELOAD);
        operator.is_answered_with(504);
    });
}

fn wish(name: &str, body: &str) -> String {
    format!("POST /api/backends/{name} HTTP/1.1\r\n{JSON}Content-Length: {}\r\n\r\n{body}", body.len())
}

#[test]
fn backends_are_removed_and_added_and_keep_what_they_have() {
    house().uncut().run(|s| {
        let (client, operator) = (s.client(), s.operator());
        client.says(GET);
        let busy = s.backend_hears_request(LINE);
        let which = busy.backend();
        let (name, other) = if which == 0 { ("a", "b") } else { ("b", "a") };
        operator.says(wish(name, "{\"action\":\"remove\"}"));
        is_told(&operator, 200, "draining");
        let in_vain = s.operator();
        in_vain.says(wish(name, "{\"action\":\"remove\"}"));
        is_told(&in_vain, 404, &format!("there are app/{other}"));
        in_vain.hears_end();
        operator.says(wish(other, "{\"action\":\"remove\"}"));
        is_told(&operator, 409, "is the last one of pool app");
        operator.says(wish("app/127.0.0.1:9", "{\"action\":\"add\",\"weight\":0}"));
        is_told(&operator, 200, "\"weight\": 0");
        operator.says(wish("app/127.0.0.1:9", "{\"action\":\"add\"}"));
        is_told(&operator, 409, "in pool app already");
        for (name, words) in
            [("app/localhost:9", "no address in numbers"), ("app/127.0.0.1:0", "nothing answers on port 0")]
        {
            operator.says(wish(name, "{\"action\":\"add\"}"));
            is_told(&operator, 400, words);
        }
        let in_vain = s.operator();
        in_vain.says(wish("a-p/127.0.0.1:9", "{\"action\":\"add\"}"));
        is_told(&in_vain, 404, "no backend is called");
        operator.is_kept_alive();
        busy.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
        for _ in 0..3 {
            client.says(GET);
            let backend = s.backend_hears_request(LINE);
            assert_ne!(backend.backend(), which);
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        }
    });
}
