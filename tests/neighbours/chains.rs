//! The balancer in a row with another proxy, before it or behind it; each row is compared with the same one without us.

use super::program::{Program, find};
use super::sites;
use super::suite::{Versions, ask_all};
use crate::support::*;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};

/// A way to a site, and the same way without the balancer.
pub struct Chain {
    /// Who stands where.
    pub name: &'static str,
    /// Past the balancer.
    pub direct: SocketAddr,
    /// Through it.
    pub through: SocketAddr,
    _balancer: Balancer,
    _programs: Vec<Program>,
}

/// A balancer before a single address, without probes.
#[track_caller]
pub fn balancer_before(backend: SocketAddr) -> Balancer {
    let backend = backend.to_string();
    Balancer::start(&["-l", "127.0.0.1:0", "--admin", "127.0.0.1:0", "--health", "off", "-b", &backend])
}

/// Every way to a site that can be built here.
pub fn of(site: SocketAddr) -> Vec<Chain> {
    let balancer = balancer_before(site);
    let (direct, through) = (site, balancer.address);
    let mut chains =
        vec![Chain { name: "nothing between", direct, through, _balancer: balancer, _programs: Vec::new() }];
    if let Some(path) = find("nginx") {
        chains.extend(around(site, ["nginx before it", "nginx behind it"], |to| nginx(&path, to)));
    }
    if let Some(path) = find("haproxy") {
        chains.extend(around(site, ["haproxy before it", "haproxy behind it"], |to| haproxy(&path, to)));
    }
    chains
}

/// A proxy before the balancer, and behind it.
fn around(site: SocketAddr, names: [&'static str; 2], proxy_to: impl Fn(SocketAddr) -> Program) -> [Chain; 2] {
    let alone = proxy_to(site);
    let direct = alone.address;
    let behind = balancer_before(direct);
    let inner = balancer_before(site);
    let before = proxy_to(inner.address);
    let [first, second] = names;
    [
        // The lone proxy lives in the second chain, which outlives the first.
        Chain { name: first, direct, through: before.address, _balancer: inner, _programs: vec![before] },
        Chain { name: second, direct, through: behind.address, _balancer: behind, _programs: vec![alone] },
    ]
}

fn nginx(path: &Path, to: SocketAddr) -> Program {
    Program::listening(|at, folder| {
        let text = include_str!("nginx_proxy.conf").replace("@LISTEN@", &at.to_string());
        nginx_with(path, &text.replace("@TO@", &to.to_string()), folder)
    })
}

/// nginx with this configuration, in the foreground and alone in its process, so that its handle ends it.
pub fn nginx_with(path: &Path, text: &str, folder: &super::program::Folder) -> Command {
    let log = folder.write("error.log", "");
    let file = folder.write("nginx.conf", text);
    let mut command = Command::new(path);
    command.args(["-p", folder.path("").to_str().unwrap(), "-c", &file, "-e", &log]);
    command.args(["-g", "daemon off; master_process off; pid nginx.pid;"]);
    command
}

fn haproxy(path: &Path, to: SocketAddr) -> Program {
    Program::listening(|at, folder| {
        let text = include_str!("haproxy.cfg").replace("@LISTEN@", &at.to_string());
        let file = folder.write("haproxy.cfg", text.replace("@TO@", &to.to_string()));
        let mut command = Command::new(path);
        command.args(["-db", "-q", "-f", &file]).stderr(Stdio::null()); // it warns of what it does not know of us
        command
    })
}

#[test]
fn every_way_to_our_own_site_gives_the_same_answers() {
    let Some(_curl) = find("curl") else { return };
    let site = sites::ours();
    for chain in of(site.address) {
        eprintln!("{}", chain.name);
        ask_all(chain.direct, chain.through, Versions::New);
    }
}

#[test]
fn every_way_to_pythons_site_gives_the_same_answers() {
    let Some(_curl) = find("curl") else { return };
    let Some(site) = sites::pythons("HTTP/1.1") else { return };
    for chain in of(site.address).iter().skip(1) {
        eprintln!("{}", chain.name); // nothing between: python.rs
        ask_all(chain.direct, chain.through, Versions::Both);
    }
}
