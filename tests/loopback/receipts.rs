//! Decision receipts: why a request went where it went, from the API and from the command line.

use crate::support::*;
use std::process::Command;

/// What the command line says of a request: exit code, stdout and stderr.
#[track_caller]
fn explain(balancer: &Balancer, id: &str) -> (Option<i32>, String, String) {
    let admin = balancer.admin.expect("an admin address").to_string();
    let run = Command::new(env!("CARGO_BIN_EXE_evenkeel")).args(["explain", id, "--admin", &admin]).output();
    let output = run.expect("the built binary");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[track_caller]
fn receipts(balancer: &Balancer) -> serde_json::Value {
    let answer = Client::connect(balancer.admin.expect("an admin address")).get("/api/requests");
    serde_json::from_slice(&answer.body).expect("JSON")
}

#[test]
fn a_receipt_tells_who_was_there_who_was_tried_and_what_came_of_it() {
    let ((_held, nobody), one) = (refusing(), Backend::named("one"));
    let (nobody, there) = (nobody.to_string(), one.address.to_string());
    let balancer = Balancer::start(&[
        "-l",
        "127.0.0.1:0",
        "--admin",
        "127.0.0.1:0",
        "-b",
        &nobody,
        "-b",
        &there,
        "--health",
        "off",
    ]);
    assert_eq!(balancer.client().get("/").status, 200);
    let id = one.last().head.get("x-request-id").expect("an id").to_string();

    let (code, told, _) = explain(&balancer, &id[..12]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = told.lines().collect();
    assert!(lines[0].starts_with(&format!("{id}: GET to pool main, ")) && lines[0].contains(": 200 after "), "{told}");
    assert_eq!(lines[1], format!("policy round-robin chose {nobody} among 2:"));
    assert_eq!(lines[2], format!("  {nobody}: unproven, weight 1, 0 in flight  <- picked"));
    assert_eq!(lines[3], format!("  {there}: unproven, weight 1, 0 in flight"));
    assert!(lines[4].starts_with(&format!("try 1: {nobody}, a fresh connection, at ")), "{told}");
    assert!(lines[4].contains(": no connection, at "), "{told}");
    assert!(lines[5].starts_with(&format!("try 2: {there}, a fresh")) && lines[5].ends_with(": served"), "{told}");
    assert!(lines[6].starts_with("after its head: chosen ") && lines[6].contains("over "), "{told}");

    let all = receipts(&balancer);
    assert_eq!((all.as_array().unwrap().len(), all[0]["id"].as_str()), (1, Some(&*id)));
    assert_eq!((&all[0]["status"], &all[0]["candidates"][0]["picked"]), (&200.into(), &true.into()));
    assert_eq!(all[0]["tries"][0]["result"], "no connection");
}

#[test]
fn a_receipt_tells_of_a_cookie_and_of_an_answer_that_was_turned_down() {
    let ill = Backend::http("ill", |exchange| exchange.answer("503 Service Unavailable", "", b"not now"));
    let well = Backend::named("well");
    let keys = "sticky = { cookie = \"EVENKEEL\" }\nretry_on = [503]";
    let balancer = Balancer::with_file(&[&ill, &well], "http", keys);
    let answer = balancer.client().get("/");
    assert_eq!(answer.text(), "well");
    let cookie = answer.head.get("Set-Cookie").and_then(|field| field.split(';').next()).expect("a cookie").to_string();
    balancer.client().raw("GET", format!("GET / HTTP/1.1\r\nHost: h\r\nCookie: {cookie}\r\n\r\n"));
    let all = receipts(&balancer);
    let (back, first) = (&all[0], &all[1]);
    assert_eq!((&back["by_cookie"], &first["by_cookie"]), (&true.into(), &false.into()));
    assert_eq!(first["tries"][0]["result"], "a status for which another is asked");
    assert_eq!(first["tries"][1]["result"], "served");
    let line = back["words"][1].as_str().unwrap();
    assert_eq!(line, format!("its cookie chose {} among 2:", well.address));
}

#[test]
fn an_error_of_our_own_has_the_receipt_of_the_request_it_answers() {
    let (_held, nobody) = refusing();
    let balancer = Balancer::before(&[], &["-b", &nobody.to_string(), "--health", "off"]);
    let answer = balancer.client().get("/");
    assert_eq!(answer.status, 503);
    let id = answer.text().lines().find_map(|line| line.strip_prefix("request id ").map(str::to_string)).unwrap();
    let (code, told, _) = explain(&balancer, &id);
    assert_eq!(code, Some(0));
    assert!(told.contains(": 503 after ") && told.contains(", no_backend\n"), "{told}");
}

#[test]
fn what_cannot_be_explained_says_so() {
    let one = Backend::named("one");
    let balancer = Balancer::before(&[&one], &["--health", "off"]);
    let (code, told, why) = explain(&balancer, "0123");
    assert_eq!((code, &*told), (Some(1), ""));
    assert!(why.contains("no receipt of this request"), "{why}");
    let (code, _, why) = explain(&balancer, "xyz");
    assert_eq!(code, Some(2));
    assert!(why.starts_with("ID: bad request id \"xyz\"") && why.contains("fix: "), "{why}");
    let (_held, nobody) = refusing();
    let (status, text) = balancer::run(&["explain", "0123", "--admin", &nobody.to_string()]);
    assert_eq!(status, Some(1));
    assert!(text.contains("cannot ask ") && text.contains("--admin"), "{text}");
}
