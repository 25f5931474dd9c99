//! Proxies that say whose connection it is, and TLS clients that say whom they hope for: HAProxy and nginx as peers in the
//! PROXY protocol on either side, openssl through routing by server name.

use super::chains::nginx_with;
use super::program::{Folder, Program, find};
use crate::support::*;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};

/// Somebody who is not 127.0.0.1 as everybody else here is.
const CLIENT: &str = "127.0.0.9";

/// What [`CLIENT`] is answered at `to`.
#[track_caller]
fn asked_by_client(to: SocketAddr) -> String {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let from: SocketAddr = format!("{CLIENT}:0").parse().unwrap();
    socket.bind(&from.into()).expect("all of 127/8 is ours");
    socket.connect(&to.into()).expect("somebody listens");
    let mut stream = TcpStream::from(socket);
    stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// A balancer with these keys in its listener and its pool.
#[track_caller]
fn balancer(to: SocketAddr, listener: &str, pool: &str) -> Balancer {
    let file = balancer::scratch(&format!(
        "admin = \"127.0.0.1:0\"\n[listener.main]\nbind = \"127.0.0.1:0\"\n{listener}\n\
         [pool.main]\nbackends = [\"{to}\"]\n{pool}\n"
    ));
    Balancer::start(&["-c", file.path(), "-v"])
}

fn haproxy(path: &Path, text: &str) -> Program {
    Program::listening(|at, folder| {
        let file = folder.write("haproxy.cfg", text.replace("@LISTEN@", &at.to_string()));
        let mut command = Command::new(path);
        command.args(["-db", "-q", "-f", &file]).stderr(Stdio::null());
        command
    })
}

const HAPROXY: &str = "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n";

#[test]
fn haproxy_before_us_says_who_asks() {
    let Some(path) = find("haproxy") else { return };
    for send in ["send-proxy", "send-proxy-v2"] {
        let backend = Backend::named("one");
        let balancer = balancer(
            backend.address,
            "proxy_protocol = true\ntrusted_proxies = \"127.0.0.1\"",
            "health.kind = \"off\"",
        );
        let text = format!("{HAPROXY}frontend f\n bind @LISTEN@\n default_backend b\n");
        let text = format!("{text}backend b\n server s {} {send}\n", balancer.address);
        let haproxy = haproxy(&path, &text);
        assert!(asked_by_client(haproxy.address).ends_with("one"), "{send}");
        assert_eq!(backend.last().head.get("x-forwarded-for"), Some(CLIENT), "{send}");
    }
}

/// Both kinds of server answer with who they think has asked, and take our probes for what they are.
#[track_caller]
fn hears_who_asks(server: &Program) {
    for version in ["v1", "v2"] {
        for (mode, health) in
            [("http", "kind = \"http\", interval = \"100ms\""), ("tcp", "kind = \"tcp\", interval = \"100ms\"")]
        {
            let pool = format!("proxy_protocol = \"{version}\"\nhealth = {{ {health} }}");
            let balancer = balancer(server.address, &format!("mode = \"{mode}\""), &pool);
            for _ in 0..3 {
                let answer = asked_by_client(balancer.address);
                assert!(
                    answer.starts_with("HTTP/1.1 200") && answer.trim_end().ends_with(CLIENT),
                    "{version}: {answer}"
                );
            }
            let state = || balancer.state()["pools"][0]["backends"][0]["state"].clone();
            until("a passed probe", || state() == "up");
        }
    }
}

#[test]
fn haproxy_behind_us_hears_who_asks() {
    let Some(path) = find("haproxy") else { return };
    let answer = "http-request return status 200 content-type text/plain lf-string %[src]";
    let text = format!("{HAPROXY}frontend f\n bind @LISTEN@ accept-proxy\n {answer}\n");
    hears_who_asks(&haproxy(&path, &text));
}

#[test]
fn nginx_behind_us_hears_who_asks() {
    let Some(path) = find("nginx") else { return };
    let server = Program::listening(|at, folder| {
        let text = format!(
            "events {{}}\nhttp {{\n access_log off;\n server {{ listen {at} proxy_protocol;\n \
             location / {{ return 200 $proxy_protocol_addr; }} }} }}\n"
        );
        nginx_with(&path, &text, folder)
    });
    hears_who_asks(&server);
}

/// A TLS server of this name, made and run by openssl.
fn tls_server(path: &Path, name: &str) -> Program {
    Program::listening(|at, folder: &Folder| {
        let (key, certificate) = (folder.path("key.pem"), folder.path("certificate.pem"));
        let made = Command::new(path)
            .args(["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", &format!("/CN={name}")])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate)
            .stderr(Stdio::null())
            .status();
        assert!(made.expect("openssl").success());
        let mut command = Command::new(path);
        command.args(["s_server", "-quiet", "-www", "-accept", &at.to_string(), "-key"]).arg(&key).arg("-cert");
        command.arg(&certificate).stderr(Stdio::null());
        command
    })
}

#[test]
fn openssls_server_name_leads_to_its_server() {
    let Some(path) = find("openssl") else { return };
    let names = ["api.example.test", "www.example.test", "rest.example.test"];
    let servers = names.map(|name| tls_server(&path, name));
    let pool = |at: usize| format!("[pool.p{at}]\nbackends = [\"{}\"]\nhealth.kind = \"off\"\n", servers[at].address);
    let route = |at: usize| format!("[[listener.main.route]]\nhost = \"{}\"\npool = \"p{at}\"\n", names[at]);
    let file = balancer::scratch(&format!(
        "[listener.main]\nbind = \"127.0.0.1:0\"\nmode = \"tcp\"\nsni = true\npool = \"p2\"\n{}{}{}{}{}",
        route(0),
        route(1),
        pool(0),
        pool(1),
        pool(2)
    ));
    let balancer = Balancer::start(&["-c", file.path(), "-v", "--admin", "off"]);
    for (asked, meant) in [(Some(names[0]), 0), (Some(names[1]), 1), (Some("other.test"), 2), (None, 2)] {
        let mut command = Command::new(&path);
        command.args(["s_client", "-connect", &balancer.address.to_string()]);
        match asked {
            Some(name) => command.args(["-servername", name]),
            None => command.arg("-noservername"),
        };
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("openssl");
        child.stdin.take().unwrap().write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let told = String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned();
        let subject = told.lines().find(|line| line.starts_with("subject=")).unwrap_or_default().replace(' ', "");
        assert!(subject.ends_with(&format!("CN={}", names[meant])), "{asked:?}: {told}");
    }
}
