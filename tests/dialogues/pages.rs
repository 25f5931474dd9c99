//! The pages on the admin address: whole, by any method that only looks, to whoever comes.

use super::actor::Actor;
use super::play::Play;
use super::text::Head;
use std::path::Path;

/// A file of the pages, as it lies in the repository.
fn file(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/admin/web").join(name)).expect(name)
}

/// The head of a whole answer with this status, and its body.
#[track_caller]
fn told(reader: &Actor<'_>, status: &str) -> (Head, Vec<u8>) {
    let head = reader.hears_head_of_any_status();
    assert_eq!(head.line, format!("HTTP/1.1 {status}"));
    let length = head.get("Content-Length").and_then(|value| value.parse().ok()).expect("a length");
    (head, reader.hears_bytes(length))
}

const PAGES: [(&str, &str, &str); 4] = [
    ("/", "index.html", "text/html; charset=utf-8"),
    ("/loop?x=y", "loop.html", "text/html; charset=utf-8"),
    ("/assets/style.css", "style.css", "text/css; charset=utf-8"),
    ("/assets/uPlot.iife.min.js", "uPlot.iife.min.js", "text/javascript; charset=utf-8"),
];

#[test]
fn a_page_comes_whole_and_without_a_token() {
    Play::new().admin(Some("0123456789abcdef")).run(|s| {
        let reader = s.operator();
        for (path, name, kind) in PAGES {
            let body = file(name);
            reader.says(format!("GET {path} HTTP/1.1\r\nHost: any.name\r\n\r\n"));
            let (head, heard) = told(&reader, "200 OK");
            assert_eq!(heard, body, "{path}");
            head.has(&[
                &format!("Content-Type: {kind}"),
                "Content-Security-Policy: default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
                 require-trusted-types-for 'script'; trusted-types 'none'",
                "X-Content-Type-Options: nosniff",
                "Cache-Control: no-cache",
            ]);
        }
        reader.is_kept_alive();
        reader.says("GET /api/state HTTP/1.1\r\nHost: any.name\r\n\r\n");
        told(&reader, "401 Unauthorized");
    });
}

#[test]
fn who_asks_for_the_head_gets_the_head_and_nothing_is_told_to_a_page() {
    Play::new().admin(None).uncut().run(|s| {
        let reader = s.operator();
        for (path, name, _) in PAGES {
            reader.says(format!("HEAD {path} HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            let head = reader.hears_head_of_any_status();
            assert_eq!(head.line, "HTTP/1.1 200 OK");
            head.has(&[&format!("Content-Length: {}", file(name).len())]);
            reader.is_kept_alive(); // and hears nothing more
        }
        for method in ["POST", "PUT", "DELETE"] {
            reader.says(format!("{method} /loop HTTP/1.1\r\nHost: localhost\r\n\r\n"));
            told(&reader, "405 Method Not Allowed").0.has(&["Allow: GET, HEAD"]);
        }
        reader.says("GET /assets/style.cs HTTP/1.1\r\nHost: localhost\r\n\r\n");
        told(&reader, "404 Not Found");
        reader.is_kept_alive();
    });
}
