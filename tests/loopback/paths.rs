//! Sockets in the file system: the files come and go as they should, and bytes pass between them and ports.

use crate::support::balancer::run;
use crate::support::*;
use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

/// Asks for `/` and hears everything until the end.
fn ask(path: &Path) -> String {
    let mut stream = UnixStream::connect(path).expect("somebody listens");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer and an end");
    answer
}

#[test]
fn bytes_pass_from_paths_and_ports_to_paths_and_files_go_at_the_end() {
    let nook = Nook::new();
    let backend = nook.address("backend");
    let mut far = Backed::at(&backend);
    let door = nook.address("door");
    let mut balancer = Balancer::start(&["-l", "127.0.0.1:0", "-l", &door, "--admin", "127.0.0.1:0", "-b", &backend]);
    balancer.wait_for_line(&format!("listening on {door} (http, pool main)"));
    let answer = ask(&nook.path("door"));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("backend"), "{answer}");
    assert_eq!(balancer.client().get("/").status, 200);
    let state = balancer.state();
    let told = &state["pools"][0]["backends"][0];
    assert_eq!((told["address"].as_str(), told["name"].as_str()), (Some(&*backend), Some(&*backend)), "{state}");
    until("a probe passes over it", || balancer.state()["pools"][0]["backends"][0]["state"] == "up");
    balancer.terminate();
    assert!(balancer.wait().success());
    assert!(!nook.path("door").exists() && nook.path("backend").exists());
    far.0.terminate();
    assert!(far.0.wait().success());
    assert!(!nook.path("backend").exists());
}

/// A process that is a backend at a path.
struct Backed(Balancer);

impl Backed {
    fn at(address: &str) -> Backed {
        Backed(Balancer::start(&["backend", "--listen", address, "--name", "backend"]))
    }
}

#[test]
fn tcp_mode_passes_long_streams_through_paths() {
    let nook = Nook::new();
    let listener = UnixListener::bind(nook.path("far")).unwrap();
    let echo = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut all = Vec::new();
        stream.read_to_end(&mut all).unwrap();
        stream.write_all(&all).unwrap();
    });
    let (door, far) = (nook.address("door"), nook.address("far"));
    let off = ["--admin", "off", "--health", "off", "--mode", "tcp"];
    let _balancer = Balancer::start(&[&["-l", &door, "-b", &far][..], &off].concat());
    let bytes = Pattern::bytes(7, 5_000_000);
    let mut stream = UnixStream::connect(nook.path("door")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(&bytes).unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut back = Vec::new();
    stream.read_to_end(&mut back).unwrap();
    assert!(back == bytes, "{} bytes there, {} back", bytes.len(), back.len());
    echo.join().unwrap();
}

#[test]
fn a_stale_socket_is_removed_a_live_one_is_in_use_and_a_file_stays() {
    let nook = Nook::new();
    let door = nook.address("door");
    let start = || Balancer::start(&["-l", &door, "--admin", "off", "-b", "127.0.0.1:1"]);
    let mut first = start();
    first.signal(rustix::process::Signal::KILL); // which leaves its file
    first.wait();
    assert!(nook.path("door").exists());
    let _second = start();
    let args = ["-l", &door, "--admin", "off", "-b", "127.0.0.1:1"];
    let (code, said) = run(&args);
    assert_eq!(code, Some(1));
    assert!(said.contains(&format!("cannot listen on {door}: address in use: stop the program")), "{said}");
    std::fs::write(nook.path("file"), "precious").unwrap();
    let (code, said) = run(&["-l", &nook.address("file"), "--admin", "off", "-b", "127.0.0.1:1"]);
    assert_eq!((code, std::fs::read(nook.path("file")).unwrap()), (Some(1), b"precious".to_vec()));
    assert!(said.contains("no socket") && said.contains("choose another path"), "{said}");
    UnixStream::connect(nook.path("door")).expect("whoever was there first listens still");
}
