//! The two sites that the [suite](super::suite) is asked of: bodies sent back in every framing, one file, nothing else.

use super::program::{Program, find};
use crate::support::wire::chunked;
use crate::support::*;
use std::process::Command;

/// What `/file.bin` holds.
pub fn file() -> Vec<u8> {
    Pattern::bytes(9, 300_000)
}

/// The site in our own words, HTTP/1.1 alone.
pub fn ours() -> Backend {
    let file = file();
    Backend::http("ours", move |exchange| {
        if exchange.request.head.lists("Expect", "100-continue") {
            exchange.wire.send("HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        let body = exchange.body()?;
        match exchange.request.target.as_str() {
            "/file.bin" if exchange.request.method == "HEAD" => {
                exchange.wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", file.len()))?;
                Ok(Then::Keep)
            }
            "/file.bin" => {
                exchange.answer("200 OK", "Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-odd-CASE: kept\r\n", &file)
            }
            "/length" => exchange.answer("200 Fine", "", &body),
            "/chunked" => {
                exchange.wire.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
                exchange.wire.send(chunked(&body, 10_000, ""))?;
                Ok(Then::Keep)
            }
            "/close" => {
                exchange.wire.send("HTTP/1.1 200 OK\r\n\r\n")?;
                exchange.wire.send(&body)?;
                Ok(Then::Close)
            }
            _ => exchange.answer("404 Not Found", "", b"nowhere"),
        }
    })
}

/// The same site by Python's http.server, which says to speak `version`.
pub fn pythons(version: &str) -> Option<Program> {
    let python = find("python3")?;
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/neighbours/site.py");
    Some(Program::telling(|folder| {
        folder.write("file.bin", file());
        let mut command = Command::new(&python);
        command.args([script, version, folder.path("").to_str().unwrap()]);
        command
    }))
}
