//! Somebody sets the clock: what is timed goes by another one, which nobody can set, and the access log shows the new date.
//!
//! libfaketime stands between the process and the clock on the wall; without it this is left out, with a word.

use crate::support::*;
use std::fs;
use std::path::{Path, PathBuf};

/// Where Debian and its relatives keep it.
fn library() -> Option<PathBuf> {
    let folders = ["/usr/lib/x86_64-linux-gnu/faketime", "/usr/lib/aarch64-linux-gnu/faketime", "/usr/lib/faketime"];
    folders.iter().map(|folder| Path::new(folder).join("libfaketimeMT.so.1")).find(|path| path.exists())
}

fn years(log: &Path) -> Vec<String> {
    let text = fs::read_to_string(log).unwrap_or_default();
    text.lines().filter_map(|line| Some(line.strip_prefix("time=")?.get(..4)?.to_string())).collect()
}

#[test]
fn a_clock_that_is_set_forth_and_back_disturbs_nobody() {
    let Some(library) = library() else {
        println!("libfaketime is not installed, left out");
        return;
    };
    let place = |name: &str| {
        let name = format!("clock-{}-{name}", std::process::id());
        PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name)
    };
    let (offset, log) = (place("offset"), place("log"));
    fs::write(&offset, "+0").unwrap();
    let _ = fs::remove_file(&log);
    let backend = Backend::named("one");
    let (address, log_text) = (backend.address.to_string(), log.to_str().unwrap());
    let args = ["-l", "127.0.0.1:0", "--admin", "127.0.0.1:0", "-b", &address, "--health-interval", "100ms"];
    let args = [&args[..], &["--access-log", log_text]].concat();
    let set = [
        ("LD_PRELOAD", library.to_str().unwrap()),
        ("FAKETIME_TIMESTAMP_FILE", offset.to_str().unwrap()),
        ("FAKETIME_NO_CACHE", "1"),
        ("FAKETIME_DONT_FAKE_MONOTONIC", "1"), // as the kernel: nobody can set that one
    ];
    let balancer = Balancer::start_with(&set, &args);
    let mut client = balancer.client();
    for jump in ["+0", "+4000d", "-4000d", "+0"] {
        fs::write(&offset, jump).unwrap();
        let lines = years(&log).len();
        let probes = backend.requests().len();
        assert_eq!(client.get("/").text(), "one", "{jump}"); // the same kept-alive connection all the time
        until("a line with its date", || years(&log).len() > lines);
        until("probes go on", || backend.requests().len() > probes + 2);
    }
    let mut years = years(&log);
    years.dedup();
    assert_eq!(years.len(), 4, "the log shows the clock as it was set: {years:?}");
    let state = balancer.state();
    assert_eq!(state["pools"][0]["backends"][0]["state"], "up");
    assert_eq!(state["counters"]["reasons"]["idle_timeout"], serde_json::Value::Null);
    assert!(state["uptime_seconds"].as_u64().unwrap() < 86_400, "{}", state["uptime_seconds"]);
    let _ = (fs::remove_file(&offset), fs::remove_file(&log));
}
