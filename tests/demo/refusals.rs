//! What is not granted, and what is said then.

use super::*;
use std::process::Command;

const KILL: &str = "{\"do\": \"kill\", \"backend\": \"backend-1\"}";

#[test]
fn only_a_demo_has_it() {
    let backend = Backend::named("one");
    let balancer = Balancer::before(&[&backend], &["--health", "off"]);
    let admin = balancer.admin.unwrap();
    for (method, lines, body) in [("GET", "", ""), ("POST", JSON, KILL), ("POST", "", ""), ("DELETE", "", "")] {
        let (status, text) = ask(admin, method, "/api/demo", lines, body);
        assert_eq!((status, text.as_str()), (404, "only `evenkeel demo` has this\n"), "{method}");
    }
    assert_eq!(balancer.client().get("/").text(), "one");
}

#[test]
fn a_page_of_another_site_moves_nothing() {
    let demo = Demo::start();
    for lines in ["Origin: http://evil.example\r\n", "Sec-Fetch-Site: cross-site\r\n"] {
        let (status, text) = ask(demo.admin(), "POST", "/api/demo", &format!("{lines}{JSON}"), KILL);
        assert!(status == 403 && text.contains("another site"), "{status}: {text}");
    }
    let stranger =
        format!("POST /api/demo HTTP/1.1\r\nHost: evil.example\r\n{JSON}Content-Length: {}\r\n\r\n", KILL.len());
    let answer = Client::connect(demo.admin()).raw("POST", stranger + KILL);
    assert!(answer.status == 403 && answer.text().contains("use localhost"), "{}", answer.text());
    assert_eq!(demo.demo()["backends"][0]["manner"], "normal");
    assert_eq!(demo.demo()["log"], serde_json::json!([]));
}

#[test]
fn what_is_not_understood_is_refused_whole_and_says_what_there_is() {
    let demo = Demo::start();
    for (body, word) in [
        ("", "no JSON"),
        ("{\"do\": \"dance\"}", "there are kill, hang, slow, break, restart, load, burst, slow-client, garbage"),
        ("{\"do\": \"kill\"}", "there are backend-1 and backend-2"),
        ("{\"do\": \"kill\", \"backend\": \"backend-3\"}", "there are backend-1 and backend-2"),
        ("{\"do\": \"burst\", \"times\": 3}", "\"times\" is not understood"),
    ] {
        let (status, text) = ask(demo.admin(), "POST", "/api/demo", JSON, body);
        assert!(status == 400 && text.contains(word), "{body}: {status} {text}");
    }
    let (status, text) = ask(demo.admin(), "POST", "/api/demo", "", KILL);
    assert!(status == 415 && text.contains("application/json"), "{status}: {text}");
    assert_eq!(ask(demo.admin(), "PUT", "/api/demo", JSON, KILL).0, 405);
    assert_eq!(demo.demo()["log"], serde_json::json!([]));
    demo.put(1, "kill");
    let (status, text) = ask(demo.admin(), "POST", "/api/demo", JSON, "{\"do\": \"hang\", \"backend\": \"backend-1\"}");
    assert!(status == 400 && text.contains("restart it first"), "{status}: {text}");
}

#[test]
fn curl_can_do_it() {
    let demo = Demo::start();
    let url = format!("http://localhost:{}/api/demo", demo.base + 3);
    let curl = |args: &[&str]| Command::new("curl").args(["-sS", "--noproxy", "*", &url]).args(args).output();
    let Ok(output) = curl(&["-H", "Content-Type: application/json", "-d", KILL]) else {
        return eprintln!("left out, there is no curl");
    };
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(told["log"][0]["what"], "killed backend-1");
    let seen: Value = serde_json::from_slice(&curl(&[]).unwrap().stdout).expect("JSON");
    assert_eq!(seen["backends"][0]["manner"], "killed");
    assert_eq!(seen["backends"][0]["address"], format!("127.0.0.1:{}", demo.base));
}
