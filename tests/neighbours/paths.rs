//! curl at a listener that is a file, with a backend that is one.

use super::program::find;
use super::suite::curl;
use crate::support::*;

#[test]
fn curl_asks_at_a_path_and_keeps_its_connection() {
    let Some(_curl) = find("curl") else { return };
    let nook = Nook::new();
    let (door, backend) = (nook.address("door"), nook.address("backend"));
    let _far = Balancer::start(&["backend", "--listen", &backend, "--name", "far"]);
    let balancer = Balancer::start(&["-l", &door, "--admin", "off", "--health", "off", "-b", &backend]);
    balancer.wait_for_line(&format!("listening on {door} (http, pool main)"));
    let path = nook.path("door");
    let path = path.to_str().expect("a plain path");
    let shown = ["--write-out", "\n%{http_code} %{num_connects}\n"];
    let asked = ["--unix-socket", path, "http://h/", "http://h/"];
    let said = curl(&[&shown[..], &asked].concat(), b"");
    let said = String::from_utf8(said).expect("text");
    let codes: Vec<&str> = said.lines().filter(|line| line.starts_with("200 ")).collect();
    assert_eq!(codes, ["200 1", "200 0"], "{said}");
    assert_eq!(said.matches("far").count(), 2, "{said}");
}
