//! A request whose backend fails it: what is tried again, and what never is.

use crate::support::*;
use std::sync::atomic::{AtomicUsize, Ordering};

#[test]
fn a_refused_connection_moves_the_request_on() {
    let one = Backend::named("one");
    let (_held, refused) = refusing();
    let refused = refused.to_string();
    let balancer = Balancer::before(&[&one], &["-b", &refused, "--health", "off"]);
    let mut client = balancer.client();
    for method in ["GET", "POST", "PUT", "POST"] {
        for _ in 0..5 {
            let answer = client.with_body(method, "/", b"body");
            assert_eq!((answer.status, answer.text().as_str()), (200, "one"), "{method}");
        }
    }
}

/// Answers once per connection, and dies of the second request without a byte of an answer.
fn forgetful(name: &str, how: Then) -> Backend {
    let served = AtomicUsize::new(0);
    Backend::http(name, move |exchange| {
        let connection = exchange.request.connection;
        if served.swap(connection + 1, Ordering::SeqCst) == connection + 1 {
            return Ok(how);
        }
        exchange.name_it()
    })
}

#[test]
fn a_get_or_put_on_a_dying_pooled_connection_is_sent_again() {
    for how in [Then::Close, Then::Reset] {
        let backend = forgetful("one", how);
        let balancer = Balancer::before(&[&backend], &["--health", "off"]);
        let mut client = balancer.client();
        for round in 0..20 {
            assert_eq!(client.get("/").text(), "one", "{how:?}, round {round}");
            assert_eq!(client.with_body("PUT", "/", b"again").text(), "one", "{how:?}, round {round}");
        }
    }
}

#[test]
fn a_post_of_which_a_byte_was_sent_is_never_sent_twice() {
    for how in [Then::Close, Then::Reset] {
        let backend = forgetful("one", how);
        let balancer = Balancer::before(&[&backend], &["--health", "off"]);
        for round in 0..20 {
            let mut client = balancer.client();
            let answer = client.with_body("POST", &format!("/{round}"), b"once");
            assert!([200, 502].contains(&answer.status), "{}", answer.head.line);
        }
        let mut targets = backend.targets();
        let all = targets.len();
        targets.sort();
        targets.dedup();
        assert_eq!(targets.len(), all, "a POST came twice");
        assert_eq!(all, 20, "every POST came once");
    }
}

#[test]
fn connections_that_died_while_pooled_cost_nobody_anything() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    for round in 0..50 {
        client.get("/");
        backend.hang_up();
        until("the hang-up", || backend.open() == 0);
        assert_eq!(client.get("/").text(), "one", "round {round}");
        backend.hang_up();
    }
}

#[test]
fn a_fresh_connection_that_dies_unanswered_moves_a_get_on() {
    let one = Backend::named("one");
    let two = Backend::http("rude", |_| Ok(Then::Reset));
    let balancer = Balancer::before(&[&one, &two], &["--health", "off"]);
    let mut client = balancer.client();
    for round in 0..20 {
        assert_eq!(client.get("/").text(), "one", "round {round}");
    }
}

#[test]
fn half_a_response_head_is_502_and_asked_for_once() {
    for how in [Then::Close, Then::Reset] {
        let one = Backend::named("one");
        let two = Backend::http("cut", move |exchange| {
            exchange.wire.send("HTTP/1.1 200 OK\r\nContent-Len")?;
            std::thread::sleep(std::time::Duration::from_millis(5)); // lets the half arrive before a reset
            Ok(how)
        });
        let balancer = Balancer::before(&[&one, &two], &["--health", "off"]);
        let statuses: Vec<u16> = (0..10).map(|_| balancer.client().get("/").status).collect();
        assert_eq!(statuses, [200, 502].repeat(5), "{how:?}");
        assert_eq!(two.requests().len(), 5);
    }
}

#[test]
fn when_every_backend_dies_of_it_the_client_is_told() {
    let rude = [Backend::http("a", |_| Ok(Then::Close)), Backend::http("b", |_| Ok(Then::Reset))];
    let balancer = Balancer::before(&[&rude[0], &rude[1]], &["--health", "off"]);
    let mut client = balancer.client();
    assert!([502, 503].contains(&client.get("/").status));
    let asked = rude.iter().map(|b| b.targets().len()).sum::<usize>();
    assert!((2..=6).contains(&asked), "tries are bounded: {asked}");
}

#[test]
fn all_backends_down_is_a_503_with_retry_after() {
    let (held, refused): (Vec<_>, Vec<_>) = (0..2).map(|_| refusing()).unzip();
    let (one, two) = (refused[0].to_string(), refused[1].to_string());
    let args = ["-l", "127.0.0.1:0", "--admin", "off", "-b", &one, "-b", &two, "--health-interval", "100ms"];
    let balancer = Balancer::start(&args);
    let mut client = balancer.client();
    for _ in 0..10 {
        let answer = client.with_body("POST", "/", b"body");
        assert_eq!(answer.status, 503, "{}", answer.head.line);
        assert!(answer.head.get("Retry-After").is_some());
        assert!(!answer.text().contains(&one) && !answer.text().contains(&two), "nothing about backends");
    }
    drop(held);
}

#[test]
fn nonsense_from_a_backend_is_a_502() {
    let backend = Backend::tcp("nonsense", |stream| {
        let mut wire = Wire::new(stream);
        wire.head()?;
        wire.send("SSH-2.0-OpenSSH_9.9\r\nwhat do you want?\r\n\r\n")?;
        Ok(Then::Close)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    assert_eq!(balancer.client().with_body("POST", "/", b"x").status, 502);
}
