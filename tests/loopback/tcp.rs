//! TCP mode: any bytes, either side may finish first.

use crate::support::*;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};

const BIG: u64 = 100 * 1024 * 1024;

fn before(backends: &[&Backend]) -> Balancer {
    Balancer::before(backends, &["--mode", "tcp", "--health", "off"])
}

#[test]
fn an_echo_with_the_clients_end_first() {
    let backend = Backend::tcp("echo", backend::echo);
    let balancer = before(&[&backend]);
    for round in 0..200 {
        let mut client = balancer.client();
        client.send("any bytes: \0\r\n\x01\x02").unwrap();
        client.finish().unwrap(); // often in the same segment
        let back = client.remainder().unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(back, b"any bytes: \0\r\n\x01\x02", "round {round}");
    }
    until("the upstream connections' ends", || backend.open() == 0);
}

#[test]
fn a_backend_may_finish_first_and_still_listen() {
    let backend = Backend::tcp("greeter", |mut stream| {
        stream.write_all(b"I say no more")?;
        stream.shutdown(Shutdown::Write)?;
        let mut rest = String::new();
        stream.read_to_string(&mut rest)?;
        assert_eq!(rest, "but I do");
        Ok(Then::Close)
    });
    let balancer = before(&[&backend]);
    let mut client = balancer.client();
    assert_eq!(client.remainder().unwrap(), b"I say no more");
    assert_eq!(backend.open(), 1, "half of it is still open");
    client.send("but I do").unwrap();
    client.finish().unwrap();
    until("the other half's end", || backend.open() == 0);
}

#[test]
fn connections_take_turns() {
    let name = |name: &'static str| {
        Backend::tcp(name, move |mut stream| {
            stream.write_all(name.as_bytes())?;
            Ok(Then::Close)
        })
    };
    let (one, two) = (name("1"), name("2"));
    let balancer = before(&[&one, &two]);
    let names: Vec<u8> = (0..100).flat_map(|_| balancer.client().remainder().unwrap()).collect();
    assert_eq!(names, b"12".repeat(50));
}

#[test]
fn a_refusing_backend_is_passed_over() {
    let one = Backend::tcp("echo", backend::echo);
    let (_held, refused) = refusing();
    let refused = refused.to_string();
    let balancer = Balancer::before(&[&one], &["-b", &refused, "--mode", "tcp", "--health", "off"]);
    for _ in 0..10 {
        let mut client = balancer.client();
        client.send("hello").unwrap();
        assert_eq!(client.take(5).unwrap(), b"hello");
    }
}

#[test]
fn a_reset_on_one_side_ends_the_other() {
    let backend = Backend::tcp("rude", |mut stream| {
        stream.read_exact(&mut [0; 5])?;
        Ok(Then::Reset)
    });
    let balancer = before(&[&backend]);
    let mut client = balancer.client();
    client.send("hello").unwrap();
    let _ = client.remainder(); // an end or a reset, either tells
    assert_eq!(backend.accepted(), 1);
}

#[test]
fn a_hundred_mebibytes_there_and_back() {
    let backend = Backend::tcp("echo", backend::echo);
    let balancer = before(&[&backend]);
    let mut down = TcpStream::connect(balancer.address).unwrap();
    down.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut up = down.try_clone().unwrap();
    let writer = std::thread::spawn(move || {
        Pattern::new(11).write(BIG, &mut up).unwrap();
        up.shutdown(Shutdown::Write).unwrap();
    });
    Pattern::new(11).check_to_end(&mut down, BIG);
    writer.join().unwrap();
}

/// The kernel says of each connection by which algorithm it sends (ss(8)).
#[cfg(target_os = "linux")]
#[test]
fn congestion_control_is_chosen_for_clients_and_for_backends() {
    let available = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_available_congestion_control").unwrap_or_default();
    let standard = std::fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control").unwrap_or_default();
    let Some(other) = available.split_whitespace().find(|name| *name != standard.trim()) else {
        return println!("this kernel has one congestion control only: {available}");
    };
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::http("one", move |exchange| {
        held.pass();
        exchange.name_it()
    });
    let text = format!(
        "admin = \"off\"\n[listener.main]\nbind = \"127.0.0.1:0\"\npool = \"main\"\ncongestion = \"{other}\"\n\
         [pool.main]\nbackends = [\"{}\"]\nhealth = {{ kind = \"off\" }}\ncongestion = \"{other}\"\n",
        backend.address
    );
    let nook = Nook::new();
    let path = nook.path("evenkeel.toml");
    std::fs::write(&path, text.replace(other, "nobody-has-it")).unwrap();
    let (code, said) = balancer::run(&["--admin", "off", "-c", path.to_str().unwrap()]);
    assert_eq!(code, Some(1));
    assert!(said.contains("listener main: congestion = \"nobody-has-it\" cannot be had"), "{said}");
    std::fs::write(&path, &text).unwrap();
    let balancer = Balancer::start(&["--admin", "off", "-c", path.to_str().unwrap()]);
    let mut client = balancer.client();
    client.send(client::get("/")).unwrap();
    gate.wait_for(1);
    let Ok(told) = std::process::Command::new("ss").args(["-tinH"]).output() else {
        gate.open();
        return println!("ss is not installed: nothing was looked at");
    };
    gate.open();
    assert_eq!(client.response("GET").unwrap().text(), "one");
    let told = String::from_utf8_lossy(&told.stdout).into_owned();
    let lines: Vec<&str> = told.lines().collect();
    let ours = |from: &str, to: &str| {
        let pair = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            words.get(3).is_some_and(|it| from.is_empty() || *it == from)
                && words.get(4).is_some_and(|it| to.is_empty() || *it == to)
        };
        let at = lines.iter().position(|line| !line.starts_with(char::is_whitespace) && pair(line));
        at.and_then(|at| lines.get(at + 1)).map(|line| line.split_whitespace().next().unwrap_or_default().to_string())
    };
    assert_eq!(ours(&balancer.address.to_string(), "").as_deref(), Some(other), "to the client");
    assert_eq!(ours("", &backend.address.to_string()).as_deref(), Some(other), "to the backend");
}
