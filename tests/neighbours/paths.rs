//! Listeners and backends that are files: curl at one with the other behind it, and nginx on both sides.

use super::chains::nginx_with;
use super::program::{Program, find};
use super::suite::curl;
use crate::support::*;
use std::path::Path;

#[test]
fn curl_asks_at_a_path_and_keeps_its_connection() {
    let Some(_curl) = find("curl") else { return };
    let nook = Nook::new();
    let (door, backend) = (nook.address("door"), nook.address("backend"));
    let _far = Balancer::start(&["backend", "--listen", &backend, "--name", "far"]);
    let balancer = Balancer::start(&["-l", &door, "--admin", "off", "--health", "off", "-b", &backend]);
    balancer.wait_for_line(&format!("listening on {door} (http, pool main)"));
    let path = nook.path("door");
    let path = path.to_str().expect("a plain path");
    let shown = ["--write-out", "\n%{http_code} %{num_connects}\n"];
    let asked = ["--unix-socket", path, "http://h/", "http://h/"];
    let said = curl(&[&shown[..], &asked].concat(), b"");
    let said = String::from_utf8(said).expect("text");
    let codes: Vec<&str> = said.lines().filter(|line| line.starts_with("200 ")).collect();
    assert_eq!(codes, ["200 1", "200 0"], "{said}");
    assert_eq!(said.matches("far").count(), 2, "{said}");
}

/// nginx at a port, which asks what listens at `to`; and at the path `at`, where it answers itself with what it was told.
fn nginx(path: &Path, to: &Path, at: &Path) -> Program {
    Program::listening(|address, folder| {
        let text = format!(
            "events {{ worker_connections 64; }}\n\
             http {{ access_log off; client_body_temp_path a; proxy_temp_path b; fastcgi_temp_path c; uwsgi_temp_path d; \
             scgi_temp_path e;\n\
             server {{ listen {address}; location / {{ proxy_pass http://unix:{}; }} }}\n\
             server {{ listen unix:{}; location / {{ return 200 \"for=$http_x_forwarded_for host=$http_host\"; }} }}\n}}\n",
            to.display(),
            at.display(),
        );
        nginx_with(path, &text, folder)
    })
}

#[test]
fn nginx_stands_before_us_and_behind_us_at_paths() {
    let Some(path) = find("nginx") else { return };
    let nook = Nook::new();
    let (door, far) = (nook.address("door"), nook.address("far"));
    let _balancer = Balancer::start(&["-l", &door, "--admin", "off", "--health", "off", "-b", &far]);
    let nginx = nginx(&path, &nook.path("door"), &nook.path("far"));
    let mut client = Client::connect(nginx.address);
    for _ in 0..3 {
        let answer = client.get("/");
        assert_eq!((answer.status, &*answer.text()), (200, "for=unknown host=localhost"));
    }
}
