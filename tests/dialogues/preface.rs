//! What stands before the traffic: PROXY headers in and out, and server names.

use crate::play::Play;
use crate::stage::Stage;
use evenkeel::config::{ClientLimit, HostPattern, Listener, Mode, ProxyVersion, Route};
use std::time::Duration;

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
const V1: &str = "PROXY TCP4 192.0.2.7 192.0.2.8 4000 443\r\n";
const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

/// The same as [`V1`], in binary, with a record of nothing behind the addresses.
fn v2() -> Vec<u8> {
    let addresses = [192, 0, 2, 7, 192, 0, 2, 8, 0x0f, 0xa0, 0x01, 0xbb];
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0f"[..], &addresses, &[4, 0, 0]].concat()
}

/// `LOCAL`: the peer speaks for itself.
const LOCAL: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00";

/// Whoever calls is trusted, or somebody else.
fn accepts(listener: &mut Listener, trusted: &str) {
    listener.preface.proxy_protocol = true;
    listener.preface.trusted = vec![evenkeel::config::network::Network::parse(trusted).unwrap()];
}

fn accepting() -> Play {
    Play::new().listener(|listener| accepts(listener, "0.0.0.0/0"))
}

/// In TCP mode, a connection at the other end of which is a backend.
fn tcp(play: Play) -> Play {
    play.listener(|listener| listener.mode = Mode::Tcp)
}

/// A client says this and is closed on, without an answer and without a word to a backend; counted so.
fn is_closed_for(play: &Play, says: &[u8], reason: &str) {
    play.run(|s| {
        let client = s.client();
        client.says(says);
        client.hears_reset_or_close();
        s.no_backend_hears_anything();
        assert_eq!(s.counted(reason), 1, "{reason}");
        assert_eq!(s.stats().admitted + s.stats().refused, 0);
    });
}

#[test]
fn a_header_says_whose_request_it_is() {
    for header in [V1.as_bytes().to_vec(), v2()] {
        accepting().run(|s| {
            let client = s.client();
            client.says([&header, GET.as_bytes()].concat());
            for _ in 0..2 {
                let backend = s.backend_hears_request("GET / HTTP/1.1");
                backend.head().has(&["X-Forwarded-For: 192.0.2.7"]);
                backend.says(OK);
                client.hears_message("HTTP/1.1 200 OK", "ok");
                client.says(GET); // of which the header says it as well
            }
        });
    }
}

#[test]
fn a_peer_that_speaks_for_itself_is_the_client() {
    for header in [LOCAL, b"PROXY UNKNOWN\r\n"] {
        accepting().run(|s| {
            let client = s.client();
            client.says([header, GET.as_bytes()].concat());
            let backend = s.backend_hears_request("GET / HTTP/1.1");
            assert!(backend.head().get("X-Forwarded-For").is_some_and(|client| client != "192.0.2.7"));
            backend.says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
        });
    }
}

#[test]
fn in_tcp_mode_the_header_is_eaten_and_every_other_byte_passes() {
    tcp(accepting()).run(|s| {
        let client = s.client();
        client.says(format!("{V1}hello"));
        let backend = s.backend_hears("hello");
        backend.says("welcome");
        client.hears("welcome");
        client.ends();
        backend.hears_end();
        backend.ends();
        client.hears_end();
    });
}

#[test]
fn whoever_is_not_trusted_is_not_heard() {
    let play = Play::new().listener(|listener| accepts(listener, "192.0.2.0/24"));
    is_closed_for(&play, V1.as_bytes(), "untrusted");
}

#[test]
fn what_is_no_header_is_not_taken_for_a_request() {
    is_closed_for(&accepting(), GET.as_bytes(), "not_proxy");
    is_closed_for(&accepting(), GET.as_bytes(), "bad_preface");
    is_closed_for(&accepting(), b"PROXY TCP4 192.0.2.7 192.0.2.8 4000\r\n", "proxy_line");
    is_closed_for(&tcp(accepting()), b"PROXY TCP9 192.0.2.7 192.0.2.8 4000 1\r\n", "proxy_protocol");
}

#[test]
fn a_header_that_never_comes_ends_with_the_header_time_out() {
    let short = |play: Play| play.timeouts(|timeouts| timeouts.header = Duration::from_millis(200));
    for says in ["", "PROXY TCP4 "] {
        is_closed_for(&short(accepting()), says.as_bytes(), "header_timeout");
        is_closed_for(&short(tcp(accepting())), says.as_bytes(), "header_timeout");
    }
}

#[test]
fn backends_are_told_whose_request_it_is_on_a_connection_of_its_own() {
    for (version, header) in [(ProxyVersion::V1, V1.as_bytes().to_vec()), (ProxyVersion::V2, told_v2())] {
        let play = accepting().pool(|pool| pool.proxy_protocol = Some(version));
        play.run(|s| {
            let client = s.client();
            client.says(format!("{V1}{GET}"));
            for number in 1..=2 {
                let backend = s.backend_hears(&header);
                backend.hears_head("GET / HTTP/1.1").has(&["X-Forwarded-For: 192.0.2.7"]);
                backend.says(OK);
                client.hears_message("HTTP/1.1 200 OK", "ok");
                s.backends_were_called(number); // each time anew: the next client is another
                client.says(GET);
            }
        });
    }
}

/// What version 2 makes of [`V1`].
fn told_v2() -> Vec<u8> {
    let mut told = v2();
    told.truncate(told.len() - 3);
    told[15] = 12;
    told
}

#[test]
fn a_header_goes_out_before_a_client_of_tcp_mode_has_spoken() {
    let play = tcp(Play::new()).pool(|pool| pool.proxy_protocol = Some(ProxyVersion::V1));
    play.run(|s| {
        let client = s.client();
        let backend = s.backend_hears("PROXY TCP4 ");
        backend.says("220 speaks first\r\n");
        client.hears("220 speaks first\r\n");
    });
}

#[test]
fn a_backend_that_refuses_costs_no_header() {
    let play = accepting().backends(2).pool(|pool| pool.proxy_protocol = Some(ProxyVersion::V1));
    play.run(|s| {
        s.backend_refuses(0);
        let client = s.client();
        client.says(format!("{V1}{GET}"));
        let backend = s.backend_hears(V1);
        backend.hears_head("GET / HTTP/1.1");
        backend.says(OK);
        client.hears_message("HTTP/1.1 200 OK", "ok");
    });
}

#[test]
fn trusted_proxies_are_believed_and_nobody_else() {
    let ask = "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.9\r\nX-Forwarded-Proto: https\r\n\r\n";
    for (trusted, begins) in [("0.0.0.0/0", true), ("192.0.2.0/24", false)] {
        let network = evenkeel::config::network::Network::parse(trusted).unwrap();
        Play::new().listener(|listener| listener.preface.trusted = vec![network]).run(|s| {
            let client = s.client();
            client.says(ask);
            let head = s.backend_hears_request("GET / HTTP/1.1").head();
            let told = |name| head.get(name).expect("a field").to_string();
            assert_eq!(told("X-Forwarded-For").starts_with("192.0.2.9, "), begins);
            assert_eq!(told("X-Forwarded-Proto").starts_with("https"), begins);
        });
    }
}

/// The proxy is believed, and it says whose connection it is. What that client claims to be is its own word.
#[test]
fn a_client_behind_a_trusted_proxy_is_not_trusted_itself() {
    Play::new().listener(|listener| accepts(listener, "0.0.0.0/1")).run(|s| {
        s.client().says(format!("{V1}GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 198.51.100.1\r\n\r\n"));
        s.backend_hears_request("GET / HTTP/1.1").head().has(&["X-Forwarded-For: 192.0.2.7"]);
    });
}

/// A ClientHello for this server: version, random, no session, one cipher, no compression, the name.
fn hello(name: Option<&str>) -> Vec<u8> {
    let vector = |size: usize, inner: &[u8]| [&inner.len().to_be_bytes()[8 - size..], inner].concat();
    let list = |name: &str| vector(2, &[&[0][..], &vector(2, name.as_bytes())].concat());
    let names = name.map_or(Vec::new(), |name| [&[0, 0][..], &vector(2, &list(name))].concat());
    let body = [&[3, 3][..], &[7; 32], &[0], &vector(2, &[0x13, 1]), &[1, 0], &vector(2, &names)].concat();
    let message = [&[1][..], &vector(3, &body)].concat();
    [&[22, 3, 1][..], &vector(2, &message)].concat()
}

/// `api.example.com` to the second of three backends, what else is below `example.com` to the third, the rest as told.
fn by_name(rest: Option<usize>) -> Play {
    let route = |host, pool| Route { host: Some(host), path: None, pool };
    let routes = vec![
        route(HostPattern::Exact("api.example.com".into()), 1),
        route(HostPattern::Below(".example.com".into()), 2),
    ];
    tcp(Play::new().routes(routes, rest)).listener(|listener| listener.preface.sni = true)
}

fn reaches(s: &Stage, first: &[u8], backend: usize) {
    let client = s.client();
    client.says([first, b"and more"].concat());
    let actor = s.backend_hears([first, b"and more"].concat());
    assert_eq!(actor.backend(), backend);
    actor.says("answer");
    client.hears("answer");
    client.closes();
    actor.closes();
}

#[test]
fn a_server_name_leads_to_its_pool_and_every_byte_goes_on() {
    by_name(Some(0)).run(|s| {
        reaches(s, &hello(Some("API.example.com")), 1);
        reaches(s, &hello(Some("www.example.com")), 2);
        reaches(s, &hello(Some("example.org")), 0);
        reaches(s, &hello(None), 0);
        reaches(s, b"SSH-2.0-OpenSSH_9.2\r\n", 0);
    });
}

#[test]
fn a_name_that_leads_nowhere_is_closed_on() {
    is_closed_for(&by_name(None), &hello(Some("example.org")), "no_route");
    is_closed_for(&by_name(None), b"GET / HTTP/1.1\r\n", "no_route");
    let mut broken = hello(Some("api.example.com"));
    broken[8] = 1; // the message is shorter than what is in it
    is_closed_for(&by_name(Some(0)), &broken, "hello_lengths");
}

#[test]
fn a_name_that_never_comes_ends_with_the_header_time_out() {
    let hello = hello(Some("api.example.com"));
    for says in [&[][..], &hello[..1], &hello[..hello.len() - 1]] {
        let short = by_name(Some(0)).timeouts(|timeouts| timeouts.header = Duration::from_millis(200));
        is_closed_for(&short, says, "header_timeout");
        let heralded = short.listener(|listener| accepts(listener, "0.0.0.0/0"));
        is_closed_for(&heralded, &[V1.as_bytes(), says].concat(), "header_timeout");
    }
}

#[test]
fn a_name_may_come_behind_a_header() {
    let play = by_name(None).listener(|listener| accepts(listener, "0.0.0.0/0"));
    play.run(|s| {
        let client = s.client();
        client.says([V1.as_bytes(), &hello(Some("api.example.com"))].concat());
        assert_eq!(s.backend_hears(hello(Some("api.example.com"))).backend(), 1);
    });
}

/// Whoever comes through a proxy shares its address with all the others, and not its limits.
#[test]
fn what_one_client_may_have_is_counted_for_whom_the_header_names() {
    let limit = ClientLimit { connections: Some(1), requests: None, burst: None };
    let play = accepting().listener(|listener| listener.client_limit = Some(limit));
    play.run(|s| {
        let served = |header: &str| {
            let client = s.client();
            client.says(format!("{header}{GET}"));
            s.backend_hears_request("GET / HTTP/1.1").says(OK);
            client.hears_message("HTTP/1.1 200 OK", "ok");
            client
        };
        let first = served(V1);
        let second = s.client();
        second.says(format!("{V1}{GET}"));
        second.hears_reset_or_close();
        assert_eq!(s.counted("client_connections"), 1);
        served(&V1.replace("192.0.2.7", "192.0.2.9"));
        first.closes();
        s.blink();
        served(V1);
    });
}
