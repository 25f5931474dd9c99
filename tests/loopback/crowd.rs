//! Many at once, and slow ones among them.

use crate::support::*;
use std::net::Shutdown;

const CROWD: usize = 2000;

#[test]
fn two_thousand_clients_are_served_at_once() {
    raise_descriptor_limit();
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::http("one", move |exchange| {
        held.pass(); // nobody is answered before everybody has asked
        let target = exchange.request.target.clone();
        exchange.answer("200 OK", "", target.as_bytes())
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut clients: Vec<Client> = (0..CROWD).map(|_| balancer.client()).collect();
    for (number, client) in clients.iter_mut().enumerate() {
        client.send(client::get(&format!("/{number}"))).unwrap();
    }
    gate.wait_for(CROWD);
    gate.open();
    for _ in 0..2 {
        for (number, client) in clients.iter_mut().enumerate() {
            assert_eq!(client.response("GET").unwrap().text(), format!("/{number}"));
            client.send(client::get(&format!("/{number}"))).unwrap();
        }
    }
}

#[test]
fn a_client_that_does_not_read_delays_nobody() {
    const LENGTH: u64 = 64 * 1024 * 1024;
    let backend = Backend::http("one", |exchange| match exchange.request.target.as_str() {
        "/big" => {
            exchange.wire.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {LENGTH}\r\n\r\n"))?;
            Pattern::new(1).write(LENGTH, &mut exchange.wire.stream())?;
            Ok(Then::Keep)
        }
        _ => exchange.name_it(),
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut slow: Vec<Client> = (0..5).map(|_| balancer.client()).collect();
    for client in &mut slow {
        client.send(client::get("/big")).unwrap();
        client.final_head().unwrap();
    }
    let mut quick = balancer.client();
    assert!((0..500).all(|_| quick.get("/").text() == "one"));
    for client in &mut slow {
        let mut pattern = Pattern::new(1);
        client.body_into(Framing::Length(LENGTH), &mut |bytes| pattern.check(bytes)).unwrap();
        assert_eq!(client.get("/").text(), "one");
    }
}

#[test]
fn a_backend_that_does_not_answer_delays_nobody_else() {
    let (backend, gate) = Backend::gated();
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut slow: Vec<Client> = (0..20).map(|_| balancer.client()).collect();
    slow.iter_mut().for_each(|client| client.send(client::get("/slow")).unwrap());
    gate.wait_for(20);
    let mut quick = balancer.client();
    assert!((0..500).all(|_| quick.get("/").text() == "one"));
    gate.open();
    assert!(slow.iter_mut().all(|client| client.response("GET").unwrap().text() == "one"));
}

#[test]
fn a_backend_that_does_not_read_delays_nobody_else() {
    const LENGTH: u64 = 64 * 1024 * 1024;
    let gate = Gate::default();
    let held = gate.clone();
    let backend = Backend::http("one", move |exchange| {
        if exchange.request.target == "/slow" {
            held.pass();
            let mut pattern = Pattern::new(3);
            exchange.wire.body_into(exchange.request.framing, &mut |bytes| pattern.check(bytes))?;
            return exchange.answer("200 OK", "", pattern.offset.to_string().as_bytes());
        }
        exchange.name_it()
    });
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let mut slow = balancer.client();
    slow.send(format!("PUT /slow HTTP/1.1\r\nHost: test\r\nContent-Length: {LENGTH}\r\n\r\n")).unwrap();
    let mut up = slow.stream().try_clone().unwrap();
    let writer = std::thread::spawn(move || Pattern::new(3).write(LENGTH, &mut up).unwrap());
    gate.wait_for(1);
    let mut quick = balancer.client();
    assert!((0..500).all(|_| quick.get("/").text() == "one"));
    gate.open();
    writer.join().unwrap();
    assert_eq!(slow.response("PUT").unwrap().text(), LENGTH.to_string());
}

#[test]
fn clients_that_come_and_go_leave_nothing_behind() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    for round in 0..300 {
        let mut client = balancer.client();
        match round % 4 {
            0 => {}
            1 => client.send("GET / HTTP/1.1\r\nHo").unwrap(),
            2 => client.send(client::get("/")).unwrap(),
            _ => {
                client.get("/");
                client.stream().shutdown(Shutdown::Both).unwrap();
            }
        }
    }
    until("the last client's end", || balancer.state()["open_connections"] == 0);
    let requests = &balancer.state()["counters"];
    let count = |name: &str| requests[name].as_u64().unwrap();
    assert_eq!(count("admitted"), count("finished") + count("failed"), "{requests}");
    assert_eq!(balancer.client().get("/").text(), "one");
}
