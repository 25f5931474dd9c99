//! Bodies of every framing, both ways; answers without one; interim answers.

use crate::support::wire::chunked;
use crate::support::*;
use std::io;

/// Sends the request's body back in the framing that its target names.
fn mirror() -> Backend {
    Backend::http("mirror", |exchange| {
        let body = exchange.body()?;
        match exchange.request.target.as_str() {
            "/length" => exchange.answer("200 OK", "", &body),
            "/chunked" => {
                exchange.wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: Sum\r\n\r\n")?;
                exchange.wire.send(chunked(&body, 777, "Sum: 42\r\n"))?;
                Ok(Then::Keep)
            }
            _ => {
                exchange.wire.send("HTTP/1.1 200 OK\r\n\r\n")?;
                exchange.wire.send(body)?;
                Ok(Then::Close)
            }
        }
    })
}

#[test]
fn bodies_by_length_pass_at_every_interesting_size() {
    let backend = mirror();
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    for size in [0, 1, 2, 100, 4095, 4096, 16_383, 16_384, 16_385, 65_536, 262_143, 262_145, 1_000_000] {
        let body = Pattern::bytes(size as u64, size);
        let answer = client.with_body("POST", "/length", &body);
        assert!(answer.body == body, "{size} bytes");
        assert_eq!(answer.framing, Framing::Length(size as u64));
    }
}

#[test]
fn chunked_bodies_pass_with_their_trailers() {
    let backend = mirror();
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    let head = b"POST /chunked HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n";
    for (size, piece) in [(0, 1), (1, 1), (500, 1), (10_000, 17), (300_000, 65_536), (1_000_000, 100_000)] {
        let body = Pattern::bytes(7, size);
        let bytes = [&head[..], &chunked(&body, piece, "Digest: abc\r\n")].concat();
        let answer = client.raw("POST", bytes);
        assert!(answer.body == body, "{size} bytes in chunks of {piece}");
        assert_eq!(answer.trailers, [("Sum".to_string(), "42".to_string())]);
        let last = backend.last();
        assert!(last.body == body);
        assert_eq!(last.trailers, [("Digest".to_string(), "abc".to_string())]);
    }
    assert_eq!(backend.accepted(), 1);
}

#[test]
fn a_body_until_close_is_framed_anew_and_the_client_kept() {
    let backend = mirror();
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    for size in [0, 1, 5000, 400_000] {
        let body = Pattern::bytes(9, size);
        let mut client = balancer.client();
        let answer = client.with_body("POST", "/close", &body);
        assert!(answer.body == body, "{size} bytes");
        if answer.framing == Framing::Chunked {
            assert!(client.with_body("POST", "/close", &body).body == body);
        } else {
            assert_eq!((answer.framing, answer.closes()), (Framing::UntilClose, true));
        }
    }
}

#[test]
fn a_body_cut_short_is_plainly_short_for_the_client() {
    let backend = Backend::http("short", |exchange| {
        let body = match exchange.request.target.as_str() {
            "/length" => "Content-Length: 100\r\n\r\nonly this",
            _ => "Transfer-Encoding: chunked\r\n\r\n64\r\nonly this",
        };
        exchange.wire.send(format!("HTTP/1.1 200 OK\r\n{body}"))?;
        Ok(if exchange.request.connection % 2 == 0 { Then::Close } else { Then::Reset })
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    for target in ["/length", "/chunked", "/length", "/chunked"] {
        let error = balancer.client().try_get(target).expect_err("not a whole body");
        let plain = [io::ErrorKind::UnexpectedEof, io::ErrorKind::ConnectionReset];
        assert!(plain.contains(&error.kind()), "{target}: {error}");
    }
}

#[test]
fn answers_without_a_body_keep_the_connection_in_step() {
    let backend = Backend::http("bodiless", |exchange| {
        exchange.body()?;
        let head = match (exchange.request.method.as_str(), exchange.request.target.as_str()) {
            ("HEAD", "/chunked") => "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            ("HEAD", "/bare") => "HTTP/1.1 200 OK\r\n\r\n",
            ("HEAD", _) => "HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n",
            (_, "/204") => "HTTP/1.1 204 No Content\r\n\r\n",
            (_, "/304") => "HTTP/1.1 304 Not Modified\r\nContent-Length: 77\r\nETag: \"x\"\r\n\r\n",
            _ => return exchange.answer("200 OK", "", b"full"),
        };
        exchange.wire.send(head)?;
        Ok(Then::Keep)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    for _ in 0..3 {
        for target in ["/", "/chunked", "/bare"] {
            let answer = client.raw("HEAD", format!("HEAD {target} HTTP/1.1\r\nHost: test\r\n\r\n"));
            assert_eq!((answer.status, answer.closes()), (200, false), "HEAD {target}");
        }
        assert_eq!(client.get("/204").status, 204);
        let answer = client.get("/304");
        assert_eq!((answer.status, answer.head.get("ETag")), (304, Some("\"x\"")));
        assert_eq!(client.get("/").text(), "full");
    }
    assert_eq!(backend.accepted(), 1);
    let answer = client.raw("HEAD", "HEAD / HTTP/1.1\r\nHost: test\r\n\r\n");
    assert_eq!(answer.head.get("Content-Length"), Some("1234"));
}

#[test]
fn a_head_that_is_refused_gets_no_body_if_it_asked_by_head() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off", "--header-timeout", "300ms"]);
    let refused = [
        ("HEAD / HTTP/1.1\r\n\r\n", 400),
        ("\r\nHEAD / HTTP/2.0\r\nHost: test\r\n\r\n", 505),
        ("HEAD / HTTP/1.1\r\nHost: test\n\r\n", 400),
        ("HEAD / HTTP/1.1\r\nHost: te", 408),
        ("HEAD / HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", 400),
    ];
    for (request, status) in refused {
        let mut client = balancer.client();
        let answer = client.raw("HEAD", request);
        assert_eq!((answer.status, answer.closes()), (status, true), "{request:?}");
        client.expect_end();
    }
}

#[test]
fn interim_answers_pass_at_once() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::http("hints", move |exchange| {
        exchange.wire.send("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n")?;
        held.pass();
        exchange.name_it()
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    client.send(client::get("/")).unwrap();
    let hints = client.head().unwrap().unwrap();
    assert_eq!((hints.line.as_str(), hints.get("Link")), ("HTTP/1.1 103 Early Hints", Some("</a>")));
    assert_eq!(client.head().unwrap().unwrap().line, "HTTP/1.1 102 Processing");
    gate.open();
    assert_eq!(client.response("GET").unwrap().text(), "hints");
    assert_eq!(client.get("/").interim.len(), 2);
}

#[test]
fn a_body_that_waits_for_100_gets_it_from_the_backend() {
    let backend = Backend::http("patient", |exchange| {
        assert_eq!(exchange.request.head.get("Expect"), Some("100-continue"));
        exchange.wire.send("HTTP/1.1 100 Continue\r\n\r\n")?;
        exchange.name_it()
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    for _ in 0..2 {
        client.send("PUT / HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").unwrap();
        assert_eq!(client.head().unwrap().unwrap().line, "HTTP/1.1 100 Continue");
        assert_eq!(client.raw("PUT", "body").text(), "patient");
        assert_eq!(backend.last().body, b"body");
    }
}

#[test]
fn a_body_that_waits_for_100_and_is_refused_is_never_sent_on() {
    let backend = Backend::http("strict", |exchange| {
        exchange.answer("403 Forbidden", "Connection: close\r\n", b"no")?;
        Ok(Then::Close)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    let head = "POST /up HTTP/1.1\r\nHost: test\r\nExpect: 100-continue\r\nContent-Length: 31\r\n\r\n";
    let answer = client.raw("POST", head);
    assert_eq!((answer.status, answer.interim.len()), (403, 0));
    let _ = client.send("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"); // as a body, were it welcome
    assert_eq!(balancer.client().get("/after").status, 403);
    assert_eq!(backend.targets(), ["/up", "/after"]);
}

#[test]
fn an_answer_before_the_body_is_over_reaches_the_client() {
    let backend = Backend::http("early", |exchange| {
        exchange.answer("413 Content Too Large", "Connection: close\r\n", b"too much")?;
        exchange.wire.finish()?;
        exchange.wire.remainder()?; // reads on, so that its close is no reset
        Ok(Then::Close)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000000\r\n\r\nthe first bytes").unwrap();
    let answer = client.response("POST").unwrap();
    assert_eq!((answer.status, answer.text().as_str()), (413, "too much"));
}

#[test]
fn first_bytes_pass_before_the_last_ones_exist() {
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::http("stream", move |exchange| {
        let first = exchange.wire.take(5)?;
        exchange.wire.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n")?;
        exchange.wire.send(&first)?;
        held.pass();
        let second = exchange.wire.take(5)?;
        exchange.wire.send(&second)?;
        Ok(Then::Keep)
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    client.send("POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\nfirst").unwrap();
    let (_, head) = client.final_head().unwrap();
    assert_eq!(head.get("Content-Length"), Some("10"));
    assert_eq!(client.take(5).unwrap(), b"first");
    gate.open();
    client.send("other").unwrap();
    assert_eq!(client.take(5).unwrap(), b"other");
}
