//! Python: http.client on the one side, http.server on the other, and a WebSocket library on both.

use super::program::{Program, find, left_out};
use super::sites;
use super::suite::{Versions, ask_all};
use crate::support::*;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/neighbours").join(name)
}

/// What a script says when it is told an address.
#[track_caller]
pub fn said(python: &Path, name: &str, at: SocketAddr, more: &[&str]) -> String {
    let mut command = Command::new(python);
    command.arg(script(name)).args([at.ip().to_string(), at.port().to_string()]).args(more);
    let output = command.stdin(Stdio::null()).output().expect("python");
    assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn http_client_hears_the_same_through_the_balancer() {
    let Some(python) = find("python3") else { return };
    let ours = sites::ours();
    let balancer = Balancer::before(&[&ours], &["--health", "off"]);
    let heard = said(&python, "client.py", balancer.address, &["new"]);
    assert_eq!(heard, said(&python, "client.py", ours.address, &["new"]));
    assert_eq!(heard.lines().count(), 12, "{heard}");
}

#[test]
fn http_client_and_http_server_in_every_version() {
    let Some(python) = find("python3") else { return };
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        let Some(site) = sites::pythons(version) else { return };
        let balancer = super::chains::balancer_before(site.address);
        let heard = said(&python, "client.py", balancer.address, &[]);
        assert_eq!(heard, said(&python, "client.py", site.address, &[]), "{version}");
        assert_eq!(heard.lines().count(), 21, "{heard}");
    }
}

#[test]
fn http_server_is_a_good_backend_in_both_versions() {
    let Some(_curl) = find("curl") else { return };
    for version in ["HTTP/1.0", "HTTP/1.1"] {
        let Some(site) = sites::pythons(version) else { return };
        let balancer = super::chains::balancer_before(site.address);
        ask_all(site.address, balancer.address, Versions::Both);
    }
}

/// A Python that knows the library `websockets`, be it that of the system.
fn python_with_websockets() -> Option<PathBuf> {
    let knows = |python: &PathBuf| {
        let mut command = Command::new(python);
        command.args(["-c", "import websockets"]).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    let found = ["python3", "/usr/bin/python3"].map(PathBuf::from).into_iter().find(knows);
    if found.is_none() {
        left_out("python's websockets");
    }
    found
}

#[test]
fn websockets_talk_through_the_balancer() {
    let Some(python) = python_with_websockets() else { return };
    let site = Program::telling(|_| {
        let mut command = Command::new(&python);
        command.arg(script("websocket_site.py"));
        command
    });
    let direct = said(&python, "websocket_client.py", site.address, &[]);
    assert!(direct.ends_with("closed 1000 done\n"), "{direct}");
    for chain in super::chains::of(site.address) {
        assert_eq!(said(&python, "websocket_client.py", chain.through, &[]), direct, "{}", chain.name);
    }
}
