//! nginx as a backend: files in every way it has of sending them, and uploads into files. And as an old client: by
//! default it asks its upstreams in HTTP/1.0.

use super::chains::{balancer_before, nginx_with, of};
use super::program::{Program, find};
use super::sites;
use super::suite::{heard, same};
use crate::support::*;

const BIG: usize = 10 * 1024 * 1024;

/// nginx with files to serve.
fn server() -> Option<Program> {
    let path = find("nginx")?;
    find("curl")?;
    let text = "a line of text that can be packed\n".repeat(3000);
    Some(Program::listening(|at, folder| {
        folder.write("www/big.bin", Pattern::bytes(4, BIG));
        folder.write("www/zipped/text.txt", &text);
        folder.write("www/ssi/page.html", "<!--#echo var=\"request_method\" --> a page put together\n".repeat(200));
        folder.write("www/put/.keep", "");
        nginx_with(&path, &include_str!("nginx.conf").replace("@LISTEN@", &at.to_string()), folder)
    }))
}

#[test]
fn what_nginx_serves_comes_through_unchanged() {
    let Some(nginx) = server() else { return };
    let balancer = balancer_before(nginx.address);
    let ask = |target: &str, args: &[&str]| same(nginx.address, balancer.address, target, args, b"");
    let big = ask("/big.bin", &[]);
    assert!(big.body == Pattern::bytes(4, BIG));
    let modified = big.fields.iter().find_map(|field| field.strip_prefix("Last-Modified: ")).unwrap();
    let since = format!("If-Modified-Since: {modified}");
    assert_eq!(ask("/big.bin", &["-H", &since]).status, "304");
    let part = ask("/big.bin", &["-r", "1000000-1999999"]);
    assert_eq!((part.status.as_str(), part.body.len()), ("206", 1_000_000));
    assert_eq!(ask("/big.bin", &["-r", "999999999-"]).status, "416");
    assert_eq!(ask("/big.bin", &["-I"]).body.len(), 0);
    assert_eq!(ask("/big.bin", &["-0"]).body.len(), BIG);
    let packed = ask("/zipped/text.txt", &["-H", "Accept-Encoding: gzip"]);
    assert!(packed.fields.contains(&"Content-Encoding: gzip".to_string()) && packed.body.starts_with(&[0x1F, 0x8B]));
    ask("/zipped/text.txt", &["--compressed"]);
    ask("/zipped/text.txt", &["-0", "--compressed"]);
    assert!(ask("/ssi/page.html", &[]).body.starts_with(b"GET a page"));
    for (target, status) in [("/empty", "204"), ("/moved", "301"), ("/teapot", "418"), ("/nowhere", "404")] {
        assert_eq!(ask(target, &[]).status, status);
        ask(target, &["-I"]);
    }
}

#[test]
fn uploads_arrive_in_nginxs_files() {
    let Some(nginx) = server() else { return };
    let balancer = balancer_before(nginx.address);
    let body = Pattern::bytes(8, BIG);
    let file = nginx.folder.write("upload", &body);
    let (by_name, post) = (["-T", &file], format!("@{file}"));
    let chunked = ["-H", "Transfer-Encoding: chunked", "-X", "PUT", "--data-binary", &post];
    let piped = ["-T", "-"];
    let old = ["-0", "-T", &file];
    for (number, args) in [&by_name[..], &chunked, &piped, &old].into_iter().enumerate() {
        let target = format!("/put/{number}");
        let answer = heard(balancer.address, &target, args, &body);
        assert_eq!(answer.status, "201", "{args:?}");
        assert!(std::fs::read(nginx.folder.path(&format!("www{target}"))).unwrap() == body, "{args:?}");
        assert_eq!(heard(balancer.address, &target, &["-X", "DELETE"], b"").status, "204");
    }
}

#[test]
fn nginx_asks_in_http_1_0() {
    let Some(nginx) = find("nginx") else { return };
    let Some(_curl) = find("curl") else { return };
    drop(nginx);
    let Some(site) = sites::pythons("HTTP/1.1") else { return };
    let body = Pattern::bytes(6, 1_600_000);
    for chain in of(site.address).iter().filter(|chain| chain.name == "nginx before it") {
        for target in ["/old/length", "/old/chunked", "/old/close"] {
            let answer = same(chain.direct, chain.through, target, &["--data-binary", "@-"], &body);
            assert!(answer.body == body, "{target}");
        }
        assert!(same(chain.direct, chain.through, "/old/file.bin", &[], b"").body == sites::file());
        same(chain.direct, chain.through, "/old/file.bin", &["-I"], b"");
    }
}
