//! Stopping without loss, stopping at once, and not starting at all.

use crate::support::balancer::run;
use crate::support::*;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

#[track_caller]
fn wait_until_closed(balancer: &Balancer) {
    until("the listener's end", || Client::try_connect(balancer.address).is_err());
}

#[test]
fn term_lets_everybody_finish() {
    let (backend, gate) = Backend::gated();
    let mut balancer = Balancer::with_file(&[&backend], "http", "[timeouts]\ndrain = \"50s\"");
    let (mut busy, mut idle) = (balancer.client(), balancer.client());
    assert!(!idle.get("/").closes());
    busy.send(client::get("/slow")).unwrap();
    gate.wait_for(1);
    balancer.terminate();
    wait_until_closed(&balancer);
    let answer = idle.get("/last");
    assert_eq!((answer.text().as_str(), answer.closes()), ("one", true));
    idle.expect_end();
    assert!(balancer.runs(), "a request is still in flight");
    gate.open();
    let answer = busy.response("GET").unwrap();
    assert_eq!((answer.text().as_str(), answer.closes()), ("one", true));
    busy.expect_end();
    assert_eq!(balancer.wait().code(), Some(0));
}

#[test]
fn term_with_nobody_there_ends_at_once_and_clean() {
    let backend = Backend::named("one");
    let mut balancer = Balancer::with_file(&[&backend], "http", "[timeouts]\ndrain = \"1h\"\nresponse = \"1h\"");
    balancer.terminate();
    assert_eq!(balancer.wait().code(), Some(0));
}

#[test]
fn a_drain_that_takes_too_long_ends_by_its_timeout() {
    let (backend, gate) = Backend::gated();
    let mut balancer = Balancer::with_file(&[&backend], "http", "[timeouts]\ndrain = \"300ms\"");
    let mut busy = balancer.client();
    busy.send(client::get("/slow")).unwrap();
    gate.wait_for(1);
    balancer.terminate();
    balancer.wait();
    busy.response("GET").expect_err("no answer");
    gate.open();
}

#[test]
fn a_second_term_ends_at_once() {
    let (backend, gate) = Backend::gated();
    let mut balancer = Balancer::with_file(&[&backend], "http", "[timeouts]\ndrain = \"1h\"\nresponse = \"1h\"");
    let mut busy = balancer.client();
    busy.send(client::get("/slow")).unwrap();
    gate.wait_for(1);
    balancer.terminate();
    wait_until_closed(&balancer);
    assert!(balancer.runs());
    balancer.terminate();
    balancer.wait();
    gate.open();
}

#[test]
fn a_taken_port_is_one_clear_line_and_exit_1() {
    let taken = std::net::TcpListener::bind(any_port()).unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (code, words) = run(&["-l", &address, "-b", "127.0.0.1:1", "--admin", "off"]);
    assert_eq!(code, Some(1), "{words}");
    assert_eq!(words.lines().count(), 1, "{words}");
    assert!(words.contains(&address), "{words}");
    let (code, words) = run(&["-l", "127.0.0.1:0", "-b", "127.0.0.1:1", "--admin", &address]);
    assert_eq!(code, Some(1), "{words}");
    assert!(words.contains(&address), "{words}");
}

#[test]
fn bad_flags_and_files_are_exit_2_and_name_the_fix() {
    let (code, words) = run(&[]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("demo") && words.contains("--backend"), "{words}");
    for bad in [&["--nonsense"][..], &["-b", "not an address"], &["-b", "127.0.0.1:1", "--health-interval", "soon"]] {
        let (code, words) = run(bad);
        assert_eq!(code, Some(2), "{bad:?}: {words}");
        assert!(!words.is_empty() && !words.contains("panicked"), "{words}");
    }
    let file = balancer::scratch("[listener.main]\nbindd = \"127.0.0.1:0\"\n");
    let (code, words) = run(&["-c", file.path()]);
    assert_eq!(code, Some(2), "{words}");
    assert!(words.contains("bindd") && words.contains("bind") && words.contains('2'), "{words}");
}

/// Whoever asks before sending us requests hears it; whoever wants to change something comes too late.
#[test]
fn while_it_leaves_it_is_alive_and_not_ready() {
    let (backend, gate) = Backend::gated();
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let admin = balancer.admin.unwrap();
    let ask = |target| Client::connect(admin).get(target);
    assert_eq!((ask("/readyz").status, ask("/healthz").status), (200, 200));
    let mut busy = balancer.client();
    busy.send(client::get("/slow")).unwrap();
    gate.wait_for(1);
    balancer.terminate();
    wait_until_closed(&balancer);
    let ready = ask("/readyz");
    assert_eq!((ready.status, ask("/healthz").status), (503, 200));
    assert!(ready.text().contains("draining"), "{}", ready.text());
    let reload = Client::connect(admin).raw("POST", format!("POST /api/reload HTTP/1.1\r\nHost: {admin}\r\n\r\n"));
    assert_eq!((reload.status, reload.text().as_str()), (503, "this process is leaving\n"));
    gate.open();
    assert_eq!(busy.response("GET").unwrap().text(), "one");
}

/// Of this channel: what comes, line by line, without the head.
fn watch(balancer: &Balancer, of: &str) -> impl Iterator<Item = std::io::Result<String>> + use<> {
    let mut stream = TcpStream::connect(balancer.admin.unwrap()).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    write!(stream, "GET /api/events?of={of} HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    BufReader::new(stream).lines().skip_while(|line| line.as_ref().is_ok_and(|line| !line.is_empty())).skip(1)
}

/// Those who watch keep nobody from leaving, see it begin, and are told no half of anything when it is over.
#[test]
fn who_watches_sees_it_leave_to_the_end() {
    let (backend, gate) = Backend::gated();
    let mut balancer = Balancer::with_file(&[&backend], "http", "[timeouts]\ndrain = \"50s\"");
    let (mut state, mut inside) = (watch(&balancer, "state"), watch(&balancer, "loop"));
    let mut busy = balancer.client();
    busy.send(client::get("/slow")).unwrap();
    gate.wait_for(1);
    let next = |lines: &mut dyn Iterator<Item = std::io::Result<String>>| -> serde_json::Value {
        let data = lines.map(Result::unwrap).find_map(|line| Some(line.strip_prefix("data: ")?.to_string()));
        serde_json::from_str(&data.expect("another event")).unwrap()
    };
    assert_eq!(next(&mut state)["draining"], false);
    balancer.terminate();
    while next(&mut state)["draining"] == false {}
    while next(&mut inside)["phase_counts"]["awaiting"] != 1 {}
    assert!(balancer.runs(), "a request is still in flight");
    gate.open();
    assert!(busy.response("GET").unwrap().closes());
    for lines in [&mut state as &mut dyn Iterator<Item = _>, &mut inside] {
        let rest: Vec<String> = lines.map(|line| line.expect("no reset")).collect();
        assert!(rest.last().is_none_or(String::is_empty), "half an event: {rest:?}");
    }
    assert_eq!(balancer.wait().code(), Some(0));
}
