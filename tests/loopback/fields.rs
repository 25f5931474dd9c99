//! What becomes of header fields on their way through.

use crate::support::*;

/// The request as the backend got it.
#[track_caller]
fn forwarded(request: &str) -> Request {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    assert_eq!(balancer.client().raw("GET", request).status, 200);
    backend.last()
}

#[test]
fn hop_by_hop_fields_of_a_request_end_here() {
    let request = forwarded(
        "GET /x?y=%20z HTTP/1.1\r\nHost: shop.example\r\nConnection: keep-alive, X-Hop\r\nX-Hop: secret\r\n\
         Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: trailers, gzip\r\nUpgrade: h2c\r\n\
         HTTP2-Settings: abc\r\nX-End: stays\r\nX-END: twice\r\nCookie: a=b\r\n\r\n",
    );
    for gone in ["X-Hop", "Keep-Alive", "Proxy-Connection", "Upgrade", "HTTP2-Settings"] {
        assert_eq!(request.head.get(gone), None, "{gone}");
    }
    assert!(!request.head.lists("Connection", "X-Hop"));
    assert!(!request.head.lists("TE", "gzip"));
    assert_eq!(request.target, "/x?y=%20z");
    assert_eq!(request.head.get("Host"), Some("shop.example"));
    assert_eq!(request.head.all("X-End"), ["stays", "twice"]);
    assert_eq!(request.head.get("Cookie"), Some("a=b"));
    assert!(request.head.fields.iter().any(|(name, _)| name == "X-END"), "names keep their case");
}

/// RFC 9110 7.6.1: what `Connection` names goes from the trailers too.
#[test]
fn trailers_that_connection_names_end_here() {
    for (connection, passes) in [("close, TE", true), ("X-Hop", false)] {
        let fields = format!("Connection: {connection}\r\nTransfer-Encoding: chunked\r\n\r\n");
        let answer = fields.clone();
        let backend = Backend::http("trailing", move |exchange| {
            exchange.body()?;
            exchange.wire.send(format!("HTTP/1.1 200 OK\r\n{answer}0\r\nX-Hop: secret\r\n\r\n"))?;
            Ok(Then::Close)
        });
        let balancer = Balancer::before(&[&backend], &["--health", "off"]);
        let request = format!("POST / HTTP/1.1\r\nHost: test\r\n{fields}0\r\nX-Hop: secret\r\n\r\n");
        let answer = balancer.client().raw("POST", request);
        let passed = (answer.trailers.len(), backend.last().trailers.len());
        assert_eq!(passed, if passes { (1, 1) } else { (0, 0) }, "Connection: {connection}");
    }
}

#[test]
fn forwarding_fields_are_added_and_a_clients_own_overwritten() {
    let request = forwarded("GET / HTTP/1.1\r\nHost: shop.example:8443\r\n\r\n");
    assert_eq!(request.head.get("X-Forwarded-For"), Some("127.0.0.1"));
    assert_eq!(request.head.get("X-Forwarded-Proto"), Some("http"));
    assert_eq!(request.head.get("X-Forwarded-Host"), Some("shop.example:8443"));
    assert!(request.head.get("X-Request-Id").is_some_and(|id| !id.is_empty()));
    assert_eq!(request.head.get("Via"), None);
    let request = forwarded(
        "GET / HTTP/1.1\r\nHost: h\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n\
         X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nX-Request-Id: mine\r\n\r\n",
    );
    assert_eq!(request.head.get("X-Forwarded-For"), Some("127.0.0.1"));
    assert_eq!(request.head.get("X-Forwarded-Proto"), Some("http"));
    assert_eq!(request.head.get("X-Forwarded-Host"), Some("h"));
    assert_eq!(request.head.get("X-Request-Id"), Some("mine"));
}

#[test]
fn request_ids_differ() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut client = balancer.client();
    (0..50).for_each(|_| assert_eq!(client.get("/").status, 200));
    let requests = backend.requests();
    let mut ids: Vec<&str> = requests.iter().filter_map(|r| r.head.get("X-Request-Id")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50);
}

#[test]
fn hop_by_hop_fields_of_an_answer_end_here() {
    let backend = Backend::http("one", |exchange| {
        let fields = "Connection: keep-alive, X-Hop\r\nX-Hop: secret\r\nKeep-Alive: timeout=5\r\n\
                      Proxy-Connection: keep-alive\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-End: stays\r\n";
        exchange.answer("200 Quite Fine", fields, b"ok")
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let answer = balancer.client().get("/");
    for gone in ["X-Hop", "Keep-Alive", "Proxy-Connection"] {
        assert_eq!(answer.head.get(gone), None, "{gone}");
    }
    assert_eq!(answer.head.line, "HTTP/1.1 200 Quite Fine");
    assert_eq!(answer.head.all("Set-Cookie"), ["a=1", "b=2"]);
    assert_eq!(answer.head.get("X-End"), Some("stays"));
    assert!(!answer.closes());
}
