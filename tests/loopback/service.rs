//! What a service manager does: it hands over sockets at the start, is told how things are, and looks whether the loop
//! turns. Here the test is the manager.

use crate::support::*;
use command_fds::{CommandFdExt, FdMapping};
use rustix::process::Signal;
use std::net::TcpListener;
use std::os::unix::net::UnixDatagram;
use std::process::Command;

/// The manager's end: what it is told.
struct Manager {
    nook: Nook,
    socket: UnixDatagram,
}

impl Manager {
    fn new() -> Manager {
        let nook = Nook::new();
        let socket = UnixDatagram::bind(nook.path("notify")).unwrap();
        socket.set_read_timeout(Some(PATIENCE)).unwrap();
        Manager { nook, socket }
    }

    fn path(&self) -> String {
        self.nook.path("notify").display().to_string()
    }

    /// The next thing it is told, but for what says that the loop turns.
    #[track_caller]
    fn hears(&self) -> String {
        loop {
            let mut bytes = [0; 1000];
            let count = self.socket.recv(&mut bytes).expect("it is told something");
            let text = String::from_utf8_lossy(&bytes[..count]).trim_end().replace('\n', " ");
            if text != "WATCHDOG=1" {
                return text;
            }
        }
    }
}

#[test]
fn a_manager_is_told_of_every_stage_of_life() {
    let (backend, manager) = (Backend::named("one"), Manager::new());
    let address = backend.address.to_string();
    let args = ["-l", "127.0.0.1:0", "--admin", "off", "-b", &address];
    let mut balancer = Balancer::start_with(&[("NOTIFY_SOCKET", &manager.path())], &args);
    assert_eq!(manager.hears(), "READY=1");
    balancer.signal(Signal::HUP);
    let reloading = manager.hears();
    assert!(reloading.starts_with("RELOADING=1 MONOTONIC_USEC="), "{reloading}");
    assert_eq!(manager.hears(), "READY=1");
    balancer.terminate();
    assert_eq!(manager.hears(), "STOPPING=1");
    assert_eq!(balancer.wait().code(), Some(0));
}

#[test]
fn a_manager_follows_a_hand_over() {
    let (backend, manager) = (Backend::named("one"), Manager::new());
    let address = backend.address.to_string();
    let args = ["-l", "127.0.0.1:0", "--admin", "off", "-b", &address];
    let mut balancer = Balancer::start_with(&[("NOTIFY_SOCKET", &manager.path())], &args);
    assert_eq!(manager.hears(), "READY=1");
    balancer.signal(Signal::USR2);
    assert_eq!(manager.hears(), "READY=1", "the new one's");
    let follows = manager.hears();
    let number = follows.strip_prefix("MAINPID=").and_then(|rest| rest.strip_suffix(" READY=1"));
    let number: i32 = number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{follows}"));
    assert_eq!(balancer.wait().code(), Some(0), "and says nothing of stopping, which would be taken for the service's");
    rustix::process::kill_process(rustix::process::Pid::from_raw(number).unwrap(), Signal::TERM).unwrap();
    assert_eq!(manager.hears(), "STOPPING=1");
}

#[test]
fn a_watchdog_sees_the_loop_turn_though_nothing_happens() {
    let (backend, manager) = (Backend::named("one"), Manager::new());
    let args = ["-l", "127.0.0.1:0", "--admin", "off", "--health", "off", "-b", &backend.address.to_string()];
    let variables = [("NOTIFY_SOCKET", &*manager.path()), ("WATCHDOG_USEC", "100000")];
    let _balancer = Balancer::start_with(&variables, &args);
    assert_eq!(manager.hears(), "READY=1");
    for _ in 0..5 {
        let mut bytes = [0; 100];
        let count = manager.socket.recv(&mut bytes).expect("a sign of life");
        assert_eq!(&bytes[..count], b"WATCHDOG=1\n");
    }
}

#[test]
fn sockets_that_it_is_started_with_are_listened_to() {
    let backend = Backend::named("one");
    let wanted = TcpListener::bind("127.0.0.1:0").unwrap();
    let other = TcpListener::bind("127.0.0.1:0").unwrap();
    let (at, others) = (wanted.local_addr().unwrap(), other.local_addr().unwrap());
    let early = Client::connect(at); // before anybody accepts
    let mut command = Command::new(env!("CARGO_BIN_EXE_evenkeel"));
    let mapping = |(child_fd, listener): (i32, TcpListener)| FdMapping { parent_fd: listener.into(), child_fd };
    command.fd_mappings([(3, other), (4, wanted)].map(mapping).into()).unwrap();
    command.env("LISTEN_FDS", "2");
    let args = ["-l", &at.to_string(), "--admin", "off", "-b", &backend.address.to_string()];
    let balancer = Balancer::start_as(command, &args);
    assert_eq!(balancer.address, at);
    let mut early = early;
    assert_eq!(early.get("/").text(), "one");
    assert_eq!(balancer.client().get("/").text(), "one");
    balancer.wait_for_line(&format!("inherited a socket that listens on {others}"));
    assert!(Client::try_connect(others).is_err(), "nobody serves there");
}

/// They are meant for another process: our own number is not what it says.
#[test]
fn sockets_for_another_process_are_left_alone() {
    let backend = Backend::named("one");
    let variables = [("LISTEN_FDS", "1"), ("LISTEN_PID", "1")];
    let args = ["-l", "127.0.0.1:0", "--admin", "off", "-b", &backend.address.to_string()];
    let balancer = Balancer::start_with(&variables, &args);
    assert_eq!(balancer.client().get("/").text(), "one");
    assert!(balancer.lines(&["inherited"]).is_empty());
}
