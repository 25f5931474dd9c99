//! Programs that count: ab, in HTTP/1.0 with and without keep-alive, and wrk. They must count no error.

use super::program::{Folder, find};
use super::sites;
use crate::support::*;
use std::path::Path;
use std::process::Command;

#[track_caller]
fn said(program: &Path, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().expect("a program");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{args:?}: {out}{err}");
    out.into_owned()
}

/// The number behind `words` in what ab says.
#[track_caller]
fn number(said: &str, words: &str) -> u64 {
    let line = said.lines().find(|line| line.starts_with(words)).unwrap_or_else(|| panic!("no {words:?} in {said}"));
    line[words.len()..].split_whitespace().next().and_then(|word| word.parse().ok()).expect("a number")
}

#[test]
fn ab_counts_no_failure() {
    let Some(ab) = find("ab") else { return };
    let site = sites::ours();
    let balancer = Balancer::before(&[&site], &["--health", "off"]);
    let folder = Folder::new();
    let post = folder.write("post", Pattern::bytes(1, 20_000));
    let kept = ["-k"];
    let posted = ["-k", "-p", &post, "-T", "application/octet-stream"];
    for (args, target) in
        [(&[][..], "/file.bin"), (&kept, "/file.bin"), (&posted, "/length"), (&posted[1..], "/length")]
    {
        let url = format!("http://{}{target}", balancer.address);
        let said = said(&ab, &[&["-q", "-n", "300", "-c", "16"], args, &[&url]].concat());
        assert_eq!(number(&said, "Complete requests:"), 300, "{said}");
        assert_eq!(number(&said, "Failed requests:"), 0, "{said}");
        assert!(!said.contains("Non-2xx"), "{said}");
        if args.first() == Some(&"-k") {
            assert_eq!(number(&said, "Keep-Alive requests:"), 300, "{said}");
        }
    }
    // A length that nobody knows beforehand ends with the connection, asked to be kept or not.
    let url = format!("http://{}/chunked", balancer.address);
    let said = said(&ab, &[&["-q", "-n", "100", "-c", "8"], &posted[..], &[&url]].concat());
    assert_eq!((number(&said, "Complete requests:"), number(&said, "Failed requests:")), (100, 0), "{said}");
    until("the last client's end", || balancer.state()["open_connections"] == 0);
    assert_eq!(balancer.state()["counters"]["failed"], 0);
}

#[test]
fn wrk_counts_no_error() {
    let Some(wrk) = find("wrk") else { return };
    let site = sites::ours();
    let balancer = Balancer::before(&[&site], &["--health", "off"]);
    for target in ["/file.bin", "/nothing"] {
        let url = format!("http://{}{target}", balancer.address);
        let said = said(&wrk, &["-t", "1", "-c", "32", "-d", "1", &url]);
        assert!(!said.contains("Socket errors"), "{said}");
        assert_eq!(said.contains("Non-2xx"), target == "/nothing", "{said}");
    }
}
